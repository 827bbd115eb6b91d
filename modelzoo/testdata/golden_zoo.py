#!/usr/bin/env python3
"""Writes golden_zoo.json: the logits of every network of the zoo in PyTorch, in training and in inference.

    python3 golden_zoo.py            (PyTorch 1.13, CPU, one thread; a few seconds)

Nothing is stored that both sides can generate; golden_cnn.py states the generator ("symmetric" and "unit").
    Weights    parameter i of the network NAME, in the order of its layers, is drawn from the stream NAME/i:
               weights    symmetric, a = float32(sqrt(6 / fan_in)); of dense layers (in,out)
               gamma      1 + symmetric, a = 0.5
               bias, beta symmetric, a = 0.1
               Running means start at 0 and variances at 1.
    Images     (8,C,H,W), unit, from the stream zoo/CxHxW
"training" are the logits (8,10) of one batch, as in training: BatchNorm has the batch's statistics, and moves the running
ones by a tenth. "inference" are the logits of the same batch after that, with the running ones. Both are computed in
float64. "float32_error" is max|x32 - x64| / max|x64| of the two together, x32 being PyTorch's float32.
"""

import math
import os
import sys

import numpy as np
import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
from golden_cnn import deterministic, digits, distance, ours, symmetric, unit, write  # noqa: E402

BATCH, CLASSES = 8, 10


def dense(cin, cout, bias=True):
    return nn.Linear(cin, cout, bias)


def normed(cin, cout, kernel=3, stride=1, groups=1, padding=None):
    conv = nn.Conv2d(cin, cout, kernel, stride, kernel // 2 if padding is None else padding, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(cout)]


class Residual(nn.Module):
    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body, self.shortcut = nn.Sequential(*body), shortcut or nn.Identity()

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


class Apply(nn.Module):
    """A function without parameters."""

    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


def mean_pixel():
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]


