#!/usr/bin/env bash
# Package: keras 3.15.1, optimizers with use_ema and gradient_accumulation_steps, on jax 0.10.2.
# Expected: with gradient_accumulation_steps = n "model & optimizer variables will not be updated at every step;
#   instead they will be updated every gradient_accumulation_steps steps", and EMA looks at the accumulated number
#   of steps. So n calls with a gradient are one call with it, also for the moving average of the weights.
#   https://keras.io/api/optimizers/sgd/
# Seen: the weights are the same, but the average moves at every call, so its momentum of 0.9 becomes 0.9ⁿ for
#   an update. Of the default 0.99 with 64 calls an update there remains 0.53, which is hardly an average.
# Output seen:
#   calls an update   weight   average   average of the same weights by the formula
#   1                   8.000    3.3047    3.3047
#   4                   8.000    5.5199    3.3047
#   16                  8.000    6.8953    3.3047
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    keras==3.15.1 jax==0.10.2 numpy==2.4.6
KERAS_BACKEND=jax "$folder/env/bin/python" -W ignore - <<'PYTHON'
import keras
import numpy

want = 1.0
for weight in range(2, 9):
    want = 0.9 * want + 0.1 * weight
print("calls an update   weight   average   average of the same weights by the formula")
seen = {}
for calls in [1, 4, 16]:
    weight = keras.Variable(numpy.zeros(1, "float32"))
    accumulated = {} if calls == 1 else {"gradient_accumulation_steps": calls}
    optimizer = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.9, **accumulated)
    optimizer.build([weight])
    gradient = keras.ops.convert_to_tensor(numpy.array([-1.0], "float32"))
    for _ in range(8 * calls):
        optimizer.apply([gradient], [weight])
    before = weight.numpy()[0]
    optimizer.finalize_variable_values([weight])
    seen[calls] = average = weight.numpy()[0]
    print(f"{calls:<16} {before:8.3f}  {average:8.4f}  {want:8.4f}")
    assert before == 8.0
assert abs(seen[1] - want) < 1e-4
assert seen[4] > want + 2 and seen[16] > want + 3
PYTHON
