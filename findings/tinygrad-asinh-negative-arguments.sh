#!/usr/bin/env bash
# Package: tinygrad 0.14.0, Tensor.asinh in float32.
# Expected: asinh is odd, and for large |x| its absolute value is log(2 |x|).
#   https://docs.tinygrad.org/tensor/elementwise/#tinygrad.Tensor.asinh
# Seen: it is the log of x + sqrt(x^2 + 1), which cancels for negative x. At -1000 two digits
#   are right and from -5000 on the result is -inf, while asinh(5000) is right.
# Output seen:
#   x= -200.0  tinygrad  -5.99049  expected  -5.99147
#   x=-1000.0  tinygrad  -7.62462  expected  -7.60090
#   x=-5000.0  tinygrad      -inf  expected  -9.21034
#   x= 5000.0  tinygrad   9.21034  expected   9.21034
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

seen = {}
for x in [-200.0, -1000.0, -5000.0, 5000.0]:
    seen[x] = Tensor([x]).asinh().item()
    print(f"x={x:7}  tinygrad {seen[x]:9.5f}  expected {math.asinh(x):9.5f}")
assert abs(seen[-200.0] - math.asinh(-200.0)) > 5e-4
assert seen[-5000.0] == -math.inf
assert abs(seen[5000.0] - math.asinh(5000.0)) < 1e-4
PYTHON
