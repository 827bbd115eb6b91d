"""Makes goldens.json.gz: what other programs make of digits.png and of a colour
picture that a formula makes, with random fields that a formula makes, too.

    apt-get install python3-skimage python3-opencv python3-scipy python3-pil imagemagick
    cd graph/raster/corrupt/testdata && /usr/bin/python3 reference.py

It was run with scikit-image 0.19.3, OpenCV 4.6.0, SciPy 1.10.1, NumPy 1.24.2, Pillow
9.4.0 (libjpeg-turbo) and ImageMagick 6.9.11-60 of Debian 12. golden_test.go has the
same table of cases.
"""
import base64, gzip, io, json, math, os, subprocess, tempfile
import cv2
import numpy as np
from PIL import Image
from scipy import ndimage, stats
from skimage import color, feature, filters, transform

H, W = 48, 64  # of the colour picture


class Field:
    """A linear congruential generator (Knuth's MMIX), the same as in the test."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self, *shape):
        out = np.empty(int(np.prod(shape)))
        for i in range(out.size):
            self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
            out[i] = (self.state >> 11) / 2**53
        return out.reshape(shape)

    def normal(self, *shape):
        return stats.norm.ppf(self.uniform(*shape))

    def integers(self, n, *shape):
        return (self.uniform(*shape) * n).astype(int)


def digit(k):
    return np.array(Image.open("digits.png"))[28 * k : 28 * k + 28] / 255.0


def colour():
    row, col = np.mgrid[:H, :W]
    planes = [3 * col + 2 * row, (row * col) // 8 + 90 * (col // 16), 255 - 4 * col + ((row - 20) ** 2) // 4]
    return np.stack([p % 256 for p in planes], axis=2) / 255.0


def planes(x):
    """Calls a function for each channel of a picture of one or three."""
    def call(f):
        return f(x) if x.ndim == 2 else np.stack([f(x[..., k]) for k in range(x.shape[2])], axis=2)
    return call


def draws(x, f, kind):
    """A field for all values, in the order channel, row, column."""
    if x.ndim == 2:
        return kind(f, *x.shape)
    return kind(f, x.shape[2], x.shape[0], x.shape[1]).transpose(1, 2, 0)


def gaussian_noise(x, f, c): return x + c * draws(x, f, Field.normal)
def speckle_noise(x, f, c): return x + x * c * draws(x, f, Field.normal)
def shot_noise(x, f, c): return stats.poisson.ppf(draws(x, f, Field.uniform), x * c) / c


def impulse_noise(x, f, amount):  # as skimage.util.random_noise, mode "s&p"
    x = x.copy()
    flipped = draws(x, f, Field.uniform) <= amount
    salted = draws(x, f, Field.uniform) <= 0.5
    x[flipped & salted], x[flipped & ~salted] = 1, 0
    return x


def glass_blur(x, f, sigma, delta, rounds, half):
    rows, cols = x.shape[:2]
    # multichannel=True on a picture of one channel: so MNIST-C's code has it.
    soften = lambda v: filters.gaussian(v, sigma=sigma, multichannel=True)
    x = np.uint8(soften(x) * 255)
    for _ in range(rounds):
        for h in range(rows - delta, delta, -1):
            for w in range(cols - delta, delta, -1):
                take = f.uniform(1)[0] < 0.5 if half else True
                dx, dy = f.integers(2 * delta, 2) - delta
                if take:
                    x[h, w], x[h + dy, w + dx] = x[h + dy, w + dx], x[h, w]
    return soften(x / 255.0)


def magick_motion(x, radius, sigma, angle):
    with tempfile.TemporaryDirectory() as d:
        Image.fromarray(np.uint8(np.round(x * 255))).save(d + "/in.png")
        subprocess.run(["convert", d + "/in.png", "-motion-blur", f"{radius}x{sigma}{angle:+}", "-depth", "8", d + "/out.png"], check=True)
        out = np.array(Image.open(d + "/out.png"))
    return out / 255.0


def motion_blur(x, f, radius, sigma, angle): return magick_motion(x, radius, sigma, angle)


def warp(x, matrix, centre=True):
    m = np.array(matrix, float).reshape(2, 2)
    c = np.array([(x.shape[1] - 1) / 2, (x.shape[0] - 1) / 2])
    full = np.eye(3)
    full[:2, :2], full[:2, 2] = m, c - m @ c
    return transform.warp(x, inverse_map=transform.AffineTransform(full), order=1)


def shear(x, f, angle): return warp(x, [1, -math.sin(angle), 0, math.cos(angle)])
def rotate(x, f, angle): return warp(x, transform.AffineTransform(rotation=angle).params[:2, :2])
def scale(x, f, s): return warp(x, [s, 0, 0, s])
def translate(x, f, dx, dy): return transform.warp(x, inverse_map=transform.AffineTransform(translation=[dx, dy]))


def brightness(x, f, c):
    hsv = color.rgb2hsv(x if x.ndim == 3 else color.gray2rgb(x))
    hsv[..., 2] = np.clip(hsv[..., 2] + c, 0, 1)
    rgb = color.hsv2rgb(hsv)
    return rgb if x.ndim == 3 else color.rgb2gray(rgb)


def saturate(x, f, a, b):
    hsv = color.rgb2hsv(x)
    hsv[..., 1] = np.clip(hsv[..., 1] * a + b, 0, 1)
    return color.hsv2rgb(hsv)


def saturate_grey(x, f, a, b):
    return color.rgb2gray(color.hsv2rgb(np.clip(color.rgb2hsv(color.gray2rgb(x)) * a + b, 0, 1)))


def contrast(x, f, c):
    mean = np.mean(x, axis=(0, 1), keepdims=True)
    return (x - mean) * c + mean


def stripe(x, f, n):
    x = x.copy()
    x[:, :n], x[:, x.shape[1] - n :] = 1 - x[:, :n], 1 - x[:, x.shape[1] - n :]
    return x


def turn(x, f): return np.rot90(x)


def heights(f, size, decay):
    m = np.zeros((size, size))
    step, wibble = size, 100.0
    roll = np.roll
    while step >= 2:
        half = step // 2
        def mean(total):
            return total / 4 + wibble * (wibble * (2 * f.uniform(*total.shape) - 1))
        corner = m[::step, ::step]
        m[half::step, half::step] = mean(corner + roll(corner, -1, 0) + roll(corner, -1, 1) + roll(roll(corner, -1, 0), -1, 1))
        corner, middle = m[::step, ::step].copy(), m[half::step, half::step].copy()
        m[::step, half::step] = mean(middle + roll(middle, 1, 0) + corner + roll(corner, -1, 1))
        m[half::step, ::step] = mean(middle + roll(middle, 1, 1) + corner + roll(corner, -1, 0))
        step, wibble = half, wibble / decay
    m -= m.min()
    return m / m.max()


def fog(x, f, amount, decay, size):
    top = x.max()
    m = heights(f, size, decay)[: x.shape[0], : x.shape[1]]
    m = m if x.ndim == 2 else m[..., None]
    return (x + amount * m) * top / (top + amount)


def spatter_mud(x, f, mean, deviation, sigma, threshold, last, mud):
    rows, cols = x.shape[:2]
    liquid = filters.gaussian(mean + deviation * f.normal(rows, cols), sigma=sigma)
    m = filters.gaussian((liquid > threshold).astype(float), sigma=last)
    m[m < 0.8] = 0
    tint = np.array(mud) / 255
    if x.ndim == 3:
        m = m[..., None]
    return x * (1 - m) + tint * m


def spatter_water(x, f, mean, deviation, sigma, threshold, strength):
    rows, cols = x.shape[:2]
    liquid = filters.gaussian(mean + deviation * f.normal(rows, cols), sigma=sigma)
    liquid[liquid < threshold] = 0
    liquid = np.uint8(np.clip(liquid, 0, 1) * 255)
    dist = cv2.distanceTransform(255 - cv2.Canny(liquid, 50, 150), cv2.DIST_L2, 5)
    _, dist = cv2.threshold(dist, 20, 20, cv2.THRESH_TRUNC)
    dist = cv2.equalizeHist(cv2.blur(dist, (3, 3)).astype(np.uint8))
    dist = cv2.filter2D(dist, cv2.CV_8U, np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]))
    m = liquid * cv2.blur(dist, (3, 3)).astype(np.float32)
    m = m / m.max() * strength
    return x + m[..., None] * np.array([175, 238, 238]) / 255


def one_line(rows, cols, c0, r0, c1, r1):
    cc, rr = np.meshgrid(np.arange(cols, dtype=float), np.arange(rows, dtype=float))
    dist = np.clip(abs(rr - ((r1 - r0) / (c1 - c0) * (cc - c0) + r0)), 0, 2.3 - 1e-10)
    out = np.clip(np.log(1 - dist / 2.3) + 1, 0, 1)
    out[:, : math.floor(c0)] = 0
    out[:, math.ceil(c1) :] = 0
    return out


def dotted_line(x, f, r0, r1):
    out = one_line(*x.shape, 0, r0, x.shape[1] - 1, r1)
    for col in range(0, x.shape[1], 4):
        out[:, col : col + 2] = 0
    return x + out


def zigzag(x, f, r0, r1):
    a = b = 2.0
    c0, c1 = 2, x.shape[1] - 3
    theta = np.arctan((r1 - r0) / (c1 - c0))
    d = (c1 - c0) / np.cos(theta)
    ends = [(0, 0)] + [((2 * i + 1) * a, (-1) ** i * b) for i in range(int((d - a) // (2 * a)) + 1)]
    last = 2 * a * (d // (2 * a))
    if d != last:
        ends.append((d, ends[-1][1] / (2 * (d - last))))
    turn = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    cs, rs = turn @ np.array(ends).T
    cs, rs = cs + c0, rs + r0
    for i in range(1, len(cs)):
        x = np.clip(x + one_line(*x.shape, cs[i - 1], rs[i - 1], cs[i], rs[i]), 0, 1)
    return x


def canny_edges(x, f): return feature.canny(x).astype(float)
def gaussian_blur(x, f, sigma): return filters.gaussian(x, sigma=sigma, channel_axis=-1)


def defocus_blur(x, f, radius, soft):
    reach, width = (8, 3) if radius <= 8 else (int(radius), 5)
    axis = np.arange(-reach, reach + 1)
    disk = (axis[:, None] ** 2 + axis[None, :] ** 2 <= radius**2).astype(np.float64)
    kernel = cv2.GaussianBlur(disk / disk.sum(), ksize=(width, width), sigmaX=soft)
    return planes(x)(lambda v: cv2.filter2D(v, -1, kernel))


def clipped_zoom(v, factor):
    rows, cols = v.shape
    ch, cw = math.ceil(rows / factor), math.ceil(cols / factor)
    top, left = (rows - ch) // 2, (cols - cw) // 2
    v = ndimage.zoom(v[top : top + ch, left : left + cw], factor, order=1, mode="nearest")
    top, left = (v.shape[0] - rows) // 2, (v.shape[1] - cols) // 2
    return v[top : top + rows, left : left + cols]


def zoom_blur(x, f, stop, step):
    factors = np.arange(1, stop, step)
    return (x + sum(planes(x)(lambda v: clipped_zoom(v, z)) for z in factors)) / (len(factors) + 1)


def snow(x, f, mean, deviation, zoom, threshold, radius, sigma, keep, angle):
    layer = clipped_zoom(mean + deviation * f.normal(*x.shape[:2]), zoom)
    layer[layer < threshold] = 0
    layer = np.floor(np.clip(layer, 0, 1) * 255) / 255
    layer = magick_motion(layer, radius, sigma, angle)[..., None]
    grey = cv2.cvtColor(x.astype(np.float32), cv2.COLOR_RGB2GRAY)[..., None]
    x = keep * x + (1 - keep) * np.maximum(x, grey * 1.5 + 0.5)
    return x + layer + np.rot90(layer, k=2)


def elastic_transform(x, f, alpha, sigma, jolt):
    rows, cols = x.shape[:2]
    cx, cy, s = cols // 2, rows // 2, min(rows, cols) // 3
    before = np.array([[cx + s, cy + s], [cx + s, cy - s], [cx - s, cy - s]], float)
    after = before + jolt * (2 * f.uniform(3, 2) - 1)
    m = transform.AffineTransform()
    m.estimate(before, after)
    row, col = np.mgrid[:rows, :cols].astype(float)
    back = m.inverse(np.stack([col.ravel(), row.ravel()], axis=1))
    x = planes(x)(lambda v: ndimage.map_coordinates(v, [back[:, 1], back[:, 0]], order=1, mode="mirror").reshape(v.shape))
    d = [ndimage.gaussian_filter(2 * f.uniform(rows, cols) - 1, sigma, mode="reflect", truncate=3) * alpha for _ in range(2)]
    return planes(x)(lambda v: ndimage.map_coordinates(v, [row + d[1], col + d[0]], order=1, mode="reflect"))


def picture(x): return Image.fromarray(np.uint8(np.round(x * 255)))


def pixelate(x, f, c):
    rows, cols = x.shape[:2]
    return np.array(picture(x).resize((int(cols * c), int(rows * c)), Image.BOX).resize((cols, rows), Image.BOX)) / 255.0


def jpeg_compression(x, f, quality):
    out = io.BytesIO()
    picture(x).save(out, "JPEG", quality=quality)
    return np.array(Image.open(out)) / 255.0


GREY = [63]
BROWN = [63, 42, 20]
CASES = [
    ("digit", shot_noise, (3,)), ("digit", impulse_noise, (0.17,)),
    ("digit", glass_blur, (0.7, 1, 2, True)), ("digit", glass_blur, (1.5, 4, 2, True)),
    ("digit", motion_blur, (10, 3, -31.5)), ("digit", motion_blur, (20, 15, 44.0)),
    ("digit", shear, (0.4,)), ("digit", shear, (-1.0,)), ("digit", scale, (1 / 0.7,)),
    ("digit", rotate, (0.4,)), ("digit", rotate, (-0.4,)), ("digit", brightness, (0.5,)),
    ("digit", translate, (3, -3)), ("digit", stripe, (7,)), ("digit", fog, (3.0, 1.4, 256)),
    ("digit", spatter_mud, (0.65, 0.3, 1, 0.65, 1.5, GREY)), ("digit", dotted_line, (4, 20)),
    ("digit", zigzag, (9, 13)), ("digit", zigzag, (20, 15)), ("digit", canny_edges, ()),
    ("digit", contrast, (0.1,)), ("digit", saturate_grey, (20, 0.2)), ("digit", turn, ()),
    ("digit", jpeg_compression, (7,)),
    ("colour", gaussian_noise, (0.12,)), ("colour", shot_noise, (50,)), ("colour", impulse_noise, (0.05,)),
    ("colour", speckle_noise, (0.25,)), ("colour", defocus_blur, (1.5, 0.1)), ("colour", defocus_blur, (10, 0.5)),
    ("colour", glass_blur, (0.6, 1, 2, False)), ("colour", motion_blur, (10, 2, 20.0)),
    ("colour", zoom_blur, (1.16, 0.01)), ("colour", snow, (0.15, 0.3, 1.75, 0.55, 10, 4, 0.7, -80.0)),
    ("colour", fog, (1, 2.5, 64)), ("colour", brightness, (0.3,)), ("colour", contrast, (0.2,)),
    ("colour", elastic_transform, (6.4, 1.92, 3.84)), ("colour", pixelate, (0.7,)),
    ("colour", jpeg_compression, (50,)), ("colour", jpeg_compression, (10,)), ("colour", gaussian_blur, (1.5,)),
    ("colour", spatter_water, (0.65, 0.3, 1, 0.69, 0.6)), ("colour", spatter_mud, (0.65, 0.1, 0.7, 0.68, 0.6, BROWN)),
    ("colour", saturate, (2, 0.1)),
]


def main():
    goldens, number = {}, 0
    for what, function, parameters in CASES:
        number += 1
        for k in range(3 if what == "digit" else 1):
            x = digit(k) if what == "digit" else colour()
            out = function(x, Field(100 * number + k), *parameters)
            out = np.uint8(np.round(np.clip(out, 0, 1) * 255))
            if out.ndim == 3:
                out = out.transpose(2, 0, 1)
            goldens[f"{number} {what} {function.__name__} {k}"] = base64.b64encode(np.ascontiguousarray(out).tobytes()).decode()
    with open("goldens.json.gz", "wb") as file:
        file.write(gzip.compress(json.dumps(goldens).encode(), 9, mtime=0))
    print(len(goldens), "goldens,", os.path.getsize("goldens.json.gz"), "bytes")


main()
