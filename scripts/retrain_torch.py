#!/usr/bin/env python3
"""Train a network as `bnas retrain` does, in PyTorch, and compare the loss of each step.

    go build -o bnas ./cmd/bnas
    python3 scripts/retrain_torch.py --bnas ./bnas
    python3 scripts/retrain_torch.py --bnas ./bnas --space nas-bench-101 --recipe nas-bench-101 --arch '11101|0001|100|11|1|333m' --channels 8 --lr 0.02
    python3 scripts/retrain_torch.py --bnas ./bnas --arch all3x3 --device cpu --channels 16 --batch 64 --json
    python3 scripts/retrain_torch.py --bnas ./bnas --space darts --recipe darts --drop-path 0.5 --epoch 4 --steps 12 --size 32 --arch "$DROPPED"

`bnas retrain` trains the network for some steps. PyTorch starts from the weights that `bnas export` gives for the same seed and
sees the images and labels of `bnas batches`, with torch.optim.SGD, or TensorFlow's RMSProp (torch_rmsprop.py) where the recipe
has it, at the learning rates of the metrics. It trains in float32 and in float64. The deviation of a loss is relative to that
of float64. With --drop-path the outputs of the operators are multiplied by the factors of `bnas batches`; in the first epoch
they are 1, so that --epoch should be less than --steps. Take a network without max_pool_3x3 (the Makefile has one as DROPPED):
with it, rounding decides which is the maximum of a window. With --auxiliary-weight, or the recipe's, the auxiliary head starts
from its tensors of `bnas batches`, and its loss is added. The bound of the gradient's norm is torch.nn.utils.clip_grad_norm_.

Rounding grows from step to step: a rectifier within rounding of zero switches, and the networks part. PyTorch's own float32 shows
by how much. The reference computes in float64. It agrees if no loss deviates by more than PyTorch's float32 did up to that step,
or 1e-6. An engine, in float32, may deviate by 10 times the largest deviation of PyTorch's float32; its first loss, before any
update, must be within 1e-6. The running statistics after the last step must be within 100 times the last bound: the means
relative to the largest deviation of the layer, the variances to its largest variance.

Needs torch, numpy and safetensors (scripts/requirements.txt). Exit status: 0 all agree, 1 not.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file

from torch_rmsprop import RMSProp
from torch_spaces import DARTSAuxiliaryHead, load


def bnas(args, *words):
    done = subprocess.run([args.bnas, *words, "--quiet"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bnas {' '.join(words)}: {done.stderr}")
    return done.stdout


def steps_of(metrics):
    lines = [json.loads(line) for line in open(metrics)]
    return [line for line in lines if line["kind"] == "step"]


def noise(folder, n, size):
    """A folder of n training and 64 test images of noise, with 10 classes, as IDX files."""
    folder.mkdir()
    draw = torch.Generator().manual_seed(1)
    for name, n in ("train", n), ("t10k", 64):
        pixels = torch.randint(256, (n, size, size), generator=draw, dtype=torch.uint8)
        labels = torch.arange(n, dtype=torch.uint8) % 10
        for kind, data in ("images-idx3", pixels), ("labels-idx1", labels):
            sizes = b"".join(d.to_bytes(4, "big") for d in data.shape)
            (folder / f"{name}-{kind}-ubyte").write_bytes(bytes([0, 0, 8, data.dim()]) + sizes + data.numpy().tobytes())
    return folder


def drop(network, factors):
    """Hooks that multiply the outputs of operators by factors, given by the names of what ends them."""
    hooks = []
    for name, f in factors.items():
        module = network.get_submodule(re.match(r".*\._ops\.\d+", name)[0])
        hooks.append(module.register_forward_hook(lambda _, __, out, f=f: out * f.to(out.dtype).reshape(-1, 1, 1, 1)))
    return hooks


class Headed(torch.nn.Module):
    """A network of DARTS with the auxiliary head of a batches file: the logits of both."""

    def __init__(self, network, tensors):
        super().__init__()
        weight, classifier = tensors["features.2.weight"], tensors["classifier.bias"]
        self.network = network
        self.head = DARTSAuxiliaryHead(weight.shape[1], len(classifier), "cifar" if "features.6.weight" in tensors else "imagenet")
        self.head.load_state_dict(tensors, strict=False)  # it has no running statistics
        network.cells[2 * len(network.cells) // 3].register_forward_hook(self.keep)

    def keep(self, _, __, out):
        self.reduced = out

    def forward(self, x):
        return self.network(x), self.head(self.reduced)


def loss_of(model, images, labels, config):
    """The loss of a step; that of an auxiliary head is added with its weight."""
    logits = model(images)
    of = lambda logits: torch.nn.functional.cross_entropy(logits, labels, label_smoothing=config["label_smoothing"])
    if isinstance(model, Headed):
        return of(logits[0]) + config["auxiliary_weight"] * of(logits[1])
    return of(logits)


def optimizer_of(groups, config):
    """The optimizer of the run. The rate is set in each step."""
    if config["optimizer"] == "rmsprop":
        return RMSProp(groups, lr=1, momentum=config["momentum"], beta=config["beta2"], eps=config["eps"])
    if config["optimizer"] == "sgd":
        return torch.optim.SGD(groups, lr=1, momentum=config["momentum"], nesterov=config["nesterov"])
    sys.exit(f"the script has no optimizer {config['optimizer']}")


def train(initial, batches, steps, config, dtype):
    """The loss of each step, and the network after the last."""
    network, _ = load(initial)
    head = {name.removeprefix("auxiliary_head."): t for name, t in batches.items() if name.startswith("auxiliary_head.")}
    model = (Headed(network, head) if head else network).to(dtype).train()
    layers = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for layer in layers:
        layer.momentum = config["bn_momentum"]
    norms = [p for layer in layers for p in layer.parameters()]
    weights = [p for p in model.parameters() if not any(p is q for q in norms)]
    groups = [{"params": norms, "weight_decay": config["weight_decay"]}, {"params": weights, "weight_decay": config["weight_decay_weights"]}]
    optimizer = optimizer_of(groups, config)
    losses = []
    for i, step in enumerate(steps):
        for group in optimizer.param_groups:
            group["lr"] = step["lr"]
        prefix = f"factors.{i}."
        hooks = drop(network, {name.removeprefix(prefix): f for name, f in batches.items() if name.startswith(prefix)})
        loss = loss_of(model, batches[f"images.{i}"].to(dtype), batches[f"labels.{i}"], config)
        for hook in hooks:
            hook.remove()
        optimizer.zero_grad()
        loss.backward()
        if config["clip_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(model.parameters(), config["clip_norm"])
        optimizer.step()
        losses.append(loss.item())
    return losses, network


def larger(a, b):
    """The larger one; NaN if one is."""
    return a if not b > a and b == b else b


def deviation_of_statistics(want, got):
    largest = 0.0
    for name, variance in want.items():
        if name.endswith("running_var"):
            mean = name.replace("running_var", "running_mean")
            largest = larger(largest, ((got[name] - variance).abs().max() / variance.max()).item())
            largest = larger(largest, ((got[mean] - want[mean]).abs().max() / variance.max().sqrt()).item())
    return largest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bnas", default="bnas")
    parser.add_argument("--space", default="nas-bench-201")
    parser.add_argument("--recipe", default="nas-bench-201")
    parser.add_argument("--arch", default="mixed")
    parser.add_argument("--channels", type=int, default=4)
    parser.add_argument("--cells", type=int, default=1)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="reference")
    parser.add_argument("--lr", type=float, help="default: the recipe's")
    parser.add_argument("--drop-path", type=float, help="default: the recipe's")
    parser.add_argument("--auxiliary-weight", type=float, help="default: the recipe's")
    parser.add_argument("--epoch", type=int, help="steps an epoch, of images of noise (default: of the built-in images)")
    parser.add_argument("--size", type=int, default=16, help="height and width of the images")
    parser.add_argument("--image-channels", type=int, default=3, choices=[1, 3])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows, worst = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        out, initial, file = folder / "own", folder / "initial.safetensors", folder / "batches.safetensors"
        net = ["--space", args.space, "--channels", str(args.channels), "--seed", str(args.seed), "--device", args.device,
               "--height", str(args.size), "--width", str(args.size), "--image-channels", str(args.image_channels)]
        if args.cells:
            net += ["--cells", str(args.cells)]
        more = ["--lr", str(args.lr)] if args.lr else []
        if args.drop_path is not None:
            more += ["--drop-path", str(args.drop_path)]
        if args.auxiliary_weight is not None:
            more += ["--auxiliary-weight", str(args.auxiliary_weight)]
        if args.epoch:
            more += ["--data", "idx", "--data-dir", str(noise(folder / "noise", args.epoch * args.batch, args.size))]
        bnas(args, "retrain", args.arch, *net, "--recipe", args.recipe, "--steps", str(args.steps), "--batch", str(args.batch), "--metrics-every", "1",
             "--test-images", "64", "--out", str(out), *more)
        bnas(args, "export", args.arch, *net, "--bn", "standard", "-o", str(initial))
        bnas(args, "batches", "--run", str(out / "1"), "--count", str(args.steps), "-o", str(file))
        bnas(args, "export", "--run", str(out / "1"), "-o", str(folder / "trained.safetensors"))
        trained = load_file(folder / "trained.safetensors")
        steps, batches = steps_of(out / "1" / "metrics.jsonl"), load_file(file)
        config = settings(out / "1" / "config.yaml")
        single, _ = train(initial, batches, steps, config, torch.float32)
        double, network = train(initial, batches, steps, config, torch.float64)
        torchs, agrees = 1e-6, True
        for i, step in enumerate(steps):
            ours, theirs = (abs(loss / double[i] - 1) for loss in (step["loss"], single[i]))
            torchs, worst = max(torchs, theirs), larger(worst, ours)
            agrees &= ours <= torchs or i > 0 and args.device != "reference"
            rows.append({"step": i + 1, "bnas": step["loss"], "torch_float32": single[i], "torch_float64": double[i], "bnas_deviation": ours, "torch_deviation": theirs})
        bound = torchs if args.device == "reference" else 10 * torchs
        statistics = deviation_of_statistics(network.state_dict(), trained)
        agrees &= worst <= bound and statistics <= 100 * bound
    if args.json:
        print(json.dumps({"agrees": agrees, "largest_deviation": worst, "bound": bound, "statistics_deviation": statistics, "steps": rows}, indent=2))
    else:
        print(f"{'step':>4}  {'bnas':>11}  {'float32':>11}  {'float64':>11}  {'bnas dev.':>9}  {'f32 dev.':>9}")
        for r in rows:
            print(f"{r['step']:4}  {r['bnas']:11.8f}  {r['torch_float32']:11.8f}  {r['torch_float64']:11.8f}  {r['bnas_deviation']:9.1e}  {r['torch_deviation']:9.1e}")
        print(f"largest relative deviation of a loss {worst:.1e} (bound {bound:.1e}), of running statistics {statistics:.1e}: {'agrees' if agrees else 'DOES NOT AGREE'}")
    return 0 if agrees else 1


def settings(path):
    """The settings of the section train of a run's configuration, which are one a line."""
    found, inside = {}, False
    for line in open(path):
        if not line.startswith(" "):
            inside = line.strip() == "train:"
        elif inside and ":" in line:
            key, value = (part.strip() for part in line.split(":", 1))
            found[key] = {"true": True, "false": False}.get(value, value)
    numbers = ("weight_decay", "weight_decay_weights", "momentum", "beta2", "eps", "label_smoothing", "clip_norm", "bn_momentum")
    return {**{name: float(found[name]) for name in numbers}, "auxiliary_weight": float(found.get("auxiliary_weight", 0)), "nesterov": found["nesterov"], "optimizer": found["optimizer"]}


if __name__ == "__main__":
    sys.exit(main())
