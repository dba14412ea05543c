#!/usr/bin/env bash
# Package: optax 0.2.8, optax.yogi, with jax 0.10.2.
# Expected: Yogi's first moment starts at 0 like Adam's, so a weight whose gradient has always been 0 (of a word
#   that does not occur, of a unit that is dead) stays, and an update has no sign but that of its gradients.
#   Zaheer, Reddi, Sachan, Kale, Kumar, NeurIPS 2018, algorithm 2.
#   https://optax.readthedocs.io/en/latest/api/optimizers.html#optax.yogi
# Seen: the value that starts the second moment, 1e-6, starts the first as well, and the correction of the bias
#   divides it by 0.1. So the first steps push every weight down, by 1.6e-3 of the learning rate in all. A
#   gradient of 1e-8 pushes it down whatever its sign.
# Output seen:
#   gradient   adam after 100 steps   yogi after 100 steps
#    0.0e+00   +0.000000              -0.000157
#   +1.0e-08   -4.999983              -0.000174
#   -1.0e-08   +4.999983              -0.000140
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    optax==0.2.8 jax==0.10.2 numpy==2.4.6
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import jax.numpy as jnp
import optax


def after(optimizer, gradient):
    weight = jnp.zeros(1)
    state = optimizer.init(weight)
    for _ in range(100):
        update, state = optimizer.update(jnp.array([gradient]), state)
        weight = optax.apply_updates(weight, update)
    return float(weight[0])


print("gradient   adam after 100 steps   yogi after 100 steps")
seen = {}
for gradient in [0.0, 1e-8, -1e-8]:
    adam = after(optax.adam(0.1), gradient)
    seen[gradient] = yogi = after(optax.yogi(0.1), gradient)
    print(f"{gradient:+8.1e}   {adam:+.6f}              {yogi:+.6f}".replace("+0.0e+00", " 0.0e+00"))
    assert gradient or adam == 0.0
assert max(seen.values()) < -1e-5
PYTHON
