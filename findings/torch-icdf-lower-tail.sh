#!/usr/bin/env bash
# Package: torch 2.15.0, torch.distributions: icdf of Cauchy, Laplace and Normal in float32.
# Expected: icdf is the inverse of the distribution function. The three laws are symmetric about 0,
#   so a probability below 1/2 has a negative quantile. float32 has the same relative precision at
#   1e-10 as at 0.1, and scipy keeps it.
#   https://docs.pytorch.org/docs/stable/distributions.html
# Seen: each goes through p - 1/2 or 2p - 1, where 1e-10 is lost. The quantile of the Cauchy law
#   comes out positive, those of the Laplace and normal laws are -inf.
# Output seen:
#   Cauchy   icdf(1e-10)  torch   2.28773e+07  expected   -3.1831e+09
#   Laplace  icdf(1e-10)  torch          -inf  expected      -22.3327
#   Normal   icdf(1e-10)  torch          -inf  expected      -6.36134
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import math
import torch
from torch.distributions import Cauchy, Laplace, Normal

p = torch.tensor(1e-10)
right = {"Cauchy": -1 / (math.pi * 1e-10), "Laplace": math.log(2e-10), "Normal": -6.361341}
seen = {}
for law in [Cauchy(0.0, 1.0), Laplace(0.0, 1.0), Normal(0.0, 1.0)]:
    name = type(law).__name__
    seen[name] = law.icdf(p).item()
    print(f"{name:8} icdf(1e-10)  torch {seen[name]:13.6g}  expected {right[name]:13.6g}")
assert seen["Cauchy"] > 1e6
assert seen["Laplace"] == -math.inf and seen["Normal"] == -math.inf
PYTHON
