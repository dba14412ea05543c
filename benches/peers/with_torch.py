"""A network's training step in PyTorch: as its users write it, and compiled whole."""

import time

import torch

from torch_layers import Layers, objective
from work import Work, drops

BETAS, EPS = (0.9, 0.999), 1e-8


class Torch:
    """Batches in turn."""

    compile_ms = None

    def __init__(self, spec):
        torch.set_num_threads(spec["threads"])
        self.work = Work(spec)
        self.network = self.work.network
        self.ring = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in self.work.ring]
        self.at = 0

    def next(self):
        self.at = (self.at + 1) % len(self.ring)
        return self.ring[self.at]


class Eager(Torch):
    def __init__(self, spec):
        super().__init__(spec)
        self.start(torch.contiguous_format)
        formats = ""
        if any(p.dim() == 4 for p in self.parameters):
            formats = f", images {self.format_by_trial()}"
        self.note = f"PyTorch {torch.__version__}; autograd, {self.how}{formats}"

    def start(self, memory_format):
        """From the first values on."""
        self.layers = Layers(self.work, memory_format)
        self.parameters = [torch.nn.Parameter(tensor) for tensor in self.layers.parameters]
        (kind, given), = self.network["optimizer"].items()
        self.rate = given["rate"]
        if kind == "adam":
            self.optimizer = torch.optim.Adam(self.parameters, given["rate"], BETAS, EPS, fused=True)
            self.how = "its fused Adam"
        elif given["momentum"] > 0:
            self.optimizer = torch.optim.SGD(self.parameters, given["rate"], given["momentum"], fused=True)
            self.how = "its fused SGD"
        else:
            self.optimizer = None
            self.how = "parameters updated in place: faster than any variant of its SGD"
        self.at = 0

    def format_by_trial(self):
        """Channels first or last, whichever is faster here."""
        formats = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}
        times = {}
        for name, memory_format in formats.items():
            self.start(memory_format)
            times[name] = min(self.timed() for _ in range(6))
        fastest = min(times, key=times.get)
        self.start(formats[fastest])
        return fastest

    def timed(self):
        began = time.perf_counter()
        self()
        return time.perf_counter() - began

    def __call__(self):
        return self.step(True)

    def check(self):
        return self.step(False)

    def step(self, dropping):
        loss = objective(self.layers, self.network, self.parameters, *self.next(), dropping)
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
        self.layers = Layers(self.work, cells=True)
        parameters = self.layers.parameters
        zeros = [torch.zeros_like(parameter) for parameter in parameters]
        # The number of steps, and two moments, of which momentum uses one.
        self.state = (parameters, torch.zeros(()), zeros, [zero.clone() for zero in zeros])
        self.step = self.compiled(True)
        began = time.perf_counter()
        self.try_out(self.step)
        self.compile_ms = (time.perf_counter() - began) * 1e3
        self.check_step = self.step
        if drops(self.network["layers"]):
            self.check_step = self.compiled(False)
            self.try_out(self.check_step)
        self.note = f"PyTorch {torch.__version__}; torch.compile of the whole step, update included"

    def compiled(self, dropping):
        layers, network = self.layers, self.network

        def step(state, x, y):
            gradients, loss = torch.func.grad_and_value(
                lambda parameters: objective(layers, network, parameters, x, y, dropping)
            )(state[0])
            update(network["optimizer"], state, gradients)
            return loss

        return torch.compile(step, fullgraph=True, dynamic=False)

    def try_out(self, step):
        """On copies: the first values stay for the first step that counts."""
        parameters, count, first, second = self.state
        copies = [[tensor.clone() for tensor in part] for part in (parameters, first, second)]
        running = [tensor.clone() for tensor in self.layers.running]
        step((copies[0], count.clone(), copies[1], copies[2]), *self.ring[0])
        for tensor, before in zip(self.layers.running, running):
            tensor.copy_(before)

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
