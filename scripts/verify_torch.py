#!/usr/bin/env python3
"""Check bnas against PyTorch: export networks, load them into PyTorch's own modules, compare one pass forward and backward.

    go build -o bnas ./cmd/bnas
    python3 scripts/verify_torch.py --bnas ./bnas                      # untrained networks, γ = 1 and γ uniform
    python3 scripts/verify_torch.py --bnas ./bnas --run runs/first     # γ, β and statistics of a trained run
    python3 scripts/verify_torch.py --bnas ./bnas --train              # trains a tiny run of each space and placement first

For every architecture `bnas export` must load with strict=True, and `bnas trace` must agree: logits, loss, statistics,
∂loss/∂γ and ∂loss/∂β of every BatchNorm, the classifier's gradients, and every image's own contribution to them. A
tensor agrees when its largest deviation is at most --tolerance of its largest value. Gradients that vanish by symmetry
(β before nothing but another BatchNorm) are measured against 1/1000 of the largest gradient instead.

Needs torch, numpy and safetensors (scripts/requirements.txt). The modules are written from the published definitions of
NAS-Bench-201 (TinyNetwork) and NAS-Bench-Macro (Network), with their state-dict names. Exit status: 0 all agree, 1 not.
"""

import argparse
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors import safe_open
from torch import nn

VANISHING = 1e-3  # of the largest gradient: the scale of tensors that are smaller than that

OPS_201 = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]


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
        self.op = nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(c_out))

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
        self.lastact = nn.Sequential(nn.BatchNorm2d(c), nn.ReLU())
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


