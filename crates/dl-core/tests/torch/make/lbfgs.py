"""Makes the table of L-BFGS: parameters and evaluations after one iteration, after two, up to ten.

`dl-train` has the driver, so its tests read this table.
"""

import torch
from torch.optim import LBFGS

from table import Table, array, numbers

table = Table()


def rosenbrock(x):
    return (1 - x[:-1]).square().sum() + 100 * (x[1:] - x[:-1].square()).square().sum()


def network(x, t, w, b):
    return (torch.tanh(x @ w + b) - t).square().sum() + 0.1 * w.pow(4).sum()


def case(name, objective, given, *parameters, iterations=range(1, 11), **options):
    """The elements of all parameters, in a row for each number of iterations."""
    path, evaluations = [], []
    for most in iterations:
        inputs = {key: value.clone() for key, value in given.items()}
        free = [inputs[key].requires_grad_() for key in parameters]
        optimizer = LBFGS(free, line_search_fn="strong_wolfe", **{"max_iter": most, "max_eval": 1000} | options)

        def closure():
            optimizer.zero_grad()
            loss = objective(**inputs)
            loss.backward()
            return loss

        optimizer.step(closure)
        path.append(torch.cat([p.detach().reshape(-1) for p in free]))
        evaluations.append(optimizer.state[free[0]]["func_evals"])
    table.cases[name] = {
        "inputs": {key: array(value) for key, value in given.items()},
        "value": array(torch.stack(path)),
        "evaluations": array(torch.tensor(evaluations)),
    }


valley = {"x": torch.tensor([-1.2, 1.0], dtype=torch.float64)}
data = {"x": numbers(1, 4, 2), "t": numbers(2, 4, 3), "w": numbers(3, 2, 3), "b": numbers(4, 3)}
case("rosenbrock", rosenbrock, valley, "x")
case("rosenbrock, history of two", rosenbrock, valley, "x", history_size=2)
case("rosenbrock, rate 0.3", rosenbrock, valley, "x", lr=0.3)
case("rosenbrock, defaults", rosenbrock, valley, "x", iterations=[20], max_eval=None)
case("network", network, data, "w", "b")
case("network, defaults", network, data, "w", "b", iterations=[20], max_eval=None)

table.write("lbfgs")