def cnn(c, h, w):
    return [nn.Conv2d(c, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            dense(32 * ((h - 2) // 2) * ((w - 2) // 2), 128), nn.ReLU(), dense(128, CLASSES)]


def blocks(x, size):
    """Images (N,C,H,W) cut into blocks of size x size pixels, (N,blocks,C*size*size)."""
    n, c, h, w = x.shape
    x = x.view(n, c, h // size, size, w // size, size).permute(0, 2, 4, 1, 3, 5)
    return x.reshape(n, h // size * (w // size), c * size * size)


def fcnn(c, h, w):
    return [Apply(lambda x: blocks(x, 7)), dense(c * 49, 256), nn.ReLU(), dense(256, 128), nn.ReLU(), nn.Flatten(),
            dense(128 * (h // 7) * (w // 7), 312), nn.ReLU(), dense(312, CLASSES)]


def lenet5(c, h, w):
    return [nn.Conv2d(c, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
            nn.Flatten(), dense(16 * ((h // 2 - 4) // 2) * ((w // 2 - 4) // 2), 120), nn.Tanh(),
            dense(120, 84), nn.Tanh(), dense(84, CLASSES)]


def mlp(first=300, second=100):
    return lambda c, h, w: [nn.Flatten(), dense(c * h * w, first), nn.ReLU(), dense(first, second), nn.ReLU(), dense(second, CLASSES)]


def convnet(width=1.0):
    def net(c, h, w):
        a, b, d = (round(n * width) for n in (16, 32, 64))
        out = [((n - 4) // 2 - 2) // 2 - 2 for n in (h, w)]
        return [*normed(c, a, 5, padding=0), nn.ReLU(), nn.MaxPool2d(2), *normed(a, b, padding=0), nn.ReLU(), nn.MaxPool2d(2),
                *normed(b, d, padding=0), nn.ReLU(), nn.Flatten(), dense(d * out[0] * out[1], d, bias=False), nn.BatchNorm1d(d), nn.ReLU(),
                dense(d, CLASSES)]
    return net


def stridednet(width=1.0):
    def net(c, h, w):
        a, b, d = (round(n * width) for n in (32, 64, 512))
        out = [((n - 6) // 2 - 1 - 4) // 2 + 1 for n in (h, w)]
        return [nn.Conv2d(c, a, 3), nn.ReLU(), nn.Conv2d(a, a, 4, 2), nn.ReLU(), nn.Conv2d(a, b, 3), nn.ReLU(), nn.Conv2d(b, b, 4, 2),
                nn.ReLU(), nn.Flatten(), dense(b * out[0] * out[1], d), nn.ReLU(), dense(d, d), nn.ReLU(), dense(d, CLASSES)]
    return net


def simplecnn(kernel, channels):
    def net(c, h, w):
        layers = []
        for cout in channels:
            layers += normed(c, cout, kernel, padding=0) + [nn.ReLU()]
            c, h, w = cout, h - kernel + 1, w - kernel + 1
        return layers + [nn.Flatten(), dense(c * h * w, CLASSES, bias=False), nn.BatchNorm1d(CLASSES)]
    return net


def smallcnn(width=1.0):
    def net(c, h, w):
        a, b, d = (round(n * width) for n in (32, 64, 200))
        out = [((n - 4) // 2 - 4) // 2 for n in (h, w)]
        return [nn.Conv2d(c, a, 3), nn.ReLU(), nn.Conv2d(a, a, 3), nn.ReLU(), nn.MaxPool2d(2),
                nn.Conv2d(a, b, 3), nn.ReLU(), nn.Conv2d(b, b, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                dense(b * out[0] * out[1], d), nn.ReLU(), dense(d, d), nn.ReLU(), dense(d, CLASSES)]
    return net


def vgg11(c, h, w):
    layers = []
    for v in [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"]:
        if v == "M":
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        else:
            layers += normed(c, v) + [nn.ReLU()]
            c = v
    return layers + mean_pixel() + [dense(512, CLASSES)]


def resnet20(c, h, w):
    layers, width = normed(c, 16) + [nn.ReLU()], 16
    for filters in 16, 32, 64:
        for i in range(3):
            stride = 2 if filters > 16 and i == 0 else 1
            zeros = filters - width
            shortcut = Apply(lambda x, stride=stride, zeros=zeros: nn.functional.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, 0, zeros)))
            layers += [Residual(normed(width, filters, 3, stride) + [nn.ReLU()] + normed(filters, filters), shortcut), nn.ReLU()]
            width = filters
    return layers + mean_pixel() + [dense(64, CLASSES)]


def mobilenetv2(width=1.0):
    def scaled(channels):
        """The nearest multiple of 8 that is at least 90 % of the exact number."""
        n = max(8, int(channels * width + 4) // 8 * 8)
        return n if n >= 0.9 * channels * width else n + 8

    def net(c, h, w):
        cin, last = scaled(32), max(1280, scaled(1280))
        layers = normed(c, cin) + [nn.ReLU6()]
        for t, channels, n, s in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 1), (6, 320, 1, 1)]:
            for i in range(n):
                cout, stride, wide = scaled(channels), s if i == 0 else 1, t * cin
                body = normed(cin, wide, 1) + [nn.ReLU6()] if t > 1 else []
                body += normed(wide, wide, 3, stride, groups=wide) + [nn.ReLU6()] + normed(wide, cout, 1)
                layers += [Residual(body)] if stride == 1 and cin == cout else body
                cin = cout
        return layers + normed(cin, last, 1) + [nn.ReLU6()] + mean_pixel() + [dense(last, CLASSES)]
    return net


def mlpmixer(width=128):
    def mix(size, hidden):
        return [dense(size, hidden), nn.GELU(), dense(hidden, size)]

    def turned():
        return Apply(lambda x: x.transpose(1, 2))

    def net(c, h, w):
        tokens = h // 4 * (w // 4)
        layers = [Apply(lambda x: blocks(x, 4)), dense(c * 16, width)]
        for _ in range(4):
            layers += [Residual([nn.LayerNorm(width), turned(), *mix(tokens, width // 2), turned()]),
                       Residual([nn.LayerNorm(width), *mix(width, 4 * width)])]
        return layers + [nn.LayerNorm(width), Apply(lambda x: x.mean(1)), dense(width, CLASSES)]
    return net


class Rotated(nn.Module):
    """A convolution whose filters are turned by each rotation of a group: of pictures, or of fields of R channels.

    Quarter turns move pixels; finer ones turn the circular harmonics that the filters are sums of."""

    def __init__(self, cin, fields, kernel, rotations, lift=False, padding=0, bias=False):
        super().__init__()
        self.rotations, self.kernel, self.lift, self.padding = rotations, kernel, lift, padding
        shape = (kernel, kernel) if rotations == 4 else (len(rings(kernel)),)
        self.weight = nn.Parameter(torch.empty(fields, cin, *shape))
        self.bias = nn.Parameter(torch.empty(fields)) if bias else None

    def turned(self, r):
        """The filters (fields,cin,kernel,kernel), turned r steps."""
        w, n = self.weight, self.rotations
        if n == 4:
            w = torch.rot90(w, r, (2, 3))
        else:
            w = torch.einsum("fck,kuv->fcuv", w, torch.from_numpy(harmonics(self.kernel, 2 * math.pi * r / n)).to(w))
        if not self.lift:
            f, c, k, _ = w.shape
            w = w.view(f, c // n, n, k, k).roll(r, 2).view(f, c, k, k)
        return w

    def forward(self, x):
        bank = torch.stack([self.turned(r) for r in range(self.rotations)], 1).flatten(0, 1)
        bias = None if self.bias is None else self.bias.repeat_interleave(self.rotations)
        return nn.functional.conv2d(x, bank, bias, padding=self.padding)


def rings(kernel):
    """Radius, periods and phase of each circular harmonic of a filter."""
    outer, all = (kernel - 1) / 2, []
    radius = outer % 1
    while radius <= outer:
        all += [(radius, 0, 0)] + [(radius, m, s) for m in range(1, int(2 * radius) + 1) for s in (0, 1)]
        radius += 1
    return all


def harmonics(kernel, angle):
    """The harmonics (K,kernel,kernel), turned anticlockwise, as the float32 numbers that the program has."""
    y, x = np.mgrid[:kernel, :kernel].astype(float)
    y, x = (kernel - 1) / 2 - y, x - (kernel - 1) / 2
    out = []
    for radius, periods, sine in rings(kernel):
        ring = np.exp(-(np.hypot(y, x) - radius) ** 2 / (2 * 0.6 ** 2))
        wave = (np.sin if sine else np.cos)(periods * (np.arctan2(y, x) - angle))
        if periods:
            wave[(y == 0) & (x == 0)] = 0
        out.append(ring * wave / np.sqrt((ring ** 2).sum() / (2 if periods else 1)))
    return np.stack(out)


class FieldNorm(nn.BatchNorm3d):
    """BatchNorm over all channels of a field."""

    def __init__(self, fields, rotations):
        super().__init__(fields)
        self.rotations = rotations

    def forward(self, x):
        n, c, h, w = x.shape
        return super().forward(x.view(n, c // self.rotations, self.rotations, h, w)).view(n, c, h, w)


def rotation_pool(rotations):
    return Apply(lambda x: x.view(x.shape[0], x.shape[1] // rotations, rotations, *x.shape[2:]).amax(2))


def p4cnn(c, h, w):
    layers = [Rotated(c, 10, 3, 4, lift=True), FieldNorm(10, 4), nn.ReLU()]
    for i in range(5):
        layers += [Rotated(40, 10, 3, 4), FieldNorm(10, 4), nn.ReLU()] + [nn.MaxPool2d(2)] * (i == 0)
    return layers + [Rotated(40, CLASSES, 4, 4, bias=True), rotation_pool(4), *mean_pixel()]


def blur_pool(x):
    row = torch.tensor([0.25, 0.5, 0.25]).to(x)
    c = x.shape[1]
    return nn.functional.conv2d(x, torch.outer(row, row).expand(c, 1, 3, 3), stride=2, padding=1, groups=c)


def e2cnn(width=1.0):
    def net(c, h, w):
        layers = []
        for i, (fields, kernel, padding) in enumerate([(6, 7, 1), (8, 5, 2), (12, 5, 2), (12, 5, 2), (16, 5, 2), (24, 5, 0)]):
            fields = round(fields * width)
            layers += [Rotated(c, fields, kernel, 8, lift=i == 0, padding=padding), FieldNorm(fields, 8), nn.ReLU()]
            if i in (1, 3):
                layers += [nn.MaxPool2d(2, 1), Apply(blur_pool)]
            c = 8 * fields
        hidden = round(64 * width)
        return layers + [rotation_pool(8), *mean_pixel(), dense(fields, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(), dense(hidden, CLASSES)]
    return net


M3 = [32, 48, 64, 80, 96, 112, 128, 144, 160, 176]
M5 = [32, 64, 96, 128, 160]
M7 = [48, 96, 144, 192]
GREY, COLOUR = (1, 28, 28), (3, 32, 32)
NETWORKS = [  # name, network, images
    ("cnn", cnn, [GREY]), ("fcnn", fcnn, [GREY]), ("lenet5", lenet5, [GREY, COLOUR]), ("mlp", mlp(), [GREY, COLOUR]),
    ("convnet", convnet(), [GREY, (3, 20, 21)]), ("convnet-0.25", convnet(0.25), [GREY]),
    ("stridednet", stridednet(), [GREY, (2, 16, 19)]), ("stridednet-0.5", stridednet(0.5), [GREY]),
    ("simplecnn", simplecnn(5, M5), [GREY, (2, 21, 22)]), ("simplecnn-m3", simplecnn(3, M3), [GREY]),
    ("simplecnn-m7", simplecnn(7, M7), [GREY]), ("smallcnn", smallcnn(), [GREY, (3, 16, 17)]), ("smallcnn-0.5", smallcnn(0.5), [GREY]),
    ("p4cnn", p4cnn, [GREY, (2, 29, 29)]), ("e2cnn", e2cnn(), [GREY]), ("e2cnn-0.5", e2cnn(0.5), [(3, 24, 26)]),
    ("vgg11", vgg11, [COLOUR, GREY]), ("resnet20", resnet20, [COLOUR, GREY, (1, 13, 9)]),
    ("mobilenetv2", mobilenetv2(), [COLOUR, GREY]), ("mlpmixer", mlpmixer(), [COLOUR, GREY, (2, 8, 20)]),
    ("mlp-0.5", mlp(150, 50), [GREY]), ("mlpmixer-0.5", mlpmixer(64), [COLOUR]),
    ("mobilenetv2-0.5", mobilenetv2(0.5), [COLOUR]), ("mobilenetv2-0.35", mobilenetv2(0.35), [GREY]), ("mobilenetv2-1.4", mobilenetv2(1.4), [GREY]),
]


def fill(name, net):
    """Sets the parameters of a network."""
    i = 0
    for module in net.modules():
        for kind, p in module.named_parameters(recurse=False):
            stream, shape = f"{name}/{i}", tuple(p.shape)
            if isinstance(module, nn.Linear) and kind == "weight":
                x = ours(symmetric(stream, shape[::-1], math.sqrt(6 / shape[1])))
            elif isinstance(module, (nn.Conv2d, Rotated)) and kind == "weight":
                x = symmetric(stream, shape, math.sqrt(6 / math.prod(shape[1:])))
            elif kind == "weight":
                x = np.float32(1) + symmetric(stream, shape, 0.5)
            else:
                x = symmetric(stream, shape, 0.1)
            p.copy_(torch.from_numpy(np.ascontiguousarray(x)))
            i += 1


@torch.no_grad()
def run(name, network, shape, dtype):
    """The logits in training and in inference, and the number of parameters."""
    net = nn.Sequential(*network(*shape)).to(dtype)
    fill(name, net)
    x = torch.from_numpy(unit("zoo/" + "x".join(map(str, shape)), (BATCH, *shape))).to(dtype)
    return net.train()(x).numpy(), net.eval()(x).numpy(), sum(p.numel() for p in net.parameters())


def main():
    deterministic()
    cases = []
    for name, network, shapes in NETWORKS:
        for shape in shapes:
            training, inference, parameters = run(name, network, shape, torch.float64)
            training32, inference32, _ = run(name, network, shape, torch.float32)
            error = max(distance(training32, training), distance(inference32, inference))
            cases.append({"name": name, "input": list(shape), "parameters": parameters, "float32_error": error,
                          "training": digits(training), "inference": digits(inference)})
            print(f"{name:14} {str(shape):12} {parameters:9,} parameters, float32 error {error:.1e}, "
                  f"largest {abs(training).max():.3g} and {abs(inference).max():.3g}, "
                  f"spread {training.std(0).mean():.3g} and {inference.std(0).mean():.3g}")
    write(os.path.join(HERE, "golden_zoo.json"), {"source": f"golden_zoo.py, PyTorch {torch.__version__}", "cases": cases})


if __name__ == "__main__":
    main()
