#!/usr/bin/env python3
"""The figures of docs/results.md, kept as CSV, and its tables from them.

    bnas correlate --scores fair --table nasbench201_cifar10.csv --json > fair.json
    python3 scripts/results_table.py keep fair.json docs/results/nas-bench-201-fair.csv    # the figures of a run
    python3 scripts/results_table.py write                                                 # the tables of docs/results.md
    python3 scripts/results_table.py check                                                 # fails where they differ

A table of docs/results.md stands under a comment that names its files: one file gives τ-b, its interval, ρ and the figures of the first
ten; several give τ-b and its interval of each. The rows are those of the table, in its order; with "sorted" in the comment, the
best first by the first file. The table of a study is its figures.csv, kept as docs/results/study-NAME.csv, under a comment "figures" and
the name. The tau.csv of the study indicator is a file of figures like those of keep. Needs Python alone.
"""

import argparse
import csv
import json
import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
FIGURES = ["tau_b", "low", "high", "rho", "pick", "mean", "hits", "ndcg"]
MARK = re.compile(r"<!-- ((?:sorted |figures )?)((?:results/\S+\.csv ?)+) *-->$")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    keeping = commands.add_parser("keep", help="write the figures of a comparison as CSV")
    keeping.add_argument("json")
    keeping.add_argument("csv")
    commands.add_parser("write", help="write the tables of docs/results.md")
    commands.add_parser("check", help="compare the tables of docs/results.md with the figures")
    options = parser.parse_args()
    if options.command == "keep":
        keep(options.json, options.csv)
        return
    page = DOCS / "results.md"
    old = page.read_text().split("\n")
    new = tables(old)
    if options.command == "write":
        page.write_text("\n".join(new))
    elif new != old:
        line, is_, should = next(((i + 1, a, b) for i, (a, b) in enumerate(zip(old, new)) if a != b), (len(new), "", "other rows"))
        sys.exit(f"docs/results.md:{line}: the table differs from its figures:\n  {is_}\n  {should}\nscripts/results_table.py write mends it")


def keep(source, target):
    """Writes the figures of all networks from the output of bnas correlate --json."""
    with open(source) as f:
        judged = json.load(f)
    terms = next(s for s in judged["subsets"] if s["subset"] == "all")["terms"]
    with open(target, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(["term", *FIGURES])
        for t in terms:
            interval, top = t["tau_b_interval"] or {}, t["top"][0]
            figures = [t["tau_b"], interval.get("low"), interval.get("high"), t["spearman"], top["pick"], top["mean"], top["hits"], top["ndcg"]]
            out.writerow([t["name"], *("" if v is None else f"{v:.6g}" for v in figures)])


def tables(lines):
    """The lines of the page, with the tables under a mark written again."""
    out, at = [], 0
    while at < len(lines):
        out.append(lines[at])
        mark = MARK.match(lines[at])
        at += 1
        if not mark:
            continue
        end = at
        while end < len(lines) and lines[end].startswith("|"):
            end += 1
        if mark[1] == "figures ":
            out += figures(DOCS / mark[2].strip())
            at = end
            continue
        files = [read(DOCS / name) for name in mark[2].split()]
        names = [line.split("`")[1] for line in lines[at + 2 : end]]
        if mark[1]:
            names.sort(key=lambda n: -2 if files[0][n]["tau_b"] == "" else float(files[0][n]["tau_b"]), reverse=True)
        out += lines[at : at + 2]
        out += [row(name, files) for name in names]
        at = end
    return out


def figures(path):
    """The figures of a study, each with its interval."""
    with open(path) as f:
        rows = list(csv.DictReader(f))
    cells = [[r["figure"], signed(r["value"]), f"{signed(r['low'])} … {signed(r['high'])}" if r["low"] else ""] for r in rows]
    return ["| figure | | 95 % |", "|---|---|---|"] + ["| " + " | ".join(c) + " |" for c in cells]


def read(path):
    with open(path) as f:
        return {r.get("term") or r["score"]: r for r in csv.DictReader(f)}


def row(name, files):
    cells = [cell for figures in files for cell in tau(figures.get(name))]
    if len(files) == 1:
        f = files[0][name]
        cells += [signed(f["rho"]), f"{float(f['pick']):.2f}", f"{float(f['mean']):.2f}", f["hits"], f"{float(f['ndcg']):.3f}"]
    return f"| `{name}` | " + " | ".join(cells) + " |"


def tau(figures):
    if not figures or figures["tau_b"] == "":
        return ["–", "–"]
    return [signed(figures["tau_b"]), f"{signed(figures['low'])} … {signed(figures['high'])}"]


def signed(v):
    return f"{float(v):+.3f}" if v else "–"


if __name__ == "__main__":
    main()
