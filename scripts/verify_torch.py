#!/usr/bin/env python3
"""Check bnas against PyTorch: load exported networks into PyTorch's own modules and compare one pass forward and backward.

    go build -o bnas ./cmd/bnas
    python3 scripts/verify_torch.py --bnas ./bnas                      # untrained networks, γ from U(0,1)
    python3 scripts/verify_torch.py --bnas ./bnas --run runs/first     # γ, β and statistics of a trained run

`bnas export` must load with strict=True, and `bnas trace` agree with PyTorch in float64: logits, loss, statistics, ∂loss
by every γ, β and the classifier, and the share of each image in it. On the reference a tensor agrees if its largest
deviation is within 1e-4 of its largest value (or, if it vanishes, of 1e-6 of the largest gradient).

An engine computes in float32. A rectifier within rounding of zero may then switch and change gradients by percents, in
PyTorch's float32 too. Therefore PyTorch gets the states of the engine's rectifiers. "flips" counts the states that differ;
their inputs must be within 1e-3 r.m.s. of zero. The tolerance is 1e-3. A gradient that batch statistics cancel, such as that
of β before another BatchNorm, is measured against its size with frozen statistics.

Needs torch, numpy and safetensors (scripts/requirements.txt). Exit status: 0 all agree, 1 not.
"""

import argparse
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from torch_spaces import FIXED, MOBILENETS, OPS_201, OPS_DARTS, ReLU, ReLU6, load

EXACT = "reference"  # the device that computes in float64
TOLERANCE, TOLERANCE_ENGINE = 1e-4, 1e-3
VANISHING = 1e-6  # of the largest gradient
NEAR = 1e-3  # of a channel's r.m.s.: where rounding decides a rectifier
GROUPS = {"logits": "logits", "loss": "loss", "mean": "statistics", "var": "statistics", "grad": "gradient", "sample_grad": "per image"}
COLUMNS = list(dict.fromkeys(GROUPS.values()))


def architectures_201(r):
    full = "|{0}~0|+|{0}~0|{0}~1|+|{0}~0|{0}~1|{0}~2|"
    return [full.format(op) for op in OPS_201] + [
        "|skip_connect~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",  # a chain of skips
        "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|",  # node 1 is zeros
        "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|none~2|",  # nodes 1 and 2 are never read
        "|none~0|+|none~0|skip_connect~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|",  # dead, but BatchNorms see zeros
        "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",  # sums that dissolve
        "|nor_conv_1x1~0|+|nor_conv_3x3~0|skip_connect~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_1x1~2|",
        "+".join("|" + "|".join(f"{r.choice(OPS_201)}~{j}" for j in range(i)) + "|" for i in (1, 2, 3)),
    ]


def architectures_macro(r):
    return ["00000000", "11111111", "22222222", "01020012", "21010210", "".join(r.choice("012") for _ in range(8))]


def architectures_mobilenet(space):
    """All smallest, all largest, the published one of BN-NAS, and a random one with identities."""
    layers = [(i, stage[0]) for stage in MOBILENETS[space][4] for i in range(stage[1])]
    identities = space == "proxylessnas"

    def choose(block):
        return " ".join("-1" if at in FIXED.get(space, ()) else str(block(i)) for at, (i, _) in enumerate(layers))

    def architectures(r):
        published = ["3 -1 0 4 0 -1 -1 0 4 -1 4 4 1 4 2 0 0 4 0 2 2"] if space == "bn-nas" else []
        return published + [choose(lambda i: 0), choose(lambda i: 5), choose(lambda i: r.randrange(-1 if identities and i else 0, 6))]
    return architectures


