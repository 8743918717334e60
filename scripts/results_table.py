#!/usr/bin/env python3
"""The figures of docs/results.md, kept as CSV, and its tables from them.

    bnas correlate --scores fair --table nasbench201_cifar10.csv --json > fair.json
    python3 scripts/results_table.py keep fair.json docs/results/nas-bench-201-fair.csv    # the figures of a run
    python3 scripts/results_table.py write                                                 # the tables of docs/results.md
    python3 scripts/results_table.py check                                                 # fails where they differ

A table of docs/results.md stands under a comment that names its files: one file gives τ-b, its interval, ρ and the figures of the first
ten; several give τ-b and its interval of each. The rows are those of the table, in its order; with "sorted" in the comment, the
best first by the first file. "summary" and several such files give the composite, the best published indicator and the best count of each.
The table of a study is its figures.csv, kept as docs/results/study-NAME.csv, under a comment "figures" and the name. "limits" and the
limits.csv of the study fairness give the accuracies under each limit of MACs; "placements" and the tau.csv of the study placement the τ-b
of each score with the true accuracy; "searches" and the accuracy.csv and time.csv of the study search what each objective finds. "rates", "alignments", "cases" and
"condition" are of the study ntk, from its rates.csv, widths.csv and condition.csv. The tau.csv of the study indicator is a file of figures like those of keep.
Needs Python alone.
"""

import argparse
import collections
import csv
import json
import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
FIGURES = ["tau_b", "low", "high", "rho", "pick", "mean", "hits", "ndcg"]
MARK = re.compile(r"<!-- ((?:sorted |summary |figures |limits |placements |searches |rates |alignments |cases |condition )?)((?:results/\S+\.csv ?)+) *-->$")


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
        if not mark and lines[at - 1].lstrip().startswith("<!--"):
            sys.exit(f"docs/results.md:{at}: no mark of a table: {lines[at - 1]}\nscripts/results_table.py --help names the marks")
        if not mark:
            continue
        end = at
        while end < len(lines) and lines[end].startswith("|"):
            end += 1
        if mark[1].strip() in WHOLE:
            out += WHOLE[mark[1].strip()](*(DOCS / name for name in mark[2].split()))
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
    cells = [[r["figure"], signed(r["value"]), f"{signed(r['low'])} … {signed(r['high'])}" if r["low"] else ""] for r in rows_of(path)]
    return table(["figure", "value", "95 %"], cells)


# The networks of the files of a summary.
NETWORKS = {
    "nas-bench-201-further-baselines": "NAS-Bench-201, 1,500 cells",
    "nas-bench-macro-further-baselines": "NAS-Bench-Macro, 1,372 networks",
    "nas-bench-101-further-baselines": "NAS-Bench-101, 600 cells",
    "darts": "DARTS, 214 networks",
}
PUBLISHED = ["composite az-nas", "composite te-nas", "composite vkdnw"] + (
    "az_expressivity az_progressivity az_trainability epe_nas fisher grad_norm grasp jacov l2_norm meco near nwot plain snip swap synflow "
    "te_ntk te_regions vkdnw_entropy zen zico"
).split()
COUNTS = ["depth", "live_macs", "live_params", "macs", "params"]


def summary(*paths):
    """The composite, the best published indicator and the best count, on the networks of each file."""
    cells = []
    for path in paths:
        of = read(path)
        best = lambda names: max((n for n in names if n in of and of[n]["tau_b"]), key=lambda n: float(of[n]["tau_b"]))
        both = [f"`{n}` {signed(of[n]['tau_b'])}" for n in (best(PUBLISHED), best(COUNTS))]
        cells.append([NETWORKS[path.stem], *tau(of["composite bnas"]), *both])
    return table(["networks", "τ-b of `bnas`", "95 %", "best published indicator", "best count"], cells)


def limits(path):
    """What each score of the study fairness puts first within a limit of MACs: the mean accuracy over seeds."""
    kinds = [("gamma_sum", "standard"), ("gamma_sum", "fair"), ("composite bnas", "standard"), ("composite bnas", "fair")]
    picks, best = collections.defaultdict(list), {}
    for r in rows_of(path):
        limit = int(r["limit_macs"])
        picks[limit, r["score"], r["placement"]].append(float(r["pick_accuracy"]))
        best[limit] = float(r["best_accuracy"])
    cells = [[f"{limit / 1e6:.1f} M", f"{best[limit]:.2f}", *(f"{mean(picks[limit, *k]):.2f}" for k in kinds)] for limit in sorted(best)]
    return table(["largest MACs", "best, %", "γ-sum, standard", "γ-sum, fair", "composite, standard", "composite, fair"], cells)


def placements(path):
    """The τ-b of each score with the true accuracy, in both placements and after each length of training: means over seeds."""
    taus = collections.defaultdict(dict)
    for r in rows_of(path):
        if r["with"] == "true accuracy":
            taus[r["score"]][r["placement"], int(r["length"])] = r
    setups = list(next(iter(taus.values())))
    cells = [[f"`{score}`", *(signed(of[s]["tau_b"]) for s in setups)] for score, of in taus.items()]
    return table(["score", *(f"{placement}, {length or 'untrained'}" for placement, length in setups)], cells)


