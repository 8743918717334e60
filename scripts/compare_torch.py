#!/usr/bin/env python3
"""Time bnas and PyTorch at the same work, in turn: one training step, or the tangent kernel of γ and β.

    go build -o bnas ./cmd/bnas
    python3 scripts/compare_torch.py --bnas ./bnas                 # steps of the all-3×3 and the mixed path
    python3 scripts/compare_torch.py --bnas ./bnas --train all     # all weights, with the update
    python3 scripts/compare_torch.py --bnas ./bnas --what ntk
    python3 scripts/compare_torch.py --bnas ./bnas --space darts --space mobilenet-cifar

Both run the same network, at the size of its benchmark (NAS-Bench-201: C = 16, N = 5) in the standard placement, on random
images with as many threads. A step is forward, cross-entropy, backward, BatchNorm in training mode, convolutions and classifier frozen;
PyTorch runs it eagerly in channels_last. Each round runs the one program, then the other, so that what else the machine
does falls on both; printed are the best and the median of all rounds, and their ratios. Memory is the data saved between
forward and backward: for PyTorch the storages of the saved tensors without weights and images.

Needs torch, numpy and safetensors (scripts/requirements.txt).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

CELLS = {
    "all3x3": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    "mixed": "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|",
}

# A network of each other space: cells of the benchmark's table, DARTS_V2, and MobileNets with every operator.
NETWORKS = {
    "nas-bench-101": ["100000|10010|1100|101|10|1|1m1m3", "11101|0001|100|11|1|333m"],
    "nas-bench-macro": ["21212122"],
    "darts": ["normal sep_conv_3x3:0 sep_conv_3x3:1 sep_conv_3x3:0 sep_conv_3x3:1 skip_connect:0 sep_conv_3x3:1 skip_connect:0 "
              "dil_conv_3x3:2 reduce max_pool_3x3:0 max_pool_3x3:1 max_pool_3x3:1 skip_connect:2 max_pool_3x3:0 skip_connect:2 "
              "max_pool_3x3:1 skip_connect:2"],
    "mobilenet-cifar": ["0 1 2 3 4 5 0 1 2 3 4 5 0 1 2 3 4 5 0 1 2"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bnas", default="./bnas", help="the program")
    parser.add_argument("--what", choices=["step", "ntk"], default="step")
    parser.add_argument("--train", choices=["bn", "all"], default="bn", help="what a step trains")
    parser.add_argument("--space", action="append", choices=["nas-bench-201", *NETWORKS], help="may be repeated; default nas-bench-201")
    parser.add_argument("--arch", nargs="*", help="all3x3, mixed, or architectures as text; default a few of each space")
    parser.add_argument("--batch", type=int, help="images (64 for a step, 32 for a kernel)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5, help="timed repetitions of each program in a round")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--image-channels", type=int, default=3, choices=[1, 3])
    parser.add_argument("--torch-round", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.batch is None:
        options.batch = 64 if options.what == "step" else 32
    if options.torch_round:
        print(json.dumps(torch_round(options)))
        return
    rows = []
    for space in options.space or ["nas-bench-201"]:
        options.sizes = run([options.bnas, "space", "info", space, "--bn", "standard", *image_channels(options), "--json"])["config"]
        rows += [compare(options, arch) for arch in options.arch or (list(CELLS) if space == "nas-bench-201" else NETWORKS[space])]
    if options.json:
        print(json.dumps({"what": options.what, "batch": options.batch, "threads": options.threads, "rows": rows}, indent=2))
        return
    print(f"{options.what}, {options.batch} images, {options.threads} threads, {options.rounds} rounds of {options.repeats}")
    for r in rows:
        name = f"{r['space']} {r['arch']}"
        print(f"{name if len(name) < 60 else name[:59] + '…'}\n        bnas {r['bnas_best_ms']:.1f} / {r['bnas_median_ms']:.1f} ms"
              f"   PyTorch {r['torch_best_ms']:.1f} / {r['torch_median_ms']:.1f} ms (best / median)"
              f"   {r['best_ratio']:.2f}× / {r['median_ratio']:.2f}×")
        if "memory_ratio" in r:
            print(f"         saved for backward: {r['bnas_saved_mib']:.1f} of {r['torch_saved_mib']:.1f} MiB = {r['memory_ratio']:.2f}")


def image_channels(options):
    return ["--image-channels", str(options.image_channels)]


def compare(options, arch):
    """Rounds of bnas, then PyTorch."""
    ours, theirs, saved, torch_saved = [], [], 0, 0
    for _ in range(options.rounds):
        trained = ["--train", options.train] if options.what == "step" else []
        o = run([options.bnas, "bench", options.what, *trained, "--space", options.sizes["space"], "--bn", "standard", *image_channels(options), "--arch", CELLS.get(arch, arch),
                 "--batch", str(options.batch), "--threads", str(options.threads), "--repeats", str(options.repeats), "--json", "--quiet"])
        about = json.dumps(options.sizes | {"arch": CELLS.get(arch, arch)})
        t = run([sys.executable, __file__, "--torch-round", about, "--what", options.what, *trained,
                 "--batch", str(options.batch), "--threads", str(options.threads), "--repeats", str(options.repeats)])
        ours.append((o["best_ms"], o["median_ms"]))
        theirs.append((t["best_ms"], t["median_ms"]))
        saved, torch_saved = o.get("saved_bytes", 0), t.get("saved_bytes", 0)
    r = {"space": options.sizes["space"], "arch": arch, "rounds": options.rounds}
    for name, values in [("bnas", ours), ("torch", theirs)]:
        r[name + "_best_ms"] = min(b for b, _ in values)
        r[name + "_median_ms"] = statistics.median(m for _, m in values)
    r["best_ratio"] = r["torch_best_ms"] / r["bnas_best_ms"]
    r["median_ratio"] = r["torch_median_ms"] / r["bnas_median_ms"]
    if saved:
        r |= {"bnas_saved_mib": saved / 2**20, "torch_saved_mib": torch_saved / 2**20, "memory_ratio": saved / torch_saved}
    return r


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"failed ({done.returncode}): {' '.join(command)}")
    return json.loads(done.stdout)


def torch_round(options):
    """One round of PyTorch, in a process of its own."""
    import time

    import torch

    import torch_spaces

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    about = json.loads(options.torch_round)
    net = torch_spaces.build(about)
    if about["space"] == "nas-bench-201":
        drop_zeros(net, torch_spaces)
    net = net.to(memory_format=torch.channels_last)
    for module in net.modules():
        if options.train == "bn" and not isinstance(module, torch.nn.BatchNorm2d):
            for p in module.parameters(recurse=False):
                p.requires_grad_(False)
    x = torch.randn(options.batch, about.get("image_channels", 3), about["height"], about["width"]).contiguous(memory_format=torch.channels_last)
    y = torch.randint(0, about["classes"], (options.batch,))
    result = {}
    if options.what == "step":
        net.train()
        params = [p for p in net.parameters() if p.requires_grad]

        def gradients():
            torch.autograd.grad(torch.nn.functional.cross_entropy(net(x), y), params, allow_unused=True)

        optimizer = torch.optim.SGD(params, lr=1e-4, momentum=0.9)

        def step():
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()

        work = step if options.train == "all" else gradients
        result["saved_bytes"] = saved_bytes(net, x, y)
    else:
        work = tangent_kernel(net, x)
    times = []
    for i in range(options.repeats + 2):
        start = time.perf_counter()
        work()
        if i >= 2:
            times.append(1e3 * (time.perf_counter() - start))
    return result | {"best_ms": min(times), "median_ms": statistics.median(times)}


def drop_zeros(net, modules):
    """Take out the edges that add zeros, and the zeros that sums start from: nobody would compute them."""
    import torch

    def forward(self, x):
        nodes = [x, None, None, None]
        for (target, source), layer in zip(self.edges, self.layers):
            y = layer(nodes[source])
            nodes[target] = y if nodes[target] is None else nodes[target] + y
        return nodes[3]

    modules.Cell.forward = forward
    for cell in net.cells:
        if isinstance(cell, modules.Cell):
            kept = [(e, m) for e, m in zip(cell.edges, cell.layers) if not isinstance(m, modules.Zero)]
            cell.edges = [e for e, _ in kept]
            cell.layers = type(cell.layers)(m for _, m in kept)


def tangent_kernel(net, x):
    """Θ = Σ_k G_k·G_kᵀ over γ and β by torch.func, with frozen statistics."""
    import torch

    net.eval()
    free = {k: p.detach() for k, p in net.named_parameters() if p.requires_grad}
    fixed = {k: v.detach() for k, v in [*net.named_parameters(), *net.named_buffers()] if k not in free}

    def logits(q, image):
        return torch.func.functional_call(net, {**fixed, **q}, (image[None],))[0]

    def work():
        jacobian = torch.func.vmap(torch.func.jacrev(logits), (None, 0))(free, x)
        g = torch.cat([v.flatten(2) for v in jacobian.values()], 2)
        torch.linalg.eigvalsh(torch.einsum("nkp,mkp->nm", g, g).double())

    return work


def saved_bytes(net, x, y):
    """The storages that autograd keeps for the backward pass, without parameters, buffers and images."""
    import torch

    own = {t.untyped_storage().data_ptr() for t in [x, *net.parameters(), *net.buffers()]}
    kept = {}

    def pack(t):
        s = t.untyped_storage()
        if s.data_ptr() not in own:
            kept[s.data_ptr()] = s.nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        loss = torch.nn.functional.cross_entropy(net(x), y)
    del loss
    return sum(kept.values())


if __name__ == "__main__":
    main()
