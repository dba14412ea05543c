#!/usr/bin/env bash
# Package: torcheval 0.0.7, torcheval.metrics.functional.multiclass_accuracy with k > 1, with torch 2.15.0.
# Expected: k classes are the top k, so that a model which does not tell classes apart is right in about k of
#   as many cases as there are classes, and one whose scores are NaN in none.
#   https://docs.pytorch.org/torcheval/stable/generated/torcheval.metrics.functional.multiclass_accuracy.html
# Seen: a label is a hit if fewer than k scores are greater than its own. Of equal scores none is greater, so
#   every label is a hit: the accuracy of ten equal scores is 1, and so is that of a model that has diverged to
#   NaN. With k = 1 both are 0 for these labels.
# Output seen:
#   equal, k = 1   0.0
#   equal, k = 2   1.0
#   NaN,   k = 1   0.0
#   NaN,   k = 2   1.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    torch==2.15.0 numpy==2.4.6 torcheval==0.0.7
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import torch
from torcheval.metrics.functional import multiclass_accuracy

labels = torch.tensor([3, 1, 4, 9])
found = []
for name, score in [("equal", 0.0), ("NaN,", float("nan"))]:
    for k in [1, 2]:
        accuracy = multiclass_accuracy(torch.full((4, 10), score), labels, k=k).item()
        print(f"{name:6} k = {k}  ", accuracy)
        found.append(accuracy)
assert found == [0.0, 1.0, 0.0, 1.0]
PYTHON
