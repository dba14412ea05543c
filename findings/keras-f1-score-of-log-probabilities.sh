#!/usr/bin/env bash
# Package: keras 3.15.1, keras.metrics.F1Score with its default threshold None, on jax 0.10.2.
# Expected: "If threshold is None, the argmax of y_pred is converted to 1, and the rest to 0": one class for each
#   example, from any scores. CategoricalAccuracy of the same arguments takes it so.
#   https://keras.io/api/metrics/classification_metrics/#f1score-class
# Seen: what equals the largest score is converted to 1, and only if it is not within 1e-9 of 0. The logarithm
#   of a probability near 1 is 0 in float32, so a perfect and confident log-softmax scores 0, while an
#   unsure one scores 1. Equal scores are all converted to 1.
# Output seen:
#   scores                            F1 score   accuracy
#   log softmax of [2, 0], [0, 2]     1.0        1.0
#   log softmax of [30, 0], [0, 30]   0.0        1.0
#   ten classes, ten equal scores     0.1818     0.1
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


def both(truth, scores):
    found = []
    for metric in [keras.metrics.F1Score(average="macro"), keras.metrics.CategoricalAccuracy()]:
        metric.update_state(truth, scores)
        found.append(round(float(metric.result()), 4))
    return found


two, ten = numpy.eye(2, dtype="float32"), numpy.eye(10, dtype="float32")
cases = {
    "log softmax of [2, 0], [0, 2]": (two, jax.nn.log_softmax(2 * two)),
    "log softmax of [30, 0], [0, 30]": (two, jax.nn.log_softmax(30 * two)),
    "ten classes, ten equal scores": (ten, numpy.full_like(ten, 0.1)),
}
print("scores                            F1 score   accuracy")
seen = []
for name, (truth, scores) in cases.items():
    seen.append(both(truth, scores))
    print(f"{name:34}{seen[-1][0]!s:11}{seen[-1][1]}")
assert seen == [[1.0, 1.0], [0.0, 1.0], [0.1818, 0.1]]
PYTHON
