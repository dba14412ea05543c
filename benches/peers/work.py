"""What every peer works on: first values and batches, as benches/src/peers.rs has written them."""

import pathlib

import numpy


class Work:
    """Inputs `[len, inputs]`, pixels in `[0, 1]`, and targets (classes `[len]` or numbers
    `[len, outputs]`), batch by batch; of each layer its weight `[in, out]` and its bias."""

    def __init__(self, spec):
        folder, batch = pathlib.Path(spec["peer"]), spec["batch"]
        self.network = spec["network"]
        sizes = self.network["sizes"]

        def values(name, kind, *shape):
            return numpy.fromfile(folder / name, kind).reshape(shape)

        self.parameters = []
        for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:]), 1):
            self.parameters.append(values(f"fc{i}.weight", numpy.float32, inputs, outputs))
            self.parameters.append(values(f"fc{i}.bias", numpy.float32, outputs))
        if self.network["examples"] == "images":
            pixels = values("x", numpy.uint8, -1, batch, sizes[0])
            x = [images.astype(numpy.float32) / numpy.float32(255) for images in pixels]
        else:
            x = values("x", numpy.float32, -1, batch, sizes[0])
        if self.network["loss"] == "cross_entropy":
            y = values("y", numpy.int64, -1, batch)
        else:
            y = values("y", numpy.float32, -1, batch, sizes[-1])
        self.ring = list(zip(x, y))