class InvertedResidual(nn.Module):
    def __init__(self, c_in, c_out, stride, expansion, kernel):
        super().__init__()
        h = expansion * c_in
        self.shortcut = stride == 1 and c_in == c_out
        self.conv = nn.Sequential(
            nn.Conv2d(c_in, h, 1, bias=False), nn.BatchNorm2d(h), nn.ReLU(),
            nn.Conv2d(h, h, kernel, stride, kernel // 2, groups=h, bias=False), nn.BatchNorm2d(h), nn.ReLU(),
            nn.Conv2d(h, c_out, 1, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        return self.conv(x) + x if self.shortcut else self.conv(x)


class MacroNetwork(nn.Module):
    """NAS-Bench-Macro."""

    def __init__(self, arch, classes, channels, cells, fair):
        super().__init__()
        c = channels
        self.stem = nn.Sequential(nn.Conv2d(3, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c), nn.ReLU())
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
        self.out = nn.Sequential(nn.Conv2d(c, 1280, 1, bias=False), nn.BatchNorm2d(1280), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
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


class Comparison:
    """Collects deviations, each relative to the largest value of its tensor."""

    def __init__(self):
        self.worst = {}
        self.failures = []

    def add(self, group, name, got, want, floor=0.0):
        got, want = got.double().reshape(-1), want.detach().double().reshape(-1)
        if got.shape != want.shape:
            self.failures.append(f"{name}: {tuple(got.shape)} numbers, PyTorch has {tuple(want.shape)}")
            return
        scale = max(want.abs().max().item(), floor)
        deviation = (got - want).abs().max().item()
        ratio = deviation / scale if scale > 0 else (0.0 if deviation == 0 else float("inf"))
        if not ratio <= self.worst.get(group, (0.0, ""))[0]:  # so that NaN stays
            self.worst[group] = (ratio, name)


def compare(trace, state, metadata, images, labels, batch, dtype):
    network = SPACES[metadata["space"]][0](
        metadata["arch"], int(metadata["classes"]), int(metadata["channels"]), int(metadata["cells"]), metadata["bn"] == "fair")
    network.load_state_dict(state, strict=True)
    network.to(dtype)
    norms = {name: m for name, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)}
    x, y = torch.from_numpy(images).to(dtype), torch.from_numpy(labels)
    result = Comparison()

    network.train(batch)
    inputs = {}
    hooks = [m.register_forward_pre_hook(lambda m, args, name=name: inputs.__setitem__(name, args[0].detach())) for name, m in norms.items()]
    logits = network(x)
    for hook in hooks:
        hook.remove()
    loss = nn.functional.cross_entropy(logits, y)
    network.zero_grad()
    loss.backward()
    result.add("logits", "logits", trace["logits"], logits)
    result.add("loss", "loss", trace["loss"], loss)
    trained = {k: p for k, p in network.named_parameters() if k.rsplit(".", 1)[0] in norms or k.startswith("classifier.")}
    compare_gradients(result, trace, trained)

    used = sorted(k[len("mean."):] for k in trace if k.startswith("mean."))
    for name in used:
        mean, var = norms[name].running_mean, norms[name].running_var
        if batch:
            values = inputs[name].transpose(0, 1).flatten(1)
            mean, var = values.mean(1), values.var(1, unbiased=False)
        # A mean is judged beside the spread of what it is the mean of.
        result.add("statistics", "mean." + name, trace["mean." + name], mean, floor=var.max().sqrt().item())
        result.add("statistics", "var." + name, trace["var." + name], var, floor=1e-5)

    network.eval()
    if batch:
        for name in used:
            norms[name].running_mean = trace["mean." + name].to(dtype)
            norms[name].running_var = trace["var." + name].to(dtype)
    compare_samples(result, trace, trained, network, x, y)
    return result


def compare_gradients(result, trace, trained):
    grads = {k: p.grad if p.grad is not None else torch.zeros_like(p) for k, p in trained.items()}
    largest = max(g.abs().max().item() for g in grads.values())
    for name, want in grads.items():
        if "grad." + name in trace:
            result.add("gradient", "grad." + name, trace["grad." + name], want, floor=VANISHING * largest)
        elif want.abs().max() != 0:
            result.failures.append(f"grad.{name}: not traced, but PyTorch has {want.abs().max():.3g}")
    for name in trace:
        if name.startswith("grad.") and name[len("grad."):] not in grads:
            result.failures.append(f"{name}: traced, but PyTorch has no such parameter")


def compare_samples(result, trace, trained, network, x, y):
    """Each image's share of the mean loss, its gradient with statistics held."""
    rows = []
    for i in range(len(y)):
        network.zero_grad()
        (nn.functional.cross_entropy(network(x[i:i + 1]), y[i:i + 1]) / len(y)).backward()
        rows.append({k: p.grad.clone() if p.grad is not None else torch.zeros_like(p) for k, p in trained.items()})
    wanted = {k: torch.stack([r[k] for r in rows]) for k in trained if not k.startswith("classifier.")}
    largest = max(w.abs().max().item() for w in wanted.values())
    for name, want in wanted.items():
        if "sample_grad." + name in trace:
            result.add("per sample", "sample_grad." + name, trace["sample_grad." + name], want, floor=VANISHING * largest)
        elif want.abs().max() != 0:
            result.failures.append(f"sample_grad.{name}: not traced, but PyTorch has {want.abs().max():.3g}")


def architectures(space, count, seed):
    _, adversarial, draw = SPACES[space]
    r = random.Random(f"{space} {seed}")
    return adversarial() + [draw(r) for _ in range(count)]


def configurations(options, folder):
    """Yields (space, placement, seed, flags of bnas that choose the network)."""
    if options.run:
        yield None, None, 0, ["--run", options.run]
        return
    for space in options.space or SPACES:
        for bn in ("standard", "fair"):
            for seed in options.seed:
                gamma = ["one", "uniform"][seed % 2]
                flags = ["--space", space, "--bn", bn, "--seed", str(seed), "--gamma-init", gamma]
                if options.train:
                    run = folder / f"{space}-{bn}-{seed}"
                    bnas(options, "train", *flags, *options.train_flags.split(), "--out", str(run), "--quiet")
                    flags = ["--run", str(run)]
                yield space, bn, seed, flags


def bnas(options, *arguments):
    done = subprocess.run([options.bnas, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{options.bnas} {' '.join(arguments)}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout


def check(options, folder, flags, arch, images, labels, batch):
    exported, traced = folder / "export.safetensors", folder / "trace.safetensors"
    device = ["--device", options.device] if options.device else []
    bnas(options, "export", arch, *flags, "-o", str(exported))
    mode = "batch" if batch else "frozen"
    bnas(options, "trace", arch, *flags, *device, "--statistics", mode,
         "--images", str(folder / "images.npy"), "--labels", str(folder / "labels.npy"), "-o", str(traced))
    state, metadata = load(exported)
    trace, _ = load(traced)
    dtype = torch.float64 if options.dtype == "float64" else torch.float32
    return compare(trace, state, metadata, images, labels, batch, dtype), metadata


def space_of_run(options, folder):
    """A run names its own space: an architecture of one space does not parse in another."""
    for space in SPACES:
        probe = architectures(space, 0, 0)[0]
        done = subprocess.run([options.bnas, "export", probe, "--run", options.run, "-o", str(folder / "probe")], capture_output=True)
        if done.returncode == 0:
            return space
    sys.exit(f"{options.run}: neither space of this script exports from it")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bnas", required=True, help="the program")
    p.add_argument("--space", action="append", choices=list(SPACES), help="may be repeated; default both")
    p.add_argument("--seed", action="append", type=int, help="of the frozen weights, may be repeated; default 1 and 2")
    p.add_argument("--archs", type=int, default=3, help="random architectures beside the adversarial ones")
    p.add_argument("--images", type=int, default=6)
    p.add_argument("--size", type=int, default=32, help="height and width of the images")
    p.add_argument("--run", help="a run folder: its γ, β and statistics instead of untrained networks")
    p.add_argument("--train", action="store_true", help="train a tiny run for every space, placement and seed first")
    p.add_argument("--train-flags", default="--steps 30 --batch 32 --lr 0.2", help="flags of bnas train for --train")
    p.add_argument("--device", help="of bnas: auto, cpu or reference")
    p.add_argument("--dtype", choices=["float32", "float64"], default="float64", help="of PyTorch's modules")
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
    print(f"{'space':16}{'bn':10}{'seed':>5} {'stats':7}" + "".join(f"{g:>12}" for g in groups) + "  architecture")
    checks = bad = 0
    for space, _, seed, flags in configurations(options, folder):
        space = space or space_of_run(options, folder)
        for arch in architectures(space, options.archs, seed):
            for batch in (True, False):
                result, metadata = check(options, folder, flags, arch, images, labels, batch)
                failures = result.failures + [f"{n}: {v:.3g}" for v, n in result.worst.values() if not v <= options.tolerance]
                row = "".join(f"{result.worst.get(g, (0.0,))[0]:12.1e}" for g in groups)
                print(f"{space:16}{metadata['bn']:10}{metadata['seed']:>5} {'batch' if batch else 'frozen':7}{row}  {arch}", flush=True)
                for failure in failures:
                    print(f"    DISAGREES {failure}")
                checks += 1
                bad += bool(failures)
    print(f"{checks - bad} of {checks} agree within {options.tolerance:g}")
    return 1 if bad or not checks else 0


if __name__ == "__main__":
    main()
