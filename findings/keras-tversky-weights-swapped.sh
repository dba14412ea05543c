#!/usr/bin/env bash
# Package: keras 3.15.1, keras.losses.Tversky, on jax 0.10.2.
# Expected: 1 - TP/(TP + alpha·FP + beta·FN): "alpha: coefficient controlling incidence of false positives",
#   "beta: coefficient controlling incidence of false negatives", as in the cited Salehi, Erdogmus, Gholipour.
#   https://keras.io/api/losses/segmentation_losses/
# Seen: alpha weighs the false negatives and beta the false positives. Who raises beta so that rare foreground is
#   not missed gets a model that misses more of it. With alpha = beta nothing shows.
# Output seen:
#   Tversky(alpha=0.1, beta=0.9)   keras    by the formula
#   one pixel too many             0.3103   0.0476
#   one pixel missed               0.0476   0.3103
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    keras==3.15.1 jax==0.10.2 numpy==2.4.6
KERAS_BACKEND=jax "$folder/env/bin/python" -W ignore - <<'PYTHON'
import keras
import numpy

alpha, beta = 0.1, 0.9
loss = keras.losses.Tversky(alpha=alpha, beta=beta)
cases = {"one pixel too many": ([1, 0, 1], [1, 1, 1]), "one pixel missed": ([1, 1, 1], [1, 0, 1])}
print(f"Tversky(alpha={alpha}, beta={beta})   keras    by the formula")
seen = []
for name, (truth, prediction) in cases.items():
    t, p = numpy.array([truth], "float32"), numpy.array([prediction], "float32")
    hit, wrong, missed = (t * p).sum(), (p * (1 - t)).sum(), (t * (1 - p)).sum()
    seen.append((float(loss(t, p)), 1 - hit / (hit + alpha * wrong + beta * missed)))
    print(f"{name:31}{seen[-1][0]:.4f}   {seen[-1][1]:.4f}")
(many, many_formula), (few, few_formula) = seen
assert many_formula < 0.05 < 0.3 < few_formula
assert abs(many - few_formula) < 1e-5 and abs(few - many_formula) < 1e-5
PYTHON
