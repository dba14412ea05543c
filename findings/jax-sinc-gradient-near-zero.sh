#!/usr/bin/env bash
# Package: jax 0.10.2 (CPU), jax.numpy.sinc in float32.
# Expected: the documentation says that sinc is smooth and that a custom gradient rule allows
#   accurate evaluation of the gradient at zero. Near zero the derivative is -pi^2 x / 3.
#   https://docs.jax.dev/en/latest/_autosummary/jax.numpy.sinc.html
# Seen: only x == 0 takes the rule. Beside it the quotient rule cancels: the gradient is four
#   times too large at 1e-4, of the order of 1e9 at 1e-16, and -inf at 1e-20.
# Output seen:
#   x=1e-04  gradient  -1.363e-03  expected  -3.290e-04
#   x=1e-16  gradient   8.433e+08  expected  -3.290e-16
#   x=1e-20  gradient        -inf  expected  -3.290e-20
#   x=0e+00  gradient   0.000e+00  expected  -0.000e+00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/env/bin/python" - <<'PYTHON'
import math
import jax
import jax.numpy as jnp

seen = {}
for x in [1e-4, 1e-16, 1e-20, 0.0]:
    seen[x] = float(jax.grad(jnp.sinc)(jnp.float32(x)))
    print(f"x={x:.0e}  gradient {seen[x]:11.3e}  expected {-math.pi**2 / 3 * x:11.3e}")
assert seen[1e-4] < -1e-3
assert abs(seen[1e-16]) > 1.0
assert seen[1e-20] == -math.inf
assert seen[0.0] == 0.0
PYTHON
