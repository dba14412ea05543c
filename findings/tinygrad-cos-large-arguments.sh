#!/usr/bin/env bash
# Package: tinygrad 0.14.0, Tensor.cos and Tensor.tan in float32.
# Expected: the sine and the cosine of the same float32 number, at the same accuracy.
#   https://docs.tinygrad.org/tensor/elementwise/#tinygrad.Tensor.cos
# Seen: the sine is right, but the cosine is the sine of pi/2 - x, and the subtraction rounds x.
#   At 1e5 the cosine has four right digits and at 1e7 none. sin(x)^2 + cos(x)^2 is not 1. The
#   gradient of the sine and the tangent inherit it.
# Output seen:
#   x=1e+03  sin  0.826880 expected  0.826880  cos  0.562383 expected  0.562379  squares sum to 1.0000
#   x=1e+05  sin  0.035749 expected  0.035749  cos -0.999378 expected -0.999361  squares sum to 1.0000
#   x=1e+07  sin  0.420548 expected  0.420548  cos -0.649969 expected -0.907270  squares sum to 0.5993
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
for x in [1e3, 1e5, 1e7]:
    sine, cosine = Tensor([x]).sin().item(), Tensor([x]).cos().item()
    seen[x] = sine, cosine
    print(f"x={x:.0e}  sin {sine:9.6f} expected {math.sin(x):9.6f}  cos {cosine:9.6f} expected {math.cos(x):9.6f}"
          f"  squares sum to {sine**2 + cosine**2:.4f}")
    assert abs(sine - math.sin(x)) < 1e-6
assert abs(seen[1e7][1] - math.cos(1e7)) > 0.1
assert abs(seen[1e5][1] - math.cos(1e5)) > 1e-6
PYTHON
