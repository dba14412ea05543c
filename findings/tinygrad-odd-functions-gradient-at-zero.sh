#!/usr/bin/env bash
# Package: tinygrad 0.14.0, Tensor.erf, Tensor.atan and Tensor.asin.
# Expected: the derivatives at 0 are 2 / sqrt(pi), 1 and 1.
#   https://docs.tinygrad.org/tensor/elementwise/
# Seen: the three are written with the sign of x as a factor, so their gradient at exactly 0 is 0,
#   though beside 0 it is right. Near 0 their values have two right digits.
# Output seen:
#   erf   gradient at 0 0.0000, at 1e-5 1.1284, expected 1.1284  value at 1e-5 1.1086e-05, expected 1.1284e-05
#   atan  gradient at 0 0.0000, at 1e-5 1.0000, expected 1.0000  value at 1e-5 1.0133e-05, expected 1.0000e-05
#   asin  gradient at 0 0.0000, at 1e-5 1.0000, expected 1.0000  value at 1e-5 1.0133e-05, expected 1.0000e-05
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

for name, slope in [("erf", 2 / math.sqrt(math.pi)), ("atan", 1.0), ("asin", 1.0)]:
    x = Tensor([0.0, 1e-5])
    y = getattr(x, name)()
    gradient, value = y.sum().gradient(x)[0].tolist(), y.tolist()
    print(f"{name:4}  gradient at 0 {gradient[0]:.4f}, at 1e-5 {gradient[1]:.4f}, expected {slope:.4f}"
          f"  value at 1e-5 {value[1]:.4e}, expected {slope * 1e-5:.4e}")
    assert gradient[0] == 0.0 and abs(gradient[1] - slope) < 1e-3
    assert abs(value[1] / (slope * 1e-5) - 1) > 0.01
PYTHON
