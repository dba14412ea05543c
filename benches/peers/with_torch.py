"""The perceptron's training step in PyTorch: as its users write it, and compiled whole."""

import time

import torch
from torch.nn import functional

from work import Work


class Torch:
    """Parameters in PyTorch's own layout, `[out, in]`; batches in turn."""

    compile_ms = None

    def __init__(self, folder, threads):
        torch.set_num_threads(threads)
        work = Work(folder)
        self.rate = work.rate
        tensors = [torch.from_numpy(value.T.copy()) for value in work.parameters]
        self.parameters = [torch.nn.Parameter(tensor) for tensor in tensors]
        self.ring = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in work.ring]
        self.at = 0
        self.note = f"PyTorch {torch.__version__}; {self.how}"

    def next(self):
        self.at = (self.at + 1) % len(self.ring)
        return self.ring[self.at]


def cross_entropy(parameters, x, y):
    w1, b1, w2, b2 = parameters
    hidden = functional.relu(functional.linear(x, w1, b1))
    return functional.cross_entropy(functional.linear(hidden, w2, b2), y)


class Eager(Torch):
    how = "autograd, parameters updated in place: faster than any variant of its SGD"

    def __call__(self):
        x, y = self.next()
        loss = cross_entropy(self.parameters, x, y)
        gradients = torch.autograd.grad(loss, self.parameters)
        with torch.no_grad():
            for parameter, gradient in zip(self.parameters, gradients):
                parameter.sub_(gradient, alpha=self.rate)
        return loss.detach()


class Compiled(Torch):
    how = "torch.compile of the whole step, update included"

    def __init__(self, folder, threads):
        super().__init__(folder, threads)
        self.parameters = tuple(parameter.detach() for parameter in self.parameters)
        rate = self.rate

        def step(parameters, x, y):
            gradients, loss = torch.func.grad_and_value(cross_entropy)(parameters, x, y)
            for parameter, gradient in zip(parameters, gradients):
                parameter.sub_(gradient, alpha=rate)
            return loss

        self.step = torch.compile(step, fullgraph=True, dynamic=False)
        began = time.perf_counter()
        # On copies: the first values stay for the first step that counts.
        self.step(tuple(parameter.clone() for parameter in self.parameters), *self.ring[0])
        self.compile_ms = (time.perf_counter() - began) * 1e3

    def __call__(self):
        return self.step(self.parameters, *self.next())
