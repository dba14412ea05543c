"""A network's layers in JAX: functions of a batch, over parameters by name. Channels are last, as in
our descriptions: it is the layout that XLA's convolutions on CPUs want."""

import math

import jax
from jax import lax, numpy

from work import PROJECTIONS, in_one, layer_of

ACTIVATIONS = {
    "relu": jax.nn.relu,
    "tanh": numpy.tanh,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
}
MOMENTUM, EPS = 0.1, 1e-5


def cross_entropy(logits, y):
    picked = jax.nn.log_softmax(logits) * jax.nn.one_hot(y, logits.shape[1])
    return -picked.sum() / len(y)


def squared_error(outputs, y):
    return numpy.square(outputs - y).mean()


LOSSES = {"cross_entropy": cross_entropy, "squared_error": squared_error}


def first_values(first, layers):
    """By name, where the projections of attention are one."""
    values = dict(first)
    for kind, given in map(layer_of, layers):
        if kind == "residual":
            values = first_values(values, given["body"] + given["shortcut"])
        if kind == "attention":
            name = given["name"]
            for of in ("weight", "bias"):
                values[f"{name}.in.{of}"] = in_one(values, name, of)
                for part in PROJECTIONS:
                    del values[f"{name}.{part}.{of}"]
    return values


class Pass:
    """A batch on its way through layers: `p` are parameters, `key` is that of the next mask, or none where
    nothing is dropped, and `running` becomes the running statistics after the step."""

    def __init__(self, p, running, key):
        self.p, self.running, self.key = p, dict(running), key

    def through(self, layers, x):
        for kind, given in map(layer_of, layers):
            x = getattr(self, kind)(x, given)
        return x

    def activation(self, x, name):
        return ACTIVATIONS[name](x)

    def dropout(self, x, share):
        if self.key is None:
            return x
        self.key, own = jax.random.split(self.key)
        kept = jax.random.bernoulli(own, 1 - share, x.shape)
        return numpy.where(kept, x / (1 - share), 0)

    def reshape(self, x, shape):
        return x.reshape(len(x), *shape)

    def dense(self, x, given):
        return x @ self.p[f"{given['name']}.weight"] + self.p[f"{given['name']}.bias"]

    def convolution(self, x, given):
        name, stride, padding = given["name"], given["stride"], given["padding"]
        layout = ("NHWC", "HWIO", "NHWC")
        weight = self.p[f"{name}.weight"]
        x = lax.conv_general_dilated(x, weight, (stride,) * 2, [(padding,) * 2] * 2, dimension_numbers=layout)
        return x + self.p[f"{name}.bias"] if given["bias"] else x

    def max_pool(self, x, side):
        """Squares side by side: the maximum of two axes. The gradient of `lax.reduce_window` is slower."""
        batch, height, width, channels = x.shape
        rows, columns = height // side, width // side
        x = x[:, : rows * side, : columns * side]
        return x.reshape(batch, rows, side, columns, side, channels).max((2, 4))

    def batch_norm(self, x, given):
        name = given["name"]
        axes = tuple(range(x.ndim - 1))
        mean = x.mean(axes)
        var = numpy.square(x - mean).mean(axes)
        count = math.prod(x.shape[:-1])
        for of, new in (("mean", mean), ("var", var * (count / (count - 1)))):
            running = f"{name}.running_{of}"
            new = lax.stop_gradient(new)
            self.running[running] = (1 - MOMENTUM) * self.running[running] + MOMENTUM * new
        return (x - mean) * (lax.rsqrt(var + EPS) * self.p[f"{name}.weight"]) + self.p[f"{name}.bias"]

    def layer_norm(self, x, given):
        name = given["name"]
        centred = x - x.mean(-1, keepdims=True)
        scale = lax.rsqrt(numpy.square(centred).mean(-1, keepdims=True) + EPS)
        return centred * scale * self.p[f"{name}.weight"] + self.p[f"{name}.bias"]

    def residual(self, x, given):
        return self.through(given["body"], x) + self.through(given["shortcut"], x)

    def lstm(self, x, given):
        name, units = given["name"], given["units"]
        input_weight, hidden_weight = (self.p[f"{name}.weight_{of}_l0"] for of in ("ih", "hh"))
        gates = x @ input_weight + (self.p[f"{name}.bias_ih_l0"] + self.p[f"{name}.bias_hh_l0"])

        def cell(state, gates):
            h, c = state
            i, f, g, o = numpy.split(gates + h @ hidden_weight, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * numpy.tanh(g)
            return (jax.nn.sigmoid(o) * numpy.tanh(c), c), None

        zeros = numpy.zeros((len(x), units), x.dtype)
        (last, _), _ = lax.scan(cell, (zeros, zeros), gates.swapaxes(0, 1))
        return last

    def positions(self, x, given):
        return x + self.p[given["name"]]

    def attention(self, x, given):
        name, heads = given["name"], given["heads"]
        batch, rows, width = x.shape
        split = x @ self.p[f"{name}.in.weight"] + self.p[f"{name}.in.bias"]
        split = split.reshape(batch, rows, 3, heads, width // heads)
        query, key, value = (split[:, :, i] for i in range(3))
        found = jax.nn.dot_product_attention(query, key, value).reshape(batch, rows, width)
        return found @ self.p[f"{name}.output.weight"] + self.p[f"{name}.output.bias"]

    def mean(self, x, _):
        return x.mean(tuple(range(1, x.ndim - 1)))


def objective(parameters, running, network, x, y, key):
    """The loss, and the running statistics after the step."""
    batch = Pass(parameters, running, key)
    loss = LOSSES[network["loss"]](batch.through(network["layers"], x), y)
    if network["l2"] > 0:
        weights = [value for name, value in parameters.items() if name.endswith(".weight")]
        loss = loss + network["l2"] * sum(numpy.square(weight).sum() for weight in weights)
    return loss, batch.running
