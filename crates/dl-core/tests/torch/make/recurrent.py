"""The table of recurrent layers: writes `recurrent.json`.

A case is named by its layer and its options. Its value is all of its results, one after the other.
"""

import random

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from table import Table, fixed, numbers

table = Table()
draw = random.Random(7)
LAYERS = {"rnn": torch.nn.RNN, "relu": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


def layer(kind, options, hidden, layers, sizes, lengths, seed):
    """A case of one configuration."""
    batch, steps, width = sizes
    both = "bidirectional" in options
    more = {"nonlinearity": "relu"} if kind == "relu" else {}
    made = LAYERS[kind](
        width, hidden, layers, bias="unbiased" not in options, batch_first=True, bidirectional=both, dtype=torch.float64, **more
    )
    inputs = {"x": numbers(seed, batch, steps, width)}
    for i, (name, value) in enumerate(made.named_parameters()):
        inputs[f"p.{name}"] = numbers(seed + 1 + i, *reversed(value.shape), low=-0.9, high=0.9)
    if "states" in options:
        for state in ("h", "c") if kind == "lstm" else ("h",):
            inputs[state] = numbers(seed + 90 + ord(state), layers * (1 + both), batch, hidden)
    if "lengths" in options:
        inputs["lengths"] = fixed(torch.tensor(lengths))

    def run(x, h=None, c=None, lengths=None, **parameters):
        weights = {name.removeprefix("p."): value.mT if value.dim() == 2 else value for name, value in parameters.items()}
        state = None if h is None else (h, c) if kind == "lstm" else h
        if lengths is not None:
            x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        outputs, last = torch.func.functional_call(made, weights, (x, state))
        if lengths is not None:
            outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=steps)
        results = [outputs, *(last if kind == "lstm" else (last,))]
        return torch.cat([r.reshape(-1) for r in results])

    name = " ".join([kind, f"hidden={hidden}", f"layers={layers}", f"seed={seed}", *sorted(options)])
    table.case(name, run, **inputs)


for number in range(20):
    kind = list(LAYERS)[number % 4]
    chance = {"bidirectional": 0.4, "unbiased": 0.25, "states": 0.5, "lengths": 0.4}
    options = [option for option, p in chance.items() if draw.random() < p]
    sizes = (draw.randint(1, 3), draw.randint(1, 5), draw.randint(1, 3))
    lengths = [draw.randint(1, sizes[1]) for _ in range(sizes[0])]
    layer(kind, options, draw.randint(1, 3), draw.randint(1, 2), sizes, lengths, 100 * (number + 1))

table.write("recurrent")
