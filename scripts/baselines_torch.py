#!/usr/bin/env python3
"""Golden values from PyTorch for the baselines of package indicator, and for standard_spectrum and standard_least.

    go build -o bnas ./cmd/bnas
    python3 scripts/baselines_torch.py --bnas ./bnas        # rewrites indicator/testdata/baselines.json, .images.npy and .labels.npy

Small untrained networks of NAS-Bench-201 are exported by bnas and measured here in float64 with the formulas of the authors' code
(zero-cost-nas, NASLib, AZ-NAS, ZiCo, SWAP-NAS, NEAR, MeCo, Zen-NAS, TE-NAS and VKDNW): sums over every convolution, classifier and rectifier that a gradient reaches. az_trainability,
jacov, epe_nas, fisher and vkdnw_entropy are measured with the statistics of the batch frozen, as bnas measures them.

Needs torch, numpy and safetensors (scripts/requirements.txt).
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from torch_spaces import load

TESTDATA = pathlib.Path(__file__).resolve().parent.parent / "indicator" / "testdata"
NET = {"space": "nas-bench-201", "bn": "standard", "seed": 3, "classes": 4, "height": 8, "width": 8, "channels": 4, "cells": 1}
ARCHS = [
    "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    "|skip_connect~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
    "|nor_conv_1x1~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|",  # node 2 is a dead end
]
IMAGES = 12
FEW = 8  # score.ntk_images of the test
SEED = 1  # of its scorer
K = 1e-5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bnas", default="./bnas", help="the program")
    options = parser.parse_args()
    r = np.random.default_rng(7)
    images = r.normal(size=(IMAGES, 3, NET["height"], NET["width"])).astype(np.float32)
    labels = r.integers(0, NET["classes"], IMAGES)
    np.save(TESTDATA / "baselines.images.npy", images)
    np.save(TESTDATA / "baselines.labels.npy", labels)
    golden = {"net": NET, "scores": {}, "gradient_squares": {}}
    for arch in ARCHS:
        with tempfile.TemporaryDirectory() as folder:
            path, thin = (pathlib.Path(folder) / name for name in ("network.safetensors", "thin.safetensors"))
            for net, file in ((NET, path), (NET | {"channels": 1}, thin)):
                flags = [f for key, value in net.items() for f in ("--" + key, str(value))]
                subprocess.run([options.bnas, "export", *flags, "--quiet", "-o", str(file), "--", arch], check=True, stdout=subprocess.DEVNULL)
            x, y = torch.tensor(images).double(), torch.tensor(labels)
            golden["scores"][arch] = measure(path, x, y) | {"te_regions": te_regions(fresh(thin))}
            golden["gradient_squares"][arch] = gradient_squares(fresh(path), x, y)
    (TESTDATA / "baselines.json").write_text(json.dumps(golden, indent=1) + "\n")


def fresh(path):
    """The untrained network, in training mode and float64."""
    return load(path)[0].double().train()


def measure(path, x, y):
    network = fresh(path)
    codes = hook_codes(network, len(x))
    F.cross_entropy(network(x), y).backward()
    (_, nwot) = np.linalg.slogdet(sum(code for code, reached in codes if reached))
    layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear)) and m.weight.grad is not None and m.weight.grad.abs().sum() > 0]
    weights = [(m.weight.detach(), m.weight.grad) for m in layers]
    r = np.corrcoef(image_gradients(fresh(path), x))
    entropies, widths = spectral_entropies(fresh(path), x)
    return {
        "standard_spectrum": float(np.sum(entropies[1:] / np.log(widths[1:]))),
        "standard_least": standard_least(fresh(path), x),
        "az_expressivity": float(np.sum(entropies)),
        "az_progressivity": float(np.min(np.diff(entropies))),
        "az_trainability": az_trainability(fresh(path), x),
        "nwot": float(nwot),
        "jacov": float(-np.sum(np.log(np.linalg.eigvalsh(r).clip(0) + K) + 1 / (np.linalg.eigvalsh(r).clip(0) + K))),
        "epe_nas": epe_nas(r, y.numpy()),
        "grad_norm": sum(float(g.norm()) for _, g in weights),
        "snip": sum(float((w * g).abs().sum()) for w, g in weights),
        "plain": sum(float((w * g).sum()) for w, g in weights),
        "l2_norm": sum(float(w.norm()) for w, _ in weights),
        "grasp": grasp(fresh(path), x, y),
        "synflow": synflow(fresh(path), x.shape[1:]),
        "fisher": fisher(fresh(path), x, y),
        "zico": zico(fresh(path), x, y),
        "swap": swap(fresh(path), x),
        "near": near(fresh(path), x),
        "meco": meco(fresh(path), x),
        "zen": zen(fresh(path), x.shape[1:]),
        "te_ntk": te_ntk(fresh(path), x[:FEW]),
        "vkdnw_entropy": vkdnw_entropy(fresh(path), x),
    }


def convolutions(network):
    """The layers with weights: convolutions and the classifier."""
    return [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]


def grasp(network, x, y):
    """zero-cost-nas: −Σ W·Hg over the layers, g the gradient by their weights; without the W of shortcuts, which no BatchNorm follows."""
    layers = {name: m for name, m in network.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))}
    weights = [m.weight for m in layers.values()]
    gradients = torch.autograd.grad(F.cross_entropy(network(x), y), weights, create_graph=True, allow_unused=True)
    sum((g.detach() * g).sum() for g in gradients if g is not None).backward()
    kept = [m for name, m in layers.items() if "downsample" not in name and m.weight.grad is not None]
    return float(-sum((m.weight * m.weight.grad).sum() for m in kept).detach())


def gradient_squares(network, x, y):
    """‖g‖² of grasp's g."""
    F.cross_entropy(network(x), y).backward()
    return sum(float(m.weight.grad.square().sum()) for m in convolutions(network) if m.weight.grad is not None)