def architectures_darts(r):
    """The published DARTS_V2, and random ones."""
    def cell():
        return " ".join(f"{r.choice(OPS_DARTS)}:{state}" for n in range(2, 6) for state in sorted(r.sample(range(n), 2)))

    v2 = ("normal sep_conv_3x3:0 sep_conv_3x3:1 sep_conv_3x3:0 sep_conv_3x3:1 skip_connect:0 sep_conv_3x3:1 skip_connect:0 dil_conv_3x3:2 "
          "reduce max_pool_3x3:0 max_pool_3x3:1 max_pool_3x3:1 skip_connect:2 max_pool_3x3:0 skip_connect:2 max_pool_3x3:1 skip_connect:2")
    return [v2] + [f"normal {cell()} reduce {cell()}" for _ in range(3)]


def architectures_101(r):
    """A projection alone, cells of few vertices, and cells of the benchmark's table: the last three truncate channels."""
    return ["1|", "11|1|3", "10|1|m", "100000|10010|1100|101|10|1|1m1m3", "100011|10001|1000|100|10|1|1mm1m",
            "11101|0001|100|11|1|333m", "10000|1111|011|10|1|3m33", "110000|01011|0001|100|10|1|3333m"]


ARCHITECTURES = {"nas-bench-101": architectures_101, "nas-bench-201": architectures_201, "nas-bench-macro": architectures_macro, "darts": architectures_darts}
ARCHITECTURES |= {space: architectures_mobilenet(space) for space in MOBILENETS}
SAMPLE = 8  # architectures of another space

NARROW = {space: ["--channels", "8"] for space in MOBILENETS} | {"nas-bench-101": ["--channels", "16", "--cells", "1"]}


def traced_name(relu):
    """The module behind a rectifier, by which its states are traced."""
    special = {"lastact.1": ["global_pooling"], "stem.2": ["first.conv.0", "features.0.conv.0", "features.0.downsample.0"]}
    parent, _, index = relu.rpartition(".")
    if index == "relu":  # stored for two convolutions
        return [relu]
    return special.get(relu, []) + [f"{parent}.{int(index) + 1}", parent]


class PyTorch:
    """An exported network in float64."""

    def __init__(self, export, images, labels):
        self.network, self.metadata = load(export)
        self.network.double()
        modules = dict(self.network.named_modules())
        self.norms = {name: m for name, m in modules.items() if isinstance(m, nn.BatchNorm2d)}
        self.relus = {name: m for name, m in modules.items() if isinstance(m, (ReLU, ReLU6))}
        self.frozen = {name: (m.running_mean.clone(), m.running_var.clone()) for name, m in self.norms.items()}
        self.affine = {n: p for n, p in self.network.named_parameters() if n.rpartition(".")[0] in self.norms}
        self.trained = self.affine | {n: p for n, p in self.network.named_parameters() if n.startswith("classifier.")}
        self.network.requires_grad_(False)
        for p in self.trained.values():
            p.requires_grad_(True)
        self.x, self.y = torch.from_numpy(images).double(), torch.from_numpy(labels)

    def trace(self, batch, active):
        """The tensors of a trace, by its names; with active, under the rectifiers that it holds."""
        self.flips = self.stray = 0
        hooks = [relu.register_forward_pre_hook(self.gate(active, name)) for name, relu in self.relus.items()] if active else []
        self.set_statistics(self.frozen)
        logits, statistics = self.forward(batch)
        loss = nn.functional.cross_entropy(logits, self.y)
        result = {"logits": logits.detach(), "loss": loss.detach()}
        for name, (mean, var) in statistics.items():
            result["mean." + name], result["var." + name] = mean, var
        result |= {"grad." + name: g for name, g in self.gradients(loss, self.trained).items()}
        for hook in hooks:
            hook.remove()
        self.set_statistics(statistics)
        result |= self.shares()
        for relu in self.relus.values():
            relu.active = None
        return result

    def gate(self, active, name):
        """Gives a rectifier its traced states, and counts those that differ from its own."""
        given = next((active[n] for n in traced_name(name) if n in active), None)

        def hook(relu, inputs):
            if given is None:  # where nothing that it feeds reaches the logits
                return
            relu.active = given.double()
            x = inputs[0].detach()
            differ = relu.passes(x) != (given > 0)
            self.flips += int(differ.sum())
            self.stray += int((differ & (relu.distance(x) > NEAR * x.pow(2).mean((0, 2, 3), keepdim=True).sqrt())).sum())
        return hook

    def forward(self, batch):
        """The logits, and the statistics that normalised."""
        if not batch:
            return self.network.eval()(self.x), self.frozen
        statistics, hooks = {}, []
        for name, m in self.norms.items():
            def record(module, inputs, name=name):
                values = inputs[0].detach().transpose(0, 1).flatten(1)
                statistics[name] = values.mean(1), values.var(1, unbiased=False)
            hooks.append(m.register_forward_pre_hook(record))
        logits = self.network.train()(self.x)
        for hook in hooks:
            hook.remove()
        return logits, statistics

    def set_statistics(self, statistics):
        for name, m in self.norms.items():
            m.running_mean, m.running_var = (t.clone() for t in statistics[name])

    def gradients(self, loss, parameters):
        found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True, retain_graph=True)
        return {name: torch.zeros_like(p) if g is None else g for (name, p), g in zip(parameters.items(), found)}

    def shares(self):
        """Each image's share of the mean loss: its gradient with frozen statistics."""
        losses = nn.functional.cross_entropy(self.network.eval()(self.x), self.y, reduction="none") / len(self.y)
        rows = [self.gradients(loss, self.affine) for loss in losses]
        return {"sample_grad." + name: torch.stack([r[name] for r in rows]) for name in self.affine}


