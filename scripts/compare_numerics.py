#!/usr/bin/env python3
"""Compare the two numerics of the CPU engine, strict and fast, by what a user gets: training, γ and β, and ranking.

    go build -o bnas ./cmd/bnas
    python3 scripts/compare_numerics.py --bnas ./bnas --data-dir ~/cifar-10-batches-bin \\
        --table nas-bench-201=nasbench201_cifar10.csv --table nas-bench-macro=nasbench_macro_cifar10.csv --out numerics

For each space and seed it trains a supernet in either mode, on the same images and paths. Single gradients of a deep network differ
between two float32 programs (docs/speed.md); what must not differ is what follows from them:

loss       the mean of the last fifth of the steps, over the seeds with its deviation; the r.m.s. difference of the curves of the two
           modes with one seed, and of two seeds in strict
γ and β    the distance of the two modes with one seed, relative to how far strict has moved from γ = 1, β = 0; the same of two seeds,
           and of strict on two instruction sets (--isa), which differ by float32 rounding alone
ranking    for each term Kendall's τ-b between the modes over the cells of the first seed, and of either with the table; the same of
           strict trained on the other instruction set, scored on this one

It prints tables in Markdown. It goes on where it was interrupted: what is in --out is not made again. Needs Python alone.
"""

import argparse
import array
import csv
import itertools
import json
import math
import os
import pathlib
import statistics
import struct
import subprocess

