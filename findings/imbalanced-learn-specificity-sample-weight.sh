#!/usr/bin/env bash
# Package: imbalanced-learn 0.14.2, imblearn.metrics.specificity_score and geometric_mean_score.
# Expected: sample_weight = 2 counts an example twice, and 0 leaves it out, as in scikit-learn and as in
#   sensitivity_score of the same package.
#   https://imbalanced-learn.org/stable/references/generated/imblearn.metrics.specificity_score.html
# Seen: the true negatives are the number of examples, not the sum of their weights, less the weighted others. So
#   the specificity depends on the scale of the weights: it is above 1 for large ones, and near 1 for weights that
#   sum to 1. geometric_mean_score with an average is wrong with it.
# Output seen:
#   specificity of two classes          weighted   examples repeated
#   all weights 1                       0.75       0.75
#   all weights 1/8                     0.9833     0.75
#   all weights 10                      1.3125     0.75
#   weights 3 of class 1, 1 of class 0  1.25       0.75
#   sensitivity, weights 3 and 1        0.5        0.5
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    imbalanced-learn==0.14.2 scikit-learn==1.9.1 numpy==2.4.6
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import numpy
from imblearn.metrics import sensitivity_score, specificity_score

truth = numpy.array([0, 0, 0, 0, 1, 1, 1, 1])
prediction = numpy.array([0, 0, 0, 1, 0, 0, 1, 1])
cases = {
    "all weights 1": (specificity_score, numpy.full(8, 1.0)),
    "all weights 1/8": (specificity_score, numpy.full(8, 0.125)),
    "all weights 10": (specificity_score, numpy.full(8, 10.0)),
    "weights 3 of class 1, 1 of class 0": (specificity_score, 1.0 + 2 * truth),
    "sensitivity, weights 3 and 1": (sensitivity_score, 1.0 + 2 * truth),
}
print("specificity of two classes          weighted   examples repeated")
seen = []
for name, (metric, weights) in cases.items():
    times = (weights / weights.min()).astype(int)
    weighted = metric(truth, prediction, sample_weight=weights)
    repeated = metric(numpy.repeat(truth, times), numpy.repeat(prediction, times))
    seen.append((round(float(weighted), 4), round(float(repeated), 4)))
    print(f"{name:36}{seen[-1][0]: <10} {seen[-1][1]}")
assert seen[0][0] == seen[0][1] and seen[4][0] == seen[4][1]
assert seen[1][0] > seen[1][1] + 0.1 and seen[2][0] > 1 and seen[3][0] > 1
PYTHON
