#!/usr/bin/env python3
"""Writes golden_cnn.json: what PyTorch computes for the MNIST CNN and ten steps of Adam.

    python3 golden_cnn.py            (PyTorch 1.13, CPU, one thread; a few seconds)

Run twice on one machine it writes the same bytes; another BLAS may move the last digits.

Network
    Conv2d(1,32,3) ReLU MaxPool2d(2) Flatten Linear(5408,128) ReLU Linear(128,10), cross-entropy, mean over 8 images.
    Adam: lr 0.001, betas (0.9, 0.999), eps 1e-7, in PyTorch's form: epsilon is added after the bias correction,
        w -= lr * mhat / (sqrt(vhat) + eps),   mhat = m/(1-0.9^t),   vhat = v/(1-0.999^t).
    Keras adds epsilon before it; "epsilon_hat_error" tells how far that form ends from this one.

Generated values (integers are 64 bits and wrap)
    seed      = FNV-1a-64 of the tensor's name
    z(i)      = mix(seed + (i+1)*0x9E3779B97F4A7C15), i = 0, 1, ...              (splitmix64)
    mix(z)    : z = (z ^ z>>30) * 0xBF58476D1CE4E5B9; z = (z ^ z>>27) * 0x94D049BB133111EB; z ^ z>>31
    symmetric : float32(int(z>>40) - 2^23) * 2^-23 * a   in [-a,a); left to right in float32, so only "* a" rounds
    unit      : float32(z>>40) * 2^-24                   in [0,1), exact
    label     : z mod 10
    sign      : -1 if z>>63 else +1
    a         = float32(sqrt(6.0 / (fan_in + fan_out)))  for weights, the quotient and the root in float64;
                float32(0.1) for biases. Fans: conv2d 9, 288; dense 5408, 128; dense_1 128, 10.
    Weights bear their own names: conv2d/weight (32,1,3,3), dense/weight (5408,128) as (in,out), ...
    Batch k is input/k (8,1,28,28), unit, and label/k (8). Step s trains on batch "batches"[s].
    Batches are passed over when a ReLU or a pooling window is nearly tied: which side a tie falls on depends on the order
    of a sum, and moves a gradient by more than the tolerance.

Tensors in the file
    values      elements 0, stride, 2*stride, ... in row-major order; stride 1 up to 4096 elements, else ceil(n/4096)
    norm        Euclidean norm of all n elements, in float64
    projections where stride > 1: for j = 0..7 the float64 sum of sign(i)*x(i), signs from the name sign/j
    float32_error      max|x32 - x64| / max|x64| over the stored values, where x64 is the same work done in float64
    float32_error_all  where stride > 1: the same over all n elements. It is larger after training, because Adam divides a
                       gradient near epsilon, all rounding error, by itself; a handful of elements are so.
"""

import json
import math
import os
import re
import textwrap
import zlib

import numpy as np
import torch
from torch import nn

STEPS, BATCH, CLASSES, FULL = 10, 8, 10, 4096
POOL_MARGIN, DENSE_MARGIN = 5e-6, 5e-5
PARAMS = {  # name: shape, (fan_in, fan_out) or None for a bias
    "conv2d/weight": ((32, 1, 3, 3), (9, 288)),
    "conv2d/bias": ((32,), None),
    "dense/weight": ((5408, 128), (5408, 128)),
    "dense/bias": ((128,), None),
    "dense_1/weight": ((128, 10), (128, 10)),
    "dense_1/bias": ((10,), None),
}


def splitmix(name, n):
    """The first n numbers z(i) of the stream of this name."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    u = np.uint64
    z = u(seed) + np.arange(1, n + 1, dtype=u) * u(0x9E3779B97F4A7C15)
    z = (z ^ z >> u(30)) * u(0xBF58476D1CE4E5B9)
    z = (z ^ z >> u(27)) * u(0x94D049BB133111EB)
    return z ^ z >> u(31)


def symmetric(name, shape, a):
    z = splitmix(name, math.prod(shape)) >> np.uint64(40)
    centred = (z.astype(np.int64) - 2**23).astype(np.float32)
    return (centred * np.float32(2**-23) * np.float32(a)).reshape(shape)


def unit(name, shape):
    z = splitmix(name, math.prod(shape)) >> np.uint64(40)
    return (z.astype(np.float32) * np.float32(2**-24)).reshape(shape)


def labels(name, n, classes):
    return (splitmix(name, n) % np.uint64(classes)).astype(np.int64)


def signs(j, n):
    return 1.0 - 2.0 * (splitmix(f"sign/{j}", n) >> np.uint64(63)).astype(np.float64)


def initial(name):
    shape, fans = PARAMS[name]
    return symmetric(name, shape, math.sqrt(6.0 / sum(fans)) if fans else 0.1)


def batch(k):
    return unit(f"input/{k}", (BATCH, 1, 28, 28)), labels(f"label/{k}", BATCH, CLASSES)


class Run:
    """One training run in one precision; arrays go in and come out in the file's layout."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.net = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(5408, 128), nn.ReLU(), nn.Linear(128, CLASSES)).to(dtype)
        layers = {"conv2d": self.net[0], "dense": self.net[4], "dense_1": self.net[6]}
        self.params = {name: getattr(layers[name.split("/")[0]], name.split("/")[1]) for name in PARAMS}
        with torch.no_grad():
            for name, p in self.params.items():
                p.copy_(torch.from_numpy(ours(initial(name))))
        self.adam = torch.optim.Adam(self.net.parameters(), lr=0.001, betas=(0.9, 0.999), eps=1e-7)

    def logits(self, k):
        with torch.no_grad():
            return self.net(self.images(k)).numpy()

    def gradient(self, k):
        """Leaves the gradients of batch k in the parameters and returns the loss."""
        self.adam.zero_grad()
        loss = nn.functional.cross_entropy(self.net(self.images(k)), torch.from_numpy(batch(k)[1]))
        loss.backward()
        return loss.item()

    def weights(self):
        return {name: ours(p.detach().numpy()).copy() for name, p in self.params.items()}

    def gradients(self):
        return {name: ours(p.grad.numpy()).copy() for name, p in self.params.items()}

    def images(self, k):
        return torch.from_numpy(batch(k)[0]).to(self.dtype)

    def undecided(self, k):
        """Whether a ReLU or a pooling window of batch k is too close to a tie to be compared."""
        with torch.no_grad():
            conv = self.net[0](self.images(k))
            windows = conv.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4)
            top = windows.topk(2, dim=-1).values
            alive = top[..., 0] > 0
            pool = min(top[..., 0].abs().min(), (top[..., 0] - top[..., 1])[alive].min())
            return pool < POOL_MARGIN or self.net[1:5](conv).abs().min() < DENSE_MARGIN


