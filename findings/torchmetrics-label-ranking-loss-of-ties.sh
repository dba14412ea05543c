#!/usr/bin/env bash
# Package: torchmetrics 1.9.0, torchmetrics.functional.classification.multilabel_ranking_loss, with torch 2.15.0;
#   scikit-learn 1.9.1 beside it, which the documentation follows.
# Expected: the share of pairs of a relevant and another label that are not in order; what stands in which column
#   does not matter. scikit-learn's label_ranking_loss counts a tie as not in order.
#   https://lightning.ai/docs/torchmetrics/stable/classification/label_ranking_loss.html
# Seen: equal scores are ranked by their column. Of scores that are all equal the loss is 0 or 1 as the
#   relevant label stands last or first. multilabel_coverage_error and the ranking's average precision of the
#   same package count ties like scikit-learn.
# Output seen:
#   equal scores, relevant label   torchmetrics   scikit-learn
#   in the first column            1.0            1.0
#   in the second column           0.5            1.0
#   in the last column             0.0            1.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    torch==2.15.0 numpy==2.4.6 torchmetrics==1.9.0 scikit-learn==1.9.1
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import torch
from sklearn.metrics import label_ranking_loss
from torchmetrics.functional.classification import multilabel_ranking_loss

scores = torch.full((1, 3), 0.5)
print("equal scores, relevant label   torchmetrics   scikit-learn")
seen = []
for column, name in enumerate(["first", "second", "last"]):
    labels = torch.zeros(1, 3, dtype=torch.int64)
    labels[0, column] = 1
    own = multilabel_ranking_loss(scores, labels, num_labels=3).item()
    other = float(label_ranking_loss(labels.numpy(), scores.numpy()))
    seen.append((own, other))
    print(f"{f'in the {name} column':31}{own!s:15}{other}")
assert len({own for own, _ in seen}) > 1
assert {other for _, other in seen} == {1.0}
PYTHON
