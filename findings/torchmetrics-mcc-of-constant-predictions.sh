#!/usr/bin/env bash
# Package: torchmetrics 1.9.0, torchmetrics.functional.classification.binary_matthews_corrcoef, with torch 2.15.0;
#   scikit-learn 1.9.1 beside it.
# Expected: Matthews' coefficient of predictions that are all the same is 0/0, for which 0 is the convention
#   (Chicco, Jurman, BMC Genomics 21, 2020; scikit-learn): they say nothing of the labels.
#   https://lightning.ai/docs/torchmetrics/stable/classification/matthews_corr_coef.html
# Seen: a value of about √accuracy. A model that answers 1 to everything scores 0.84 where nine of ten
#   labels are 1, and the more unbalanced the labels, the nearer to 1. One wrong prediction more or less moves it
#   between that and 0. The same predictions as two of three classes give 0.
# Output seen:
#   nine labels of ten are 1           torchmetrics   of 3 classes   scikit-learn
#   all predicted 1                     0.843          0.0            0.0
#   all but one right one predicted 1  -0.111         -0.111         -0.111
#   all predicted 0                    -0.843          0.0            0.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    torch==2.15.0 numpy==2.4.6 torchmetrics==1.9.0 scikit-learn==1.9.1
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import torch
from sklearn.metrics import matthews_corrcoef
from torchmetrics.functional.classification import binary_matthews_corrcoef, multiclass_matthews_corrcoef

labels = torch.tensor([1] * 9 + [0])
cases = {
    "all predicted 1": torch.ones(10, dtype=torch.int64),
    "all but one right one predicted 1": torch.tensor([0] + [1] * 9),
    "all predicted 0": torch.zeros(10, dtype=torch.int64),
}
print("nine labels of ten are 1           torchmetrics   of 3 classes   scikit-learn")
seen = []
for name, predictions in cases.items():
    binary = binary_matthews_corrcoef(predictions, labels).item()
    classes = multiclass_matthews_corrcoef(predictions, labels, 3).item()
    other = float(matthews_corrcoef(labels, predictions))
    seen.append([round(x, 3) + 0.0 for x in (binary, classes, other)])
    print(f"{name:34}" + "".join(f" {x if x < 0 else f' {x}'!s:14}" for x in seen[-1]).rstrip())
assert seen[0][0] > 0.8 and seen[0][1:] == [0.0, 0.0]
assert len(set(seen[1])) == 1
PYTHON