MODES = ["strict", "fast"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bnas", default="./bnas", help="the program")
    parser.add_argument("--data-dir", help="CIFAR-10 in its binary version; default: the built-in images")
    parser.add_argument("--space", nargs="+", default=["nas-bench-201", "nas-bench-macro"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--cells", type=int, default=300, help="scored architectures")
    parser.add_argument("--table", action="append", default=[], metavar="SPACE=FILE", help="accuracies of a space")
    parser.add_argument("--terms", default="all", help="scored terms")
    parser.add_argument("--isa", help="train the first seed in strict on this instruction set too: portable; avx2 has the bits of avx512")
    parser.add_argument("--out", type=pathlib.Path, default="numerics", help="folder of the runs")
    parser.add_argument("--train-flags", nargs=argparse.REMAINDER, default=[], help="further flags of bnas train, last")
    options = parser.parse_args()
    tables = dict(t.split("=", 1) for t in options.table)
    print_training(options, {space: train_all(options, space) for space in options.space})
    for space in options.space:
        print_ranking(options, space, tables.get(space))


def bnas(options, *args, isa=None):
    env = os.environ | ({"BNAS_CPU_ISA": isa} if isa else {})
    return subprocess.run([options.bnas, *map(str, args)], check=True, stdout=subprocess.PIPE, text=True, env=env).stdout


def folder(options, space, mode, seed):
    return options.out / f"{space}-{mode}-{seed}"


def train_all(options, space):
    """The runs of a space, by mode and seed: the loss of every logged step, and γ and β."""
    runs = {}
    wanted = [(mode, seed, None) for seed, mode in itertools.product(options.seeds, MODES)]
    if options.isa:
        wanted.append(("strict", options.seeds[0], options.isa))
    for mode, seed, isa in wanted:
        out = folder(options, space, mode, f"{seed}-{isa}" if isa else seed)
        if not (out / "checkpoint").exists():
            data = ["--data", "cifar10", "--data-dir", options.data_dir] if options.data_dir else []
            bnas(options, "train", "--space", space, "--numerics", mode, "--seed", seed, "--steps", options.steps, "--rank-every", 0,
                 "--device", "cpu", "--quiet", "--out", out, *data, *options.train_flags, isa=isa)
        runs[mode, isa or seed] = losses(out), affine(options, space, out)
    return runs


def losses(run):
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [line["loss"] for line in lines if line["kind"] == "step"]


def affine(options, space, run):
    """γ − 1 and β of the BatchNorms of a few networks that the seed does not choose."""
    archs = run.parent / f"{space}.txt"
    if not archs.exists():
        scores = run.parent / f"{space}.csv"
        bnas(options, "score", "--space", space, "--seed", 12345, "--sample", 8, "--terms", "params", "--quiet", "--out", scores)
        with open(scores) as f:
            archs.write_text("\n".join(row["arch"] for row in csv.DictReader(f) if row["dead"] == "false"))
    moved = {}
    for i, arch in enumerate(archs.read_text().splitlines()):
        file = run / f"exported-{i}.safetensors"
        if not file.exists():
            bnas(options, "export", "--run", run, "--quiet", "-o", file, "--", arch)
        tensors = read_safetensors(file)
        for name in tensors:
            if name.endswith(".running_mean"):
                layer = name.removesuffix("running_mean")
                moved[layer + "weight"] = [v - 1 for v in tensors[layer + "weight"]]
                moved[layer + "bias"] = tensors[layer + "bias"]
    return [v for name in sorted(moved) for v in moved[name]]


def read_safetensors(path):
    raw = path.read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    tensors = {}
    for name, entry in json.loads(raw[8:8 + size]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            tensors[name] = array.array("f", raw[8 + size + begin:8 + size + end])
    return tensors


def rms(x, y):
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / len(x))


def norm(x):
    return math.sqrt(sum(v * v for v in x))


def print_training(options, spaces):
    print(f"{options.steps} steps, seeds {', '.join(map(str, options.seeds))}\n")
    print("| space | loss, strict | loss, fast | curves: modes | instruction sets | seeds | γ and β: modes | instruction sets | seeds |")
    print("|---|---|---|---|---|---|---|---|---|")
    for space, runs in spaces.items():
        final = {mode: [statistics.mean(runs[mode, s][0][-max(1, len(runs[mode, s][0]) // 5):]) for s in options.seeds] for mode in MODES}
        modes = [(runs["strict", s], runs["fast", s]) for s in options.seeds]
        seeds = [(runs["strict", a], runs["strict", b]) for a, b in itertools.combinations(options.seeds, 2)]
        sets = [(runs["strict", options.seeds[0]], runs["strict", options.isa])] if options.isa else []
        cells = [f"`{space}`"] + [f"{statistics.mean(v):.4f} ± {statistics.stdev(v) if len(v) > 1 else math.nan:.4f}" for v in final.values()]
        for pairs in (modes, sets, seeds):
            cells.append(f"{statistics.mean(rms(a[0], b[0]) for a, b in pairs):.4f}" if pairs else "–")
        for pairs in (modes, sets, seeds):
            distances = [norm([x - y for x, y in zip(a[1], b[1], strict=True)]) / norm(a[1]) for a, b in pairs]
            cells.append(f"{statistics.mean(distances):.3f}" if pairs else "–")
        print("| " + " | ".join(cells) + " |")
    print()


def print_ranking(options, space, table):
    seed, scores, truth = options.seeds[0], {}, {}
    runs = {mode: folder(options, space, mode, seed) for mode in MODES}
    if options.isa:
        runs[options.isa] = folder(options, space, "strict", f"{seed}-{options.isa}")
    for mode, run in runs.items():
        if not (run / "scored").exists():
            bnas(options, "score", "--run", run, "--sample", options.cells, "--terms", options.terms, "--device", "cpu", "--quiet")
            (run / "scored").touch()
        with open(run / "scores.csv") as f:
            scores[mode] = {row["arch"]: row for row in csv.DictReader(f) if row["dead"] == "false"}
        if table:
            judged = json.loads(bnas(options, "correlate", "--space", space, "--scores", run, "--table", table, "--json"))
            live = next(s for s in judged["subsets"] if s["subset"] == "live")
            truth[mode] = {t["name"]: t for t in live["terms"]}
    archs = list(scores["strict"])
    terms = [t for t in scores["strict"][archs[0]] if scores["strict"][archs[0]][t] not in ("", archs[0]) and t not in ("canonical", "dead", "check")]
    print(f"`{space}`, {len(archs)} live cells, seed {seed}\n")
    others = list(runs)[1:]
    print(f"| term | τ-b of strict with {' | with '.join(others)} | τ-b with the table, strict | 95 % | {' | '.join(others)} |")
    print("|---" * (4 + 2 * len(others) - 1) + "|")
    for term in terms + [t for t in truth.get("strict", {}) if t.startswith("composite ")]:
        row = [f"`{term}`"]
        for other in others:
            row.append(number(tau([[float(scores[mode][a][term]) for a in archs] for mode in ("strict", other)])) if term in terms else "–")
        if table:
            interval = truth["strict"][term]["tau_b_interval"]
            row += [number(truth["strict"][term]["tau_b"]), f"{number(interval['low'])} … {number(interval['high'])}"]
            row += [number(truth[other][term]["tau_b"]) for other in others]
        print("| " + " | ".join(row) + " |")
    print()


def number(v):
    return "–" if v is None else f"{v:+.3f}"


def tau(columns):
    """Kendall's τ-b of two columns; None where one is constant."""
    x, y = columns
    agree = x_pairs = y_pairs = 0
    for i, j in itertools.combinations(range(len(x)), 2):
        a, b = (x[i] > x[j]) - (x[i] < x[j]), (y[i] > y[j]) - (y[i] < y[j])
        agree, x_pairs, y_pairs = agree + a * b, x_pairs + a * a, y_pairs + b * b
    return agree / math.sqrt(x_pairs * y_pairs) if x_pairs and y_pairs else None


if __name__ == "__main__":
    main()
