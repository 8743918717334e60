#!/usr/bin/env python3
"""Measure what several processes of a scoring cost: its processor time with --workers N, against one process with the same threads.

    python3 scripts/workers_time.py --run runs/fair

It builds bnas, and scores random architectures of the run into new folders: each number of workers in turn, round by round, with one process
before and after each. The time is the sum over all processes, the ratio that to the mean of the two runs of one process beside it: the speed of
a machine drifts. It fails if the median of a ratio is above 1.05: other work on the cores can be the cause. Without --run it trains one first.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

MOST = 1.05


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", help="a trained run; default: one of the default settings")
    parser.add_argument("--sample", type=int, default=160, help="architectures")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="of all processes together")
    parser.add_argument("--workers", type=int, action="append", help="processes; default: 2 and 4")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bnas = os.path.join(folder, "bnas")
        subprocess.run(["go", "build", "-tags", "netgo,osusergo", "-o", bnas, "./cmd/bnas"], check=True)
        run = options.run
        if run is None:
            run = os.path.join(folder, "run")
            subprocess.run([bnas, "train", "--out", run, "--quiet"], check=True, stdout=subprocess.DEVNULL)
        numbers = options.workers or [2, 4]
        runs = [(0, score(bnas, run, 0, options, folder))]  # the number of workers, 0 for one process, and the seconds
        for k in range(options.rounds):
            for n in numbers:
                runs += [(n, score(bnas, run, n, options, folder)), (0, score(bnas, run, 0, options, folder))]
                print(f"round {k + 1}, workers {n}: {runs[-2][1]:.1f} s between {runs[-3][1]:.1f} and {runs[-1][1]:.1f} s", file=sys.stderr)
    sys.exit(table(runs, numbers))


def score(bnas, run, workers, options, folder):
    """Scores, and returns the processor time of all processes in seconds."""
    out = os.path.join(folder, "scores")
    line = [bnas, "score", "--run", run, "--out", out, "--sample", str(options.sample), "--threads", str(options.threads), "--quiet"]
    if workers:
        line += ["--workers", str(workers)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(out)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def table(runs, numbers):
    """Prints the times and their ratios to one process, and returns the exit status."""
    print("| processes | processor time, median | to one process, median | least and greatest |\n|---|---|---|---|")
    print(f"| one | {statistics.median(t for n, t in runs if n == 0):.1f} s | 1 | |")
    status = 0
    for workers in numbers:
        own = [k for k, (n, _) in enumerate(runs) if n == workers]
        ratios = [2 * runs[k][1] / (runs[k - 1][1] + runs[k + 1][1]) for k in own]
        print(f"| `--workers {workers}` | {statistics.median(runs[k][1] for k in own):.1f} s | {statistics.median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |")
        if statistics.median(ratios) > MOST:
            status = 1
    return status


main()
