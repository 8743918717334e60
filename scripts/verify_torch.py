#!/usr/bin/env python3
"""Check bnas against PyTorch: export networks, load them into PyTorch's own modules, compare one pass forward and backward.

    go build -o bnas ./cmd/bnas
    python3 scripts/verify_torch.py --bnas ./bnas                      # untrained networks; a quarter of an hour on two cores
    python3 scripts/verify_torch.py --bnas ./bnas --run runs/first     # γ, β and statistics of a trained run
    python3 scripts/verify_torch.py --bnas ./bnas --train              # trains a tiny run of each space and placement first

For every architecture `bnas export` must load with strict=True, and `bnas trace` must agree: logits, loss, statistics,
∂loss/∂γ and ∂loss/∂β of every BatchNorm, the classifier's gradients, and every image's own contribution to them. A
tensor agrees when its largest deviation is at most --tolerance of its largest value. A gradient that vanishes by symmetry
(β before nothing but another BatchNorm: below 1e-5 of the largest gradient, and zero but for ε) has no scale of its own
and is measured against a tenth of the largest gradient.

PyTorch computes in float64, and so does --device reference, the default. With another device bnas computes in float32,
and deep random networks with batch statistics amplify rounding: PyTorch's own float32 gradients are then up to 10 % off
its float64 ones. So beside --tolerance a tensor may deviate by what such rounding does to it: four times the largest
change over a few float64 runs with noise of 1e-6 r.m.s. on the output of every convolution, and with a random side
chosen for ReLU inputs within 1e-5 r.m.s. of the kink. The column "rounding" counts the tensors that needed this.

Needs torch, numpy and safetensors (scripts/requirements.txt). The modules are written from the published definitions of
NAS-Bench-201 (TinyNetwork) and NAS-Bench-Macro (Network), with their state-dict names. Exit status: 0 all agree, 1 not.
"""

import argparse
import functools
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors import safe_open
from torch import nn

VANISHING = 1e-5  # of the largest gradient: what is below is zero by symmetry

OPS_201 = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]


NOISE = {nn.Conv2d: 1e-6, nn.BatchNorm2d: 1e-7, nn.AvgPool2d: 1e-7}  # of the output's r.m.s.: errors of float32
NEAR = 1e-5  # of a channel's r.m.s.: where the side of a ReLU's kink is a matter of rounding
DRAWS = 4  # runs with such rounding
ALLOWED = 4  # times the largest change that they show


class Rounding:
    """While it has a generator, modules are noisy forward and backward, and kinks take random sides."""

    generator = None

    @staticmethod
    def add_to(network):
        for m in network.modules():
            for kind, level in NOISE.items():
                if isinstance(m, kind):
                    m.register_forward_hook(functools.partial(Rounding.of_module, level))

    @staticmethod
    def of_module(level, module, inputs, output):
        if Rounding.generator is None:
            return output
        if output.requires_grad:
            output.register_hook(functools.partial(Rounding.noisy, level))
        return Rounding.noisy(level, output)

    @staticmethod
    def noisy(level, x):
        """Of every element and, as from the constants of a BatchNorm, of every channel as a whole."""
        noise = sum(torch.randn(shape, generator=Rounding.generator, dtype=x.dtype) for shape in (x.shape, (1, x.shape[1], 1, 1)))
        return x + level * x.detach().pow(2).mean().sqrt() * noise


