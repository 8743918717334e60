#!/usr/bin/env python3
"""Time a BN-only training step of bnas and of PyTorch on the GPU, in turn.

    make cuda
    python3 scripts/compare_torch_gpu.py --bnas bin/bnas-cuda --batch 256

The network and the rounds are those of compare_torch.py. PyTorch runs in channels_last: fp32 and tf32 with those
multiplications, fp16 and bf16 under autocast. It runs eagerly, as a captured CUDA graph, and, on request, compiled by
torch.compile. A step of either program copies the images and the labels to the GPU, runs forward, cross-entropy and
backward to γ and β, and copies the loss back. Times are wall-clock.

Needs torch with CUDA (scripts/requirements.txt).
"""

import argparse
import statistics
import time

from compare_torch import CELLS, drop_zeros, run

PRECISIONS = ["bf16", "tf32", "fp32", "fp16"]
MODES = ["eager", "graph", "compiled"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bnas", default="bin/bnas-cuda", help="the program")
    parser.add_argument("--arch", nargs="*", default=list(CELLS), help="all3x3, mixed, or cell strings")
    parser.add_argument("--precision", nargs="*", default=PRECISIONS, choices=PRECISIONS)
    parser.add_argument("--mode", nargs="*", default=MODES[:2], choices=MODES, help="how PyTorch runs")
    parser.add_argument("--batch", type=int, default=256, help="images")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=20, help="timed repetitions of each program in a round")
    options = parser.parse_args()
    for precision in options.precision:
        for arch in options.arch:
            print(compare(options, arch, precision), flush=True)


def compare(options, arch, precision):
    """One line: the median over the rounds of each program's median step. The rounds run the programs in turn."""
    cell = CELLS.get(arch, arch)
    half = [[], ["--half"]] if precision == "bf16" else [[]]
    ours = {" ".join(["bnas", *h]): [options.bnas, "bench", "step", "--device", "gpu", "--bn", "standard", "--arch", cell, "--batch", str(options.batch),
                                     "--repeats", str(options.repeats), "--warmup", "5", "--precision", precision, *h, "--json", "--quiet"] for h in half}
    theirs = {mode: torch_step(cell, precision, options.batch, mode) for mode in options.mode}
    times = {name: [] for name in [*ours, *theirs]}
    for _ in range(options.rounds):
        for name, command in ours.items():
            times[name].append(run(command)["median_ms"])
        for name, step in theirs.items():
            times[name].append(median_ms(step, options.repeats))
    medians = {name: statistics.median(t) for name, t in times.items()}
    fastest = min(medians[name] for name in ours)
    parts = [f"{name} {medians[name]:.2f} ms" for name in ours]
    parts += [f"PyTorch {name} {medians[name]:.2f} ms ({medians[name] / fastest:.2f}×)" for name in theirs]
    return f"{arch:<8} {precision} {options.batch} images   " + "   ".join(parts)


def median_ms(step, repeats):
    times = []
    for i in range(repeats + 5):
        start = time.perf_counter()
        step()
        if i >= 5:
            times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def torch_step(cell, precision, batch, mode):
    """A function that makes one step in PyTorch and waits for its loss."""
    import torch

    import torch_spaces

    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    half = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(precision)
    net = torch_spaces.TinyNetwork(cell, 10, 16, 5, False)
    drop_zeros(net, torch_spaces)
    net = net.cuda().to(memory_format=torch.channels_last).train()
    for module in net.modules():
        if not isinstance(module, torch.nn.BatchNorm2d):
            for p in module.parameters(recurse=False):
                p.requires_grad_(False)
    params = [p for p in net.parameters() if p.requires_grad]
    forward = torch.compile(net) if mode == "compiled" else net
    images = torch.randn(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last).pin_memory()
    labels = torch.randint(0, 10, (batch,)).pin_memory()
    x, y = images.cuda(), labels.cuda()

    def work():
        # Without the cache of casted weights, which a graph cannot capture; the weights are frozen and few.
        with torch.autocast("cuda", dtype=half or torch.float16, enabled=half is not None, cache_enabled=mode != "graph"):
            loss = torch.nn.functional.cross_entropy(forward(x), y)
        torch.autograd.grad(loss, params, allow_unused=True)
        return loss.detach()

    once = captured(torch, work) if mode == "graph" else work

    def step():
        x.copy_(images, non_blocking=True)
        y.copy_(labels, non_blocking=True)
        return once().item()

    return step


def captured(torch, work):
    """Captures work in a CUDA graph and returns a function that replays it."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = work()

    def replay():
        graph.replay()
        return loss

    return replay


if __name__ == "__main__":
    main()
