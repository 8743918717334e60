#!/usr/bin/env python3
"""Time bnas and PyTorch at the same work, in turn: one training step, or the tangent kernel of γ and β.

    go build -o bnas ./cmd/bnas
    python3 scripts/compare_torch.py --bnas ./bnas                 # steps of the all-3×3 and the mixed path
    python3 scripts/compare_torch.py --bnas ./bnas --numerics strict fast --peer eager channels_last compiled bf16
    python3 scripts/compare_torch.py --bnas ./bnas --train bn all  # all weights too, with the update
    python3 scripts/compare_torch.py --bnas ./bnas --what ntk --peer func loop
    python3 scripts/compare_torch.py --bnas ./bnas --space darts --space mobilenet-cifar

All run the same network, at the size of its benchmark (NAS-Bench-201: C = 16, N = 5) in the standard placement, on random
images with as many threads. A step is forward, cross-entropy, backward, BatchNorm in training mode, convolutions and classifier frozen.
The peers of a step are PyTorch eager, eager in channels_last (the default), that compiled (torch.compile, compiled before it is timed),
and that in bfloat16 (autocast). The peers of a kernel are torch.func (vmap of jacrev, the default) and the usual loop: a backward
pass for each image and class. Each round runs every program once, one after the other, so that what else the machine does falls on
all; printed are the best and the median of all rounds, and their ratios. Memory is the data saved between forward and backward:
for PyTorch the storages of the saved tensors without weights and images. --markdown prints rows for a table.

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


PEERS = {"step": ["channels_last", "eager", "compiled", "bf16"], "ntk": ["func", "loop"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bnas", default="./bnas", help="the program")
    parser.add_argument("--what", choices=list(PEERS), default="step")
    parser.add_argument("--train", nargs="+", choices=["bn", "all"], default=["bn"], help="what a step trains")
    parser.add_argument("--numerics", nargs="+", choices=["strict", "fast"], default=["strict"], help="of bnas")
    parser.add_argument("--peer", nargs="+", choices=sum(PEERS.values(), []), help="ways of PyTorch; default channels_last, or func")
    parser.add_argument("--space", action="append", choices=["nas-bench-201", *NETWORKS], help="may be repeated; default nas-bench-201")
    parser.add_argument("--arch", nargs="*", help="all3x3, mixed, or architectures as text; default a few of each space")
    parser.add_argument("--batch", type=int, help="images (64 for a step, 32 for a kernel)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5, help="timed repetitions of each program in a round")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--markdown", action="store_true", help="rows of a table")
    parser.add_argument("--image-channels", type=int, default=3, choices=[1, 3])
    parser.add_argument("--torch-round", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.batch is None:
        options.batch = 64 if options.what == "step" else 32
    if options.torch_round:
        print(json.dumps(torch_round(options)))
        return
    options.peer = options.peer or PEERS[options.what][:1]
    if wrong := [p for p in options.peer if p not in PEERS[options.what]]:
        parser.error(f"--peer {wrong[0]}: --what {options.what} has {', '.join(PEERS[options.what])}")
    rows = []
    for space in options.space or ["nas-bench-201"]:
        options.sizes = run([options.bnas, "space", "info", space, "--bn", "standard", *image_channels(options), "--json"])["config"]
        for arch in options.arch or (list(CELLS) if space == "nas-bench-201" else NETWORKS[space]):
            rows += [compare(options, arch, train) for train in (options.train if options.what == "step" else ["bn"])]
    if options.json:
        print(json.dumps({"what": options.what, "batch": options.batch, "threads": options.threads, "rounds": options.rounds, "rows": rows}, indent=2))
        return
    print(f"{options.what}, {options.batch} images, {options.threads} threads, {options.rounds} rounds of {options.repeats}: best / median ms")
    for r in rows:
        (print_markdown if options.markdown else print_text)(r)


def print_text(r):
    name = f"{r['space']} {r['arch']}"
    print(f"{name if len(name) < 60 else name[:59] + '…'}, training {r['train']}")
    for p in r["programs"]:
        saved = f", saved {p['saved_mib']:.1f} MiB" if p.get("saved_mib") else ""
        ratios = "".join(f", {best:.2f}× / {median:.2f}× {q}" for q, (best, median) in p.get("faster_than", {}).items())
        print(f"        {p['name']:22} {p['best_ms']:7.1f} / {p['median_ms']:7.1f}{saved}{ratios}")


def print_markdown(r):
    for p in r["programs"]:
        ratios = ", ".join(f"{best:.1f} / {median:.1f} {q}" for q, (best, median) in p.get("faster_than", {}).items())
        saved = f"{p['saved_mib']:.1f}" if p.get("saved_mib") else ""
        print(f"| {r['arch']}, {r['train']} | {p['name']} | {p['best_ms']:.1f} / {p['median_ms']:.1f} | {saved} | {ratios} |")


def image_channels(options):
    return ["--image-channels", str(options.image_channels)]


def compare(options, arch, train):
    """Rounds of every program, one after the other."""
    text = CELLS.get(arch, arch)
    trained = ["--train", train] if options.what == "step" else []
    common = ["--batch", str(options.batch), "--threads", str(options.threads), "--repeats", str(options.repeats)]
    commands = {}
    for n in options.numerics:
        commands[f"bnas {n}"] = [options.bnas, "bench", options.what, *trained, "--numerics", n, "--space", options.sizes["space"], "--bn", "standard",
                                 *image_channels(options), "--arch", text, *common, "--json", "--quiet"]
    for p in options.peer:
        commands[f"PyTorch {p}"] = [sys.executable, __file__, "--torch-round", json.dumps(options.sizes | {"arch": text}), "--what", options.what,
                                    *trained, "--peer", p, *common]
    results = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            results[name].append(run(command))
    programs = []
    for name, rounds in results.items():
        p = {"name": name, "best_ms": min(r["best_ms"] for r in rounds), "median_ms": statistics.median(r["median_ms"] for r in rounds)}
        if rounds[-1].get("saved_bytes"):
            p["saved_mib"] = rounds[-1]["saved_bytes"] / 2**20
        programs.append(p)
    peers = programs[len(options.numerics):]
    for p in programs[:len(options.numerics)]:
        p["faster_than"] = {q["name"].removeprefix("PyTorch "): (q["best_ms"] / p["best_ms"], q["median_ms"] / p["median_ms"]) for q in peers}
    return {"space": options.sizes["space"], "arch": arch, "train": train, "programs": programs}


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
    peer, layout = options.peer[0], torch.contiguous_format if options.peer[0] in ("eager", "loop") else torch.channels_last
    train = options.train[0]
    net = net.to(memory_format=layout)
    for module in net.modules():
        if train == "bn" and not isinstance(module, torch.nn.BatchNorm2d):
            for p in module.parameters(recurse=False):
                p.requires_grad_(False)
    x = torch.randn(options.batch, about.get("image_channels", 3), about["height"], about["width"]).contiguous(memory_format=layout)
    y = torch.randint(0, about["classes"], (options.batch,))
    result = {}
    if options.what == "step":
        net.train()
        params = [p for p in net.parameters() if p.requires_grad]

        model = torch.compile(net) if peer == "compiled" else net

        def loss():
            with torch.autocast("cpu", torch.bfloat16, enabled=peer == "bf16"):
                return torch.nn.functional.cross_entropy(model(x).float(), y)

        def gradients():
            torch.autograd.grad(loss(), params, allow_unused=True)

        optimizer = torch.optim.SGD(params, lr=1e-4, momentum=0.9)

        def step():
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()

        work = step if train == "all" else gradients
        if peer != "compiled":
            result["saved_bytes"] = saved_bytes(loss, net, x)
    else:
        work = (tangent_kernel if peer == "func" else tangent_kernel_loop)(net, x)
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


def tangent_kernel_loop(net, x):
    """The same by a backward pass for each image and class."""
    import torch

    net.eval()
    params = [p for p in net.parameters() if p.requires_grad]

    def work():
        rows = []
        for i in range(len(x)):
            for logit in net(x[i : i + 1])[0]:
                grads = torch.autograd.grad(logit, params, retain_graph=True, allow_unused=True)
                rows.append(torch.cat([g.flatten() for g in grads if g is not None]))
        g = torch.stack(rows).view(len(x), -1, len(rows[0]))
        torch.linalg.eigvalsh(torch.einsum("nkp,mkp->nm", g, g).double())

    return work


def saved_bytes(loss, net, x):
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
        value = loss()
    del value
    return sum(kept.values())


if __name__ == "__main__":
    main()
