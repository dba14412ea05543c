#!/usr/bin/env bash
# Package: optax 0.2.8, optax.rprop, with jax 0.10.2.
# Expected: Rprop moves a weight by its step against the sign of the gradient that it is given, and leaves it
#   where that sign has changed (Igel, Hüsken, cited by the documentation). torch.optim.Rprop does so.
#   https://optax.readthedocs.io/en/latest/api/optimizers.html#optax.rprop
# Seen: each update is the one that the gradient before it asked for. The first gradient moves nothing, and
#   after a change of sign two updates are lost in place of one.
# Output seen:
#   gradient       1.0    1.0    1.0    -1.0   -1.0   -1.0
#   optax          0.0    -0.1   -0.12  0.0    0.0    0.072
#   by the formula -0.1   -0.12  -0.144 0.0    0.072  0.0864
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    optax==0.2.8 jax==0.10.2 numpy==2.4.6
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import jax.numpy as jnp
import numpy
import optax

gradients = [1.0, 1.0, 1.0, -1.0, -1.0, -1.0]
optimizer = optax.rprop(0.1)
state = optimizer.init(jnp.zeros(1))
seen, formula, step, last = [], [], 0.1, 0.0
for gradient in gradients:
    update, state = optimizer.update(jnp.array([gradient]), state)
    seen.append(float(update[0]))
    step *= {1.0: 1.2, 0.0: 1.0, -1.0: 0.5}[gradient * last]
    last = 0.0 if gradient * last < 0 else gradient
    formula.append(-step * last)


def line(name, numbers):
    print(f"{name:14}" + "".join(f" {float(f'{x:.6g}') + 0.0!s:6}" for x in numbers).rstrip())


line("gradient", gradients)
line("optax", seen)
line("by the formula", formula)
assert numpy.allclose(formula, [-0.1, -0.12, -0.144, 0.0, 0.072, 0.0864])
assert numpy.allclose(seen, [0.0, -0.1, -0.12, 0.0, 0.0, 0.072])
PYTHON