def synflow(network, shape):
    """zero-cost-nas, logarithm of the sum: without BatchNorm, weights by their magnitudes, an image of ones."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    with torch.no_grad():
        for p in network.parameters():
            p.abs_()
    network(torch.ones(1, *shape).double()).sum().backward()
    return float(sum((m.weight * m.weight.grad).abs().sum() for m in convolutions(network)).detach().log())


def fisher(network, x, y):
    """zero-cost-nas: half the mean square of Σ_px z·∂L/∂z for each channel z of a layer, once for each weight of the channel."""
    freeze(network, x)
    outputs = []

    def hook(module, inputs, output):
        output.retain_grad()
        outputs.append((module, output))

    for m in convolutions(network):
        m.register_forward_hook(hook)
    F.cross_entropy(network(x), y).backward()
    total = 0.0
    for module, z in outputs:
        if z.grad is not None:
            per_channel = (z * z.grad).flatten(2).sum(2) if z.dim() > 2 else z * z.grad
            total += float((per_channel.detach().square().mean(0) / 2).sum()) * module.weight[0].numel()
    return total


def zico(network, x, y):
    """ZiCo: of two batches, the halves of the images."""
    gradients = []
    for half in (slice(0, len(x) // 2), slice(len(x) // 2, 2 * (len(x) // 2))):
        network.zero_grad()
        F.cross_entropy(network(x[half]), y[half]).backward()
        gradients.append([torch.zeros(1) if m.weight.grad is None else m.weight.grad.flatten().clone() for m in convolutions(network)])
    total = 0.0
    for a, b in zip(*gradients, strict=True):
        both = np.array([a.numpy(), b.numpy()])
        std = np.std(both, axis=0)
        varies = np.nonzero(std)[0]
        value = np.sum(np.mean(np.abs(both), axis=0)[varies] / std[varies])
        total += np.log(value) if value else 0
    return float(total)


def swap(network, x):
    """SWAP-NAS: the different rows of the matrix of signs, a row for each unit of a rectifier."""
    signs = [z.sign().reshape(len(x), -1).T for _, z in outputs(network, nn.ReLU, x)]
    return len(torch.unique(torch.cat(signs), dim=0))


def hook_codes(network, n):
    """For each rectifier in how many of its units two images agree, and whether a gradient reached it: dead ends do not count."""
    codes = []

    def hook(module, inputs, output):
        on = (inputs[0].reshape(n, -1) > 0).double()
        code = [(on @ on.T + (1 - on) @ (1 - on).T).numpy(), False]
        codes.append(code)
        output.register_hook(lambda gradient: code.__setitem__(1, bool((gradient != 0).any())))

    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(hook)
    return codes


def image_gradients(network, x):
    """The gradient of the sum of each image's logits by the image, with the statistics of the batch frozen."""
    freeze(network, x)
    x = x.clone().requires_grad_()
    network(x).sum().backward()
    return x.grad.reshape(len(x), -1).numpy()


def freeze(network, x):
    """Evaluation mode with the statistics of x."""
    def keep(module, inputs):
        module.batch = inputs[0].mean((0, 2, 3)).detach(), inputs[0].var((0, 2, 3), unbiased=False).detach()

    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    handles = [m.register_forward_pre_hook(keep) for m in norms]
    network(x)
    for m, handle in zip(norms, handles, strict=True):
        handle.remove()
        if hasattr(m, "batch"):
            m.running_mean.copy_(m.batch[0])
            m.running_var.copy_(m.batch[1])
    network.eval()


def block_outputs(network, x):
    """The features of x after the stem and after each cell."""
    features = []
    for module in [network.stem, *network.cells]:
        module.register_forward_hook(lambda module, inputs, output: features.append(output))
    network(x)
    return features


