"""A network's training step in PyTorch: as its users write it, and compiled whole."""

import time

import torch
from torch.nn import functional

from work import Work

ACTIVATIONS = {"relu": functional.relu, "tanh": torch.tanh}
LOSSES = {"cross_entropy": functional.cross_entropy, "squared_error": functional.mse_loss}
BETAS, EPS = (0.9, 0.999), 1e-8


class Torch:
    """Parameters in PyTorch's own layout, `[out, in]`; batches in turn."""

    compile_ms = None

    def __init__(self, spec):
        torch.set_num_threads(spec["threads"])
        work = Work(spec)
        self.network = work.network
        tensors = [torch.from_numpy(value.T.copy()) for value in work.parameters]
        self.parameters = [torch.nn.Parameter(tensor) for tensor in tensors]
        self.ring = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in work.ring]
        self.at = 0

    def next(self):
        self.at = (self.at + 1) % len(self.ring)
        return self.ring[self.at]


def objective(network, parameters, x, y, dropout):
    for i in range(0, len(parameters), 2):
        if i > 0:
            x = ACTIVATIONS[network["activation"]](x)
            if dropout > 0:
                x = functional.dropout(x, dropout)
        x = functional.linear(x, parameters[i], parameters[i + 1])
    loss = LOSSES[network["loss"]](x, y)
    if network["l2"] > 0:
        loss = loss + network["l2"] * sum(weight.square().sum() for weight in parameters[::2])
    return loss


class Eager(Torch):
    def __init__(self, spec):
        super().__init__(spec)
        (kind, given), = self.network["optimizer"].items()
        self.rate = given["rate"]
        if kind == "adam":
            self.optimizer = torch.optim.Adam(self.parameters, given["rate"], BETAS, EPS, fused=True)
            how = "its fused Adam"
        elif given["momentum"] > 0:
            self.optimizer = torch.optim.SGD(self.parameters, given["rate"], given["momentum"], fused=True)
            how = "its fused SGD"
        else:
            self.optimizer = None
            how = "parameters updated in place: faster than any variant of its SGD"
        self.note = f"PyTorch {torch.__version__}; autograd, {how}"

    def __call__(self):
        return self.step(self.network["dropout"])

    def check(self):
        return self.step(0)

    def step(self, dropout):
        loss = objective(self.network, self.parameters, *self.next(), dropout)
        if self.optimizer:
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            return loss.detach()
        gradients = torch.autograd.grad(loss, self.parameters)
        with torch.no_grad():
            for parameter, gradient in zip(self.parameters, gradients):
                parameter.sub_(gradient, alpha=self.rate)
        return loss.detach()


class Compiled(Torch):
    def __init__(self, spec):
        super().__init__(spec)
        parameters = [parameter.detach() for parameter in self.parameters]
        zeros = [torch.zeros_like(parameter) for parameter in parameters]
        # The number of steps, and two moments, of which momentum uses one.
        self.state = (parameters, torch.zeros(()), zeros, [zero.clone() for zero in zeros])
        self.step = self.compiled(self.network["dropout"])
        began = time.perf_counter()
        self.try_out(self.step)
        self.compile_ms = (time.perf_counter() - began) * 1e3
        self.check_step = self.step
        if self.network["dropout"] > 0:
            self.check_step = self.compiled(0)
            self.try_out(self.check_step)
        self.note = f"PyTorch {torch.__version__}; torch.compile of the whole step, update included"

    def compiled(self, dropout):
        network = self.network

        def step(state, x, y):
            gradients, loss = torch.func.grad_and_value(
                lambda parameters: objective(network, parameters, x, y, dropout)
            )(state[0])
            update(network["optimizer"], state, gradients)
            return loss

        return torch.compile(step, fullgraph=True, dynamic=False)

    def try_out(self, step):
        """On copies: the first values stay for the first step that counts."""
        parameters, count, first, second = self.state
        copies = [[tensor.clone() for tensor in part] for part in (parameters, first, second)]
        step((copies[0], count.clone(), copies[1], copies[2]), *self.ring[0])

    def __call__(self):
        return self.step(self.state, *self.next())

    def check(self):
        return self.check_step(self.state, *self.next())


def update(optimizer, state, gradients):
    parameters, count, first, second = state
    if "adam" in optimizer:
        count.add_(1)
        one, two = (1 - beta**count for beta in BETAS)
        for p, g, m, v in zip(parameters, gradients, first, second):
            m.lerp_(g, 1 - BETAS[0])
            v.mul_(BETAS[1]).addcmul_(g, g, value=1 - BETAS[1])
            p.sub_(optimizer["adam"]["rate"] / one * (m / ((v / two).sqrt() + EPS)))
        return
    rate, momentum = optimizer["sgd"]["rate"], optimizer["sgd"]["momentum"]
    for p, g, v in zip(parameters, gradients, first):
        p.sub_(v.mul_(momentum).add_(g) if momentum > 0 else g, alpha=rate)
