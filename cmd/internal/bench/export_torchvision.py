#!/usr/bin/env python3
"""Writes torchvision's classifiers as ONNX files to measure.

    /usr/bin/python3 cmd/internal/bench/export_torchvision.py -out networks resnet18 mobilenet_v2
    go run ./cmd/bench -against onnxruntime -model networks/resnet18.onnx,networks/mobilenet_v2.onnx

The weights are random, from a seed and the network's name alone: the same file
every time. So is what a new network has as 0 or 1, which would hide an error:
biases, and each BatchNorm's scale, shift and running statistics. The batch
is free, the images are 3x224x224 (inception_v3's 3x299x299), the output are
1000 logits, the opset is 13. By default the files are as they are deployed:
PyTorch folds each BatchNorm that it can into the convolution before it. With
-train they keep it, as training needs; dropout and stochastic depth are off in
both.

It needs Debian's python3-torch, python3-torchvision and python3-onnx.
"""

import argparse
import inspect
import os
import sys
import zlib

OPSET, CLASSES = 13, 1000
SIDES = {"inception_v3": 299}  # of images; 224 for the others


def missing(error):
    sys.exit(f"Python has no module {error.name}: apt-get install python3-torch python3-torchvision python3-onnx")


def classifiers(models):
    """The names of torchvision's classifiers, without those that are quantised."""
    return sorted(n for n, f in vars(models).items()
                  if inspect.isfunction(f) and f.__module__.startswith("torchvision.models.")
                  and f.__module__.count(".") == 2 and "weights" in inspect.signature(f).parameters)


def build(torch, models, name, seed):
    """A network of random weights, in eval mode."""
    torch.manual_seed(seed + zlib.crc32(name.encode()))
    extra = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    net = getattr(models, name)(weights=None, num_classes=CLASSES, **extra)
    with torch.no_grad():
        for value in net.parameters():
            if value.numel() > 1 and (value == value.flatten()[0]).all():
                value.add_(torch.randn(value.shape), alpha=0.05)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return net.eval()


def export(torch, net, side, path, train):
    """Writes a file in one step: an earlier one stays whole if this fails."""
    temporary = path + ".tmp"
    modes = torch.onnx.TrainingMode
    try:
        torch.onnx.export(
            net, torch.rand(2, 3, side, side), temporary, opset_version=OPSET, input_names=["input"], output_names=["output"],
            dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
            training=modes.PRESERVE if train else modes.EVAL, do_constant_folding=not train)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-out", default=".", help="folder for the files, which are called NAME.onnx")
    p.add_argument("-seed", type=int, default=1)
    p.add_argument("-train", action="store_true", help="keep every BatchNorm, for training")
    p.add_argument("-side", type=int, help="height and width of the images")
    p.add_argument("-list", action="store_true", help="list the networks that there are")
    p.add_argument("names", nargs="*", help="torchvision's names")
    a = p.parse_args()
    try:
        import torch
        import torchvision.models as models
        if not a.list:
            import onnx  # noqa: F401 (the exporter uses it)
    except ImportError as error:
        missing(error)
    if a.list:
        print("\n".join(classifiers(models)))
        return
    if not a.names:
        p.error("want names of networks; -list lists them")
    os.makedirs(a.out, exist_ok=True)
    failed = 0
    for name in a.names:
        path = os.path.join(a.out, name + ".onnx")
        if name not in classifiers(models):
            print(f"{name}: torchvision has no such classifier, -list lists them", file=sys.stderr)
            failed += 1
            continue
        try:
            export(torch, build(torch, models, name, a.seed), a.side or SIDES.get(name, 224), path, a.train)
            print(f"{path}: {os.path.getsize(path) / 1e6:.1f} MB")
        except (RuntimeError, ValueError, TypeError) as error:
            print(f"{name}: {' '.join(str(error).split())[:300]}", file=sys.stderr)
            failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
