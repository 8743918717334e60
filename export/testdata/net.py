"""|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|none~2| of nas-bench-201, BatchNorm standard. Written by bnas.

    network, about = load()
    logits = network(normalise(pixels, about))  # pixels: N×3×H×W in 0…1

Needs torch and safetensors.
"""

import json
import pathlib

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F


class Named(nn.Module):
    """Modules by their names in the state dict: self["conv.0"]."""

    def __init__(self, modules):
        super().__init__()
        for name, module in modules.items():
            *path, last = name.split(".")
            parent = self
            for part in path:
                if part not in parent._modules:
                    parent.add_module(part, nn.Module())
                parent = parent._modules[part]
            parent.add_module(last, module)

    def __getitem__(self, name):
        return self.get_submodule(name)


class Cells0(Named):
    """cells.0, cells.1"""

    def __init__(self):
        super().__init__({
            "layers.0.op.1": nn.Conv2d(2, 2, 3, padding=1, bias=False),
            "layers.0.op.2": nn.BatchNorm2d(2),
            "layers.2.op.1": nn.Conv2d(2, 2, 1, bias=False),  # no path to the logits
            "layers.2.op.2": nn.BatchNorm2d(2),  # no path to the logits
        })

    def forward(self, x):
        layers_0_op_2 = self["layers.0.op.2"](self["layers.0.op.1"](F.relu(x)))
        node_3 = x + F.avg_pool2d(layers_0_op_2, 3, stride=1, padding=1, count_include_pad=False)
        return node_3


class Cells2(Named):
    """cells.2"""

    def __init__(self):
        super().__init__({
            "conv_a.op.1": nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False),
            "conv_a.op.2": nn.BatchNorm2d(4),
            "downsample.1": nn.Conv2d(2, 4, 1, bias=False),
            "conv_b.op.1": nn.Conv2d(4, 4, 3, padding=1, bias=False),
            "conv_b.op.2": nn.BatchNorm2d(4),
        })

    def forward(self, x):
        conv_a_op_2 = self["conv_a.op.2"](self["conv_a.op.1"](F.relu(x)))
        conv_b_op_2 = self["conv_b.op.2"](self["conv_b.op.1"](F.relu(conv_a_op_2)))
        out = self["downsample.1"](F.avg_pool2d(x, 2, stride=2)) + conv_b_op_2
        return out


class Cells3(Named):
    """cells.3, cells.4"""

    def __init__(self):
        super().__init__({
            "layers.0.op.1": nn.Conv2d(4, 4, 3, padding=1, bias=False),
            "layers.0.op.2": nn.BatchNorm2d(4),
            "layers.2.op.1": nn.Conv2d(4, 4, 1, bias=False),  # no path to the logits
            "layers.2.op.2": nn.BatchNorm2d(4),  # no path to the logits
        })

    def forward(self, x):
        layers_0_op_2 = self["layers.0.op.2"](self["layers.0.op.1"](F.relu(x)))
        node_3 = x + F.avg_pool2d(layers_0_op_2, 3, stride=1, padding=1, count_include_pad=False)
        return node_3


class Cells5(Named):
    """cells.5"""

    def __init__(self):
        super().__init__({
            "conv_a.op.1": nn.Conv2d(4, 8, 3, stride=2, padding=1, bias=False),
            "conv_a.op.2": nn.BatchNorm2d(8),
            "downsample.1": nn.Conv2d(4, 8, 1, bias=False),
            "conv_b.op.1": nn.Conv2d(8, 8, 3, padding=1, bias=False),
            "conv_b.op.2": nn.BatchNorm2d(8),
        })

    def forward(self, x):
        conv_a_op_2 = self["conv_a.op.2"](self["conv_a.op.1"](F.relu(x)))
        conv_b_op_2 = self["conv_b.op.2"](self["conv_b.op.1"](F.relu(conv_a_op_2)))
        out = self["downsample.1"](F.avg_pool2d(x, 2, stride=2)) + conv_b_op_2
        return out


class Cells6(Named):
    """cells.6, cells.7"""

    def __init__(self):
        super().__init__({
            "layers.0.op.1": nn.Conv2d(8, 8, 3, padding=1, bias=False),
            "layers.0.op.2": nn.BatchNorm2d(8),
            "layers.2.op.1": nn.Conv2d(8, 8, 1, bias=False),  # no path to the logits
            "layers.2.op.2": nn.BatchNorm2d(8),  # no path to the logits
        })

    def forward(self, x):
        layers_0_op_2 = self["layers.0.op.2"](self["layers.0.op.1"](F.relu(x)))
        node_3 = x + F.avg_pool2d(layers_0_op_2, 3, stride=1, padding=1, count_include_pad=False)
        return node_3


class Network(Named):
    def __init__(self):
        super().__init__({
            "stem.0": nn.Conv2d(3, 2, 3, padding=1, bias=False),
            "stem.1": nn.BatchNorm2d(2),
            "cells.0": Cells0(),
            "cells.1": Cells0(),
            "cells.2": Cells2(),
            "cells.3": Cells3(),
            "cells.4": Cells3(),
            "cells.5": Cells5(),
            "cells.6": Cells6(),
            "cells.7": Cells6(),
            "lastact.0": nn.BatchNorm2d(8),
            "classifier": nn.Linear(8, 3),
        })

    def forward(self, images):
        stem_1 = self["stem.1"](self["stem.0"](images))
        cells_0 = self["cells.0"](stem_1)
        cells_1 = self["cells.1"](cells_0)
        cells_2 = self["cells.2"](cells_1)
        cells_3 = self["cells.3"](cells_2)
        cells_4 = self["cells.4"](cells_3)
        cells_5 = self["cells.5"](cells_4)
        cells_6 = self["cells.6"](cells_5)
        cells_7 = self["cells.7"](cells_6)
        lastact_0 = self["lastact.0"](cells_7)
        global_pooling = F.relu(lastact_0).mean((2, 3), keepdim=True)
        logits = self["classifier"](global_pooling.flatten(1))
        return logits


def load(path=pathlib.Path(__file__).with_name("net.safetensors")):
    """The network with its weights in evaluation mode, and what bnas knows of it. A network of a run has class_names, mean and std."""
    with safe_open(path, "pt") as f:
        about = dict(f.metadata())
    for name in ("classes", "channels", "cells", "height", "width", "seed", "class_names", "mean", "std", "chain", "image_channels"):
        if name in about:
            about[name] = json.loads(about[name])
    network = Network()
    network.load_state_dict(load_file(path), strict=True)
    return network.eval(), about


def save(network, about, path):
    """Writes the network for bnas import."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in about.items()}
    save_file(network.state_dict(), path, texts)


def normalise(pixels, about):
    """Pixels in 0…1, N×3×H×W, as the network saw them in training."""
    if "mean" not in about:
        raise ValueError("the file has no mean and std: the network is of no run (bnas export --run DIR)")
    mean, std = (torch.tensor(about[name]).view(-1, 1, 1) for name in ("mean", "std"))
    return (pixels - mean) / std
