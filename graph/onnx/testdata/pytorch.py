"""Writes pytorch.onnx and pytorch.json: a network that PyTorch exports, with
what it makes of an input. Run by /usr/bin/python3 with Debian's python3-torch
1.13 and python3-onnx in this folder."""
import json

import torch
from torch import nn
from torch.nn import functional


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.norm2 = nn.BatchNorm2d(4)
        self.up = nn.ConvTranspose2d(4, 3, 2, stride=2)
        self.gate = nn.Linear(3, 3)
        self.dropout = nn.Dropout(0.3)
        self.dense = nn.Linear(3 * 8 * 8, 5)

    def forward(self, x):
        x = functional.hardswish(self.norm(self.conv(x)))
        x = x + functional.relu6(self.norm2(self.depthwise(x)))
        x = functional.pad(functional.max_pool2d(x, 2), (1, 1, 0, 2), mode="reflect")[:, :, :4, 1:5]
        x = functional.gelu(self.up(x))
        squeezed = functional.adaptive_avg_pool2d(x, 1).view(x.size(0), -1)
        x = x * torch.sigmoid(self.gate(squeezed)).unsqueeze(-1).unsqueeze(-1)
        x = torch.cat([x.transpose(2, 3)], 1).reshape(x.shape[0], -1)
        return functional.log_softmax(self.dense(self.dropout(x)), dim=1)


torch.manual_seed(1)
net = Net()
for _ in range(3):  # running statistics other than 0 and 1
    net(torch.randn(8, 2, 16, 16))
net.eval()
x = torch.randn(3, 2, 16, 16)
torch.onnx.export(net, x[:1], "pytorch.onnx", opset_version=14, input_names=["image"], output_names=["scores"],
                  dynamic_axes={"image": {0: "batch"}, "scores": {0: "batch"}})
with torch.no_grad():
    y = net(x)
with open("pytorch.json", "w") as file:
    json.dump({"input": x.flatten().tolist(), "output": y.flatten().tolist()}, file)