def compare(trace, expected, device):
    """The largest deviation of each group, relative to its tensor's scale, and what disagrees."""
    worst, failures = dict.fromkeys(COLUMNS, 0.0), []
    floor = {k: VANISHING * max(t.abs().max().item() for n, t in expected.items() if n.startswith(k + ".")) for k in ("grad", "sample_grad")}
    for name, want in expected.items():
        kind, _, module = name.partition(".")
        if name not in trace:
            if kind in floor and want.abs().max() != 0:
                failures.append(f"{name}: not traced, but PyTorch has {want.abs().max():.3g}")
            continue
        scale = max(want.abs().max().item(), floor.get(kind, 1e-5)) or 1.0
        if kind == "grad" and device != EXACT and "sample_" + name in expected:
            scale = max(scale, expected["sample_" + name].abs().sum(0).max().item())
        if kind == "mean":  # beside the spread of what it is the mean of
            scale = max(scale, expected["var." + module].max().sqrt().item())
        deviation = (trace[name].double().reshape(want.shape) - want).abs().max().item() / scale
        if not deviation <= worst[GROUPS[kind]]:  # so that NaN stays
            worst[GROUPS[kind]] = deviation
        if not deviation <= (TOLERANCE if device == EXACT else TOLERANCE_ENGINE):
            failures.append(f"{name}: {deviation:.3g}")
    failures += [f"{name}: traced, but PyTorch has no such tensor" for name in trace.keys() - expected.keys()]
    return worst, failures


