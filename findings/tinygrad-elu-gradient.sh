#!/usr/bin/env bash
# Package: tinygrad 0.14.0, Tensor.elu.
# Expected: ELU with alpha = 1 is x for positive x and exp(x) - 1 below, so its derivative is
#   1 at 0 and beyond (Clevert et al., https://arxiv.org/abs/1511.07289).
# Seen: the gradient is 0 at 0, and NaN from 89 on, where the branch that is not taken overflows
#   in float32. The values are right. celu and selu have the NaN too.
# Output seen:
#   elu   x=100  value 100.0000  gradient nan  at 0 0.0000
#   celu  x=100  value 100.0000  gradient nan  at 0 1.0000
#   selu  x=100  value 105.0700  gradient nan  at 0 1.0507
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

points = [-1.0, 0.0, 1.0, 80.0, 100.0]
for name in ["elu", "celu", "selu"]:
    x = Tensor(points)
    y = getattr(x, name)()
    value, gradient = y.tolist(), y.sum().gradient(x)[0].tolist()
    print(f"{name:4}  x=100  value {value[-1]:.4f}  gradient {gradient[-1]}  at 0 {gradient[1]:.4f}")
    assert math.isfinite(value[-1]) and math.isnan(gradient[-1]) and math.isfinite(gradient[-2])
    if name == "elu":
        assert gradient[1] == 0.0 and gradient[2] == 1.0
PYTHON
