#!/usr/bin/env bash
# Package: tinygrad 0.14.0, Tensor.logaddexp and Tensor.logcumsumexp.
# Expected: minus infinity is the log of zero, the neutral value of both. logaddexp(-inf, -inf)
#   is -inf, and a scan that starts with -inf starts with -inf, as in numpy and torch.
#   https://docs.tinygrad.org/tensor/ops/#tinygrad.Tensor.logcumsumexp
# Seen: both are NaN there, while logsumexp of the same numbers is right.
# Output seen:
#   logaddexp(-inf, -inf)          nan
#   logcumsumexp([-inf, 1, 2])     [nan, 1.0, 2.3133]
#   logsumexp([-inf, 1, 2])        2.3133
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check tinygrad==0.14.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import os

os.environ["DEV"] = "PYTHON"
import math
from tinygrad import Tensor

infinity = math.inf
pair = Tensor([-infinity]).logaddexp(Tensor([-infinity])).item()
scan = Tensor([-infinity, 1.0, 2.0]).logcumsumexp().tolist()
whole = Tensor([-infinity, 1.0, 2.0]).logsumexp().item()
print("logaddexp(-inf, -inf)         ", pair)
print("logcumsumexp([-inf, 1, 2])    ", [round(v, 4) for v in scan])
print("logsumexp([-inf, 1, 2])       ", round(whole, 4))
assert math.isnan(pair) and math.isnan(scan[0])
assert abs(whole - 2.313262) < 1e-4
PYTHON
