"""A network's layers in PyTorch: functions of a batch, over parameters in PyTorch's own layouts.

Images are `[B, C, H, W]`, here as everywhere in PyTorch; our descriptions have channels last.
"""

import torch
from torch.nn import functional

from work import in_one, layer_of

ACTIVATIONS = {"relu": functional.relu, "tanh": torch.tanh, "gelu": functional.gelu}
LOSSES = {"cross_entropy": functional.cross_entropy, "squared_error": functional.mse_loss}
MOMENTUM, EPS = 0.1, 1e-5


class Layers:
    """Built once; then called with parameters and a batch. `memory_format` is that of images."""

    def __init__(self, work, memory_format=torch.contiguous_format, cells=False):
        self.first, self.memory_format, self.cells = work.first, memory_format, cells
        self.parameters, self.names, self.running = [], [], []
        self.images = None  # the sizes [H, W, C] of an image on its way through
        self.flattened = None  # the same, where the features are its elements
        self.layers = self.built(work.network["layers"])

    def __call__(self, parameters, x, dropping=True):
        for layer in self.layers:
            x = layer(parameters, x, dropping)
        return x

    def built(self, described):
        return [getattr(self, kind)(given) for kind, given in map(layer_of, described)]

    def parameter(self, name, value=None):
        """Where the parameter is among all of them."""
        value = self.first[name] if value is None else value
        value = torch.from_numpy(value.copy())
        if value.dim() == 4:
            value = value.contiguous(memory_format=self.memory_format)
        self.parameters.append(value)
        self.names.append(name)
        return len(self.parameters) - 1

    def biases(self, name):
        return self.parameter(f"{name}.bias")

    def activation(self, given):
        function = ACTIVATIONS[given]
        return lambda p, x, dropping: function(x)

    def dropout(self, share):
        return lambda p, x, dropping: functional.dropout(x, share) if dropping else x

    def reshape(self, shape):
        before = self.images
        self.images = shape if len(shape) == 3 else None
        if self.images:
            height, width, channels = shape
            if channels > 1:
                rows = (-1, height, width, channels)
                return lambda p, x, dropping: x.reshape(rows).permute(0, 3, 1, 2)
            return lambda p, x, dropping: x.reshape(-1, 1, height, width)
        if before and len(shape) == 2 and shape[1] == before[2]:
            return lambda p, x, dropping: x.flatten(2).transpose(1, 2)
        if before and len(shape) == 1 and self.memory_format is torch.contiguous_format:
            self.flattened = before
            return lambda p, x, dropping: x.flatten(1)
        if before:
            return lambda p, x, dropping: x.permute(0, 2, 3, 1).reshape(-1, *shape)
        return lambda p, x, dropping: x.reshape(-1, *shape)

    def dense(self, given):
        weight = self.first[f"{given['name']}.weight"]
        if self.flattened:
            # The features are an image's in PyTorch's order.
            height, width, channels = self.flattened
            weight = weight.reshape(height * width, channels, -1).transpose(1, 0, 2).reshape(weight.shape)
            self.flattened = None
        w, b = self.parameter(f"{given['name']}.weight", weight.T), self.biases(given["name"])
        return lambda p, x, dropping: functional.linear(x, p[w], p[b])

    def convolution(self, given):
        height, width, _ = self.images
        kernel, stride, padding = given["kernel"], given["stride"], given["padding"]
        across = lambda size: (size + 2 * padding - kernel) // stride + 1
        self.images = [across(height), across(width), given["outputs"]]
        weight = self.first[f"{given['name']}.weight"].transpose(3, 2, 0, 1)
        w = self.parameter(f"{given['name']}.weight", weight)
        if not given["bias"]:
            return lambda p, x, dropping: functional.conv2d(x, p[w], None, stride, padding)
        b = self.biases(given["name"])
        return lambda p, x, dropping: functional.conv2d(x, p[w], p[b], stride, padding)

    def max_pool(self, side):
        height, width, channels = self.images
        self.images = [height // side, width // side, channels]
        return lambda p, x, dropping: functional.max_pool2d(x, side)

    def batch_norm(self, given):
        name = given["name"]
        w, b = self.parameter(f"{name}.weight"), self.biases(name)
        mean, var = (torch.from_numpy(self.first[f"{name}.running_{of}"].copy()) for of in ("mean", "var"))
        self.running += [mean, var]
        return lambda p, x, dropping: functional.batch_norm(x, mean, var, p[w], p[b], True, MOMENTUM, EPS)

    def layer_norm(self, given):
        w, b = self.parameter(f"{given['name']}.weight"), self.biases(given["name"])
        return lambda p, x, dropping: functional.layer_norm(x, p[w].shape, p[w], p[b], EPS)

    def residual(self, given):
        before = self.images
        body, after = self.built(given["body"]), self.images
        self.images = before
        shortcut = self.built(given["shortcut"])
        self.images = after

        def through(p, x, dropping):
            beside = x
            for layer in body:
                x = layer(p, x, dropping)
            for layer in shortcut:
                beside = layer(p, beside, dropping)
            return x + beside

        return through

    def lstm(self, given):
        name, units = given["name"], given["units"]
        names = [f"{name}.weight_ih_l0", f"{name}.weight_hh_l0", f"{name}.bias_ih_l0", f"{name}.bias_hh_l0"]
        weights = [self.parameter(name, self.first[name].T) for name in names]

        def layer(p, x, dropping):
            zeros = x.new_zeros(1, x.shape[0], units)
            own = [p[i] for i in weights]
            return torch.lstm(x, (zeros, zeros), own, True, 1, 0.0, True, False, True)[1][0]

        def cells(p, x, dropping):
            """What torch.compile can take whole: it cannot do so with the derivative of `torch.lstm`."""
            input_weight, hidden_weight, input_bias, hidden_bias = (p[i] for i in weights)
            gates = functional.linear(x, input_weight, input_bias + hidden_bias).transpose(0, 1)
            h = c = x.new_zeros(x.shape[0], units)
            for rows in gates:
                i, f, g, o = (rows + h @ hidden_weight.T).chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
            return h

        return cells if self.cells else layer

    def positions(self, given):
        at = self.parameter(given["name"])
        return lambda p, x, dropping: x + p[at]

    def attention(self, given):
        name, heads = given["name"], given["heads"]
        # As in PyTorch's own module, one product makes queries, keys and values.
        inside = self.parameter(f"{name}.in.weight", in_one(self.first, name, "weight").T)
        inside_bias = self.parameter(f"{name}.in.bias", in_one(self.first, name, "bias"))
        outside = self.parameter(f"{name}.output.weight", self.first[f"{name}.output.weight"].T)
        outside_bias = self.biases(f"{name}.output")

        def layer(p, x, dropping):
            batch, rows, width = x.shape
            split = functional.linear(x, p[inside], p[inside_bias]).view(batch, rows, 3, heads, -1)
            query, key, value = split.permute(2, 0, 3, 1, 4)
            found = functional.scaled_dot_product_attention(query, key, value)
            found = found.transpose(1, 2).reshape(batch, rows, width)
            return functional.linear(found, p[outside], p[outside_bias])

        return layer

    def mean(self, _):
        axes = (2, 3) if self.images else 1
        self.images = None
        return lambda p, x, dropping: x.mean(axes)


def objective(layers, network, parameters, x, y, dropping):
    loss = LOSSES[network["loss"]](layers(parameters, x, dropping), y)
    if network["l2"] > 0:
        weights = [p for p, name in zip(parameters, layers.names) if name.endswith(".weight")]
        loss = loss + network["l2"] * sum(weight.square().sum() for weight in weights)
    return loss
