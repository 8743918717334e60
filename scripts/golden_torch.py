#!/usr/bin/env python3
"""Golden values from PyTorch for kernels/ref and kernels/hoststore.

    python3 scripts/golden_torch.py        # rewrites kernels/{ref,hoststore}/testdata/torch.json

A network is written here as a kernels.Program, with the field names of the Go types, and run by PyTorch's own
functions and autograd in float64. The Go test reads the same Program. Optimizers run in float32; RMSProp is TensorFlow's
(torch_rmsprop.py).
"""
import json
import pathlib

import torch
import torch.nn.functional as F

from torch_rmsprop import RMSProp

ROOT = pathlib.Path(__file__).resolve().parent.parent / "kernels"
LINEAR, RELU, RELU6 = 0, 1, 2
CONV, MAXPOOL, AVGPOOL, SUM, CONCAT, GLOBALAVG, LINEARSTEP = range(7)
GAMMA, BETA, CONVWEIGHT, LINEARWEIGHT, LINEARBIAS = range(5)
EPS, SMOOTHING = 1e-5, 0.1


def numbers(shape, generator, scale=1.0, shift=0.0):
    """Normal numbers that are multiples of 1/256, so that float32 and short decimals hold them."""
    x = torch.randn(shape, generator=generator, dtype=torch.float64) * scale + shift
    return torch.round(x * 256) / 256


