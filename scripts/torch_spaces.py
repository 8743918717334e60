"""The networks of NAS-Bench-101 (Network101), NAS-Bench-201 (TinyNetwork), NAS-Bench-Macro (MacroNetwork), DARTS (DARTSNetwork)
and the MobileNet spaces in PyTorch, written from the published definitions. Those of NAS-Bench-201, NAS-Bench-Macro and DARTS
have the state-dict names of their own code. NAS-Bench-101 has none in PyTorch; its names are ours. A MobileNet has names
like those of NAS-Bench-Macro. The fair placement adds Fair's BatchNorms.

    network, about = load("network.safetensors")  # of `bnas export`
    logits = network(normalise(pixels, about))    # pixels: N×C×H×W in 0…1

Needs torch, and safetensors for load (scripts/requirements.txt).
"""

import json

import torch
from torch import nn

OPS_DARTS = ["max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"]
OPS_201 = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]


class ReLU(nn.ReLU):
    """With its states given (1 on, 0 off), the rectifier is linear."""

    active = None

    def forward(self, x):
        return super().forward(x) if self.active is None else x * self.active


    def passes(self, x):
        """Where the derivative is 1."""
        return x > 0

    def distance(self, x):
        """How far x is from a kink."""
        return x.abs()


class ReLU6(nn.ReLU6):
    """The same with a second kink at 6."""

    active = None

    def forward(self, x):
        return super().forward(x) if self.active is None else x * self.active + 6 * (1 - self.active) * (x > 3)

    def passes(self, x):
        return (x > 0) & (x < 6)

    def distance(self, x):
        return torch.minimum(x.abs(), (x - 6).abs())


class Zero(nn.Module):
    def forward(self, x):
        return x * 0


class Fair(nn.Module):
    """A parameterless operator (or none: the identity) with the BatchNorm that only the fair placement has."""

    def __init__(self, channels, op=None):
        super().__init__()
        self.op = op if op is not None else nn.Identity()
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x):
        return self.bn(self.op(x))


class ReLUConvBN(nn.Module):
    def __init__(self, c_in, c_out, kernel, stride):
        super().__init__()
        conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
        self.op = nn.Sequential(ReLU(), conv, nn.BatchNorm2d(c_out))

    def forward(self, x):
        return self.op(x)


