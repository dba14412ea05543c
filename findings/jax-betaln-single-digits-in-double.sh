#!/usr/bin/env bash
# Package: jax 0.10.2 (CPU), jax.scipy.special.betaln in float64.
# Expected: betaln(1, b) is -log(b) exactly, and a float64 result is right to about 15 digits.
#   https://docs.jax.dev/en/latest/_autosummary/jax.scipy.special.betaln.html
# Seen: from b = 8 on another branch is taken, and the error jumps from 1e-15 to 9e-7.
#   Double precision then has six right digits. beta(1, 8) inherits it.
# Output seen:
#   b=   7  error of betaln(1, b)  2.0e-15
#   b=   8  error of betaln(1, b)  9.3e-07
#   b=  10  error of betaln(1, b)  4.1e-07
#   b=  50  error of betaln(1, b)  8.4e-10
#   relative error of beta(1, 8)  9.3e-07
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/env/bin/python" - <<'PYTHON'
import math
import jax
from jax.scipy.special import beta, betaln

jax.config.update("jax_enable_x64", True)
error = {}
for b in [7, 8, 10, 50]:
    error[b] = abs(float(betaln(1.0, float(b))) + math.log(b))
    print(f"b={b:4}  error of betaln(1, b)  {error[b]:.1e}")
relative = abs(float(beta(1.0, 8.0)) * 8.0 - 1.0)
print(f"relative error of beta(1, 8)  {relative:.1e}")
assert error[7] < 1e-13
assert 1e-7 < error[8] < 1e-5
assert 1e-7 < relative < 1e-5
PYTHON
