#!/usr/bin/env python3
"""PyTorch as a side of this command's measurements, which starts it by -against
pytorch and takes turns with it; process.go has what is said between them.

A training step reads a batch from bytes, runs forward and backward, and updates
with Adam; an inference step runs the network. Both sides draw the same images in
a random order. PyTorch gets its best settings: an optimised BLAS (the script
refuses another), memory that stays with the process, as many OpenMP threads as
asked for; the command tries the variants and keeps the fastest: contiguous or
channels_last, for inference a frozen TorchScript of each too, and with several
threads each of them spinning and sleeping between two pieces of work.

The networks are those below, by the names of this command, and torchvision's,
with dropout and stochastic depth off.
"""

import argparse
import json
import math
import os
import resource
import sys
import time

WARM_UP, MIN_STEPS = 2, 5


def environment(threads="1", passive=False):
    """PyTorch's best: no OpenBLAS overrides, and memory that is never given back to the system."""
    env = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_WAIT_POLICY")}
    return env | {
        "MALLOC_MMAP_THRESHOLD_": "2000000000", "MALLOC_TRIM_THRESHOLD_": "2000000000",
        "MALLOC_TOP_PAD_": "500000000", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": threads,
    } | ({"OMP_WAIT_POLICY": "passive"} if passive else {})


def engine(torch):
    """PyTorch's version and its BLAS. The reference BLAS is no opponent: it is 20 times slower."""
    a = torch.ones(4, 4)
    a @ a  # loads it
    if torch.backends.mkl.is_available():
        blas = "MKL"
    elif os.path.exists("/proc/self/maps"):
        with open("/proc/self/maps") as f:
            files = {line.split()[-1] for line in f if ".so" in line}
        blas = " ".join(n for n in ("openblas", "mkl_core", "libmkl_rt", "blis", "atlas") if any(n in f for f in files))
        if not blas:
            sys.exit("PyTorch uses the reference BLAS, want a fast one: apt-get install libopenblas0-pthread, or put its folder into LD_LIBRARY_PATH")
    else:
        blas = "an unknown BLAS"
    return f"PyTorch {torch.__version__} with {blas}"


def networks(torch):
    """The networks of this command that torchvision does not have, by name."""
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

    def cnn(classes):
        return nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(5408, 128), nn.ReLU(inplace=True), nn.Linear(128, classes))

    def lenet5(classes):
        return nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
            nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, classes))

    def conv3(classes):
        return nn.Sequential(
            block(1, 32), block(32, 64), block(64, 128), nn.Flatten(),
            nn.Linear(1152, 256), nn.ReLU(inplace=True), nn.Linear(256, classes))

    def resnet20(classes):
        shapes = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        return nn.Sequential(
            normed(3, 16), nn.ReLU(inplace=True), *(Residual(*s) for s in shapes),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))

    return {"cnn": cnn, "lenet5": lenet5, "conv3": conv3, "resnet20": resnet20}


def network(torch, name, classes):
    """A network in training mode, of random weights."""
    own = networks(torch)
    if name in own:
        return own[name](classes)
    try:
        import torchvision
    except ImportError:
        sys.exit("Python has no module torchvision: apt-get install python3-torchvision")
    build = getattr(torchvision.models, name, None)
    if not callable(build) or isinstance(build, type):
        sys.exit(f"neither torchvision nor pytorch.py has a network {name}, want one of torchvision.models or {', '.join(own)}")
    net = build(weights=None, num_classes=classes)
    steady(torch.nn, torchvision.ops, net)
    return net


def steady(nn, ops, net):
    """Takes out what drops values at random in training: the other side has none of it."""
    for module in net.modules():
        for name, child in module.named_children():
            if isinstance(child, (nn.Dropout, nn.Dropout2d, ops.StochasticDepth)):
                setattr(module, name, nn.Identity())


def images(torch, path, shape):
    """The pool of the other side: bytes (n,...) and labels."""
    with open(path, "rb") as f:
        raw = torch.frombuffer(bytearray(f.read()), dtype=torch.uint8)
    size = math.prod(shape)
    n = len(raw) // (size + 2)
    pixels, labels = raw[:n * size].view(n, *shape), raw[n * size:].view(n, 2).long()
    return pixels, labels[:, 0] + 256 * labels[:, 1]


