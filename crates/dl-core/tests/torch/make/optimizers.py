"""Makes the table of optimizers: a small network's parameters after each of ten full-batch steps."""

import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, NAdam, RAdam, RMSprop, Rprop

from table import Table, array, numbers

# Counts and products of an optimizer's own must not be rounded to single precision.
torch.set_default_dtype(torch.float64)
table = Table()


def objective(x, t, w, b):
    return (torch.tanh(x @ w + b) - t).square().sum() + 0.1 * w.pow(4).sum()


def case(name, optimizer, clip=lambda parameters: None):
    """Ten steps, each row the elements of `w` and then of `b`; the optimizer comes of both."""
    inputs = {"x": numbers(1, 4, 2), "t": numbers(2, 4, 3), "w": numbers(3, 2, 3), "b": numbers(4, 3)}
    w, b = [inputs[key].clone().requires_grad_() for key in "wb"]
    optimizer = optimizer(w, b)
    path = []
    for _ in range(10):
        optimizer.zero_grad()
        objective(inputs["x"], inputs["t"], w, b).backward()
        clip([w, b])
        optimizer.step()
        path.append(torch.cat([w.detach().reshape(-1), b.detach()]))
    given = {key: array(value) for key, value in inputs.items()}
    table.cases[name] = {"inputs": given, "value": array(torch.stack(path))}


def options(name, optimizer, *all_options):
    """A case of the defaults, and one of each of some options."""
    case(name, lambda *parameters: optimizer(parameters))
    for given in all_options:
        told = ", ".join(f"{key} {value}" for key, value in given.items())
        case(f"{name}, {told}", lambda *parameters: optimizer(parameters, **given))


options(
    "sgd",
    SGD,
    dict(lr=0.1),
    dict(lr=0.1, weight_decay=0.1),
    dict(lr=0.1, momentum=0.9),
    dict(lr=0.1, momentum=0.9, dampening=0.25),
    dict(lr=0.1, momentum=0.9, nesterov=True),
    dict(lr=0.1, momentum=0.5, dampening=0.25, weight_decay=0.1),
)
options(
    "adagrad",
    Adagrad,
    dict(lr=0.1, lr_decay=0.5),
    dict(lr=0.1, weight_decay=0.1),
    dict(lr=0.1, initial_accumulator_value=0.3),
    dict(lr=0.1, eps=0.1),
)
options("adadelta", Adadelta, dict(lr=0.5), dict(rho=0.5), dict(eps=0.01), dict(weight_decay=0.1))
options(
    "rmsprop",
    RMSprop,
    dict(alpha=0.5),
    dict(eps=0.1),
    dict(weight_decay=0.1),
    dict(momentum=0.9),
    dict(centered=True),
    dict(centered=True, momentum=0.5, weight_decay=0.1),
)
for name, optimizer in (("adam", Adam), ("adamw", AdamW)):
    options(
        name,
        optimizer,
        dict(lr=0.1),
        dict(lr=0.1, betas=(0.5, 0.75)),
        dict(betas=(0.0, 0.0)),
        dict(eps=0.1),
        dict(lr=0.1, weight_decay=0.3),
        dict(lr=0.1, betas=(0.5, 0.5), amsgrad=True),
        dict(lr=0.1, weight_decay=0.3, amsgrad=True),
    )
options("adamax", Adamax, dict(lr=0.1, betas=(0.5, 0.75)), dict(eps=0.1), dict(lr=0.1, weight_decay=0.3))
options(
    "nadam",
    NAdam,
    dict(lr=0.1, betas=(0.5, 0.75)),
    dict(eps=0.1),
    dict(lr=0.1, weight_decay=0.3),
    dict(lr=0.1, weight_decay=0.3, decoupled_weight_decay=True),
    dict(momentum_decay=0.5),
)
options(
    "radam",
    RAdam,
    dict(lr=0.1, betas=(0.5, 0.75)),
    dict(lr=0.1, betas=(0.5, 0.6)),
    dict(eps=0.1),
    dict(lr=0.1, weight_decay=0.3),
    dict(lr=0.1, weight_decay=0.3, decoupled_weight_decay=True),
)
options("rprop", Rprop, dict(lr=0.1), dict(etas=(0.3, 1.5)), dict(lr=0.5, step_sizes=(0.2, 0.4)))

case("clip by norm", lambda *parameters: SGD(parameters, lr=0.1), lambda ps: clip_grad_norm_(ps, 1.0))
case("clip by a norm never reached", lambda *parameters: SGD(parameters, lr=0.1), lambda ps: clip_grad_norm_(ps, 1e6))
case("clip by value", lambda *parameters: Adam(parameters, lr=0.1), lambda ps: clip_grad_value_(ps, 0.5))
case(
    "clip by norm, then by value",
    lambda *parameters: SGD(parameters, lr=0.1),
    lambda ps: (clip_grad_norm_(ps, 2.0), clip_grad_value_(ps, 0.5)),
)
case(
    "groups",
    lambda w, b: SGD([{"params": [b], "lr": 0.2, "momentum": 0.9}, {"params": [w], "weight_decay": 0.1}], lr=0.1),
)
case(
    "groups, clip by norm",
    lambda w, b: SGD([{"params": [b], "lr": 0.2, "momentum": 0.9}, {"params": [w], "weight_decay": 0.1}], lr=0.1),
    lambda ps: clip_grad_norm_(ps, 1.0),
)

table.write("optimizers")
