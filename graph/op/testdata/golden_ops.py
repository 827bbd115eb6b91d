#!/usr/bin/env python3
"""Writes golden_ops.json: outputs and gradients of single operations, and a small net with batch normalisation.

    python3 golden_ops.py            (PyTorch 1.13, CPU, one thread)

All numbers are computed in float64 from inputs that float32 holds exactly, so they serve both precisions; 9 significant
digits are kept. "float32_error" is max|x32 - x64| / max|x64| of the same work in PyTorch's float32.

Inputs are not stored. Each is "symmetric" (modelzoo/testdata/golden_cnn.py states the generator) under the name in "stream"
with a = "limit": float32(int(z>>40) - 2^23) * 2^-23 * a.  "first" holds its first four values, as a check.

"cases": one operation each, y = op(inputs). "dy" is one more generated tensor of y's shape; the outputs named dx, dweight,
    dbias, dgamma, dbeta are the gradients of sum(y * dy).
    conv       weight (O, I/groups, kh, kw), cross-correlation; stride, padding, dilation are (h, w); padding is on both sides
    avgpool    pixels of the padding do not count (count_include_pad=False); sizes round down
    maxpool    the padding never wins; sizes round down
    batchnorm  training mode: y = gamma*(x-mean)/sqrt(var+epsilon)+beta, var biased (divided by m). The running statistics
               start at mean 0, variance 1, and after one batch are 0.9*old + 0.1*batch, the batch's variance unbiased
               (divided by m-1).
    layernorm  over the last axis, var biased
"net": Conv2d(2,4,3, padding 1, no bias) BatchNorm2d(4) ReLU global-average-pool Linear(4,3), cross-entropy, mean over 4
    images of (2,6,6); three steps of plain SGD (lr 0.5) on batches net/input/0..2 with the given labels. gamma starts at
    1, beta and the Linear's bias at 0, the Linear's weight is (in,out). "outputs": the losses of the three steps; the
    gradients of the first (d + name); all parameters and running statistics after the third; and the logits of
    net/input/0 then, in inference mode.
"""

import os
import sys

import torch
import torch.nn.functional as F
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "modelzoo", "testdata"))
from golden_cnn import deterministic, digits, distance, labels, symmetric, write  # noqa: E402

CONV = [  # name, x, weight, bias?, stride, padding, dilation, groups
    ("conv/plain", (2, 3, 5, 6), (4, 3, 3, 3), True, (1, 1), (0, 0), (1, 1), 1),
    ("conv/strided_remainder", (2, 3, 7, 8), (4, 3, 3, 3), True, (2, 2), (0, 0), (1, 1), 1),
    ("conv/padded_unequal", (2, 2, 6, 5), (3, 2, 3, 5), True, (2, 1), (1, 2), (1, 1), 1),
    ("conv/pointwise_strided", (2, 4, 5, 5), (3, 4, 1, 1), True, (2, 2), (0, 0), (1, 1), 1),
    ("conv/whole_input", (3, 2, 4, 5), (3, 2, 4, 5), True, (1, 1), (0, 0), (1, 1), 1),
    ("conv/grouped", (2, 4, 5, 5), (6, 2, 3, 3), True, (1, 1), (1, 1), (1, 1), 2),
    ("conv/depthwise_double", (2, 4, 6, 6), (8, 1, 3, 3), True, (2, 2), (1, 1), (1, 1), 4),
    ("conv/dilated_unequal", (1, 2, 9, 11), (3, 2, 3, 3), True, (1, 1), (2, 2), (2, 3), 1),
    ("conv/everything", (2, 4, 8, 9), (4, 2, 3, 2), False, (2, 3), (2, 1), (2, 2), 2),
]
POOL = [  # name, x, kernel, stride, padding
    ("avgpool/halving", (2, 2, 6, 5), (2, 2), (2, 2), (0, 0)),
    ("avgpool/padded_overlap", (2, 2, 7, 6), (3, 3), (2, 2), (1, 1)),
    ("avgpool/unequal", (1, 3, 5, 8), (3, 4), (1, 2), (1, 2)),
    ("avgpool/global", (2, 3, 4, 5), (4, 5), (1, 1), (0, 0)),
    ("maxpool/halving", (2, 2, 6, 5), (2, 2), (2, 2), (0, 0)),
    ("maxpool/padded_overlap", (2, 2, 7, 6), (3, 3), (2, 2), (1, 1)),
]
NORM = [  # name, x, epsilon
    ("batchnorm/images", (4, 3, 5, 5), 1e-3),
    ("batchnorm/vectors", (6, 5), 1e-5),
]
LAYERNORM = [  # name, x, epsilon
    ("layernorm/vectors", (3, 7), 1e-5),
    ("layernorm/sequences", (2, 3, 6), 1e-3),
]


class Inputs:
    """Generated tensors of one case in one precision, and the list of them for the file."""

    def __init__(self, case, dtype):
        self.case, self.dtype, self.listed = case, dtype, []

    def make(self, name, shape, limit=1.0):
        stream = f"{self.case}/{name}"
        a = symmetric(stream, shape, limit)
        self.listed.append({"name": name, "stream": stream, "shape": list(shape), "limit": limit, "first": digits(a.ravel()[:4])})
        return torch.from_numpy(a).to(self.dtype).requires_grad_()

    def backward(self, y, leaves):
        """The outputs y and the gradients of sum(y * dy) by name."""
        y.backward(self.make("dy", tuple(y.shape)).detach())
        return {"y": y, **{"d" + name: leaf.grad for name, leaf in leaves.items()}}


