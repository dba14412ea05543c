"""What every peer works on: first values and batches, as benches/src/peers.rs has written them."""

import json

import numpy


class Work:
    """Images `[len, 784]` in `[0, 1]` and labels `[len]`, batch by batch; parameters by name."""

    def __init__(self, folder):
        self.about = json.loads((folder / "work.json").read_text())
        self.rate = self.about["rate"]
        self.parameters = [
            numpy.fromfile(folder / name, numpy.float32).reshape(shape)
            for name, shape in self.about["parameters"]
        ]
        batch = self.about["batch"]
        images = numpy.fromfile(folder / "images", numpy.uint8).reshape(-1, batch, self.about["pixels"])
        labels = numpy.fromfile(folder / "labels", numpy.int64).reshape(-1, batch)
        scale = numpy.float32(self.about["full_scale"])
        self.ring = [(x.astype(numpy.float32) / scale, y) for x, y in zip(images, labels)]
