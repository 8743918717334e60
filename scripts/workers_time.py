#!/usr/bin/env python3
"""Measure what several processes of a scoring cost: its processor time with --workers N, against one process with the same threads.

    python3 scripts/workers_time.py --run runs/fair

It builds bnas, and scores random architectures of the run into new folders: one process and each number of workers in turn, round by
round. The time is the sum over all processes. It fails if the median of a ratio is above 1.05: other work on the cores can be the cause. Without
--run it trains one first.
"""

import argparse
import os
import resource
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
        numbers = [0] + (options.workers or [2, 4])
        times = {n: [] for n in numbers}
        for k in range(options.rounds):
            for n in numbers:
                times[n].append(score(bnas, run, n, options, os.path.join(folder, f"scores-{k}-{n}")))
                print(f"round {k + 1}, workers {n}: {times[n][-1]:.1f} s", file=sys.stderr)
    sys.exit(table(times))


def score(bnas, run, workers, options, out):
    """Scores into the new folder out, and returns the processor time of all processes in seconds."""
    line = [bnas, "score", "--run", run, "--out", out, "--sample", str(options.sample), "--threads", str(options.threads), "--quiet"]
    if workers:
        line += ["--workers", str(workers)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def table(times):
    """Prints the times and their ratios to one process, and returns the exit status."""
    print("| processes | processor time | to one process |\n|---|---|---|")
    status = 0
    for n, own in times.items():
        ratios = sorted(t / one for t, one in zip(own, times[0]))
        if statistics.median(ratios) > MOST:
            status = 1
        name = f"`--workers {n}`" if n else "one"
        print(f"| {name} | {statistics.median(own):.1f} s | {ratios[0]:.2f} to {ratios[-1]:.2f} |")
    return status


main()
