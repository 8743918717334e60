"""RMSProp as TensorFlow 1 has it, with which NAS-Bench-101 was trained."""

import torch


class RMSProp(torch.optim.Optimizer):
    """ms = β·ms + (1−β)g² from ms = 1; v = μ·v + lr·g/√(ms + ε); θ −= v, with g += weight_decay·θ.

    torch.optim.RMSprop has ε outside of the root, ms = 0 at first, and the rate outside of v.
    """

    def __init__(self, params, lr, momentum, beta, eps, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "beta": beta, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["ms"], state["v"] = torch.ones_like(p), torch.zeros_like(p)
                g = p.grad + group["weight_decay"] * p
                state["ms"].mul_(group["beta"]).addcmul_(g, g, value=1 - group["beta"])
                state["v"].mul_(group["momentum"]).add_(group["lr"] * g / (state["ms"] + group["eps"]).sqrt())
                p.sub_(state["v"])