def bnas(options, *arguments):
    done = subprocess.run([options.bnas, *arguments, "--quiet"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{options.bnas} {' '.join(arguments)}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout


def architectures(options, space, flags):
    """Those of ARCHITECTURES; for another space random ones."""
    if space in ARCHITECTURES:
        return ARCHITECTURES[space](random.Random(options.seed))
    sample = bnas(options, "score", *flags, "--sample", str(SAMPLE), "--terms", "params", "--json")
    return [row["arch"] for row in json.loads(sample)["scores"]]


def configurations(options):
    """Pairs of a space and the flags of bnas that choose its network. The wide ones are made narrow: in float64 they take
    minutes each. 16 channels are no multiple of 3."""
    if options.run:
        config = (pathlib.Path(options.run) / "config.yaml").read_text()
        return [(re.search(r"^ *space: *(\S+)", config, re.M).group(1), ["--run", options.run])]
    size = ["--height", str(options.size), "--width", str(options.size), "--image-channels", str(options.image_channels)]
    return [(space, ["--space", space, "--bn", bn, "--seed", str(options.seed), "--gamma-init", "uniform", *size,
                     *NARROW.get(space, [])])
            for space in options.space or ARCHITECTURES for bn in ("standard", "fair")]


def verify(options, folder):
    """Yields (what was compared, architecture, the largest deviation of each group, flips, failures)."""
    r = np.random.default_rng(0)
    images = r.standard_normal((options.images, options.image_channels, options.size, options.size)).astype(np.float32)
    labels = r.integers(0, 10, options.images)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels.astype(np.int64))
    export, traced = str(folder / "export"), str(folder / "trace")
    for space, flags in configurations(options):
        for arch in architectures(options, space, flags):
            bnas(options, "export", arch, *flags, "-o", export)
            network = PyTorch(export, images, labels)
            for statistics in ("batch", "frozen"):
                for device in options.device or [EXACT, "cpu"]:
                    named = [] if device == EXACT else ["--device", device]  # the default, with a run's statistics from the engine
                    if device == "cpu":
                        named += ["--numerics", "strict"]
                    bnas(options, "trace", arch, *flags, *named, "--statistics", statistics, "--active",
                         "--images", str(folder / "images.npy"), "--labels", str(folder / "labels.npy"), "-o", traced)
                    trace = load_file(traced)
                    active = {n.partition(".")[2]: trace.pop(n) for n in list(trace) if n.startswith("active_node.")}
                    active |= {n.removeprefix("active."): trace.pop(n) for n in list(trace) if n.startswith("active.")}
                    expected = network.trace(statistics == "batch", {} if device == EXACT else active)
                    worst, failures = compare(trace, expected, device)
                    if network.stray:
                        failures.append(f"{network.stray} rectifiers on the other side far from zero")
                    yield (device, space, network.metadata["bn"], statistics), arch, worst, network.flips, failures


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bnas", required=True, help="the program")
    p.add_argument("--space", action="append", help="or the file of your own, x.yaml; may be repeated; default all of ARCHITECTURES")
    p.add_argument("--device", action="append", help="of bnas, may be repeated; default reference and cpu; gpu-emulated needs `make emulated`, bin/bnas-emulated")
    p.add_argument("--seed", type=int, default=1, help="of the weights and of one random architecture")
    p.add_argument("--images", type=int, default=4)
    p.add_argument("--size", type=int, default=32, help="height and width of the images")
    p.add_argument("--image-channels", type=int, default=3, choices=[1, 3], help="of the images; with --run those of the run")
    p.add_argument("--run", help="a run folder: its γ, β and statistics instead of untrained networks")
    options = p.parse_args()
    if options.run:
        grey = re.search(r"^ *image_channels: *1$", (pathlib.Path(options.run) / "config.yaml").read_text(), re.M)
        options.image_channels = 1 if grey else 3
    cells = lambda worst: "".join(f" {worst[c]:.1e} |" for c in COLUMNS)
    summary, bad = {}, 0
    with tempfile.TemporaryDirectory() as folder:
        for what, arch, worst, flips, failures in verify(options, pathlib.Path(folder)):
            print(f"{' '.join(what):42}{cells(worst)} {flips} flips  {arch}", *(f"    DISAGREES {f}" for f in failures), sep="\n", flush=True)
            count, so_far, flipped = summary.get(what, (0, dict.fromkeys(COLUMNS, 0.0), 0))
            summary[what] = count + 1, {c: max(so_far[c], worst[c]) for c in COLUMNS}, flipped + flips
            bad += bool(failures)
    print(f"\n| device | space | BN | statistics | networks | {' | '.join(COLUMNS)} | flips |")
    print("|" + "---|" * (len(COLUMNS) + 6))
    for what, (count, worst, flips) in summary.items():
        print(f"| {' | '.join(what)} | {count} |{cells(worst)} {flips} |")
    checks = sum(count for count, _, _ in summary.values())
    print(f"\n{checks - bad} of {checks} agree")
    sys.exit(1 if bad or not checks else 0)


if __name__ == "__main__":
    main()
