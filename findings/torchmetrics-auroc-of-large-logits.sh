#!/usr/bin/env bash
# Package: torchmetrics 1.9.0, torchmetrics.functional.classification.binary_auroc, with torch 2.15.0.
# Expected: the area under the ROC curve depends on the order of the scores alone, and logits are accepted.
#   https://lightning.ai/docs/torchmetrics/stable/classification/auroc.html
# Seen: scores outside [0, 1] go through a sigmoid in float32 first, which is 1 for all that are above 17: the
#   scores of a confident model become ties. Scores that separate the classes perfectly give 0.5, which is that
#   of a coin; torcheval's binary_auroc, which takes scores as they are, gives 1.
# Output seen:
#   torchmetrics               0.5
#   torchmetrics, less 20      1.0
#   torcheval                  1.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    torch==2.15.0 numpy==2.4.6 torchmetrics==1.9.0 torcheval==0.0.7
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import torch
from torcheval.metrics.functional import binary_auroc as other
from torchmetrics.functional.classification import binary_auroc

logits = torch.tensor([18.0, 20.0, 19.0, 30.0])
labels = torch.tensor([0, 1, 0, 1])
scores = [binary_auroc(logits, labels).item(), binary_auroc(logits - 20, labels).item()]
print("torchmetrics              ", scores[0])
print("torchmetrics, less 20     ", scores[1])
print("torcheval                 ", other(logits, labels).item())
assert scores == [0.5, 1.0] and other(logits, labels).item() == 1.0
PYTHON