def batches(torch, pixels, labels, batch, layout):
    """Yields the next batch for ever, in the same two tensors."""
    pool = len(labels)
    raw = torch.empty((batch, *pixels.shape[1:]), dtype=torch.uint8)
    x = torch.empty(raw.shape).contiguous(memory_format=layout)
    y = torch.empty(batch, dtype=torch.long)
    order = torch.randperm(pool).repeat(1 + (batch + pool - 1) // pool)
    at = 0
    while True:
        index = order[at:at + batch]
        at = (at + batch) % pool
        torch.index_select(pixels, 0, index, out=raw)
        torch.index_select(labels, 0, index, out=y)
        x.copy_(raw)
        x.mul_(1 / 255)
        yield x, y


def adam(torch, parameters):
    """Adam at its fastest: on a processor foreach pays for many small tensors, and costs memory traffic for large ones."""
    parameters = list(parameters)
    return torch.optim.Adam(parameters, eps=1e-7, foreach=len(parameters) > 20)


def training(torch, net, source):
    """The step of training."""
    optimizer = adam(torch, net.parameters())
    loss = torch.nn.functional.cross_entropy

    def step():
        x, y = next(source)
        optimizer.zero_grad(set_to_none=True)
        loss(net(x), y).backward()
        optimizer.step()

    return step


def inference(torch, net, source, frozen, logits):
    """The step of inference."""
    net.eval()
    x, _ = next(source)
    if frozen:
        with torch.no_grad():
            net = torch.jit.optimize_for_inference(torch.jit.trace(net, x))

    def step():
        with torch.inference_mode():
            y = net(x)
            return y if logits else torch.softmax(y, 1)

    return step


def new_step(torch, a):
    """The step to measure, and the network's parameters."""
    torch.manual_seed(1)
    form = a.variant.partition("/")[0]
    layout = torch.channels_last if form.endswith("channels_last") else torch.contiguous_format
    net = network(torch, a.model, a.classes)
    n = sum(p.numel() for p in net.parameters())
    if a.parameters not in (0, n):
        hint = ": export_torchvision.py -train keeps what training needs" if a.file else ""
        sys.exit(f"{a.model} has {n} parameters here and {a.parameters} on the other side, want the same network{hint}")
    net = net.to(memory_format=layout)
    shape = [int(d) for d in a.input.split(",")]
    source = batches(torch, *images(torch, a.images, shape), a.batch, layout)
    if a.mode == "train":
        return training(torch, net, source), n
    return inference(torch, net, source, form.startswith("frozen"), a.logits), n


def turn(step, limit):
    """Repeats the step for so many seconds."""
    for _ in range(WARM_UP):
        step()
    samples, cpu = [], time.process_time()
    began = last = time.perf_counter()
    while last - began < limit or len(samples) < MIN_STEPS:
        step()
        now = time.perf_counter()
        samples.append(round(1e3 * (now - last), 4))
        last = now
    return {"samples_ms": samples, "cpu_seconds": time.process_time() - cpu, "peak_mb": peak_mb()}


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def say(**answer):
    print(json.dumps(answer), flush=True)


def settle(a):
    """Starts this script again in PyTorch's best environment, which it reads when it is loaded."""
    wanted = environment(a.threads, a.variant.endswith("/passive"))
    if dict(os.environ) != wanted:
        os.execve(sys.executable, [sys.executable, *sys.argv], wanted)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-version", action="store_true", help="print the engine alone")
    p.add_argument("-model")
    p.add_argument("-mode", choices=["train", "infer"])
    p.add_argument("-batch", type=int)
    p.add_argument("-threads", default="1")
    p.add_argument("-variant", default="contiguous")
    p.add_argument("-input", help="shape of an image, as in 3,224,224")
    p.add_argument("-images", help="file of the images and their labels")
    p.add_argument("-classes", type=int)
    p.add_argument("-parameters", type=int, default=0, help="of the other side's network, 0 if they need not be the same")
    p.add_argument("-file", action="store_true", help="the other side's network is an ONNX file")
    p.add_argument("-logits", action="store_true", help="no softmax behind the network")
    a = p.parse_args()
    settle(a)
    began = time.perf_counter()
    try:
        import torch
    except ImportError as e:
        sys.exit(f"Python does not load PyTorch ({e}), want it: apt-get install python3-torch")
    if a.version:
        say(engine=engine(torch))
        return
    torch.set_num_threads(int(a.threads))
    step, n = new_step(torch, a)
    built = time.perf_counter()
    step()
    say(engine=engine(torch), parameters=n, build_ms=1e3 * (built - began),
        first_run_ms=1e3 * (time.perf_counter() - built), start_peak_mb=peak_mb())
    for line in sys.stdin:
        say(**turn(step, float(line)))


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, ValueError, TypeError, OSError, MemoryError) as error:
        sys.exit(" ".join(f"PyTorch: {error}".split()))
