#!/usr/bin/env bash
# Package: torchmetrics 1.9.0, torchmetrics.functional.r2_score and explained_variance; torcheval 0.0.7,
#   torcheval.metrics.functional.r2_score; with torch 2.15.0, float32.
# Expected: 1 - Σ(t - p)² / Σ(t - mean t)², whatever number is added to both targets and predictions.
#   https://lightning.ai/docs/torchmetrics/stable/regression/r2_score.html
# Seen: the sum about the mean is Σt² - (Σt)²/n in float32, which cancels where targets are far from 0. A
#   hundred targets between 2000 and 2001, predicted in the reverse order, score 0.83 instead of -0.96: a
#   model that is worse than the mean seems a good one. The same less 2000 is right, and so is float64.
# Output seen:
#   exact                          -0.9552
#   torchmetrics r2_score           0.8251
#   torchmetrics explained_variance 0.8321
#   torcheval r2_score              0.8251
#   torchmetrics, less 2000        -0.9552
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    torch==2.15.0 numpy==2.4.6 torchmetrics==1.9.0 torcheval==0.0.7
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import torch
from torcheval.metrics import functional as torcheval
from torchmetrics import functional as torchmetrics

t = torch.rand(100, generator=torch.Generator().manual_seed(0)) + 2000
p = t.flip(0)
a, b = t.double(), p.double()
exact = (1 - ((a - b) ** 2).sum() / ((a - a.mean()) ** 2).sum()).item()
r2 = torchmetrics.r2_score(p, t).item()
explained = torchmetrics.explained_variance(p, t).item()
other = torcheval.r2_score(p, t).item()
near = torchmetrics.r2_score(p - 2000, t - 2000).item()
print(f"exact                          {exact:7.4f}")
print(f"torchmetrics r2_score          {r2:7.4f}")
print(f"torchmetrics explained_variance{explained:7.4f}")
print(f"torcheval r2_score             {other:7.4f}")
print(f"torchmetrics, less 2000        {near:7.4f}")
assert exact < -0.9 and abs(near - exact) < 1e-3
assert min(r2, explained, other) > 0.5
assert abs(torchmetrics.r2_score(b, a).item() - exact) < 1e-3
PYTHON
