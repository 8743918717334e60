#!/usr/bin/env python3
"""Markdown tables of docs/results.md from the output of `bnas correlate --json`.

    bnas correlate --scores fair --table nasbench201_cifar10.csv --json > fair.json
    bnas correlate --scores standard --table nasbench201_cifar10.csv --json > standard.json
    python3 scripts/results_table.py fair.json                          # one run: τ-b, interval, ρ, the first ten
    python3 scripts/results_table.py fair.json standard.json            # several: τ-b and interval of each

The rows are terms and composites, in the order of the first file, or by falling τ-b with --sort. Needs Python alone.
"""

import argparse
import json


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--subset", default="all", choices=["all", "live", "distinct"])
    parser.add_argument("--sort", action="store_true", help="the best of the first file first")
    options = parser.parse_args()
    runs = [rows(file, options.subset) for file in options.files]
    names = list(runs[0])
    if options.sort:
        names.sort(key=lambda n: -2 if runs[0][n]["tau_b"] is None else runs[0][n]["tau_b"], reverse=True)
    if len(runs) == 1:
        print("| term | τ-b | 95 % | ρ | pick | first ten | hits | nDCG |\n|---|---|---|---|---|---|---|---|")
        for name in names:
            row, top = runs[0][name], runs[0][name]["top"][0]
            print(f"| `{name}` | {tau(row)} | {number(row['spearman'])} | {top['pick']:.2f} | {top['mean']:.2f} | {top['hits']} | {top['ndcg']:.3f} |")
        return
    print("| term |" + "".join(f" {file.removesuffix('.json')} | 95 % |" for file in options.files))
    print("|---|" + "---|---|" * len(runs))
    for name in names:
        print(f"| `{name}` | " + " | ".join(tau(run[name]) for run in runs) + " |")


def rows(file, subset):
    with open(file) as f:
        judged = json.load(f)
    return {row["name"]: row for row in next(s for s in judged["subsets"] if s["subset"] == subset)["terms"]}


def tau(row):
    interval = row["tau_b_interval"]
    if row["tau_b"] is None:
        return "– | –"
    return f"{row['tau_b']:+.3f} | {interval['low']:+.3f} … {interval['high']:+.3f}"


def number(v):
    return "–" if v is None else f"{v:+.3f}"


if __name__ == "__main__":
    main()
