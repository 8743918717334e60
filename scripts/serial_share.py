#!/usr/bin/env python3
"""Measure which share of a step no second thread can take: what runs outside of the engine's parallel loops.

    python3 scripts/serial_share.py --arch all3x3 --arch mixed

It builds bnas with frame pointers, samples `bnas bench step --threads 1` by perf, and counts the samples inside a step whose stack has
no body of a parallel loop. Samples in the kernel (interrupts, other processes) are left out. Needs Go, gcc, and perf of Linux.
"""

import argparse
import collections
import os
import subprocess
import tempfile

STEP = ("kernels.(*guardedExec)", "kernels/cpu.(*exec)")
# A body that ends with a loop over zeros leaves its frame to memset; pool_next is the loop itself.
PARALLEL = ("pool_run", "_body", "pool_next", "memset")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", action="append", help="an architecture of NAS-Bench-201; default: all3x3 and mixed")
    parser.add_argument("--repeats", type=int, default=100, help="steps")
    parser.add_argument("--numerics", default="strict")
    parser.add_argument("--top", type=int, default=8, help="functions to list")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bnas = os.path.join(folder, "bnas")
        subprocess.run(["go", "build", "-o", bnas, "./cmd/bnas"], check=True,
                       env=os.environ | {"CGO_CFLAGS": "-O2 -g -fno-omit-frame-pointer"})
        for arch in options.arch or ["all3x3", "mixed"]:
            share(arch, sample(bnas, arch, options, os.path.join(folder, "perf.data")), options.top)


def sample(bnas, arch, options, data):
    """Returns the stacks of the samples, innermost function first."""
    step = [bnas, "bench", "step", "--bn", "standard", "--arch", arch, "--numerics", options.numerics, "--threads", "1",
            "--repeats", str(options.repeats)]
    subprocess.run(["perf", "record", "-q", "-g", "-e", "cpu-clock:u", "-F", "2000", "-o", data] + step, check=True, stdout=subprocess.DEVNULL)
    text = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym"], check=True, capture_output=True, text=True).stdout
    for block in text.split("\n\n"):
        stack = [line.split(None, 1)[1] for line in block.splitlines() if len(line.split(None, 1)) == 2]
        if stack:
            yield stack


def share(arch, stacks, top):
    inside, alone = 0, collections.Counter()
    for stack in stacks:
        if not any(mark in f for f in stack for mark in STEP):
            continue
        inside += 1
        if not any(mark in f for f in stack for mark in PARALLEL):
            alone[next(f for f in stack if "bnas.example" in f)] += 1
    print(f"{arch}: {100 * alone.total() / inside:.2f} % of {inside} samples")
    for f, n in alone.most_common(top):
        print(f"  {100 * n / inside:.2f} %  {f}")


main()
