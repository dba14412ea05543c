"""A network's training step in JAX: compiled whole, parameters updated in their own buffers."""

import time

import jax
from jax import numpy

from work import Work

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": numpy.tanh}
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def cross_entropy(logits, y):
    picked = jax.nn.log_softmax(logits) * jax.nn.one_hot(y, logits.shape[1])
    return -picked.sum() / len(y)


def squared_error(outputs, y):
    return numpy.square(outputs - y).mean()


LOSSES = {"cross_entropy": cross_entropy, "squared_error": squared_error}


def objective(parameters, network, x, y, key, dropout):
    for i in range(0, len(parameters), 2):
        if i > 0:
            x = ACTIVATIONS[network["activation"]](x)
            if dropout > 0:
                key, own = jax.random.split(key)
                kept = jax.random.bernoulli(own, 1 - dropout, x.shape)
                x = numpy.where(kept, x / (1 - dropout), 0)
        x = x @ parameters[i] + parameters[i + 1]
    loss = LOSSES[network["loss"]](x, y)
    if network["l2"] > 0:
        loss = loss + network["l2"] * sum(numpy.square(weight).sum() for weight in parameters[::2])
    return loss


def updated(optimizer, state, gradients):
    parameters, count, first, second = state
    count = count + 1
    if "adam" in optimizer:
        rate = optimizer["adam"]["rate"]
        first = [BETA1 * m + (1 - BETA1) * g for m, g in zip(first, gradients)]
        second = [BETA2 * v + (1 - BETA2) * g * g for v, g in zip(second, gradients)]
        one, two = 1 - BETA1**count, 1 - BETA2**count
        moments = zip(parameters, first, second)
        parameters = [p - rate / one * m / (numpy.sqrt(v / two) + EPS) for p, m, v in moments]
        return parameters, count, first, second
    rate, momentum = optimizer["sgd"]["rate"], optimizer["sgd"]["momentum"]
    if momentum > 0:
        gradients = first = [momentum * v + g for v, g in zip(first, gradients)]
    return [p - rate * g for p, g in zip(parameters, gradients)], count, first, second


class Step:
    """A call returns when the parameters are updated: on a CPU, steps that overlap are no faster."""

    def __init__(self, spec):
        work = Work(spec)
        self.network = work.network
        parameters = [numpy.asarray(value) for value in work.parameters]
        moments = [0, 1] if "adam" in self.network["optimizer"] else [0]
        zeros = [[numpy.zeros_like(p) for p in parameters] for _ in moments] + [[]]
        self.state = (parameters, numpy.zeros(()), zeros[0], zeros[1])
        targets = numpy.int32 if self.network["loss"] == "cross_entropy" else numpy.float32
        self.ring = [(numpy.asarray(x), numpy.asarray(y, dtype=targets)) for x, y in work.ring]
        self.at = 0
        self.key = jax.random.key(1)
        self.step = self.compiled(self.network["dropout"])
        began = time.perf_counter()
        self.try_out(self.step)
        self.compile_ms = (time.perf_counter() - began) * 1e3
        self.check_step = self.step
        if self.network["dropout"] > 0:
            self.check_step = self.compiled(0)
            self.try_out(self.check_step)
        self.note = f"JAX {jax.__version__}; jit of the whole step, kept to as many cores as threads"

    def compiled(self, dropout):
        network = self.network

        def step(state, x, y, key):
            # The steps done make every step's masks its own.
            key = jax.random.fold_in(key, state[1].astype(numpy.int32)) if dropout > 0 else key
            loss, gradients = jax.value_and_grad(objective)(state[0], network, x, y, key, dropout)
            return updated(network["optimizer"], state, gradients), loss

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