class Cell101(nn.Module):
    """A graph of vertices from text like 11|1|3: the rows of the upper triangle of its adjacency matrix, and the operators."""

    def __init__(self, text, c_in, c, fair):
        super().__init__()
        *rows, ops = text.split("|")
        self.n = len(rows) + 1
        edges = {(i, i + 1 + k) for i, row in enumerate(rows) for k, bit in enumerate(row) if bit == "1"}
        last = self.n - 1
        self.inner = {v: [s for s in range(1, v) if (s, v) in edges] for v in range(1, self.n)}
        self.c = {last: c}
        for i, v in enumerate(self.inner[last]):
            self.c[v] = c // len(self.inner[last]) + (i < c % len(self.inner[last]))
        for v in range(last - 1, 0, -1):
            if v not in self.c:
                self.c[v] = max(self.c[t] for t in range(v + 1, last) if (v, t) in edges)
        conv = lambda c_in, c, k: nn.Sequential(nn.Conv2d(c_in, c, k, padding=k // 2, bias=False), nn.BatchNorm2d(c), ReLU())
        pool = lambda c: nn.Sequential(nn.MaxPool2d(3, 1, 1), *([nn.BatchNorm2d(c), ReLU()] if fair else []))
        operator = {"3": lambda c: conv(c, c, 3), "1": lambda c: conv(c, c, 1), "m": pool}
        self.vertices = nn.ModuleDict({str(v): operator[op](self.c[v]) for v, op in enumerate(ops, 1)})
        # The output is vertex 6 in the names, whatever the size of the graph.
        self.number = {v: "6" if v == last else str(v) for v in range(1, self.n) if (0, v) in edges}
        self.projections = nn.ModuleDict({number: conv(c_in, self.c[v], 1) for v, number in self.number.items()})

    def forward(self, x):
        y = {}
        for v in range(1, self.n):
            projected = [self.projections[self.number[v]](x)] if v in self.number else []
            if v < self.n - 1:
                y[v] = self.vertices[str(v)](sum([y[s][:, :self.c[v]] for s in self.inner[v]] + projected))
        joined = [torch.cat([y[s] for s in self.inner[v]], 1)] if self.inner[v] else []
        return sum(joined + projected)


class Network101(nn.Module):
    """cells is the number of cells in each of the three stacks."""

    def __init__(self, arch, classes, channels, cells, fair, images=3):
        super().__init__()
        c = c_in = channels
        self.stem = nn.Sequential(nn.Conv2d(images, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), ReLU())
        self.pool = nn.MaxPool2d(2, 2)
        self.stack = cells
        self.cells = nn.ModuleList()
        for i in range(3 * cells):
            c *= 2 if i and i % cells == 0 else 1
            self.cells.append(Cell101(arch, c_in, c, fair))
            c_in = c
        self.classifier = nn.Linear(c, classes)

    def forward(self, x):
        x = self.stem(x)
        for i, cell in enumerate(self.cells):
            x = cell(self.pool(x) if i and i % self.stack == 0 else x)
        return self.classifier(x.mean((2, 3)))


def operator_201(name, c, fair):
    if name == "nor_conv_1x1":
        return ReLUConvBN(c, c, 1, 1)
    if name == "nor_conv_3x3":
        return ReLUConvBN(c, c, 3, 1)
    if name == "none":
        return Zero()
    pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False) if name == "avg_pool_3x3" else nn.Identity()
    return Fair(c, pool) if fair else pool


class Cell(nn.Module):
    def __init__(self, edges, c, fair):
        super().__init__()
        self.edges = [(target, source) for target, source, _ in edges]
        self.layers = nn.ModuleList(operator_201(op, c, fair) for _, _, op in edges)

    def forward(self, x):
        nodes = [x, 0, 0, 0]
        for (target, source), layer in zip(self.edges, self.layers):
            nodes[target] = nodes[target] + layer(nodes[source])
        return nodes[3]


class Reduction(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv_a = ReLUConvBN(c, 2 * c, 3, 2)
        self.conv_b = ReLUConvBN(2 * c, 2 * c, 3, 1)
        self.downsample = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(c, 2 * c, 1, bias=False))

    def forward(self, x):
        return self.downsample(x) + self.conv_b(self.conv_a(x))


class TinyNetwork(nn.Module):
    """NAS-Bench-201."""

    def __init__(self, arch, classes, channels, cells, fair, images=3):
        super().__init__()
        edges = []
        for target, group in enumerate(arch.split("+"), 1):
            for token in group.strip("|").split("|"):
                op, source = token.split("~")
                edges.append((target, int(source), op))
        c = channels
        self.stem = nn.Sequential(nn.Conv2d(images, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c))
        self.cells = nn.ModuleList()
        for stage in range(3):
            if stage:
                self.cells.append(Reduction(c))
                c *= 2
            self.cells.extend(Cell(edges, c, fair) for _ in range(cells))
        self.lastact = nn.Sequential(nn.BatchNorm2d(c), ReLU())
        self.classifier = nn.Linear(c, classes)

    def forward(self, x):
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x)
        return self.classifier(self.lastact(x).mean((2, 3)))


class Identity(nn.Module):
    def __init__(self, c_in, c_out, stride, fair, plain=None):
        super().__init__()
        self.downsample = self.bn = None
        if not (stride == 1 and c_in == c_out if plain is None else plain):
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))
        elif fair:
            self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x):
        for module in (self.downsample, self.bn):
            x = module(x) if module is not None else x
        return x


