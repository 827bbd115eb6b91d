#!/usr/bin/env python3
"""Writes golden_optimizers.json: what PyTorch's optimizers make of 19 weights in ten steps, and its schedules.

    python3 golden_optimizers.py            (PyTorch 1.13, CPU; a second)

Everything is computed in float64 from float32 numbers. Lion, which PyTorch 1.13 does not have, is algorithm 2 of
Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", written out below. NAdam is the algorithm in the
documentation of torch.optim.NAdam, written out below too: the code of 1.13 departs from it, as it has the current momentum
twice in the product up to the next step (mu_product * mu * mu_next, where mu_product contains mu already).

Numbers   integers are 64 bits and wrap; z(i) is splitmix64 of i+1, unit(i) = (z(i)>>40)·2^-24
    weights[i]       = float32(0.5 + unit(i)), the sign alternates
    gradients[s][i]  = float32((2·unit(100·(s+1)+i) - 1)·10^-(i mod 4)), 0 for i = 18
Results
    rules[name]      the weights after each step
    clip             the last gradient after clip_grad_norm_(0.5) and after clip_grad_value_(0.05)
    schedules[name]  the factor of the learning rate at each step, by torch.optim.lr_scheduler
"""

import json
import os

import numpy as np
import torch
from torch.optim import lr_scheduler

SIZE, STEPS = 19, 10


class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr, betas, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (beta1, beta2), lr, wd = group["betas"], group["lr"], group["weight_decay"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                c = beta1 * m + (1 - beta1) * p.grad
                p.sub_(lr * (torch.sign(c) + wd * p))
                m.copy_(beta2 * m + (1 - beta2) * p.grad)


class NAdam(torch.optim.Optimizer):
    def __init__(self, params, lr, betas, eps, weight_decay=0.0, momentum_decay=4e-3):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, psi=momentum_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (beta1, beta2), lr = group["betas"], group["lr"]
            for p in group["params"]:
                state = self.state[p]
                t = state["t"] = state.get("t", 0) + 1
                m, v = (state.setdefault(k, torch.zeros_like(p)) for k in "mv")
                g = p.grad + group["weight_decay"] * p
                mu, mu_next = (beta1 * (1 - 0.96 ** (i * group["psi"]) / 2) for i in (t, t + 1))
                product = state["product"] = state.get("product", 1.0) * mu
                m.copy_(beta1 * m + (1 - beta1) * g)
                v.copy_(beta2 * v + (1 - beta2) * g * g)
                m_hat = mu_next * m / (1 - product * mu_next) + (1 - mu) * g / (1 - product)
                p.sub_(lr * m_hat / (torch.sqrt(v / (1 - beta2**t)) + group["eps"]))


RULES = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "sgd momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "sgd nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "sgd nesterov decay": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.05),
    "sgd decay": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.05),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.99, eps=1e-8),
    "rmsprop momentum decay": lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-7, momentum=0.9, weight_decay=0.05),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1, eps=1e-10),
    "adagrad decay": lambda p: torch.optim.Adagrad(p, lr=0.1, eps=1e-7, weight_decay=0.05),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.9, 0.999), eps=1e-7),
    "adam decay": lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.99), eps=1e-8, weight_decay=0.05),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, betas=(0.9, 0.999), eps=1e-7, weight_decay=0.01),
    "adamw more": lambda p: torch.optim.AdamW(p, lr=0.02, betas=(0.8, 0.99), eps=1e-8, weight_decay=0.3),
    "nadam": lambda p: NAdam(p, lr=0.002, betas=(0.9, 0.999), eps=1e-7),
    "nadam decay": lambda p: NAdam(p, lr=0.02, betas=(0.8, 0.99), eps=1e-8, weight_decay=0.05),
    "lion": lambda p: Lion(p, lr=0.01, betas=(0.9, 0.99)),
    "lion decay": lambda p: Lion(p, lr=0.02, betas=(0.8, 0.95), weight_decay=0.3),
}

# Schedules by step; four steps are an epoch, and there are 20 steps.
SCHEDULES = {
    "step": lambda o: lr_scheduler.StepLR(o, step_size=2 * 4, gamma=0.5),
    "exponential": lambda o: lr_scheduler.StepLR(o, step_size=4, gamma=0.8),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=20),
    "onecycle": lambda o: lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=20, cycle_momentum=False),
}
LOSSES = [1.0, 0.9, 0.95, 0.91, 0.92, 0.85, 0.849999, 0.86, 0.87, 0.84, 0.85, 0.86, 0.87, 0.88, 0.89]


def unit(start, n):
    u = np.uint64
    z = np.arange(start + 1, start + n + 1, dtype=u) * u(0x9E3779B97F4A7C15)
    z = (z ^ z >> u(30)) * u(0xBF58476D1CE4E5B9)
    z = (z ^ z >> u(27)) * u(0x94D049BB133111EB)
    return ((z ^ z >> u(31)) >> u(40)).astype(np.float64) * 2.0**-24


def weights():
    return ((0.5 + unit(0, SIZE)) * (-1.0) ** np.arange(SIZE)).astype(np.float32)


def gradient(step):
    g = (2 * unit(100 * (step + 1), SIZE) - 1) * 10.0 ** -(np.arange(SIZE) % 4)
    g[SIZE - 1] = 0
    return g.astype(np.float32)


def parameter():
    return torch.nn.Parameter(torch.from_numpy(weights()).double())


def train(make):
    w = parameter()
    optimizer, after = make([w]), []
    for step in range(STEPS):
        w.grad = torch.from_numpy(gradient(step)).double()
        optimizer.step()
        after.append(w.tolist())
    return after


def clipped(clip, limit):
    w = parameter()
    w.grad = torch.from_numpy(gradient(STEPS - 1)).double()
    clip([w], limit)
    return w.grad.tolist()


def factors(make):
    optimizer = torch.optim.SGD([parameter()], lr=1.0)
    schedule, all_factors = make(optimizer), []
    for _ in range(20):
        all_factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return all_factors


def plateau():
    """The factor after each of the losses."""
    optimizer = torch.optim.SGD([parameter()], lr=1.0)
    schedule, after = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2), []
    for loss in LOSSES:
        schedule.step(loss)
        after.append(optimizer.param_groups[0]["lr"])
    return after


def main():
    content = {
        "source": f"golden_optimizers.py, PyTorch {torch.__version__}",
        "weights": weights().tolist(),
        "gradients": [gradient(s).tolist() for s in range(STEPS)],
        "rules": {name: train(make) for name, make in RULES.items()},
        "clip": {
            "norm": clipped(torch.nn.utils.clip_grad_norm_, 0.5),
            "value": clipped(torch.nn.utils.clip_grad_value_, 0.05),
        },
        "schedules": {name: factors(make) for name, make in SCHEDULES.items()},
        "plateau": {"losses": LOSSES, "factors": plateau()},
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden_optimizers.json")
    with open(path, "w") as f:
        f.write(json.dumps(content).replace("], ", "],\n").replace('": {', '": {\n') + "\n")


if __name__ == "__main__":
    main()
