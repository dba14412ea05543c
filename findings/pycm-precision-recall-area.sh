#!/usr/bin/env bash
# Package: pycm 4.6, PRCurve.area; scikit-learn 1.9.1 beside it.
# Expected: the area under the precision-recall curve of scores that separate the classes is 1, however few the
#   examples; that of scores which are all equal is the share of positives.
#   https://www.pycm.io/doc/
# Seen: the area is over the recalls that some threshold reaches, without the part from recall 0 to the smallest
#   of them. Perfect scores of n positives come to 1 - 1/n, equal scores to 0.
# Output seen:
#   scores                        pycm     scikit-learn
#   perfect, 2 positives          0.5      1.0
#   perfect, 10 positives         0.9      1.0
#   equal, 2 of 4 positive        0.0      0.75
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    pycm==4.6 numpy==2.4.6 scikit-learn==1.9.1
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import numpy
from pycm import PRCurve
from sklearn.metrics import auc, precision_recall_curve


def areas(labels, scores):
    probabilities = numpy.stack([1 - scores, scores], axis=1)
    curve = PRCurve(actual_vector=labels, probs=probabilities, classes=[0, 1])
    precision, recall, _ = precision_recall_curve(labels, scores)
    return round(float(curve.area()[1]), 4), round(float(auc(recall, precision)), 4)


def labels(n):
    return numpy.repeat([0, 1], n)


cases = {
    "perfect, 2 positives": (labels(2), numpy.linspace(0.1, 0.9, 4)),
    "perfect, 10 positives": (labels(10), numpy.linspace(0.1, 0.9, 20)),
    "equal, 2 of 4 positive": (labels(2), numpy.full(4, 0.5)),
}
print("scores                        pycm     scikit-learn")
seen = []
for name, arguments in cases.items():
    seen.append(areas(*arguments))
    print(f"{name:30}{seen[-1][0]!s:9}{seen[-1][1]}")
assert seen == [(0.5, 1.0), (0.9, 1.0), (0.0, 0.75)]
PYTHON