class Depthwise(nn.Conv2d):
    """A depthwise convolution as a sum over its taps: PyTorch's own takes minutes in float64."""

    def __init__(self, c, kernel, stride, dilation=1):
        super().__init__(c, c, kernel, stride, kernel // 2 * dilation, dilation, groups=c, bias=False)

    def forward(self, x):
        k, s, d = self.kernel_size[0], self.stride[0], self.dilation[0]
        height, width = ((n - 1) // s + 1 for n in x.shape[2:])
        x = nn.functional.pad(x, [self.padding[0]] * 4)
        y = 0
        for i in range(k):
            for j in range(k):
                y = y + self.weight[:, 0, i, j, None, None] * x[:, :, d * i:d * i + s * height:s, d * j:d * j + s * width:s]
        return y


class InvertedResidual(nn.Module):
    """A block of expansion 1 has no first convolution."""

    def __init__(self, c_in, c_out, stride, expansion, kernel, relu=ReLU):
        super().__init__()
        h = expansion * c_in
        self.shortcut = stride == 1 and c_in == c_out
        expand = [nn.Conv2d(c_in, h, 1, bias=False), nn.BatchNorm2d(h), relu()] if expansion > 1 else []
        self.conv = nn.Sequential(
            *expand, Depthwise(h, kernel, stride), nn.BatchNorm2d(h), relu(), nn.Conv2d(h, c_out, 1, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        return self.conv(x) + x if self.shortcut else self.conv(x)


class MacroNetwork(nn.Module):
    """NAS-Bench-Macro."""

    def __init__(self, arch, classes, channels, cells, fair, images=3):
        super().__init__()
        c = channels
        self.stem = nn.Sequential(nn.Conv2d(images, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c), ReLU())
        layers, digits = [], iter(arch)
        for depth in (2, 3, 3):
            for i in range(depth):
                out, stride = (2 * c, 2) if i == 0 else (c, 1)
                digit = next(digits)
                if digit == "0":
                    layers.append(Identity(c, out, stride, fair))
                else:
                    layers.append(InvertedResidual(c, out, stride, *{"1": (3, 3), "2": (6, 5)}[digit]))
                c = out
        self.features = nn.Sequential(*layers)
        self.out = nn.Sequential(nn.Conv2d(c, 1280, 1, bias=False), nn.BatchNorm2d(1280), ReLU(), nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(1280, classes)

    def forward(self, x):
        return self.classifier(self.out(self.features(self.stem(x))).flatten(1))


class FactorizedReduce(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.relu = ReLU()
        self.conv_1 = nn.Conv2d(c_in, c_out // 2, 1, 2, bias=False)
        self.conv_2 = nn.Conv2d(c_in, c_out - c_out // 2, 1, 2, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x):
        x = self.relu(x)
        return self.bn(torch.cat([self.conv_1(x), self.conv_2(x[:, :, 1:, 1:])], 1))


class Separable(nn.Module):
    """sep_conv: twice ReLU, depthwise, 1×1, BatchNorm. dil_conv: once, dilated."""

    def __init__(self, c, kernel, stride, dilated):
        super().__init__()
        part = lambda stride: [ReLU(), Depthwise(c, kernel, stride, 2 if dilated else 1), nn.Conv2d(c, c, 1, bias=False), nn.BatchNorm2d(c)]
        self.op = nn.Sequential(*part(stride), *([] if dilated else part(1)))

    def forward(self, x):
        return self.op(x)


def operator_darts(name, c, stride, fair):
    kind, _, size = name.rpartition("_")
    if kind in ("sep_conv", "dil_conv"):
        return Separable(c, int(size[0]), stride, kind == "dil_conv")
    if name == "skip_connect":
        return FactorizedReduce(c, c) if stride == 2 else Fair(c) if fair else nn.Identity()
    pool = nn.MaxPool2d(3, stride, 1) if name == "max_pool_3x3" else nn.AvgPool2d(3, stride, 1, count_include_pad=False)
    return Fair(c, pool) if fair else pool


class DARTSCell(nn.Module):
    """inputs is a list of (operator, state), two for each node."""

    def __init__(self, inputs, c_before, c_in, c, reduction, reduced, fair):
        super().__init__()
        self.preprocess0 = FactorizedReduce(c_before, c) if reduced else ReLUConvBN(c_before, c, 1, 1)
        self.preprocess1 = ReLUConvBN(c_in, c, 1, 1)
        self.states = [state for _, state in inputs]
        self._ops = nn.ModuleList(operator_darts(op, c, 2 if reduction and state < 2 else 1, fair) for op, state in inputs)

    def forward(self, before, x):
        states = [self.preprocess0(before), self.preprocess1(x)]
        for i in range(0, len(self._ops), 2):
            states.append(sum(self._ops[k](states[self.states[k]]) for k in (i, i + 1)))
        return torch.cat(states[2:], 1)


class DARTSAuxiliaryHead(nn.Module):
    """AuxiliaryHeadCIFAR and AuxiliaryHeadImageNet of DARTS, on the output of the second reduction cell."""

    def __init__(self, c, classes, stem="cifar"):
        super().__init__()
        norm = [nn.BatchNorm2d(768)] if stem == "cifar" else []
        self.features = nn.Sequential(
            ReLU(), nn.AvgPool2d(5, stride=3 if stem == "cifar" else 2, count_include_pad=False), nn.Conv2d(c, 128, 1, bias=False), nn.BatchNorm2d(128),
            ReLU(), nn.Conv2d(128, 768, 2, bias=False), *norm, ReLU())
        self.classifier = nn.Linear(768, classes)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class DARTSNetwork(nn.Module):
    """NetworkCIFAR and NetworkImageNet of DARTS, without the auxiliary head. cells is the number of normal cells in each of
    the three stages."""

    def __init__(self, arch, classes, channels, cells, fair, images=3, stem="cifar"):
        super().__init__()
        normal, reduce = arch.removeprefix("normal ").split(" reduce ")
        read = lambda text: [(op, int(state)) for op, state in (token.split(":") for token in text.split())]
        normal, reduce = read(normal), read(reduce)
        c = channels
        conv = lambda c_in, c_out, stride: [nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out)]
        self.large = stem == "imagenet"
        if self.large:
            half = max(c // 2, 1)
            self.stem0 = nn.Sequential(*conv(images, half, 2), ReLU(), *conv(half, c, 2))
            self.stem1 = nn.Sequential(ReLU(), *conv(c, c, 2))
        else:
            self.stem = nn.Sequential(*conv(images, 3 * c, 1))
        self.cells = nn.ModuleList()
        c_before = c_in = c if self.large else 3 * c
        reduced = self.large
        for i in range(3 * cells + 2):
            reduction = (i + 1) % (cells + 1) == 0
            c *= 2 if reduction else 1
            self.cells.append(DARTSCell(reduce if reduction else normal, c_before, c_in, c, reduction, reduced, fair))
            c_before, c_in, reduced = c_in, 4 * c, reduction
        self.classifier = nn.Linear(c_in, classes)

    def forward(self, x):
        if self.large:
            before = self.stem0(x)
            x = self.stem1(before)
        else:
            before = x = self.stem(x)
        for cell in self.cells:
            before, x = x, cell(before, x)
        return self.classifier(x.mean((2, 3)))


BLOCKS = [(3, 3), (6, 3), (3, 5), (6, 5), (3, 7), (6, 7)]  # expansion and kernel, by the number in the architecture's text

# Channels and stride of the stem, channels of the first block and of the head, and (channels, layers, stride) of each stage.
MOBILENETS = {
    "bn-nas": (40, 2, 24, 1728, [(32, 4, 2), (56, 4, 2), (112, 4, 2), (128, 4, 1), (256, 4, 2), (432, 1, 1)]),
    "proxylessnas": (32, 2, 16, 1280, [(32, 4, 2), (40, 4, 2), (80, 4, 2), (96, 4, 1), (192, 4, 2), (320, 1, 1)]),
    "fairnas": (32, 2, 16, 1280, [(32, 2, 2), (40, 4, 2), (80, 4, 2), (96, 4, 1), (192, 4, 2), (320, 1, 1)]),
    "mobilenet-cifar": (40, 1, 24, 640, [(32, 4, 1), (56, 4, 2), (112, 4, 2), (128, 4, 1), (256, 4, 1), (432, 1, 1)]),
}
FIXED = {"bn-nas": (1, 5, 6, 9)}  # layers that are identities in each architecture, without a BatchNorm


class MobileNet(nn.Module):
    """A network of MOBILENETS. The widths scale with the stem's."""

    def __init__(self, space, arch, classes, channels, fair, images=3):
        super().__init__()
        stem, stride, first, head, stages = MOBILENETS[space]
        width = lambda c: max(1, (2 * c * channels + stem) // (2 * stem))
        self.stem = nn.Sequential(nn.Conv2d(images, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels), ReLU6())
        self.first = InvertedResidual(channels, width(first), 1, 1, 3, ReLU6)
        self.first.shortcut = False
        c, layers, numbers = width(first), [], [int(n) for n in arch.split()]
        for out, depth, stride in stages:
            for i in range(depth):
                at, out_i, stride_i = len(layers), width(out), stride if i == 0 else 1
                if numbers[at] < 0:
                    layers.append(Identity(c, out_i, stride_i, fair and at not in FIXED.get(space, ())))
                else:
                    layers.append(InvertedResidual(c, out_i, stride_i, *BLOCKS[numbers[at]], ReLU6))
                    layers[-1].shortcut = i > 0
                c = out_i
        self.features = nn.Sequential(*layers)
        self.out = nn.Sequential(nn.Conv2d(c, head, 1, bias=False), nn.BatchNorm2d(head), ReLU6(), nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(head, classes)

    def forward(self, x):
        return self.classifier(self.out(self.features(self.first(self.stem(x)))).flatten(1))


class ChainNetwork(nn.Module):
    """A network of a space of the user's own: chain is the content of the space's file. The widths scale with the stem's."""

    def __init__(self, chain, arch, classes, channels, fair, images=3):
        super().__init__()
        relu = {"relu": ReLU, "relu6": ReLU6}[chain["activation"]]
        stem, first = chain["stem"], chain.get("first", {"operator": ""})
        width = lambda c: max(1, (2 * c * channels + stem["out"]) // (2 * stem["out"]))
        block = lambda name: [int(n) for n in name.removeprefix("mb").split("_k")]
        self.stem = nn.Sequential(
            nn.Conv2d(images, channels, stem["kernel"], stem["stride"], stem["kernel"] // 2, bias=False), nn.BatchNorm2d(channels), relu())
        self.first, c = nn.Identity(), channels
        if first["operator"]:
            self.first, c = InvertedResidual(channels, width(first["out"]), 1, *block(first["operator"]), relu), width(first["out"])
            self.first.shortcut = False
        text = chain["text"]
        numbers = [int(n) - text["first"] for n in (arch if text["form"] == "digits" else arch.split())]
        before, layers = first["out"] if first["operator"] else stem["out"], []
        for stage in chain["stages"]:
            for i in range(stage["layers"]):
                at, stride = len(layers), stage["stride"] if i == 0 else 1
                name, out, plain = chain["operators"][numbers[at]], width(stage["out"]), stride == 1 and before == stage["out"]
                if name == "identity":
                    choices = chain.get("choices") or chain["operators"]
                    chosen = str(at) not in chain.get("fixed", {}) and len(choices) > 1
                    layers.append(Identity(c, out, stride, fair and chosen, plain))
                else:
                    layers.append(InvertedResidual(c, out, stride, *block(name), relu))
                    layers[-1].shortcut = plain
                c, before = out, stage["out"]
        self.features = nn.Sequential(*layers)
        head = chain["head"]
        self.out = nn.Sequential(nn.Conv2d(c, head, 1, bias=False), nn.BatchNorm2d(head), relu(), nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(head, classes)

    def forward(self, x):
        return self.classifier(self.out(self.features(self.first(self.stem(x)))).flatten(1))


def build(about):
    """The network that the metadata of a file describe, with PyTorch's initial weights."""
    space, fair, images = about["space"], about["bn"] == "fair", about.get("image_channels", 3)
    if "chain" in about:
        return ChainNetwork(about["chain"], about["arch"], about["classes"], about["channels"], fair, images)
    if space in MOBILENETS:
        return MobileNet(space, about["arch"], about["classes"], about["channels"], fair, images)
    network = {"nas-bench-101": Network101, "nas-bench-201": TinyNetwork, "nas-bench-macro": MacroNetwork, "darts": DARTSNetwork}[space]
    stem = {"stem": about["stem"]} if "stem" in about else {}
    return network(about["arch"], about["classes"], about["channels"], about["cells"], fair, images, **stem)


def load(path):
    """The network of a file of `bnas export`, in evaluation mode, and the file's metadata. A network of a run has
    class_names, mean and std beside its own numbers."""
    from safetensors import safe_open
    from safetensors.torch import load_file

    with safe_open(path, "pt") as f:
        about = dict(f.metadata())
    for name in ("classes", "channels", "cells", "height", "width", "seed", "class_names", "mean", "std", "chain", "image_channels"):
        if name in about:
            about[name] = json.loads(about[name])
    network = build(about)
    network.load_state_dict(load_file(path), strict=True)
    return network.eval(), about


def normalise(pixels, about):
    """Pixels in 0…1, N×C×H×W, as the network saw them in training."""
    if "mean" not in about:
        raise ValueError("the file has no mean and std: the network is of no run (bnas export --run DIR)")
    mean, std = (torch.tensor(about[name]).view(-1, 1, 1) for name in ("mean", "std"))
    return (pixels - mean) / std
