#!/usr/bin/env python3
"""Writes golden_bounds.json: interval bounds of three small networks, and the gradient of a loss of them, in float64.

    python3 golden_bounds.py            (PyTorch 1.13, CPU, one thread)

It is written apart from package bound: bounds are kept as lower and upper ones and go through the positive and the
negative parts of the weights, where the package keeps centre and radius. Parameters and images are streams (see
modelzoo/testdata/golden_cnn.py) under the names "<network>/<parameter>", and "<network>/input" for images 0..1.

For each network: "margins" (3,3), the largest value of logit j less that of the label over the ball; "lower" and "upper",
bounds of the logits; "loss" = 0.3 * cross-entropy(logits) + 0.7 * cross-entropy(margins), mean over images; and
"gradients", the sum of the absolute values and the sum of the gradient of each parameter.
"""

import json
import os
import sys

import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "modelzoo", "testdata"))
from golden_cnn import symmetric, unit  # noqa: E402

torch.set_num_threads(1)
EPSILON, KAPPA = 0.05, 0.3
SCALE, SHIFT = torch.tensor([2.0, 4.0]).double(), torch.tensor([-0.5, -1.0]).double()
LABELS = torch.tensor([2, 0, 1])


class Net:
    """Goes through a network with plain values, or with lower and upper bounds."""

    def __init__(self, name):
        self.name, self.params = name, {}

    def param(self, name, *shape, positive=False):
        if name not in self.params:
            p = torch.from_numpy(symmetric(f"{self.name}/{name}", shape, 0.5)).double()
            if positive:
                p = 1 + p
            self.params[name] = p.requires_grad_(not name.endswith(("mean", "variance")))
        return self.params[name]

    def linear(self, x, w, b, f):
        if len(x) == 1:
            return [f(x[0], w) + b]
        up, down = w.clamp(min=0), w.clamp(max=0)
        return [f(x[0], up) + f(x[1], down) + b, f(x[1], up) + f(x[0], down) + b]

    def conv(self, x, layer, filters, kernel, **o):
        w = self.param(layer + "/weight", filters, x[0].shape[1], kernel, kernel)
        b = self.param(layer + "/bias", filters)
        return self.linear(x, w, b[:, None, None], lambda v, w: F.conv2d(v, w, **o))

    def dense(self, x, layer, units):
        w, b = self.param(layer + "/weight", x[0].shape[1], units), self.param(layer + "/bias", units)
        return self.linear(x, w, b, lambda v, w: v @ w)

    def norm(self, x, layer):
        c = x[0].shape[1]
        gamma, beta = self.param(layer + "/gamma", c), self.param(layer + "/beta", c)
        mean, variance = self.param(layer + "/mean", c), self.param(layer + "/variance", c, positive=True)
        scale = (gamma / torch.sqrt(variance + 1e-5))[:, None, None]
        shift = beta[:, None, None] - mean[:, None, None] * scale
        return self.linear(x, scale, shift, lambda v, w: v * w)

    def each(self, x, f):
        return [f(v) for v in x]


def a(net, x):
    x = net.each(net.conv(x, "conv2d", 4, 3, padding=1), F.relu)
    x = net.each(x, lambda v: F.max_pool2d(v, 2))
    x = net.each(net.conv(x, "conv2d_1", 3, 3, stride=2), lambda v: F.leaky_relu(v, 0.1))
    x = net.each(x, lambda v: v.flatten(1))
    x = net.each(net.dense(x, "dense", 5), torch.tanh)
    return x, "dense_1"


def b(net, x):
    x = net.each(net.norm(net.conv(x, "conv2d", 4, 3), "batchnorm"), F.relu)
    y = net.norm(net.conv(x, "residual/conv2d", 4, 3, padding=1), "residual/batchnorm")
    x = net.each([p + q for p, q in zip(x, y)], F.relu)
    x = net.each(x, lambda v: F.avg_pool2d(v, 2))
    x = net.each(x, lambda v: v.mean((2, 3)))
    return x, "dense"


def c(net, x):
    left = net.each(net.conv(x, "concat/conv2d", 2, 3), torch.sigmoid)
    right = net.each(net.conv(x, "concat/conv2d_1", 2, 3), F.elu)
    x = [torch.cat(v, 1) for v in zip(left, right)]
    x = net.conv(x, "conv2d", 3, 1)
    return net.each(x, lambda v: v.mean((2, 3))), None


def logits(net, build, x):
    x, last = build(net, x)
    return (x, None, None, net.each(x, lambda v: v)) if last is None else \
        (x, net.param(last + "/weight", x[0].shape[1], 3), net.param(last + "/bias", 3), net.dense(x, last, 3))


def margins(h, w, b, z):
    """The largest z[j] - z[label], one pair of classes at a time."""
    rows = []
    for n, t in enumerate(LABELS):
        row = []
        for j in range(3):
            if j == t:
                row.append(torch.zeros(()).double())
            elif w is None:
                row.append(z[1][n, j] - z[0][n, t])
            else:
                d = w[:, j] - w[:, t]
                row.append((torch.where(d > 0, h[1][n], h[0][n]) * d).sum() + b[j] - b[t])
        rows.append(torch.stack(row))
    return torch.stack(rows)


out = {}
for name, build in (("a", a), ("b", b), ("c", c)):
    net = Net(name)
    pixels = torch.from_numpy(unit(f"{name}/input", (3, 2, 8, 8))).double()
    taken = [v * SCALE[:, None, None] + SHIFT[:, None, None]
             for v in (pixels, (pixels - EPSILON).clamp(min=0), (pixels + EPSILON).clamp(max=1))]
    plain = logits(net, build, taken[:1])[3][0]
    h, w, bias, z = logits(net, build, taken[1:])
    m = margins(h, w, bias, z)
    loss = KAPPA * F.cross_entropy(plain, LABELS) + (1 - KAPPA) * F.cross_entropy(m, LABELS)
    loss.backward()
    out[name] = {
        "margins": m.tolist(), "lower": z[0].tolist(), "upper": z[1].tolist(), "loss": loss.item(),
        "gradients": {k: [p.grad.abs().sum().item(), p.grad.sum().item()] for k, p in net.params.items() if p.requires_grad},
    }
with open(os.path.join(HERE, "golden_bounds.json"), "w") as f:
    json.dump(out, f, indent=1)
    f.write("\n")