def spectral_entropies(network, x):
    """AZ-NAS: of the features after the stem and after each cell; and their channels."""
    features = [feature.detach() for feature in block_outputs(network, x)]
    entropies = []
    for feature in features:
        flat = feature.permute(0, 2, 3, 1).reshape(-1, feature.shape[1])
        flat = flat - flat.mean(0)
        values = torch.linalg.eigvalsh(flat.T @ flat / len(flat)).numpy()
        share = values / values.sum()
        entropies.append(float(-(share * np.log(share + 1e-8)).sum()))
    return np.array(entropies), np.array([feature.shape[1] for feature in features])


def az_trainability(network, x):
    """AZ-NAS, with the noise of bnas: 2 − s − 1/s of the largest singular value of the products of a cell's noise and its gradient."""
    freeze(network, x)
    features = block_outputs(network, x[:FEW])
    scores = []
    for before, after in zip(features, features[1:]):
        g_out = rademacher(SEED, "isometry probe", len(after), after.shape[1:]).double()
        g_in, = torch.autograd.grad(after, before, g_out, retain_graph=True)
        g_in = F.pixel_unshuffle(g_in, g_in.shape[2] // g_out.shape[2])
        left, right = (g.permute(0, 2, 3, 1).flatten(0, 2) for g in (g_in, g_out))
        s = torch.linalg.svdvals(left.T @ right / len(left)).max()
        scores.append(float(2 - s - 1 / (s + 1e-6)))
    return float(np.mean(scores))


def epe_nas(r, labels):
    score = 0.0
    for c in np.unique(labels):
        of = np.flatnonzero(labels == c)
        score += abs(float(np.sum(np.log(np.abs(r[np.ix_(of, of)]) + K))))
    return score


def outputs(network, kinds, x):
    """The outputs for x of the layers of some kinds that a gradient reaches."""
    found = []

    def hook(module, inputs, output):
        entry = [module, output.detach(), False]
        found.append(entry)
        output.register_hook(lambda gradient: entry.__setitem__(2, bool((gradient != 0).any())))

    handles = [m.register_forward_hook(hook) for m in network.modules() if isinstance(m, kinds)]
    network(x).square().sum().backward()
    for handle in handles:
        handle.remove()
    return [(module, output) for module, output, reached in found if reached]


def near(network, x):
    """NEAR, from the first row."""
    total = 0.0
    for _, z in outputs(network, (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.ReLU), x):
        z = torch.transpose(z, 1, 3).flatten(0, 2) if z.dim() > 2 else z
        share = torch.linalg.svdvals(z[:z.shape[1]])
        share = share / share.sum()
        total += float(torch.exp(torch.special.entr(share).sum()))
    return total


def meco(network, x):
    """MeCo, of the layers without their containers."""
    total = 0.0
    for _, z in outputs(network, (nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.AvgPool2d), x):
        z = z[0].flatten(1)
        total += float(torch.linalg.eigvalsh(torch.nan_to_num(torch.corrcoef(z), 0, 0, 0)).min())
    return total


def standard_least(network, x):
    """The sum over the inputs of BatchNorms of the least eigenvalue of their channels' covariance over the first image, by the mean."""
    taken = {}
    for m in network.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.register_forward_pre_hook(lambda module, inputs: taken.__setitem__(module, inputs[0][0].detach().flatten(1)))
    total = 0.0
    for m, _ in outputs(network, nn.BatchNorm2d, x):
        if taken[m].shape[1] > taken[m].shape[0]:
            values = torch.linalg.eigvalsh(torch.cov(taken[m]))
            total += float(values.min().clip(0) / values.mean())
    return total


def zen(network, shape):
    """Zen-NAS, with the noise of bnas for torch.randn and its weights over their deviation for nn.init.normal_."""
    images = normal(SEED, "zen images", FEW, shape)
    mixed = torch.tensor((images.double() + 1e-2 * normal(SEED, "zen mixture", FEW, shape).double()).numpy().astype(np.float32)).double()
    images = images.double()
    reached = [m for m, _ in outputs(network, nn.BatchNorm2d, images)]
    for m in network.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.reset_running_stats()
    with torch.no_grad():
        for m in network.modules():
            if isinstance(m, nn.Conv2d):
                m.weight /= np.sqrt(2 / (m.weight.shape[0] * m.weight[0, 0].numel()))
        features = []
        network.lastact.register_forward_hook(lambda module, inputs, output: features.append(output))
        network(images)
        network(mixed)
        change = (features[0] - features[1]).abs().sum((1, 2, 3)).mean()
        return float(change.log() + sum(m.running_var.mean().sqrt().log() for m in reached))


def te_ntk(network, x):
    """TE-NAS: −log κ of the kernel of all parameters that are named weight."""
    weights = [p for name, p in network.named_parameters() if "weight" in name]
    logits = network(x)
    rows = []
    for i in range(len(x)):
        gradients = torch.autograd.grad(logits[i].sum(), weights, allow_unused=True, retain_graph=True)
        rows.append(torch.cat([g.flatten() for g in gradients if g is not None]))
    j = torch.stack(rows)
    values = torch.linalg.eigvalsh(j @ j.T)
    return float((values[0] / values[-1]).clip(1e-6).log())


def te_regions(network):
    """TE-NAS: the different sign patterns of all rectifiers of the first cell, without the stem, at noise of 3×3 pixels."""
    cell = nn.Sequential(network.cells[0], nn.BatchNorm2d(1).double(), nn.ReLU())
    rows = []
    for batch in range(3):
        images = normal(SEED, "region images", 1000, (1, 3, 3), batch).double().requires_grad_()
        rows.append(torch.cat([z.sign().flatten(1) for _, z in outputs(cell, nn.ReLU, images)], 1))
    return len(torch.unique(torch.cat(rows), dim=0))


def vkdnw_entropy(network, x):
    """VKDNW, with the statistics of x: entropy of the deciles of the eigenvalues of the Fisher matrix of the first element of each
    parameter that a gradient reaches."""
    freeze(network, x)
    parameters, alpha = list(network.parameters()), 0.05
    jacobians, covariances = [], []
    for image in x[:FEW]:
        logits = network(image[None])[0]
        rows = []
        for logit in logits:
            gradients = torch.autograd.grad(logit, parameters, allow_unused=True, retain_graph=True)
            rows.append(torch.stack([torch.zeros(()).double() if g is None else g.flatten()[0] for g in gradients]))
        p = torch.softmax(logits.detach(), 0) * (1 - alpha) + alpha / len(logits)
        jacobians.append(torch.stack(rows))
        covariances.append(torch.diag(p) - torch.outer(p, p))
    reached = sum(j.abs().sum(0) for j in jacobians) > 0
    fisher = sum(j[:, reached].T @ c @ j[:, reached] for j, c in zip(jacobians, covariances, strict=True)) / len(jacobians)
    deciles = torch.quantile(torch.linalg.svdvals(fisher), torch.arange(0.1, 1, 0.1, dtype=torch.float64))
    share = deciles / (deciles.abs().sum() + 1e-10)
    return float(-(share * torch.log(share + 1e-10)).sum())


def stream(seed, purpose, index, count):
    """The first blocks of a stream of package philox, Philox4x32-10: four columns of 32 bits."""
    def blocks(ctr, key):
        ctr, key = [np.asarray(c, np.uint64) for c in ctr], [np.uint64(k) for k in key]
        low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
        for _ in range(10):
            p0, p1 = np.uint64(0xD2511F53) * ctr[0], np.uint64(0xCD9E8D57) * ctr[2]
            ctr = [p1 >> half ^ ctr[1] ^ key[0], p1 & low, p0 >> half ^ ctr[3] ^ key[1], p0 & low]
            key = [key[0] + np.uint64(0x9E3779B9) & low, key[1] + np.uint64(0xBB67AE85) & low]
        return ctr

    hashed = 0xCBF29CE484222325  # FNV-1a
    for byte in purpose.encode():
        hashed = (hashed ^ byte) * 0x100000001B3 % 2**64
    k = [int(word) for word in blocks([hashed % 2**32, hashed >> 32, index, 0], [seed % 2**32, seed >> 32])]
    c = np.arange(count, dtype=np.uint64)
    return blocks([c, 0 * c, 0 * c + np.uint64(k[2]), 0 * c + np.uint64(k[3])], k[:2])


def rademacher(seed, purpose, n, shape):
    """−1 and +1: the bits of the words, the lowest first."""
    size = int(np.prod(shape))
    words = np.stack(stream(seed, purpose, size, n * size // 128 + 1), 1).reshape(-1)
    bits = (words[:, None] >> np.arange(32, dtype=np.uint64) & np.uint64(1)).reshape(-1)[:n * size]
    return torch.tensor(bits.astype(np.float32) * 2 - 1).reshape(n, *shape)


def normal(seed, purpose, n, shape, index=0):
    """The transform of Box and Muller."""
    count = n * int(np.prod(shape))
    w = stream(seed, purpose, index, (count + 1) // 2)  # a block has the two uniform numbers of two samples
    u, v = (((w[i] | w[i + 1] << np.uint64(32)) >> np.uint64(11)).astype(np.float64) * 2.0**-53 for i in (0, 2))
    r = np.sqrt(-2 * np.log(1 - u))
    samples = np.stack([r * np.cos(2 * np.pi * v), r * np.sin(2 * np.pi * v)], 1).reshape(-1)[:count]
    return torch.tensor(samples.astype(np.float32)).reshape(n, *shape)


if __name__ == "__main__":
    main()