def ours(a):
    """Swaps the layout of a matrix between PyTorch's (out,in) and the file's (in,out)."""
    return a.T if a.ndim == 2 else a


def train(batches=None, dtype=torch.float64, epsilon_hat=False):
    """Trains STEPS steps. Without batches it chooses them; everything that the file compares is returned by name."""
    run, chosen, losses, out = Run(dtype), [], [], {}
    for step in range(STEPS):
        k = batches[step] if batches else next_batch(run, chosen[-1] + 1 if chosen else 0)
        chosen.append(k)
        if step == 0:
            out["logits"] = run.logits(k)
        losses.append(run.gradient(k))
        if step == 0:
            out["gradients"] = run.gradients()
        if epsilon_hat:
            run.adam.param_groups[0]["eps"] = 1e-7 / math.sqrt(1 - 0.999 ** (step + 1))
        run.adam.step()
    out["losses"] = np.array(losses)
    out["weights"] = run.weights()
    out["trained_logits"] = run.logits(chosen[0])
    return out, chosen


def next_batch(run, k):
    while run.undecided(k):
        k += 1
    return k


def digits(values, n=9):
    return [float(f"{v:.{n}g}") + 0.0 for v in np.asarray(values, dtype=np.float64).ravel()]


def distance(x, exact, stride=1):
    """The largest error at every stride-th element, in units of the largest value of all."""
    error = np.abs(x.astype(np.float64) - exact).ravel()[::stride].max()
    return digits([error / np.abs(exact).max()], 2)[0]


def record(name, x, exact, full=FULL):
    """A tensor's entry in the file; exact is the same tensor computed in float64."""
    flat = x.astype(np.float64).ravel()
    stride = -(-flat.size // full)
    entry = {
        "name": name,
        "shape": list(x.shape),
        "stride": stride,
        "max_abs": digits([np.abs(flat).max()])[0],
        "norm": digits([math.sqrt(float(np.sum(flat * flat)))])[0],
        "float32_error": distance(x, exact, stride),
    }
    if stride > 1:
        entry["float32_error_all"] = distance(x, exact)
        entry["projections"] = digits([float(np.sum(signs(j, flat.size) * flat)) for j in range(8)])
    entry["values"] = digits(flat[::stride])
    return entry


def records(got, exact, field):
    """The entries of one result: a list for a set of named tensors, else a single one."""
    if isinstance(got[field], dict):
        return [record(name, x, exact[field][name]) for name, x in got[field].items()]
    return record(field, got[field], exact[field])


def fingerprint(name, x):
    """Lets the reader of the file check its own generator: CRC-32 (IEEE) of the little-endian float32 or int64 bytes."""
    return {"name": name, "shape": list(x.shape), "crc32": zlib.crc32(x.tobytes()), "first": digits(x.ravel()[:4])}


def write(path, content):
    """Writes JSON with one entry a line and lists of numbers filled to 120 columns."""
    def fill(m):
        return "[" + textwrap.fill(" ".join(m.group(1).split()), 118, break_on_hyphens=False) + "]"
    text = re.sub(r"\[([^][{}\"]*)\]", fill, json.dumps(content, indent=1))
    with open(path, "w") as f:
        f.write(text + "\n")


def deterministic():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def main():
    deterministic()
    exact, batches = train()
    got, _ = train(batches, torch.float32)
    hat, _ = train(batches, epsilon_hat=True)
    made = [fingerprint(name, initial(name)) for name in PARAMS]
    for k in batches:
        images, classes = batch(k)
        made += [fingerprint(f"input/{k}", images), fingerprint(f"label/{k}", classes)]
    dense = initial("dense/weight")
    content = {
        "source": f"golden_cnn.py, PyTorch {torch.__version__}",
        "batches": batches,
        "generated": made,
        "initial_dense": record("dense/weight", dense, dense, 64),
    }
    for field in ("logits", "gradients", "losses", "weights", "trained_logits"):
        content[field] = records(got, exact, field)
    content["epsilon_hat_error"] = {n: distance(x, exact["weights"][n]) for n, x in hat["weights"].items()}
    write(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden_cnn.json"), content)
    report(content)


def report(content):
    print("batches", content["batches"], "losses", content["losses"]["values"])
    for field in ("logits", "gradients", "losses", "weights", "trained_logits"):
        entries = content[field] if isinstance(content[field], list) else [content[field]]
        for e in entries:
            print(f"{field:15} {e['name']:15} max {e['max_abs']:<12g} float32 error {e['float32_error']:.1e}")
    print("epsilon-hat form of Adam:", content["epsilon_hat_error"])


if __name__ == "__main__":
    main()