def conv(make, shape, weight, bias, stride, padding, dilation, groups):
    leaves = {"x": make.make("x", shape), "weight": make.make("weight", weight, 0.5)}
    if bias:
        leaves["bias"] = make.make("bias", weight[:1], 0.5)
    y = F.conv2d(leaves["x"], leaves["weight"], leaves.get("bias"), stride, padding, dilation, groups)
    return make.backward(y, leaves)


def pool(make, shape, kernel, stride, padding):
    x = make.make("x", shape)
    if make.case.startswith("avgpool"):
        y = F.avg_pool2d(x, kernel, stride, padding, count_include_pad=False)
    else:
        y = F.max_pool2d(x, kernel, stride, padding)
    return make.backward(y, {"x": x})


def norm(make, shape, epsilon):
    channels = shape[1:2]
    leaves = {"x": make.make("x", shape), "gamma": make.make("gamma", channels), "beta": make.make("beta", channels)}
    mean, var = torch.zeros(channels, dtype=make.dtype), torch.ones(channels, dtype=make.dtype)
    y = F.batch_norm(leaves["x"], mean, var, leaves["gamma"], leaves["beta"], training=True, momentum=0.1, eps=epsilon)
    return {**make.backward(y, leaves), "running_mean": mean, "running_var": var}


def layer_norm(make, shape, epsilon):
    size = shape[-1:]
    leaves = {"x": make.make("x", shape), "gamma": make.make("gamma", size), "beta": make.make("beta", size)}
    return make.backward(F.layer_norm(leaves["x"], size, leaves["gamma"], leaves["beta"], epsilon), leaves)


def net(make):
    layers = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4, eps=1e-3, momentum=0.1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).to(make.dtype)
    named = {"conv/weight": layers[0].weight, "norm/gamma": layers[1].weight, "norm/beta": layers[1].bias,
             "dense/weight": layers[5].weight, "dense/bias": layers[5].bias}
    with torch.no_grad():
        layers[0].weight.copy_(make.make("conv/weight", (4, 2, 3, 3), 0.5))
        layers[5].weight.copy_(make.make("dense/weight", (4, 3), 0.5).T)
        layers[5].bias.zero_()
    images = [make.make(f"input/{s}", (4, 2, 6, 6)).detach() for s in range(3)]
    sgd, losses, out = torch.optim.SGD(layers.parameters(), lr=0.5), [], {}
    for s, x in enumerate(images):
        sgd.zero_grad()
        decided(layers[:2], x)
        loss = F.cross_entropy(layers(x), torch.tensor(net_labels(s)))
        loss.backward()
        losses.append(loss.detach())
        if s == 0:
            out = {"d" + name: p.grad.clone() for name, p in named.items()}
        sgd.step()
    out = {"losses": torch.stack(losses), **out, **named}
    out.update({"norm/running_mean": layers[1].running_mean, "norm/running_var": layers[1].running_var})
    out["logits"] = layers.eval()(images[0])
    return {name: x.T if name.endswith("dense/weight") else x for name, x in out.items()}


def net_labels(step):
    return labels(f"net/label/{step}", 4, 3).tolist()


def decided(front, x):
    """Refuses a ReLU near its corner, where float32 and float64 may differ; leaves the running statistics alone."""
    saved = {name: b.clone() for name, b in front.named_buffers()}
    with torch.no_grad():
        closest = front(x).abs().min().item()
        for name, b in front.named_buffers():
            b.copy_(saved[name])
    if closest < 1e-4:
        raise SystemExit(f"net: a ReLU sees {closest:.1e}; change the streams' names")


def case(name, compute, *args, **params):
    """One entry of the file: compute in both precisions, keep float64."""
    make, single = Inputs(name, torch.float64), Inputs(name, torch.float32)
    exact, rough = compute(make, *args), compute(single, *args)
    outputs = []
    for key, x in exact.items():
        x = x.detach().numpy()
        outputs.append({
            "name": key, "shape": list(x.shape),
            "float32_error": distance(rough[key].detach().numpy(), x),
            "values": digits(x),
        })
    return {"name": name, "op": name.split("/")[0], **params, "inputs": make.listed, "outputs": outputs}


def main():
    deterministic()
    cases = []
    for name, x, weight, bias, stride, padding, dilation, groups in CONV:
        cases.append(case(name, conv, x, weight, bias, stride, padding, dilation, groups, kernel=weight[2:],
                          stride=stride, padding=padding, dilation=dilation, groups=groups))
    for name, x, kernel, stride, padding in POOL:
        cases.append(case(name, pool, x, kernel, stride, padding, kernel=kernel, stride=stride, padding=padding))
    for name, x, epsilon in NORM:
        cases.append(case(name, norm, x, epsilon, epsilon=epsilon, momentum=0.9))
    for name, x, epsilon in LAYERNORM:
        cases.append(case(name, layer_norm, x, epsilon, epsilon=epsilon))
    whole = case("net", net, epsilon=1e-3, momentum=0.9, labels=[net_labels(s) for s in range(3)])
    write(os.path.join(HERE, "golden_ops.json"), {"source": f"golden_ops.py, PyTorch {torch.__version__}", "cases": cases, "net": whole})
    for c in cases + [whole]:
        print(f"{c['name']:26}", {o["name"]: o["float32_error"] for o in c["outputs"]})


if __name__ == "__main__":
    main()
