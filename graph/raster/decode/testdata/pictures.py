"""Writes pictures.json: small files of every kind, and their pixels as Pillow shows them.

Needs Pillow 9.4 (Debian: python3-pil) and NumPy. Of each file there are the size and the
pixels on white, red, green and blue, as they are shown: turned by ImageOps.exif_transpose.
"""

import base64
import io
import json
import struct

import numpy as np
from PIL import Image, ImageOps

rng = np.random.default_rng(1)
cases = []


def smooth(h, w, channels):
    """Colours that change slowly, so that lossy formats keep them."""
    y, x = np.mgrid[0:h, 0:w] / max(h, w)
    planes = [0.1 + 0.8 * x, 0.9 - 0.8 * y, 0.2 + 0.3 * (x + y), 0.1 + 0.4 * y]
    return np.round(255 * np.stack(planes[:channels], -1)).astype(np.uint8)


def add(name, file, shown=None, within=0):
    """A file, and what it shows: by default what Pillow makes of it."""
    if shown is None:
        shown = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
    if shown.mode in ("LA", "RGBA", "PA") or "transparency" in shown.info:
        rgba = shown.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        shown = Image.alpha_composite(white, rgba)
    shown = shown.convert("RGB")
    cases.append({
        "name": name, "file": base64.b64encode(file).decode(), "width": shown.width, "height": shown.height,
        "pixels": base64.b64encode(shown.tobytes()).decode(), "within": within,
    })


def saved(image, kind, **options):
    to = io.BytesIO()
    image.save(to, kind, **options)
    return to.getvalue()


def exif(orientation, order):
    """EXIF data of one tag, in either order of bytes."""
    begins = b"II" if order == "<" else b"MM"
    return b"Exif\0\0" + begins + struct.pack(order + "HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)


colours = Image.fromarray(smooth(12, 20, 3))
grey = Image.fromarray(smooth(12, 20, 1)[:, :, 0])
alpha = Image.fromarray(rng.integers(0, 256, (6, 9, 4), dtype=np.uint8), "RGBA")

for orientation in range(1, 9):
    for order in "<>":
        e = exif(orientation, order)
        name = f"orientation {orientation} {'little' if order == '<' else 'big'} endian"
        add("JPEG " + name, saved(colours, "JPEG", quality=95, subsampling=0, exif=e), within=3)
        add("PNG " + name, saved(colours, "PNG", exif=e[6:]))
        add("WebP " + name, saved(colours, "WebP", lossless=True, exif=e))
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(saved(colours, "PNG", exif=e[6:]))))
    add(f"TIFF orientation {orientation}", saved(colours, "TIFF", tiffinfo={0x0112: orientation}), shown)  # Pillow 9.4 turns no TIFF
    add(f"grey JPEG orientation {orientation}", saved(grey, "JPEG", quality=95, exif=exif(orientation, "<")), within=3)
    add(f"PNG with alpha, orientation {orientation}", saved(alpha, "PNG", exif=exif(orientation, ">")[6:]), within=1)

add("JPEG, progressive, 4:2:0", saved(Image.fromarray(smooth(32, 48, 3)), "JPEG", quality=95, progressive=True), within=6)
broken = bytearray(saved(colours, "JPEG", quality=95, subsampling=0, exif=exif(6, "<")))
at = broken.index(b"Exif")
broken[at + 10:at + 14] = b"\xff\xff\xff\xff"  # the place of the first directory
whole = saved(colours, "JPEG", quality=95, subsampling=0)
add("JPEG, broken EXIF", bytes(broken), Image.open(io.BytesIO(whole)), within=3)

