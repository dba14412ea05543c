"""A network's training step in JAX: compiled whole, parameters updated in their own buffers."""

import time

import jax
from jax import numpy

from jax_layers import first_values, objective
from work import Work, drops

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def updated(optimizer, state, gradients):
    """Parameters, count and moments after the step."""
    parameters, count, first, second = state
    tree = jax.tree.map
    count = count + 1
    if "adam" in optimizer:
        rate = optimizer["adam"]["rate"]
        first = tree(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradients)
        second = tree(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second, gradients)
        one, two = 1 - BETA1**count, 1 - BETA2**count
        step = lambda p, m, v: p - rate / one * m / (numpy.sqrt(v / two) + EPS)
        return tree(step, parameters, first, second), count, first, second
    rate, momentum = optimizer["sgd"]["rate"], optimizer["sgd"]["momentum"]
    if momentum > 0:
        gradients = first = tree(lambda v, g: momentum * v + g, first, gradients)
    return tree(lambda p, g: p - rate * g, parameters, gradients), count, first, second


class Step:
    """A call returns when the parameters are updated: on a CPU, steps that overlap are no faster."""

    def __init__(self, spec):
        work = Work(spec)
        self.network = work.network
        values = first_values(work.first, self.network["layers"])
        values = {name: numpy.asarray(value) for name, value in values.items()}
        running = {name: value for name, value in values.items() if ".running_" in name}
        parameters = {name: value for name, value in values.items() if name not in running}
        zeros = lambda: jax.tree.map(numpy.zeros_like, parameters)
        second = zeros() if "adam" in self.network["optimizer"] else {}
        self.state = (running, (parameters, numpy.zeros(()), zeros(), second))
        targets = numpy.int32 if self.network["loss"] == "cross_entropy" else numpy.float32
        self.ring = [(numpy.asarray(x), numpy.asarray(y, dtype=targets)) for x, y in work.ring]
        self.at = 0
        self.key = jax.random.key(1)
        self.step = self.compiled(drops(self.network["layers"]))
        began = time.perf_counter()
        self.try_out(self.step)
        self.compile_ms = (time.perf_counter() - began) * 1e3
        self.check_step = self.step
        if drops(self.network["layers"]):
            self.check_step = self.compiled(False)
            self.try_out(self.check_step)
        self.note = f"JAX {jax.__version__}; jit of the whole step, kept to as many cores as threads"

    def compiled(self, dropping):
        network = self.network

        def step(state, x, y, key):
            running, rest = state
            # The steps done make every step's masks its own.
            key = jax.random.fold_in(key, rest[1].astype(numpy.int32)) if dropping else None
            value = jax.value_and_grad(objective, has_aux=True)
            (loss, running), gradients = value(rest[0], running, network, x, y, key)
            return (running, updated(network["optimizer"], rest, gradients)), loss

        return jax.jit(step, donate_argnums=0)

    def try_out(self, step):
        """On copies: the first values stay for the first step that counts."""
        copies = jax.tree.map(lambda value: value.copy(), self.state)
        jax.block_until_ready(step(copies, *self.ring[0], self.key))

    def __call__(self):
        return self.run(self.step)

    def check(self):
        return self.run(self.check_step)

    def run(self, step):
        self.at = (self.at + 1) % len(self.ring)
        self.state, loss = step(self.state, *self.ring[self.at], self.key)
        jax.block_until_ready(self.state)
        return loss
