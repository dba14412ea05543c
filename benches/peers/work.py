"""What every peer works on: first values and batches, as benches/src/peers.rs has written them."""

import json
import pathlib

import numpy


class Work:
    """Inputs `[len, inputs]`, pixels in `[0, 1]`, and targets (classes `[len]` or numbers
    `[len, outputs]`), batch by batch; the first values of parameters by name, in our library's
    shapes."""

    def __init__(self, spec):
        folder, batch = pathlib.Path(spec["peer"]), spec["batch"]
        self.network = spec["network"]

        def values(name, kind, *shape):
            return numpy.fromfile(folder / name, kind).reshape(shape)

        shapes = json.loads((folder / "parameters").read_text())
        self.first = {name: values(name, numpy.float32, *shape) for name, shape in shapes}
        inputs = self.network["inputs"]
        if self.network["examples"] == "images":
            pixels = values("x", numpy.uint8, -1, batch, inputs)
            x = [images.astype(numpy.float32) / numpy.float32(255) for images in pixels]
        else:
            x = values("x", numpy.float32, -1, batch, inputs)
        if self.network["loss"] == "cross_entropy":
            y = values("y", numpy.int64, -1, batch)
        else:
            y = values("y", numpy.float32, len(x), batch, -1)
        self.ring = list(zip(x, y))


def layer_of(described):
    """The kind of a layer and what is said of it: `("relu", None)`, `("dense", {...})`."""
    if isinstance(described, str):
        return described, None
    (kind, given), = described.items()
    return kind, given


PROJECTIONS = ("query", "key", "value")


def in_one(values, name, of):
    """The weight or the bias of attention's three projections, as one projection has them."""
    return numpy.concatenate([values[f"{name}.{part}.{of}"] for part in PROJECTIONS], axis=-1)


def drops(layers):
    """Whether anything is dropped at random."""
    kinds = map(layer_of, layers)
    inside = lambda kind, given: kind == "residual" and drops(given["body"] + given["shortcut"])
    return any(kind == "dropout" or inside(kind, given) for kind, given in kinds)