class Kink(torch.autograd.Function):
    """max(x, 0)."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        x, = ctx.saved_tensors
        on = x > 0
        if Rounding.generator is not None:
            near = x.abs() < NEAR * x.pow(2).mean((0, 2, 3), keepdim=True).sqrt()
            on[near] = torch.rand(int(near.sum()), generator=Rounding.generator) < 0.5
        return gradient * on


class ReLU(nn.ReLU):
    def forward(self, x):
        return Kink.apply(x)


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

    def __init__(self, arch, classes, channels, cells, fair):
        super().__init__()
        edges = []
        for target, group in enumerate(arch.split("+"), 1):
            for token in group.strip("|").split("|"):
                op, source = token.split("~")
                edges.append((target, int(source), op))
        c = channels
        self.stem = nn.Sequential(nn.Conv2d(3, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c))
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
    def __init__(self, c_in, c_out, stride, fair):
        super().__init__()
        self.downsample = self.bn = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))
        elif fair:
            self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x):
        for module in (self.downsample, self.bn):
            x = module(x) if module is not None else x
        return x


class Depthwise(nn.Conv2d):
    """A depthwise convolution as a sum over its taps: PyTorch's own takes minutes in float64."""

    def __init__(self, c, kernel, stride):
        super().__init__(c, c, kernel, stride, kernel // 2, groups=c, bias=False)

    def forward(self, x):
        k, s = self.kernel_size[0], self.stride[0]
        height, width = ((n - 1) // s + 1 for n in x.shape[2:])
        x = nn.functional.pad(x, [k // 2] * 4)
        y = 0
        for i in range(k):
            for j in range(k):
                y = y + self.weight[:, 0, i, j, None, None] * x[:, :, i:i + s * height:s, j:j + s * width:s]
        return y


class InvertedResidual(nn.Module):
    def __init__(self, c_in, c_out, stride, expansion, kernel):
        super().__init__()
        h = expansion * c_in
        self.shortcut = stride == 1 and c_in == c_out
        self.conv = nn.Sequential(
            nn.Conv2d(c_in, h, 1, bias=False), nn.BatchNorm2d(h), ReLU(),
            Depthwise(h, kernel, stride), nn.BatchNorm2d(h), ReLU(),
            nn.Conv2d(h, c_out, 1, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        return self.conv(x) + x if self.shortcut else self.conv(x)


class MacroNetwork(nn.Module):
    """NAS-Bench-Macro."""

    def __init__(self, arch, classes, channels, cells, fair):
        super().__init__()
        c = channels
        self.stem = nn.Sequential(nn.Conv2d(3, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c), ReLU())
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


def random_201(r):
    return "+".join("|" + "|".join(f"{r.choice(OPS_201)}~{j}" for j in range(i)) + "|" for i in (1, 2, 3))


def adversarial_201():
    full = "|{0}~0|+|{0}~0|{0}~1|+|{0}~0|{0}~1|{0}~2|"
    return [full.format(op) for op in OPS_201] + [
        "|skip_connect~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",  # a chain of skips
        "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|",  # node 1 is zeros
        "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|none~2|",  # nodes 1 and 2 are never read
        "|none~0|+|none~0|skip_connect~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|",  # dead, but BatchNorms see zeros
        "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",  # sums that dissolve
        "|nor_conv_1x1~0|+|nor_conv_3x3~0|skip_connect~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_1x1~2|",
    ]


def random_macro(r):
    return "".join(r.choice("012") for _ in range(8))


def adversarial_macro():
    return ["00000000", "11111111", "22222222", "01020012", "21010210"]


SPACES = {
    "nas-bench-201": (TinyNetwork, adversarial_201, random_201),
    "nas-bench-macro": (MacroNetwork, adversarial_macro, random_macro),
}


def load(path):
    with safe_open(path, "pt") as f:
        return {k: f.get_tensor(k) for k in f.keys()}, f.metadata()


class Expected:
    """What PyTorch makes of an export: the tensors of a trace, by the same names."""

    def __init__(self, state, metadata, images, labels, batch):
        self.network = SPACES[metadata["space"]][0](
            metadata["arch"], int(metadata["classes"]), int(metadata["channels"]), int(metadata["cells"]), metadata["bn"] == "fair")
        self.network.load_state_dict(state, strict=True)
        self.network.double()
        self.norms = {name: m for name, m in self.network.named_modules() if isinstance(m, nn.BatchNorm2d)}
        self.held = {name: (m.running_mean.clone(), m.running_var.clone()) for name, m in self.norms.items()}
        self.affine, self.trained = {}, {}
        for name, p in self.network.named_parameters():
            if name.rsplit(".", 1)[0] in self.norms:
                self.affine[name] = self.trained[name] = p
            elif name.startswith("classifier."):
                self.trained[name] = p
            else:
                p.requires_grad_(False)
        Rounding.add_to(self.network)
        self.x, self.y = torch.from_numpy(images).double(), torch.from_numpy(labels)
        self.batch = batch
        self.plain = self.run()

    def run(self):
        logits, statistics = self.forward()
        loss = nn.functional.cross_entropy(logits, self.y)
        result = {"logits": logits.detach(), "loss": loss.detach()}
        for name, (mean, var) in statistics.items():
            result["mean." + name], result["var." + name] = mean, var
        result |= {"grad." + name: g for name, g in self.gradients(loss, self.trained).items()}
        return result | self.samples(statistics)

    def forward(self):
        """The logits, and the statistics that normalised."""
        if not self.batch:
            self.network.eval()
            return self.network(self.x), self.held
        self.network.train()
        statistics, hooks = {}, []
        for name, m in self.norms.items():
            def record(module, inputs, name=name):
                values = inputs[0].detach().transpose(0, 1).flatten(1)
                statistics[name] = values.mean(1), values.var(1, unbiased=False)
            hooks.append(m.register_forward_pre_hook(record))
        logits = self.network(self.x)
        for hook in hooks:
            hook.remove()
        return logits, statistics

    def gradients(self, loss, parameters):
        self.network.zero_grad()
        loss.backward()
        return {name: torch.zeros_like(p) if p.grad is None else p.grad.clone() for name, p in parameters.items()}

    def samples(self, statistics):
        """Each image's share of the mean loss, its gradient with statistics held."""
        self.network.eval()
        for name, m in self.norms.items():
            m.running_mean, m.running_var = statistics[name]
        rows = []
        for i in range(len(self.y)):
            loss = nn.functional.cross_entropy(self.network(self.x[i:i + 1]), self.y[i:i + 1]) / len(self.y)
            rows.append(self.gradients(loss, self.affine))
        return {"sample_grad." + name: torch.stack([r[name] for r in rows]) for name in self.affine}

    @functools.cached_property
    def rounding(self):
        """How far rounding moves each tensor."""
        moved = dict.fromkeys(self.plain, 0.0)
        for seed in range(DRAWS):
            Rounding.generator = torch.Generator().manual_seed(seed)
            for name, t in self.run().items():
                moved[name] = max(moved[name], ALLOWED * (t - self.plain[name]).abs().max().item())
        Rounding.generator = None
        return moved


GROUPS = {"logits": "logits", "loss": "loss", "mean": "statistics", "var": "statistics", "grad": "gradient", "sample_grad": "per sample"}


class Comparison:
    """Collects deviations, each relative to its tensor's scale."""

    def __init__(self, tolerance, exact):
        self.tolerance, self.exact = tolerance, exact
        self.worst = {}  # by group: the largest deviation and whose it is
        self.failures = []
        self.rounded = 0

    def compare(self, trace, expected):
        largest = {kind: max(t.abs().max().item() for n, t in expected.plain.items() if n.startswith(kind + ".")) for kind in ("grad", "sample_grad")}
        for name, want in expected.plain.items():
            kind, _, module = name.partition(".")
            if name in trace:
                self.tensor(kind, name, trace[name].double(), want, self.scale(kind, want, largest, expected, module), expected)
            elif kind in largest and want.abs().max() != 0:
                self.failures.append(f"{name}: not traced, but PyTorch has {want.abs().max():.3g}")
        for name in trace.keys() - expected.plain.keys():
            self.failures.append(f"{name}: traced, but PyTorch has no such tensor")

    @staticmethod
    def scale(kind, want, largest, expected, module):
        own = want.abs().max().item()
        if kind in largest and own < VANISHING * largest[kind]:
            return 0.1 * largest[kind]
        if kind == "mean":  # beside the spread of what it is the mean of
            return max(own, expected.plain["var." + module].max().sqrt().item())
        if kind == "var":
            return max(own, 1e-5)  # ε
        return own

    def tensor(self, kind, name, got, want, scale, expected):
        got, want = got.reshape(-1), want.reshape(-1)
        if got.shape != want.shape:
            self.failures.append(f"{name}: {len(got)} numbers, PyTorch has {len(want)}")
            return
        deviation = (got - want).abs().max().item()
        ratio = deviation / scale if scale > 0 else (0.0 if deviation == 0 else float("inf"))
        if not ratio <= self.worst.get(GROUPS[kind], (0.0, ""))[0]:  # so that NaN stays
            self.worst[GROUPS[kind]] = (ratio, name)
        if ratio <= self.tolerance:
            return
        if not self.exact and deviation <= self.tolerance * scale + expected.rounding[name]:
            self.rounded += 1
        else:
            self.failures.append(f"{name}: {ratio:.3g}")


def architectures(space, count, seed, part, parts):
    """The part of the adversarial architectures that falls to one of several seeds, and count random ones."""
    _, adversarial, draw = SPACES[space]
    r = random.Random(f"{space} {seed}")
    return adversarial()[part::parts] + [draw(r) for _ in range(count)]


def configurations(options, folder):
    """Yields (space, flags of bnas that choose the network, its architectures)."""
    if options.run:
        space = space_of_run(options, folder)
        yield space, ["--run", options.run], architectures(space, options.archs, 0, 0, 1)
        return
    for space in options.space or SPACES:
        for bn in ("standard", "fair"):
            for part, seed in enumerate(options.seed):
                gamma = ["one", "uniform"][seed % 2]
                flags = ["--space", space, "--bn", bn, "--seed", str(seed), "--gamma-init", gamma,
                         "--height", str(options.size), "--width", str(options.size)]
                if options.train:
                    run = folder / f"{space}-{bn}-{seed}"
                    bnas(options, "train", *flags, *options.train_flags.split(), "--out", str(run), "--quiet")
                    flags = ["--run", str(run)]
                yield space, flags, architectures(space, options.archs, seed, part, len(options.seed))


def bnas(options, *arguments):
    done = subprocess.run([options.bnas, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{options.bnas} {' '.join(arguments)}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout


def check(options, folder, flags, arch, images, labels, batch):
    exported, traced = folder / "export.safetensors", folder / "trace.safetensors"
    bnas(options, "export", arch, *flags, "-o", str(exported))
    mode = "batch" if batch else "frozen"
    bnas(options, "trace", arch, *flags, "--device", options.device, "--statistics", mode,
         "--images", str(folder / "images.npy"), "--labels", str(folder / "labels.npy"), "-o", str(traced))
    state, metadata = load(exported)
    trace, _ = load(traced)
    result = Comparison(options.tolerance, exact=options.device == "reference")
    result.compare(trace, Expected(state, metadata, images, labels, batch))
    return result, metadata


def space_of_run(options, folder):
    """A run names its own space: an architecture of one space does not parse in another."""
    for space in SPACES:
        probe = architectures(space, 0, 0, 0, 1)[0]
        done = subprocess.run([options.bnas, "export", probe, "--run", options.run, "-o", str(folder / "probe")], capture_output=True)
        if done.returncode == 0:
            return space
    sys.exit(f"{options.run}: neither space of this script exports from it")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bnas", required=True, help="the program")
    p.add_argument("--space", action="append", choices=list(SPACES), help="may be repeated; default both")
    p.add_argument("--seed", action="append", type=int, help="of the frozen weights, may be repeated; default 1 and 2")
    p.add_argument("--archs", type=int, default=1, help="random architectures a seed, beside the adversarial ones, which the seeds share out")
    p.add_argument("--images", type=int, default=4)
    p.add_argument("--size", type=int, default=32, help="height and width of the images")
    p.add_argument("--run", help="a run folder: its γ, β and statistics instead of untrained networks")
    p.add_argument("--train", action="store_true", help="train a tiny run for every space, placement and seed first")
    p.add_argument("--train-flags", default="--steps 30 --batch 32", help="flags of bnas train for --train")
    p.add_argument("--device", default="reference", help="of bnas: auto, cpu or reference")
    p.add_argument("--tolerance", type=float, default=1e-4)
    options = p.parse_args()
    options.seed = options.seed or [1, 2]
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        sys.exit(verify(options, pathlib.Path(name)))


def verify(options, folder):
    r = np.random.default_rng(0)
    images = r.standard_normal((options.images, 3, options.size, options.size)).astype(np.float32)
    labels = r.integers(0, 10, options.images)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels.astype(np.int64))
    groups = ["logits", "loss", "statistics", "gradient", "per sample"]
    print("largest deviation, relative to each tensor's largest value")
    print(f"{'space':16}{'bn':10}{'seed':>5} {'stats':7}" + "".join(f"{g:>12}" for g in groups) + " rounding  architecture")
    checks = bad = 0
    for space, flags, archs in configurations(options, folder):
        for arch in archs:
            for batch in (True, False):
                result, metadata = check(options, folder, flags, arch, images, labels, batch)
                row = "".join(f"{result.worst.get(g, (0.0,))[0]:12.1e}" for g in groups)
                print(f"{space:16}{metadata['bn']:10}{metadata['seed']:>5} {'batch' if batch else 'frozen':7}{row}{result.rounded:9}  {arch}", flush=True)
                for failure in result.failures:
                    print(f"    DISAGREES {failure}")
                checks += 1
                bad += bool(result.failures)
    print(f"{checks - bad} of {checks} agree within {options.tolerance:g}")
    return 1 if bad or not checks else 0


if __name__ == "__main__":
    main()
