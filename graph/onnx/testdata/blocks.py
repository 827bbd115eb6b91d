"""Writes blocks.json and block_*.onnx: what PyTorch exports at opset 13 for the
blocks that newer image networks consist of, with what it makes of an input. Run by
/usr/bin/python3 with Debian's python3-torch 1.13 and python3-onnx in this folder."""
import json

import torch
from torch import nn
from torch.nn import functional


class Tokens(nn.Module):
    """An image as tokens, one more in front of them, positions, and an encoder's
    block with the attention of torch.nn."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(2, 6, 2, stride=2)
        self.token = nn.Parameter(torch.randn(1, 1, 6))
        self.positions = nn.Parameter(torch.randn(1, 17, 6))
        self.norm = nn.LayerNorm(6, eps=1e-6)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.norm2 = nn.LayerNorm(6, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(6, 9), nn.GELU(), nn.Linear(9, 6))

    def forward(self, x):
        n = x.shape[0]
        x = self.patches(x).reshape(n, 6, -1).permute(0, 2, 1)
        x = torch.cat([self.token.expand(n, -1, -1), x], dim=1) + self.positions
        y = self.norm(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.mlp(self.norm2(x))
        return x[:, 0]


class Windows(nn.Module):
    """Attention within shifted windows of 2×2 pixels, with a bias for each pair of
    positions and a mask that the graph computes from the image's size."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(4, 12)
        self.bias = nn.Parameter(torch.randn(1, 2, 4, 4))
        self.out = nn.Linear(4, 4)

    def mask(self, h, w):
        parts = torch.zeros(h, w)
        number = 0
        for rows in (slice(0, -2), slice(-2, -1), slice(-1, None)):
            for cols in (slice(0, -2), slice(-2, -1), slice(-1, None)):
                parts[rows, cols] = number
                number += 1
        parts = parts.view(h // 2, 2, w // 2, 2).permute(0, 2, 1, 3).reshape(-1, 4)
        apart = parts.unsqueeze(1) - parts.unsqueeze(2)
        return apart.masked_fill(apart != 0, -100.0).masked_fill(apart == 0, 0.0)

    def forward(self, x):
        x = x.permute(0, 2, 3, 1)
        n, h, w, c = x.shape
        y = functional.pad(x, (0, 0, 0, (2 - w % 2) % 2, 0, (2 - h % 2) % 2))
        y = torch.roll(y, (-1, -1), (1, 2))
        y = y.view(n, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, c)
        qkv = self.qkv(y).reshape(y.shape[0], 4, 3, 2, c // 2).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0] * (c // 2) ** -0.5, qkv[1], qkv[2]
        scores = q.matmul(k.transpose(-2, -1)) + self.bias
        windows = (h // 2) * (w // 2)
        scores = scores.view(n, windows, 2, 4, 4) + self.mask(h, w).unsqueeze(1).unsqueeze(0)
        y = functional.softmax(scores.view(-1, 2, 4, 4), dim=-1).matmul(v).transpose(1, 2).reshape(-1, 4, c)
        y = self.out(y).view(n, h // 2, w // 2, 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h, w, c)
        y = torch.roll(y, (1, 1), (1, 2))
        return (x + y).permute(0, 3, 1, 2).mean((2, 3))


class Grid(nn.Module):
    """Attention over the pixels at the same place of all blocks, by Einsum, the
    parts of the product by chunk."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(4, 12)

    def forward(self, x):
        n, c, h, w = x.shape
        x = x.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 2, 4, 1).reshape(n, 4, -1, c)
        q, k, v = [p.reshape(n, 4, -1, 2, c // 2).permute(0, 1, 3, 2, 4) for p in self.qkv(x).chunk(3, dim=-1)]
        scores = torch.einsum("b g h i d, b g h j d -> b g h i j", q, k * 0.7)
        y = torch.einsum("b g h i j, b g h j d -> b g h i d", scores.softmax(-1), v)
        return y.permute(0, 1, 3, 2, 4).reshape(n, -1)


class Shuffle(nn.Module):
    """Two halves of the channels that go different ways and are shuffled."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        for _ in range(2):
            a, b = x.chunk(2, dim=1)
            x = torch.cat([a, functional.relu(self.conv(b))], dim=1)
            n, c, h, w = x.size()
            x = x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)
        return x.mean([2, 3])


class Excite(nn.Module):
    """Factors for channels, and the activations of mobile networks."""

    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)

    def forward(self, x):
        x = functional.silu(x)
        x = x * torch.sigmoid(self.up(functional.silu(self.down(functional.adaptive_avg_pool2d(x, 1)))))
        x = functional.hardswish(x)
        return functional.hardsigmoid(x).mean((2, 3))


class Scaled(nn.Module):
    """A block of channels last in a network of planes: a norm over channels, before
    and within it, and a factor for each channel."""

    def __init__(self):
        super().__init__()
        self.first = nn.LayerNorm(4, eps=1e-6)
        self.norm = nn.LayerNorm(4, eps=1e-6)
        self.grow, self.shrink = nn.Linear(4, 7), nn.Linear(7, 4)
        self.scale = nn.Parameter(torch.randn(4, 1, 1))

    def forward(self, x):
        x = self.first(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        y = self.shrink(functional.gelu(self.grow(self.norm(x.permute(0, 2, 3, 1))))).permute(0, 3, 1, 2)
        return (x + self.scale * y).mean((2, 3))


torch.manual_seed(1)
golden = {}
for name, net, shape in [
    ("tokens", Tokens(), (2, 8, 8)), ("windows", Windows(), (4, 4, 6)), ("grid", Grid(), (4, 4, 6)),
    ("shuffle", Shuffle(), (6, 3, 4)), ("excite", Excite(), (4, 3, 5)), ("scaled", Scaled(), (4, 3, 5)),
]:
    net.eval()
    x = torch.randn(3, *shape)
    axes = {"image": {0: "batch"}, "scores": {0: "batch"}}
    torch.onnx.export(net, x[:1], f"block_{name}.onnx", opset_version=13, input_names=["image"], output_names=["scores"],
                      dynamic_axes=axes)
    with torch.no_grad():
        y = net(x)
    golden[name] = {"input": x.flatten().tolist(), "output": y.flatten().tolist()}
with open("blocks.json", "w") as file:
    json.dump(golden, file)
