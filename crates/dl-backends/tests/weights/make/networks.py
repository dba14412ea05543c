"""PyTorch's side of the tests of weights in files.

`python networks.py make` writes the fixtures beside this folder: state dicts of small networks, with an input
`x` and the `logits` of it. `python networks.py answer NETWORK SIZE FILE OUT` loads the state dict in FILE, which
must fit to the last name, and writes `x` and the `logits` of it to OUT; `python networks.py draw NETWORK SIZE OUT`
writes a state dict of its own with both.
"""

import pathlib
import sys

import numpy
import torch
from safetensors.torch import load_file, save_file
from torch import nn


def perceptron(size):
    pixels, hidden, classes = (784, 128, 10) if size == "large" else (6, 5, 3)
    layers = [("fc1", nn.Linear(pixels, hidden)), ("relu", nn.ReLU()), ("fc2", nn.Linear(hidden, classes))]
    return named(layers), (pixels,)


def lenet(size):
    """Of images that are higher than wide, so that no order of axes passes for another."""
    maps, units, (height, width) = ((6, 16), (120, 84, 10), (28, 24)) if size == "large" else ((2, 3), (6, 5, 4), (16, 12))
    places = ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)
    layers = [
        ("conv1", nn.Conv2d(1, maps[0], 5, padding=2)),
        ("relu1", nn.ReLU()),
        ("pool1", nn.MaxPool2d(2)),
        ("conv2", nn.Conv2d(maps[0], maps[1], 5)),
        ("relu2", nn.ReLU()),
        ("pool2", nn.MaxPool2d(2)),
        ("flatten", nn.Flatten()),
        ("fc1", nn.Linear(maps[1] * places, units[0])),
        ("relu3", nn.ReLU()),
        ("fc2", nn.Linear(units[0], units[1])),
        ("relu4", nn.ReLU()),
        ("fc3", nn.Linear(units[1], units[2])),
    ]
    return named(layers), (1, height, width)


class Lstm(nn.Module):
    def __init__(self, width, hidden, classes):
        super().__init__()
        self.lstm = nn.LSTM(width, hidden, num_layers=2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(2 * hidden, classes)

    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, -1])


def lstm(size):
    steps, width, hidden, classes = (28, 28, 128, 10) if size == "large" else (5, 3, 4, 3)
    return Lstm(width, hidden, classes), (steps, width)


def normed(size):
    """Of what else layers keep: a transposed convolution, running statistics, a table."""
    layers = [
        ("words", nn.Embedding(7, 4)),
        ("up", nn.ConvTranspose1d(6, 4, 3, groups=2)),
        ("bn", nn.BatchNorm1d(4)),
        ("mix", nn.Conv1d(4, 6, 3, groups=2)),
        ("ln", nn.LayerNorm(4)),
        ("flatten", nn.Flatten()),
        ("fc", nn.Linear(24, 2)),
    ]
    network = named(layers)
    for buffer in (network.bn.running_mean, network.bn.running_var):
        buffer.uniform_(0.5, 1.5)
    for parameter in (network.bn.weight, network.bn.bias, network.ln.weight, network.ln.bias):
        nn.init.uniform_(parameter, -1, 1)
    return network, None


def named(layers):
    network = nn.Sequential()
    for name, layer in layers:
        network.add_module(name, layer)
    return network


def answer(network, shape, seed):
    torch.manual_seed(seed)
    x = torch.randint(0, 7, (3, 6)) if shape is None else torch.rand(3, *shape)
    with torch.no_grad():
        return {"x": x, "logits": network.eval()(x)}


def drawn(name, size):
    torch.manual_seed(7)
    network, shape = globals()[name](size)
    return dict(network.state_dict()) | answer(network, shape, 8)


def main():
    match sys.argv[1:]:
        case ["make"]:
            folder = pathlib.Path(__file__).parent.parent
            for name in ("perceptron", "lenet", "lstm", "normed"):
                save_file(drawn(name, "small"), folder / f"{name}.safetensors")
            arrays = {key: value.numpy() for key, value in drawn("perceptron", "small").items()}
            numpy.savez(folder / "perceptron.npz", **arrays)
            numpy.savez_compressed(folder / "packed.npz", **arrays)
            numpy.save(folder / "fortran.npy", numpy.asfortranarray(arrays["fc1.weight"].astype("float16")))
        case ["draw", name, size, out]:
            save_file(drawn(name, size), out)
        case ["answer", name, size, file, out]:
            network, shape = globals()[name](size)
            weights = numpy.load(file) if file.endswith(".npz") else load_file(file)
            weights = {key: torch.as_tensor(weights[key]) for key in weights}
            for key, value in network.state_dict().items():
                if key.endswith("num_batches_tracked"):
                    weights[key] = value
            network.load_state_dict(weights, strict=True)
            save_file(answer(network, shape, 9), out)
        case _:
            sys.exit(__doc__)


main()
