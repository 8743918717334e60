#!/usr/bin/env python3
"""Time a BN-only training step of bnas and of PyTorch on the GPU, in turn.

    make cuda
    python3 scripts/compare_torch_gpu.py --bnas bin/bnas-cuda --batch 256

The network and the rounds are those of compare_torch.py. PyTorch runs eagerly in channels_last: fp32 and tf32 with those
multiplications, fp16 and bf16 under autocast. Times are wall-clock, the GPU waited for.

Needs torch with CUDA, numpy and safetensors (scripts/requirements.txt).
"""

import argparse
import json
import statistics
import sys

from compare_torch import CELLS, drop_zeros, run

PRECISIONS = ["fp32", "tf32", "fp16", "bf16"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bnas", default="bin/bnas-cuda", help="the program")
    parser.add_argument("--arch", nargs="*", default=list(CELLS), help="all3x3, mixed, or cell strings")
    parser.add_argument("--precision", nargs="*", default=PRECISIONS, choices=PRECISIONS)
    parser.add_argument("--batch", type=int, default=256, help="images")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=20, help="timed repetitions of each program in a round")
    parser.add_argument("--torch-round", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.torch_round:
        print(json.dumps(torch_round(options.torch_round, options.precision[0], options.batch, options.repeats)))
        return
    for arch in options.arch:
        for precision in options.precision:
            print(compare(options, arch, precision), flush=True)


def compare(options, arch, precision):
    """One line: rounds of bnas, then PyTorch."""
    cell = CELLS.get(arch, arch)
    ours, theirs = [], []
    for _ in range(options.rounds):
        common = ["--batch", str(options.batch), "--repeats", str(options.repeats), "--precision", precision]
        o = run([options.bnas, "bench", "step", "--device", "gpu", "--bn", "standard", "--arch", cell, *common, "--json", "--quiet"])
        t = run([sys.executable, __file__, "--torch-round", cell, *common])
        ours.append((o["best_ms"], o["median_ms"]))
        theirs.append((t["best_ms"], t["median_ms"]))
    (best, median), (torch_best, torch_median) = summary(ours), summary(theirs)
    return (f"{arch:<8} {precision} {options.batch} images   bnas {best:.2f} / {median:.2f} ms   PyTorch {torch_best:.2f} / {torch_median:.2f} ms"
            f" (best / median)   {torch_best / best:.2f}× / {torch_median / median:.2f}×")


def summary(times):
    return min(b for b, _ in times), statistics.median(m for _, m in times)


def torch_round(cell, precision, batch, repeats):
    """One round of PyTorch, in a process of its own."""
    import time

    import torch

    import torch_spaces

    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    net = torch_spaces.TinyNetwork(cell, 10, 16, 5, False)
    drop_zeros(net, torch_spaces)
    net = net.cuda().to(memory_format=torch.channels_last).train()
    for module in net.modules():
        if not isinstance(module, torch.nn.BatchNorm2d):
            for p in module.parameters(recurse=False):
                p.requires_grad_(False)
    params = [p for p in net.parameters() if p.requires_grad]
    x = torch.randn(batch, 3, 32, 32, device="cuda").contiguous(memory_format=torch.channels_last)
    y = torch.randint(0, 10, (batch,), device="cuda")
    half = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(precision)
    times = []
    for i in range(repeats + 5):
        start = time.perf_counter()
        with torch.autocast("cuda", dtype=half or torch.float16, enabled=half is not None):
            loss = torch.nn.functional.cross_entropy(net(x), y)
        torch.autograd.grad(loss, params, allow_unused=True)
        torch.cuda.synchronize()
        if i >= 5:
            times.append(1e3 * (time.perf_counter() - start))
    return {"best_ms": min(times), "median_ms": statistics.median(times)}


if __name__ == "__main__":
    main()
