#!/usr/bin/env bash
# Package: jax 0.10.2 (CPU), jax.scipy.special.log_ndtr (and so jax.scipy.stats.norm.logcdf).
# Expected: the derivative of the log of the normal distribution function is the inverse Mills
#   ratio, which lies between |x| and |x| + 1/|x| for negative x. The function exists to keep
#   digits in this tail, and its value does.
#   https://docs.jax.dev/en/latest/_autosummary/jax.scipy.special.log_ndtr.html
# Seen: the gradient is exp(-x^2/2 - log_ndtr(x)) over sqrt(2 pi), a difference of two huge
#   numbers. In float32 it is 0.15 % low at -1000, 70 % low at -10000 and exactly 1 at -100000.
#   In float64 the second derivative at -100000, which is -1, comes out as 3170.
# Output seen:
#   float32 x=-1e+03  gradient    998.4958  expected   1000.0010
#   float32 x=-1e+04  gradient   2980.9580  expected  10000.0001
#   float32 x=-1e+05  gradient      1.0000  expected 100000.0000
#   float64 x=-1e+05  second derivative   3169.6  expected -1.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/env/bin/python" - <<'PYTHON'
import jax
import jax.numpy as jnp
from jax.scipy.special import log_ndtr

jax.config.update("jax_enable_x64", True)
seen = {}
for x in [-1e3, -1e4, -1e5]:
    seen[x] = float(jax.grad(log_ndtr)(jnp.float32(x)))
    print(f"float32 x={x:.0e}  gradient {seen[x]:11.4f}  expected {-x - 1 / x:11.4f}")
second = float(jax.grad(jax.grad(log_ndtr))(jnp.float64(-1e5)))
print(f"float64 x=-1e+05  second derivative {second:8.1f}  expected -1.0")
assert abs(float(log_ndtr(jnp.float32(-1e4))) / -5e7 - 1) < 1e-6
assert seen[-1e3] < 999.5
assert seen[-1e4] < 5e3
assert seen[-1e5] < 10.0
assert abs(second + 1.0) > 100.0
PYTHON