cmyk = Image.fromarray(smooth(12, 20, 4), "CMYK")
file = saved(cmyk, "JPEG", quality=100)
add("JPEG, CMYK", file, within=4)
# YCCK: the colours of ink as YCbCr, which the Adobe segment tells.
c, m, y, k = cmyk.split()
ycc = Image.merge("RGB", [c, m, y]).convert("YCbCr").split()
file = bytearray(saved(Image.merge("CMYK", [*ycc, k]), "JPEG", quality=100))
file[file.index(b"Adobe") + 11] = 2
add("JPEG, YCCK", bytes(file), within=4)

add("PNG, grey", saved(grey, "PNG"))
add("PNG, grey and alpha", saved(Image.fromarray(rng.integers(0, 256, (6, 9, 2), dtype=np.uint8), "LA"), "PNG"), within=1)
add("PNG, colours and alpha", saved(alpha, "PNG"), within=1)
add("PNG, palette", saved(colours.quantize(16), "PNG"))
add("PNG, palette, one transparent", saved(colours.quantize(16), "PNG", transparency=3))
add("PNG, 1 bit", saved(grey.convert("1"), "PNG"))
deep = rng.integers(0, 65536, (6, 9), dtype=np.uint16)
add("PNG, 16 bits", saved(Image.fromarray(deep), "PNG"), Image.fromarray((deep >> 8).astype(np.uint8)))

add("GIF", saved(colours.quantize(16), "GIF"))
add("GIF, one transparent", saved(colours.quantize(16), "GIF", transparency=3))


def gif(screen, place, indices, palette, transparent=None):
    """A GIF of one frame somewhere on its screen, in codes of nine bits that never become longer."""
    h, w = indices.shape
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x87, 0, 0) + bytes(palette) + bytes(768 - len(palette))
    if transparent is not None:
        head += b"\x21\xf9\x04\x01\0\0" + bytes([transparent]) + b"\0"
    head += b"\x2c" + struct.pack("<HHHHB", *place, w, h, 0)
    bits, codes = "", []
    for i, v in enumerate(indices.flatten()):
        if i % 100 == 0:
            codes.append(256)  # clear
        codes.append(int(v))
    codes.append(257)
    bits = "".join(f"{c:09b}"[::-1] for c in codes)
    bits += "0" * (-len(bits) % 8)
    packed = bytes(int(bits[i:i + 8][::-1], 2) for i in range(0, len(bits), 8))
    blocks = b"".join(bytes([len(packed[i:i + 255])]) + packed[i:i + 255] for i in range(0, len(packed), 255))
    return head + b"\x08" + blocks + b"\0;"


frame = np.arange(16).reshape(4, 4) % 3
palette = [255, 0, 0, 0, 128, 0, 0, 0, 0]
on_white = np.full((10, 10, 3), 255, np.uint8)
on_white[5:9, 3:7] = np.array(palette, np.uint8).reshape(3, 3)[frame]
add("GIF, a frame smaller than its screen", gif((10, 10), (3, 5), frame, palette), Image.fromarray(on_white))
on_white[5:9, 3:7][frame == 1] = 255
add("GIF, a smaller frame, one transparent", gif((10, 10), (3, 5), frame, palette, 1), Image.fromarray(on_white))

# libwebp and libjpeg interpolate the colours of 4:2:0, Go's decoders repeat them.
add("WebP, lossy", saved(Image.fromarray(smooth(32, 48, 3)), "WebP", quality=95), within=20)
add("WebP, alpha", saved(alpha, "WebP", lossless=True, exact=True), within=1)
add("BMP, colours", saved(colours, "BMP"))
add("BMP, grey", saved(grey, "BMP"))
add("BMP, palette", saved(colours.quantize(16), "BMP"))
for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
    add("TIFF, " + compression, saved(colours, "TIFF", compression=compression))
add("TIFF, grey", saved(grey, "TIFF"))
add("TIFF, alpha", saved(alpha, "TIFF"), within=1)
add("TIFF, 1 bit", saved(grey.convert("1"), "TIFF"))

with open("pictures.json", "w") as f:
    json.dump(cases, f, indent=0)
    f.write("\n")
