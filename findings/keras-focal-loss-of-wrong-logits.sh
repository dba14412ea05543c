#!/usr/bin/env bash
# Package: keras 3.15.1, keras.losses.CategoricalFocalCrossentropy with from_logits, on jax 0.10.2.
# Expected: the focal loss tends to the cross entropy where the truth is hardly believed, and so does its
#   gradient: (1 - p)^gamma is 1. CategoricalCrossentropy(from_logits=True) of the same logits is exact.
#   https://keras.io/api/losses/probabilistic_losses/
# Seen: from_logits only puts a softmax in front, whose result is clipped at 1e-7. An example whose truth is
#   16.2 below the other class has the loss 16.118 and the gradient 0: the hardest examples, which the loss is
#   there for, teach nothing.
# Output seen:
#   logits       focal     gradient           cross entropy  gradient
#   [4, -4]       7.9950   [ 1.004, -1.004]    8.0003        [ 1.000, -1.000]
#   [8, -8]      16.0000   [ 1.000, -1.000]   16.0000        [ 1.000, -1.000]
#   [9, -9]      16.1181   [-0.000, -0.000]   18.0000        [ 1.000, -1.000]
#   [30, -30]    16.1181   [-0.000, -0.000]   60.0000        [ 1.000, -1.000]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    keras==3.15.1 jax==0.10.2 numpy==2.4.6
KERAS_BACKEND=jax "$folder/env/bin/python" -W ignore - <<'PYTHON'
import jax
import keras
import numpy

truth = numpy.array([[0, 1]], "float32")
focal = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0, from_logits=True)
plain = keras.losses.CategoricalCrossentropy(from_logits=True)
print("logits       focal     gradient           cross entropy  gradient")
seen = {}
for size in [4, 8, 9, 30]:
    logits = numpy.array([[size, -size]], "float32")
    row = []
    for loss in [focal, plain]:
        value, gradient = jax.value_and_grad(lambda x: loss(truth, x))(logits)
        row += [float(value), gradient[0].tolist()]
    seen[size] = row
    shown = ["[" + ", ".join(f"{x:6.3f}" for x in gradient) + "]" for gradient in row[1::2]]
    print(f"{f'[{size}, {-size}]':11} {row[0]:8.4f}   {shown[0]}   {row[2]:7.4f}        {shown[1]}")
for size in [9, 30]:
    focal_value, focal_gradient, value, gradient = seen[size]
    assert focal_value < 16.2 and value > 17.9
    assert max(map(abs, focal_gradient)) == 0.0 and gradient[0] > 0.99
assert seen[4][1][0] > 0.99
PYTHON
