#!/usr/bin/env python3
"""Writes reference.json: losses, steps and whole attacks by programs of other authors, on a small network.

    python3 reference.py AUTOATTACK          (PyTorch 1.13, CPU, one thread)

AUTOATTACK is a checkout of github.com/fra31/auto-attack (commit a392200, MIT licence), Croce and Hein's own program. It is
called, not copied: APGD from the clean picture, FAB with a target, the projections of FAB and the bumps of Square. FGSM,
PGD and the losses' gradients are autograd's.

"net": conv 1->4 of 3x3, ReLU, max-pool 2, dense 36->5, behind the normalisation (x-0.3)/0.5. "images" are 8x8 in [0,1],
"classes" what the network says of them. All computation is in float64, but for FAB, which its program casts to float32.
"""

import json
import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, sys.argv[1])
from autoattack.autopgd_base import APGDAttack, APGDAttack_targeted  # noqa: E402
from autoattack.fab_projections import projection_l2, projection_linf  # noqa: E402
from autoattack.fab_pt import FABAttack_PT  # noqa: E402
from autoattack.square import SquareAttack  # noqa: E402

torch.set_num_threads(1)
torch.manual_seed(7)
MEAN, DEVIATION = 0.3, 0.5


def single(*shape):
    """Random numbers that float32 holds exactly."""
    return torch.randn(*shape).float().double()


weights = {"conv": single(4, 1, 3, 3) * 0.5, "conv_bias": single(4) * 0.25, "dense": single(36, 5) * 0.25, "dense_bias": single(5) * 0.125}
images = torch.rand(6, 1, 8, 8).float().double()


def net(x):
    w = {k: v.to(x.dtype) for k, v in weights.items()}
    h = F.max_pool2d(F.relu(F.conv2d((x - MEAN) / DEVIATION, w["conv"], w["conv_bias"])), 2)
    return h.flatten(1) @ w["dense"] + w["dense_bias"]


classes = net(images).argmax(1)


def flat(t):
    return [float("%.9g" % v) for v in t.detach().double().flatten()]


def gradient(x, f):
    x = x.clone().requires_grad_()
    loss = f(net(x))
    return loss.detach(), torch.autograd.grad(loss.sum(), x)[0]


def cross_entropy(z):
    return F.cross_entropy(z, classes, reduction="none")


def margin(z):
    others = z.scatter(1, classes[:, None], -float("inf"))
    return others.max(1)[0] - z.gather(1, classes[:, None])[:, 0]


def apgd(norm, eps, loss):
    """The best picture of 100 steps from the clean one, and its loss."""
    if loss == "dlr-targeted":
        a = APGDAttack_targeted(net, n_iter=100, norm=norm, eps=eps, device="cpu")
        a.y_target = net(images).sort(dim=1)[1][:, -2]
    else:
        a = APGDAttack(net, n_iter=100, norm=norm, eps=eps, loss=loss, device="cpu")
    a.init_hyperparam(images)
    best, acc, value, _ = a.attack_single_run(images, classes, x_init=images)
    return {"norm": norm.lower(), "epsilon": eps, "loss": loss, "best": flat(best), "value": flat(value), "right": [bool(v) for v in acc]}


def fab(norm, steps):
    """The closest picture of that many steps to the second class."""
    a = FABAttack_PT(net, norm=norm, n_iter=steps, eps=0.3, targeted=True, device="cpu")
    a.target_class = 2
    return {"norm": norm.lower(), "steps": steps, "closest": flat(a.attack_single_run(images, classes, is_targeted=True))}


def step(x, norm, size, eps):
    """One step of PGD on cross-entropy."""
    g = gradient(x, cross_entropy)[1]
    if norm == "linf":
        return torch.max(torch.min(x + size * g.sign(), images + eps), images - eps).clamp(0, 1)
    d = x + size * g / g.flatten(1).norm(dim=1)[:, None, None, None] - images
    length = d.flatten(1).norm(dim=1)[:, None, None, None]
    return (images + d * torch.clamp(eps / length, max=1)).clamp(0, 1)


