#!/usr/bin/env bash
# Package: jax 0.10.2 (CPU), jax.scipy.special.i1.
# Expected: i1 is documented as x/2 times a power series in x^2, so it is odd and smooth, and
#   its second derivative near zero is 3x/8.
#   https://docs.jax.dev/en/latest/_autosummary/jax.scipy.special.i1.html
# Seen: the second derivative jumps to -1 just below zero and to 1 just above it. At 1e-4 it is
#   fifty times too large in float32. The value and the first derivative are right.
# Output seen:
#   x=-1e-08  first 0.5000  second   -1.000e+00  expected   -3.750e-09
#   x= 1e-08  first 0.5000  second    1.000e+00  expected    3.750e-09
#   x= 1e-04  first 0.5000  second    1.953e-03  expected    3.750e-05
#   x= 1e-01  first 0.5019  second    3.755e-02  expected    3.750e-02
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/env/bin/python" - <<'PYTHON'
import jax
import jax.numpy as jnp
from jax.scipy.special import i1

first, second = jax.grad(i1), jax.grad(jax.grad(i1))
seen = {}
for x in [-1e-8, 1e-8, 1e-4, 1e-1]:
    seen[x] = float(second(jnp.float32(x)))
    print(f"x={x:6.0e}  first {float(first(jnp.float32(x))):.4f}  second {seen[x]:12.3e}  expected {0.375 * x:12.3e}")
assert abs(seen[-1e-8] + 1.0) < 1e-3
assert abs(seen[1e-8] - 1.0) < 1e-3
assert seen[1e-4] > 1e-3
assert abs(seen[1e-1] - 0.03755) < 1e-3
PYTHON
