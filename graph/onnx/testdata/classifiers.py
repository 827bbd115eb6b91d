"""Writes one of torchvision's classifiers, with random weights, into a folder: what
PyTorch exports and what it computes.

    /usr/bin/python3 classifiers.py NAME FOLDER [double]
    /usr/bin/python3 classifiers.py list

It needs Debian's python3-torch 1.13 and python3-torchvision 0.14. FOLDER gets
model.onnx, with the batch left open, fixed.onnx, made for one image, x and y, three images
and what becomes of them, as float32, small and small_y, the same of another size
where the network takes it, double.onnx and double_y, the first image in double
precision, if that is asked for, and about.json."""
import copy
import json
import os
import sys
import zlib

import torch
from torch import nn
from torchvision import models


def names():
    return [n for n in models.list_models() if models.get_model_builder(n).__module__.count(".") == 2]


def made(name, size):
    """The network in a state that tells layers apart: statistics of normalisations as
    a batch has them, and no weight that is the same everywhere, as those that are 0
    or 1 at first."""
    torch.manual_seed(zlib.crc32(name.encode()))
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    net = models.get_model(name, weights=None, **options).eval()
    with torch.no_grad():
        for weight in net.parameters():
            if weight.numel() == 1 or weight.std() < 1e-3:
                weight.add_(0.1 * torch.randn_like(weight))
        norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
        for norm in norms:  # mostly above 0, where ReLU is straight: else each layer makes rounding errors larger
            norm.weight.uniform_(0.5, 1)
            norm.bias.uniform_(0.5, 1.5)
            norm.momentum = 1.0
            norm.train()
        if norms:
            net(torch.randn(2, 3, size, size))
        for norm in norms:
            norm.eval()
    return net


def write(folder, name, values):
    values.detach().numpy().tofile(os.path.join(folder, name))


def other(net, folder, size):
    """Images of another size, and what becomes of them, which is computed in double
    precision; or why there are none."""
    x = torch.randn(3, 3, size, size)
    try:
        with torch.no_grad():
            y = copy.deepcopy(net).double()(x.double()).float()
    except Exception as error:  # of whatever kind: the network is made for one size
        return 0, str(error).strip().split("\n")[0][:100]
    write(folder, "small", x)
    write(folder, "small_y", y)
    return size, ""


def as_written(net):
    """The network with its constants as the file has them, in single precision."""
    def single(v):
        return torch.tensor(v, dtype=torch.float32).item()

    for m in net.modules():
        if hasattr(m, "eps"):
            m.eps = single(m.eps)
        if isinstance(m, nn.Hardsigmoid):  # its factor, of which the file has a float
            m.forward = lambda x: (x * single(1 / 6) + 0.5).clamp(0, 1)
        if hasattr(m, "scale_factor"):  # of maxvit's attention
            m.scale_factor = single(m.scale_factor)
        if type(m).__name__ == "ShiftedWindowAttention":  # the factor of the queries, which it computes itself
            width = m.qkv.weight.shape[1]
            scale = (width // m.num_heads) ** -0.5
            m.qkv.weight[:width] *= single(scale) / scale
            m.qkv.bias[:width] *= single(scale) / scale
    return net


def main(name, folder, double):
    torch.set_num_threads(1)
    size = 299 if name == "inception_v3" else 224
    net = made(name, size)
    x = torch.randn(3, 3, size, size)
    with torch.no_grad():
        write(folder, "x", x)
        write(folder, "y", net(x))
    about = {"size": size, "opset": 13 + zlib.crc32(name.encode()) % 5, "weights": sum(p.numel() for p in net.parameters())}
    about["small"], about["why"] = other(net, folder, size - 64)
    ends = {"input_names": ["input"], "output_names": ["output"], "opset_version": about["opset"]}
    axes = {"input": {0: "batch"}, "output": {0: "batch"}}
    torch.onnx.export(net, x[:1], os.path.join(folder, "model.onnx"), dynamic_axes=axes, **ends)
    if about["weights"] < 100 << 20:
        torch.onnx.export(net, x[:1], os.path.join(folder, "fixed.onnx"), **ends)
    if double:  # from a file whose weights are PyTorch's, not those with a normalisation in them
        torch.onnx.export(net, x[:1], os.path.join(folder, "double.onnx"), training=torch.onnx.TrainingMode.PRESERVE,
                          do_constant_folding=False, **ends)
        with torch.no_grad():
            write(folder, "double_y", as_written(net.double())(x[:1].double()))
    with open(os.path.join(folder, "about.json"), "w") as file:
        json.dump(about, file)


if sys.argv[1] == "list":
    print("\n".join(names()))
else:
    main(sys.argv[1], sys.argv[2], len(sys.argv) > 3)