def pgd(norm, eps, steps, size):
    x = images
    for _ in range(steps):
        x = step(x, norm, size, eps)
    return {"norm": norm, "epsilon": eps, "steps": steps, "size": size, "last": flat(x)}


def losses():
    """Losses of rows of logits, and their gradients."""
    z = torch.randn(8, 6, dtype=torch.float64) * 3
    y = torch.tensor([0, 1, 2, 3, 4, 5, 0, 1])
    target = (y + 2) % 6
    a = APGDAttack(net, eps=1.0)
    t = APGDAttack_targeted(net, eps=1.0)
    t.y_target = target
    rows = {"logits": flat(z), "classes": y.tolist(), "targets": target.tolist()}

    def one(name, f):
        x = z.clone().requires_grad_()
        value = f(x)
        rows[name] = {"value": flat(value), "gradient": flat(torch.autograd.grad(value.sum(), x)[0])}

    one("ce", lambda x: F.cross_entropy(x, y, reduction="none"))
    one("dlr", lambda x: a.dlr_loss(x, y))
    one("dlr-t", lambda x: t.dlr_loss_targeted(x, y))
    one("margin", lambda x: x.scatter(1, y[:, None], -float("inf")).max(1)[0] - x.gather(1, y[:, None])[:, 0])
    return rows


def projections():
    """Steps of pictures to planes w.x = b."""
    x, w = torch.rand(12, 10, dtype=torch.float64), torch.randn(12, 10, dtype=torch.float64)
    x, w = x.float().double(), w.float().double()
    x[3, :5] = 0
    x[4, :5] = 1
    gap = torch.tensor([0.1, -0.1, 0.5, 1, -1, 2, -2, 3, -3, 0.01, 20, -20], dtype=torch.float64)
    b = (w * x).sum(1) + gap
    return {"x": flat(x), "w": flat(w), "gap": flat(gap), "linf": flat(projection_linf(x.clone(), w.clone(), b.clone())),
            "l2": flat(projection_l2(x.clone(), w.clone(), b.clone()))}


def bumps():
    """Bumps of Square, upright, and the part of the picture that a square has at some queries."""
    a = SquareAttack(net, norm="L2", n_queries=5000, eps=1.0, device="cpu", resc_schedule=True)
    out = {}
    for side in [3, 5, 8, 25]:
        delta = torch.zeros(side, side)
        delta[: side // 2] = a.eta_rectangles(side // 2, side)
        delta[side // 2:] = -a.eta_rectangles(side - side // 2, side)
        out[str(side)] = flat(delta / delta.norm())
    queries = [1, 5, 6, 25, 26, 100, 101, 250, 300, 700, 1500, 2500, 3500, 4500, 4999]
    return {"bumps": out, "queries": queries, "parts": [a.p_selection(q) for q in queries]}


value, pixels = gradient(images, cross_entropy)
out = {
    "weights": {k: flat(v) for k, v in weights.items()}, "images": flat(images), "classes": classes.tolist(),
    "logits": flat(net(images)), "loss": flat(value), "gradient": flat(pixels), "losses": losses(),
    "pgd": [pgd("linf", 0.1, 1, 0.1), pgd("l2", 0.5, 1, 0.5), pgd("linf", 0.05, 10, 0.01), pgd("l2", 0.4, 10, 0.1)],
    "apgd": [apgd(n, e, l) for n, e in [("Linf", 0.02), ("Linf", 0.012), ("L2", 0.1), ("L2", 0.06)] for l in ["ce", "dlr", "dlr-targeted"]],
    "fab": [fab(n, s) for n in ["Linf", "L2"] for s in [1, 2, 5, 20]],
    "projections": projections(), "square": bumps(),
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