def searches(accuracy, time):
    """What the objectives of the study search find: means over seeds, with intervals."""
    found = collections.defaultdict(dict)
    for r in rows_of(accuracy):
        found[r["objective"]][r["networks"]] = r
    within = collections.defaultdict(list)
    for r in rows_of(time):
        within[r["objective"]].append((float(r["evaluations_within"]), float(r["accuracy_within"] or "nan")))
    cells = []
    for name, of in found.items():
        objective, _, how = name.partition(", ")
        line = [name if name == "random pick" else f"`{objective}`" + (how and f", {how}")]
        for r in (of["best by the objective"], of["mean of the first ten"]):
            line.append(f"{float(r['accuracy']):.2f} ({float(r['low']):.2f} … {float(r['high']):.2f})")
            apart = r["difference"] and f"{float(r['difference']):+.2f} ({float(r['difference_low']):+.2f} … {float(r['difference_high']):+.2f})"
            line.append(apart.replace("-", "−"))
        equal = list(zip(*within[name]))
        cells.append(line + [f"{mean(equal[0]):,.0f}, {mean(equal[1]):.2f}" if equal else ""])
    head = ["objective", "best by the objective", "− `bnas`", "mean of the first ten", "− `bnas`", "equal time: evaluations, accuracy"]
    return table(head, cells)


def rates(path):
    """How drift and linearised error of the study ntk depend on the width: where the loss has fallen, after 64 steps, and the largest."""
    found = {(r["quantity"], r["statistics"], r["trained"], r["when"]): r for r in rows_of(path)}
    moments = ["loss −⅓", "step 64", "largest"]
    cells = []
    for statistics in ("batch", "frozen"):
        for quantity, trained, name in (
            ("drift", "bn", "γ, β"), ("drift", "all", "all"), ("linearised error", "bn", "γ, β"), ("linearised error", "all", "all"),
            ("distance", "", "both"), ("distance of the linear networks", "", "both"),
        ):
            line = [quantity, statistics, name]
            for when in moments:
                r = found.get((quantity, statistics, trained, when), collections.defaultdict(str))
                line += [bracketed(r["at_widest"], r["widest_low"], r["widest_high"]), bracketed(r["exponent"], r["low"], r["high"])]
            cells.append(line)
    head = ["figure", "statistics", "trained"]
    return table(head + [text for when in moments for text in (when, "exponent")], cells)


def bracketed(value, low, high):
    """A figure with its interval over seeds; one seed has none, and a figure may be missing."""
    value, low, high = (v and f"{float(v):.2f}".replace("-0.00", "0.00").replace("-", "−") for v in (value, low, high))
    return f"{value} [{low}, {high}]" if low else value or "–"


def by_width(path):
    """The figures of widths.csv: by what they are of, by channels and by name."""
    found = collections.defaultdict(lambda: collections.defaultdict(dict))
    for r in rows_of(path):
        found[r["of"]][int(r["channels"])][r["figure"]] = bracketed(r["value"], r["low"], r["high"])
    return found


def alignments(path):
    """The kernels of γ and β against those of all weights, by width."""
    found = by_width(path)
    widths = sorted(found["batch"])
    cells = [[name, of, *(found[of][w][name] for w in widths)] for name in ("alignment", "centred alignment") for of in ("batch", "frozen")]
    return table(["of the two kernels", "statistics", *(f"{w} channels" for w in widths)], cells)


def cases(widths, exponents):
    """The kernel of γ against that of its convolution at the largest width, by case."""
    exponent = {r["quantity"]: bracketed(r["exponent"], r["low"], r["high"]) for r in rows_of(exponents) if r["quantity"].startswith("deviation, ")}
    cells = []
    for of, channels in by_width(widths).items():
        if "deviation, " + of in exponent:
            figures = channels[max(channels)]
            name = of.replace("nas-bench-201", "NAS-Bench-201").replace("nas-bench-macro", "NAS-Bench-Macro")
            cells.append([name, figures["ratio"], figures["alignment"], figures["deviation"], exponent["deviation, " + of]])
    return table(["case", "ratio of the traces", "alignment", "deviation", "exponent of the deviation"], cells)


def condition(path):
    """τ-b of log κ before and after training, with each other, the loss and the accuracy."""
    return table(["pair", "τ-b", "95 %"], [[r["pair"], signed(r["tau_b"]), f"{signed(r['low'])} … {signed(r['high'])}"] for r in rows_of(path)])


# The tables that are written as a whole, by their marks.
WHOLE = {
    "summary": summary, "figures": figures, "limits": limits, "placements": placements, "searches": searches,
    "rates": rates, "alignments": alignments, "cases": cases, "condition": condition,
}


def mean(values):
    return sum(values) / len(values)


def table(head, cells):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] + ["| " + " | ".join(c) + " |" for c in cells]


def rows_of(path):
    with open(path) as f:
        return list(csv.DictReader(f))


def read(path):
    return {r.get("term") or r["score"]: r for r in rows_of(path)}


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
