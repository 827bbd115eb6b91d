"""Answers questions about networks by PyTorch: a line of JSON comes in, a line goes out.

A question has the layers of a network in words, its weights in the order in which the
layers make them, a batch, a loss, and the weights before and after each of some steps of an
optimizer. The answer has what PyTorch computes of them in double precision, how far off its
own single precision is, and how near the network comes to a kink, where a gradient jumps.
"""
import base64
import json
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def tensor(t, dtype):
    values = np.frombuffer(base64.b64decode(t["data"]), np.float32).reshape(t["shape"])
    return torch.tensor(values.astype(np.float64 if dtype == torch.float64 else np.float32))


def raw(x):
    return base64.b64encode(x.detach().double().contiguous().numpy().tobytes()).decode()


class Network:
    """The layers, with weights that they take one by one."""

    def __init__(self, question, params, states, training):
        self.question, self.training = question, training
        self.params, self.states = iter(params), iter(states)
        self.kink = 1.0

    def near(self, x, *kinks):
        """Notes how near the values of x come to kinks, as a share of the largest. One that is at a
        kink exactly, as a 0 behind another ReLU, is there in any precision."""
        x = x.detach()
        if not x.numel():
            return
        size = max(x.abs().max().item(), 1e-30)
        for k in kinks:
            away = (x - k).abs()
            away = away[away > 0]
            if len(away):
                self.kink = min(self.kink, away.min().item() / size)

    def curve(self, l, x):
        name = l["curve"]
        if name == "":
            return x
        if name in ("relu", "leaky_relu"):
            self.near(x, 0)
        if name == "leaky_relu":
            return F.leaky_relu(x, l["alpha"])
        if name == "elu":
            if l["alpha"] != 1:
                self.near(x, 0)
            return F.elu(x, l["alpha"])
        if name == "hardsigmoid":
            line = l["alpha"] * x + 0.5
            self.near(line, 0, 1)
            return line.clamp(0, 1)
        if name in ("softmax", "log_softmax"):
            return getattr(F, name)(x, -1)
        if name == "relu6":
            self.near(x, 0, 6)
        if name == "hardswish":
            self.near(x, -3, 3)
        return getattr(F, name)(x) if name not in ("tanh", "sigmoid") else getattr(torch, name)(x)

    def pad(self, l, x, value=0.0):
        reach = (l["kernel"] - 1) * max(l["dilation"], 1) + 1
        stride = max(l["stride"], 1)
        top, bottom, left, right = l["pad"]
        if l["same"]:
            sides = []
            for d in x.shape[2:]:
                total = max((-(-d // stride) - 1) * stride + reach - d, 0)
                sides += [total // 2, total - total // 2]
            top, bottom, left, right = sides
        return F.pad(x, (left, right, top, bottom), value=value)

    def bias(self, l):
        return None if l["noBias"] else next(self.params)

    def conv(self, l, x, groups):
        w = next(self.params)
        b = self.bias(l)
        y = F.conv2d(self.pad(l, x), w, b, max(l["stride"], 1), 0, max(l["dilation"], 1), groups)
        return self.curve(l, y)

    def rotated(self, l, x, fields):
        """A convolution whose filters are turned by quarters, of fields or of a picture."""
        w = next(self.params)
        banks = []
        for r in range(4):
            turned = torch.rot90(w, r, (2, 3))
            if fields:
                c = torch.arange(w.shape[1])
                turned = turned[:, c // 4 * 4 + (c % 4 - r) % 4]
            banks.append(turned)
        bank = torch.stack(banks, 1).flatten(0, 1)
        b = self.bias(l)
        b = None if b is None else b.repeat_interleave(4)
        return self.curve(l, F.conv2d(self.pad(l, x), bank, b))

    def batchnorm(self, l, x):
        gamma, beta, mean, variance = (next(s) for s in (self.params, self.params, self.states, self.states))
        y = F.batch_norm(x, mean, variance, gamma, beta, self.training, 1 - l["momentum"], l["epsilon"])
        if y.requires_grad:  # that of 1.13 is wrong for the gradient of an image whose channels are last
            y.register_hook(lambda g: g.contiguous())
        return y

    def layer(self, l, x):
        kind = l["kind"]
        if kind == "conv":
            return self.conv(l, x, l["groups"])
        if kind == "depthwise":
            return self.conv(l, x, x.shape[1])
        if kind == "maxpool":
            x = self.pad(l, x, -float("inf"))
            y = F.max_pool2d(x, l["kernel"], l["stride"])
            windows = x.detach().unfold(2, l["kernel"], l["stride"]).unfold(3, l["kernel"], l["stride"]).flatten(4)
            if windows.shape[-1] > 1:
                a, b = windows.topk(2, -1).values.unbind(-1)
                self.near((a - b)[b > -float("inf")] / max(y.abs().max().item(), 1e-30), 0)
            return y
        if kind == "avgpool":
            ones = self.pad(l, torch.ones_like(x))
            return F.avg_pool2d(self.pad(l, x), l["kernel"], l["stride"]) / F.avg_pool2d(ones, l["kernel"], l["stride"])
        if kind == "blurpool":
            row = np.poly1d([0.5, 0.5]) ** (l["kernel"] - 1)
            row = torch.tensor(np.atleast_1d(row.coeffs if l["kernel"] > 1 else [1.0]), dtype=x.dtype)
            w = (row[:, None] * row[None, :]).repeat(x.shape[1], 1, 1, 1)
            return F.conv2d(self.pad(l, x), w, None, l["stride"], 0, 1, x.shape[1])
        if kind == "lift":
            return self.rotated(l, x, False)
        if kind == "groupconv":
            return self.rotated(l, x, True)
        if kind == "groupbatchnorm":
            n, c, h, w = x.shape
            return self.batchnorm(l, x.reshape(n, c // 4, 4 * h, w)).reshape(x.shape)
        if kind == "groupmaxpool":
            n, c, h, w = x.shape
            a, b = x.detach().reshape(n, c // 4, 4, h, w).topk(2, 2).values.unbind(2)
            self.near((a - b) / max(x.abs().max().item(), 1e-30), 0)
            return x.reshape(n, c // 4, 4, h, w).amax(2)
        if kind == "batchnorm":
            return self.batchnorm(l, x)
        if kind == "layernorm":
            gamma, beta = next(self.params), next(self.params)
            return F.layer_norm(x, x.shape[-1:], gamma, beta, l["epsilon"])
        if kind == "dense":
            y = x @ next(self.params)
            b = self.bias(l)
            return self.curve(l, y if b is None else y + b)
        if kind == "curve":
            return self.curve(l, x)
        if kind == "dropout":
            return x
        if kind == "padchannels":
            return F.pad(x, (0, 0, 0, 0, 0, l["size"] - x.shape[1]))
        if kind == "patches":
            n, c, h, w = x.shape
            k = l["kernel"]
            return x.reshape(n, c, h // k, k, w // k, k).permute(0, 2, 4, 1, 3, 5).reshape(n, (h // k) * (w // k), c * k * k)
        if kind == "transpose":
            return x.transpose(1, 2)
        if kind == "flatten":
            return x.flatten(1)
        if kind == "globalavgpool":
            return x.mean((2, 3))
        if kind == "residual":
            y = self.layers(l["branches"][0], x)
            return y + (self.layers(l["branches"][1], x) if len(l["branches"]) > 1 else x)
        if kind == "concat":
            return torch.cat([self.layers(b, x) for b in l["branches"]], 1)
        raise ValueError(kind)

    def layers(self, layers, x):
        for l in layers:
            x = self.layer(l, x)
        return x

    def loss(self, y, target, weights):
        loss = self.question["loss"]
        kind, setting = loss["kind"], loss["setting"]
        if kind == "mse":
            each = ((y - target) ** 2).flatten(1).mean(1)
        elif kind == "binary":
            each = F.binary_cross_entropy_with_logits(y, target, reduction="none").mean(1)
        elif kind == "sets":
            sets = torch.zeros(len(loss["sets"]), y.shape[1], dtype=y.dtype)
            for i, s in enumerate(loss["sets"]):
                sets[i, s] = 1
            each = F.binary_cross_entropy_with_logits(y, sets[target.long()], reduction="none").mean(1)
        else:
            label = target.long()
            log = F.log_softmax(y, 1)[torch.arange(len(y)), label]
            if kind == "cross":
                each = F.cross_entropy(y, label, reduction="none", label_smoothing=setting)
            elif kind == "generalized":
                each = (1 - (setting * log).exp()) / setting
            elif kind == "focal":
                each = (1 - log.exp()) ** setting * -log
        total = (each * weights).sum()
        return total if loss["sum"] else total / weights.sum()


def run(question, params, states, dtype, training=True):
    """One run, with the gradients of the parameters and of the input in training."""
    x = tensor(question["x"], dtype).requires_grad_(training)
    for p in params:
        p.grad = None
        p.requires_grad_(training)
    network = Network(question, params, states, training)
    y = network.layers(question["layers"], x)
    if not training:
        return {"output": y, "kink": network.kink}
    loss = network.loss(y, tensor(question["target"], dtype), tensor(question["weights"], dtype))
    loss.backward()
    for p in params:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    gradients = [x.grad] + [p.grad for p in params]
    return {"output": y.detach(), "loss": loss.detach(), "gradients": [g.clone() for g in gradients], "kink": network.kink}


def optimizer(params, o):
    settings = dict(o["settings"])
    if "beta1" in settings:
        settings["betas"] = (settings.pop("beta1"), settings.pop("beta2"))
    if o["kind"] == "NAdam":
        settings["foreach"] = True  # the other way of 1.13 multiplies by the current momentum twice
    return getattr(torch.optim, o["kind"])(params, **settings)


def distance(a, b):
    return max([(x.double() - y.double()).abs().max().item() for x, y in zip(a, b)], default=0.0)


def answer(question):
    def weights(dtype):
        return [tensor(p, dtype) for p in question["params"]], [tensor(s, dtype) for s in question["states"]]

    params, states = weights(torch.float64)
    inferred = run(question, params, states, torch.float64, False)
    single, singleStates = weights(torch.float32)
    inferred32 = run(question, single, singleStates, torch.float32, False)
    first32 = run(question, single, singleStates, torch.float32)

    steps, rule, rule32 = [], optimizer(params, question["optimizer"]), optimizer(single, question["optimizer"])
    for i, values in enumerate(question["steps"]):
        with torch.no_grad():
            for p, q, v in zip(params, single, values):
                p.copy_(tensor(v, torch.float64))
                q.copy_(p)
        r = run(question, params, states, torch.float64)
        if i == 0:
            first, firstStates = r, [s.clone() for s in states]
        for p, q in zip(params, single):
            q.grad = p.grad.float()
        rule.step()
        rule32.step()
        steps.append({
            "loss": r["loss"].item(), "gradients": [raw(g) for g in r["gradients"]], "params": [raw(p) for p in params],
            "error32": [distance([p], [q]) for p, q in zip(params, single)],
        })
    last = run(question, params, states, torch.float64, False)
    return {
        "output": raw(first["output"]), "loss": first["loss"].item(), "inferred": raw(inferred["output"]),
        "states": [raw(s) for s in firstStates], "kink": min(first["kink"], inferred["kink"]),
        "steps": steps, "last": raw(last["output"]), "lastStates": [raw(s) for s in states],
        "error32": {
            "output": distance([first["output"]], [first32["output"]]),
            "inferred": distance([inferred["output"]], [inferred32["output"]]),
            "gradients": distance(first["gradients"], first32["gradients"]),
            "states": distance(firstStates, singleStates),
        },
    }


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