class Net:
    """Builds a Program and its parameters."""

    def __init__(self, name, images, n, seed):
        self.g = torch.Generator().manual_seed(seed)
        self.p = {"Name": name, "Values": [], "BNs": [], "Nodes": [], "Steps": [], "Blocks": []}
        self.params, self.kinds = [], []
        self.value("images", images)
        self.images = numbers((n, *images), self.g)

    def value(self, name, shape):
        c, h, w = shape
        self.p["Values"].append({"Name": name, "C": c, "H": h, "W": w})
        return len(self.p["Values"]) - 1

    def shape(self, v):
        return tuple(self.p["Values"][v][k] for k in "CHW")

    def param(self, kind, shape, scale, shift=0.0):
        self.params.append(numbers(shape, self.g, scale, shift).requires_grad_())
        self.kinds.append(kind)
        return len(self.params) - 1

    def bn(self, v):
        c = self.shape(v)[0]
        self.p["BNs"].append({
            "Name": f"bn{len(self.p['BNs'])}", "Value": v, "Eps": EPS,
            "Gamma": self.param(GAMMA, (c,), 0.3, 1.0), "Beta": self.param(BETA, (c,), 0.3)})
        return {"Value": v, "BN": len(self.p["BNs"]) - 1}

    def node(self, *terms):
        c, h, w = self.shape(terms[0]["Value"])
        self.p["Nodes"].append({"Name": "", "C": c, "H": h, "W": w, "Terms": list(terms)})
        return len(self.p["Nodes"]) - 1

    def step(self, op, nodes, act, out, window=(0, 0, 0, 0), **more):
        k, s, p, d = window
        self.p["Steps"].append({
            "Name": "", "Op": op, "In": nodes, "Act": act, "Kernel": k, "Stride": s, "Pad": p, "Dilation": d,
            "Groups": 1, "Branches": None, "Out": out, "Weight": -1, "Bias": -1, "ReLUs": int(act != LINEAR), **more})

    def conv(self, node, act, outs, window, size=None, groups=1):
        k, s, p, d = window
        inp = self.p["Nodes"][node]
        h, w = size or [(inp[x] + 2 * p - d * (k - 1) - 1) // s + 1 for x in "HW"]
        branches = []
        for c in outs:
            fan = inp["C"] // groups * k * k
            weight = self.param(CONVWEIGHT, (c, inp["C"] // groups, k, k), (2 / fan) ** 0.5)
            branches.append({"Weight": weight, "Out": self.value("conv", (c, h, w))})
        self.step(CONV, [node], act, 0, window, Groups=groups, Branches=branches)
        return [b["Out"] for b in branches]

    def op(self, op, nodes, act, shape, window=(0, 0, 0, 0)):
        v = self.value("op", shape)
        self.step(op, nodes, act, v, window)
        return v

    def head(self, node, act, classes, bias):
        c = self.p["Nodes"][node]["C"]
        pooled = self.op(GLOBALAVG, [node], act, (c, 1, 1))
        v = self.value("logits", (classes, 1, 1))
        weight = self.param(LINEARWEIGHT, (classes, c), c ** -0.5)
        more = {"Bias": self.param(LINEARBIAS, (classes,), 0.2)} if bias else {}
        self.step(LINEARSTEP, [self.node({"Value": pooled, "BN": -1})], LINEAR, v, Weight=weight, **more)
        self.labels = torch.randint(classes, (len(self.images),), generator=self.g)
        return self


def bare(v):
    return {"Value": v, "BN": -1}


def residual():
    """Stem with stride, siblings, a residual sum of a bare value, max pool."""
    net = Net("residual", (3, 9, 7), 4, 1)
    stem, = net.conv(net.node(bare(0)), LINEAR, [6], (3, 2, 1, 1))
    pooled = net.op(MAXPOOL, [net.node(net.bn(stem))], RELU, (6, 5, 4), (3, 1, 1, 1))
    a, b = net.conv(net.node(bare(pooled)), LINEAR, [6, 6], (3, 1, 1, 1))
    return net.head(net.node(net.bn(a), net.bn(b), bare(pooled)), RELU, 5, bias=True)


def mobile():
    """Expand 1x1, depthwise 5x5 with stride, ReLU6, project 1x1, a BatchNorm that shares its value."""
    net = Net("mobile", (2, 8, 11), 3, 2)
    wide, = net.conv(net.node(bare(0)), LINEAR, [8], (1, 1, 0, 1))
    deep, = net.conv(net.node(net.bn(wide)), RELU6, [8], (5, 2, 2, 1), groups=8)
    thin, = net.conv(net.node(net.bn(deep)), RELU6, [4], (1, 1, 0, 1))
    again, = net.conv(net.node(net.bn(thin)), LINEAR, [4], (7, 1, 3, 1))
    return net.head(net.node(net.bn(thin), net.bn(again)), RELU, 7, bias=False)


def mixed():
    """Dilation, groups, average pool with border, a shifted 1x1 of stride 2, concatenation, an OpSum of two."""
    net = Net("mixed", (4, 7, 9), 3, 3)
    dilated, = net.conv(net.node(bare(0)), LINEAR, [6], (3, 1, 2, 2), groups=2)
    mean = net.op(AVGPOOL, [net.node(bare(0))], LINEAR, (4, 4, 5), (3, 2, 1, 1))
    shifted, = net.conv(net.node(net.bn(dilated)), RELU, [5], (1, 2, -1, 1), size=(4, 5))
    plain, = net.conv(net.node(net.bn(dilated)), RELU, [5], (1, 2, 0, 1))
    both = net.op(CONCAT, [net.node(net.bn(shifted), net.bn(plain)), net.node(net.bn(mean))], RELU, (9, 4, 5))
    total = net.op(SUM, [net.node(net.bn(both))], RELU6, (9, 4, 5))
    return net.head(net.node(net.bn(total)), LINEAR, 4, bias=True)


def run(net, mode, stats=None):
    """The network in torch. mode: batch (training BatchNorm), rows (statistics of the first two images), eval."""
    p, prm = net.p, net.params
    values = {0: net.images}
    found = {}

    def batch_norm(i):
        b = p["BNs"][i]
        x, gamma, beta = values[b["Value"]], prm[b["Gamma"]], prm[b["Beta"]]
        rows = x[:2] if mode == "rows" else x
        found[i] = (rows.mean((0, 2, 3)).detach(), rows.var((0, 2, 3), unbiased=False).detach())
        if mode == "batch":
            return F.batch_norm(x, None, None, gamma, beta, True, 0.0, b["Eps"])
        mean, var = found[i] if mode == "rows" else stats[i]
        return F.batch_norm(x, mean.clone(), var.clone(), gamma, beta, False, 0.0, b["Eps"])

    def load(node, act):
        z = sum(values[t["Value"]] if t["BN"] < 0 else batch_norm(t["BN"]) for t in p["Nodes"][node]["Terms"])
        return (lambda x: x, F.relu, F.relu6)[act](z)

    def conv(u, s, branch):
        k, stride, pad, d = s["Kernel"], s["Stride"], s["Pad"], s["Dilation"]
        _, h, w = net.shape(branch["Out"])
        right = (w - 1) * stride + d * (k - 1) + 1 - u.shape[3] - pad
        below = (h - 1) * stride + d * (k - 1) + 1 - u.shape[2] - pad
        u = F.pad(u, (pad, right, pad, below))
        return F.conv2d(u, prm[branch["Weight"]], None, stride, 0, d, s["Groups"])

    for s in p["Steps"]:
        u = [load(n, s["Act"]) for n in s["In"]]
        window = (s["Kernel"], s["Stride"], s["Pad"])
        if s["Op"] == CONV:
            for branch in s["Branches"]:
                values[branch["Out"]] = conv(u[0], s, branch)
            continue
        if s["Op"] == MAXPOOL:
            y = F.max_pool2d(u[0], *window)
        elif s["Op"] == AVGPOOL:
            y = F.avg_pool2d(u[0], *window, count_include_pad=False)
        elif s["Op"] == GLOBALAVG:
            y = F.adaptive_avg_pool2d(u[0], 1)
        elif s["Op"] == LINEARSTEP:
            y = F.linear(u[0].flatten(1), prm[s["Weight"]], prm[s["Bias"]] if s["Bias"] >= 0 else None)
        else:
            y = torch.cat(u, 1)
        assert y[0].numel() == torch.tensor(net.shape(s["Out"])).prod(), (net.p["Name"], s, y.shape)
        values[s["Out"]] = y
    return y, found


def flat(tensors):
    return [float(f"{v:.10g}") for t in tensors for v in t.detach().flatten().tolist()]


def golden(net):
    bns = range(len(net.p["BNs"]))
    out = {
        "Program": net.p,
        "Params": [{"Name": f"p{i}", "Kind": k, "Shape": list(t.shape)} for i, (k, t) in enumerate(zip(net.kinds, net.params))],
        "Data": [flat([t]) for t in net.params], "Images": flat([net.images]), "Labels": net.labels.tolist(),
        "Smoothing": SMOOTHING, "Runs": {}}
    given = [(numbers((net.shape(net.p["BNs"][i]["Value"])[0],), net.g, 0.2),
              numbers((net.shape(net.p["BNs"][i]["Value"])[0],), net.g, 0.2, 1.5).abs()) for i in bns]
    shared = {}
    for i in bns:  # BatchNorms of one value share its statistics
        given[i] = shared.setdefault(net.p["BNs"][i]["Value"], given[i])
    for mode, rows in ("batch", len(net.images)), ("rows", 2), ("eval", 0):
        logits, found = run(net, mode, given)
        loss = F.cross_entropy(logits, net.labels, label_smoothing=SMOOTHING)
        found = given if mode == "eval" else [found[i] for i in bns]
        result = {"StatRows": rows, "Logits": flat([logits]), "Loss": loss.item(),
                  "Mean": flat(m for m, _ in found), "Variance": flat(v for _, v in found)}
        if mode != "rows":  # there PyTorch would differentiate through the statistics
            grads = torch.autograd.grad(loss, net.params, retain_graph=True)
            result["Gradients"] = [flat([g]) for g in grads]
        if mode == "eval":
            each = F.cross_entropy(logits, net.labels, label_smoothing=SMOOTHING, reduction="none") / len(net.images)
            order = [net.params[b[k]] for b in net.p["BNs"] for k in ("Gamma", "Beta")]
            result["Sample"] = [v for e in each for v in flat(torch.autograd.grad(e, order, retain_graph=True))]
        out["Runs"][mode] = result
    return out


def optimizer(make, clip=0.0):
    """Five steps on two parameters, of which the second is a convolution's weight."""
    g = torch.Generator().manual_seed(7)
    params = [numbers((5,), g).float().requires_grad_(), numbers((6,), g).float().requires_grad_()]
    opt = make(params)
    out = {"Start": [flat([t]) for t in params], "Steps": []}
    for _ in range(5):
        for t in params:
            t.grad = numbers(t.shape, g).float()
        grads = [flat([t.grad]) for t in params]
        norm = torch.nn.utils.clip_grad_norm_(params, clip).item() if clip else None
        opt.step()
        out["Steps"].append({"Gradients": grads, "Norm": norm, "Data": [flat([t]) for t in params]})
    return out


def write(path, data):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(data, separators=(",", ":"), ensure_ascii=False) + "\n")


def main():
    write(ROOT / "ref/testdata/torch.json", [golden(net()) for net in (residual, mobile, mixed)])
    groups = lambda ps: [{"params": ps[:1], "weight_decay": 0.0}, {"params": ps[1:], "weight_decay": 0.25}]
    write(ROOT / "hoststore/testdata/torch.json", {
        "sgd": optimizer(lambda ps: torch.optim.SGD(groups(ps), lr=0.125)),
        "momentum": optimizer(lambda ps: torch.optim.SGD(groups(ps), lr=0.125, momentum=0.75), clip=2.0),
        "nesterov": optimizer(lambda ps: torch.optim.SGD(groups(ps), lr=0.125, momentum=0.75, nesterov=True)),
        "adamw": optimizer(lambda ps: torch.optim.AdamW(groups(ps), lr=0.125, betas=(0.75, 0.875), eps=2 ** -10), clip=1e6),
        "rmsprop": optimizer(lambda ps: RMSProp(groups(ps), lr=0.125, momentum=0.75, beta=0.875, eps=1), clip=2.0),
    })


if __name__ == "__main__":
    main()
