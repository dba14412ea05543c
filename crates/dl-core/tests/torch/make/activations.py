"""The table of activations and of initialisers' gains: writes `activations.json`."""

import torch
import torch.nn.functional as F

from table import Table, fixed, numbers

table = Table()
x = numbers(1, 3, 4, low=-4.0, high=4.0)
halves = numbers(2, 3, 6, low=-4.0, high=4.0)
# Where digits are lost, or something overflows.
far = torch.tensor([-1e300, -800.0, -40.0, -1e-9, 1e-9, 40.0, 800.0, 1e300], dtype=torch.float64)
wide = torch.tensor([[1000.0, 0.0, -1000.0], [1e300, 1e300, 0.0]], dtype=torch.float64)
nan = torch.tensor([float("nan")], dtype=torch.float64)

elementwise = {
    "relu": (F.relu, [0.0]),
    "sigmoid": (torch.sigmoid, []),
    "tanh": (torch.tanh, []),
    "leaky_relu": (F.leaky_relu, [0.0]),
    "leaky_relu 0.2": (lambda x: F.leaky_relu(x, 0.2), [0.0]),
    "elu": (F.elu, [0.0]),
    "elu 0.5": (lambda x: F.elu(x, 0.5), [0.0]),
    "selu": (F.selu, [0.0]),
    "celu": (F.celu, [0.0]),
    "celu 0.5": (lambda x: F.celu(x, 0.5), [0.0]),
    "silu": (F.silu, []),
    "mish": (F.mish, []),
    "softplus": (F.softplus, [20.0, 20.001]),
    "softplus 2 3": (lambda x: F.softplus(x, 2.0, 3.0), [1.5]),
    "log_sigmoid": (F.logsigmoid, []),
    "hardtanh": (F.hardtanh, [-1.0, 1.0]),
    "hardtanh -2 3": (lambda x: F.hardtanh(x, -2.0, 3.0), [-2.0, 3.0]),
    "relu6": (F.relu6, [0.0, 6.0]),
    # As its documentation has it: the derivative of `F.hardsigmoid` is 1/6 in single precision only.
    "hardsigmoid": (lambda x: F.relu6(x + 3.0) / 6.0, [-3.0, 3.0]),
    "hardswish": (F.hardswish, [-3.0, 3.0]),
    "hardshrink": (F.hardshrink, [-0.5, 0.5]),
    "softshrink": (F.softshrink, [-0.5, 0.5]),
    "threshold 0.1 20": (lambda x: F.threshold(x, 0.1, 20.0), [0.1]),
}
for name, (function, kinks) in elementwise.items():
    table.case(name, lambda x: function(x), x=x)
    if name not in ("sigmoid", "tanh"):  # whose derivatives cancel in PyTorch
        table.case(f"{name} far", lambda x: function(x), x=far)
    table.case(f"{name} of NaN", lambda x: function(x), x=fixed(nan))
    if kinks:
        table.case(f"{name} at kinks", lambda x: function(x), x=torch.tensor(kinks, dtype=torch.float64))

# PyTorch's own formulas lose their digits far from zero, or near it.
table.case("gelu", lambda x: F.gelu(x), x=x)
table.case("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), x=x)
table.case("softsign", lambda x: F.softsign(x), x=x)
table.case("tanhshrink", lambda x: F.tanhshrink(x), x=x)

table.case("prelu", lambda x, slope: F.prelu(x, slope), x=x, slope=[0.25])
table.case("prelu of features", lambda x, slope: F.prelu(x, slope), x=x, slope=[0.25, -0.5, 1.0, 0.0])
table.case("prelu at kinks", lambda x, slope: F.prelu(x, slope), x=[0.0], slope=[0.25])

for name, function in {"softmax": F.softmax, "log_softmax": F.log_softmax, "softmin": F.softmin}.items():
    table.case(name, lambda x: function(x, -1), x=x)
    table.case(f"{name} along the first", lambda x: function(x, 0), x=x)
    table.case(f"{name} far", lambda x: function(x, -1), x=wide)
table.case("logsumexp", lambda x: torch.logsumexp(x, -1), x=x)

table.case("glu", lambda x: F.glu(x, -1), x=halves)
table.case("glu along the middle", lambda x: F.glu(x, 1), x=numbers(3, 2, 4, 3))

gains = {"linear": None, "sigmoid": None, "tanh": None, "relu": None, "leaky_relu": 0.2, "selu": None}
for name, parameter in gains.items():
    table.case(f"gain of {name}", lambda x: x * torch.nn.init.calculate_gain(name, parameter), x=1.0)

table.write("activations")
