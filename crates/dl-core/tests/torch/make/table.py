"""Tables of what PyTorch computes: inputs, value and gradients of named cases, in double precision.

A script beside this file makes one table, `python crates/dl-core/tests/torch/make/losses.py` the file
`crates/dl-core/tests/torch/losses.json`. The tests read the tables alone; nobody needs PyTorch to run them.
"""

import json
import math
import pathlib
import random

import torch


class Table:
    """The cases of one area."""

    def __init__(self):
        self.cases = {}

    def case(self, name, function, **inputs):
        """What `function` makes of the inputs by name, and its gradients: of the sum of the value times
        the cotangent, by every input of floats that is not `fixed`.

        Inputs are numbers, nested lists of them, or tensors. A function may also give a pair: the value, and
        what it left in state by name.
        """
        assert name not in self.cases, f"two cases are named {name}"
        tensors = {key: tensor(value) for key, value in inputs.items()}
        free = [
            key for key, value in inputs.items() if not isinstance(value, Fixed) and tensors[key].is_floating_point()
        ]
        for key in free:
            tensors[key].requires_grad_()
        value = function(**tensors)
        value, states = value if isinstance(value, tuple) else (value, {})
        self.cases[name] = {
            "inputs": {key: array(value) for key, value in tensors.items()},
            "value": array(value),
        }
        if free:
            cotangent = weights(value.shape)
            objective = (value * cotangent).sum()
            gradients = torch.autograd.grad(objective, [tensors[key] for key in free], materialize_grads=True)
            self.cases[name] |= {
                "cotangent": array(cotangent),
                "gradients": {key: array(gradient) for key, gradient in zip(free, gradients)},
            }
        if states:
            self.cases[name]["states"] = {key: array(state) for key, state in states.items()}

    def write(self, area):
        """Writes the table, one line for each array."""
        lines = ["{", f'  "made_by": "PyTorch {torch.__version__.split("+")[0]}",', '  "cases": {']
        for name, case in self.cases.items():
            lines.append(f"    {json.dumps(name, ensure_ascii=False)}: {{")
            for part, content in case.items():
                if part in ("inputs", "gradients", "states"):
                    lines.append(f'      "{part}": {{')
                    lines += [f'        "{key}": {json.dumps(value)},' for key, value in content.items()]
                    lines[-1] = lines[-1].removesuffix(",")
                    lines.append("      },")
                else:
                    lines.append(f'      "{part}": {json.dumps(content)},')
            lines[-1] = lines[-1].removesuffix(",")
            lines.append("    },")
        lines[-1] = lines[-1].removesuffix(",")
        lines += ["  }", "}", ""]
        path = pathlib.Path(__file__).parent.parent / f"{area}.json"
        path.write_text("\n".join(lines), encoding="utf-8")


class Fixed:
    """An input without a gradient."""

    def __init__(self, value):
        self.value = value


def fixed(value):
    """An input of floats by which nothing is differentiated."""
    return Fixed(value)


def numbers(seed, *shape, low=-2.0, high=2.0):
    """Numbers of three digits, evenly drawn: the same whatever the version of PyTorch."""
    draw = random.Random(seed)
    count = math.prod(shape)
    return torch.tensor([round(draw.uniform(low, high), 3) for _ in range(count)], dtype=torch.float64).reshape(shape)


def weights(shape):
    """Another number for every element, none of them 0 or 1."""
    count = math.prod(shape)
    values = [(-1) ** i * (0.75 + 0.125 * (3 * i % 7)) for i in range(count)]
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def tensor(value):
    """A tensor of its own: floats in double precision, integers and truth values as they are."""
    if isinstance(value, Fixed):
        value = value.value
    made = value.detach().clone() if isinstance(value, torch.Tensor) else torch.tensor(value)
    return made.double() if made.is_floating_point() else made


def array(value):
    """As `dl_core::Tensor` reads it: floats that come back to the bit, `"NaN"`, `"inf"` and `"-inf"`."""
    value = value.detach()
    name = {torch.float64: "f64", torch.int64: "i64", torch.bool: "bool"}[value.dtype]
    return {"shape": list(value.shape), "data": {name: [plain(x) for x in value.reshape(-1).tolist()]}}


def plain(x):
    """A number, or a name where JSON has no number."""
    if isinstance(x, float) and not math.isfinite(x):
        return "NaN" if math.isnan(x) else "inf" if x > 0 else "-inf"
    return x
