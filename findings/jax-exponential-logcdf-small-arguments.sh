#!/usr/bin/env bash
# Package: jax 0.10.2 (CPU), jax.scipy.stats.expon.logcdf.
# Expected: the distribution function is 1 - exp(-x), which is close to x for small x, so the
#   log is close to log(x). expon.cdf itself keeps the digits.
#   https://docs.jax.dev/en/latest/_autosummary/jax.scipy.stats.expon.logcdf.html
# Seen: logcdf takes the log of 1 - exp(-x) without expm1. In float32 it is -inf at 1e-10 where
#   the log of expon.cdf is -23.03, and in float64 it is -inf at 1e-20.
# Output seen:
#   float32 x=1e-10  logcdf     -inf  log(cdf)  -23.026
#   float64 x=1e-20  logcdf     -inf  log(cdf)  -46.052
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/env/bin/python" - <<'PYTHON'
import math
import jax
import jax.numpy as jnp
from jax.scipy.stats import expon

jax.config.update("jax_enable_x64", True)
for kind, x in [(jnp.float32, 1e-10), (jnp.float64, 1e-20)]:
    seen, log_of = float(expon.logcdf(kind(x))), float(jnp.log(expon.cdf(kind(x))))
    print(f"{kind.__name__} x={x:.0e}  logcdf {seen:8.3f}  log(cdf) {log_of:8.3f}")
    assert seen == -math.inf
    assert abs(log_of - math.log(x)) < 1e-3
PYTHON
