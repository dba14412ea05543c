#!/usr/bin/env bash
# Package: jax 0.10.2 (CPU), jax.scipy.special.spence.
# Expected: spence is documented as the integral of log(t) / (1 - t) from 1 to z for every
#   positive z, so its derivative is log(z) / (1 - z). The derivative at 1 is the limit -1,
#   and the derivative at 2 is -log(2).
#   https://docs.jax.dev/en/latest/_autosummary/jax.scipy.special.spence.html
# Seen: the value is right on both sides of 1, but jax.grad gives 0 at 1 and NaN beyond 1.
# Output seen:
#   z=0.5  value  0.5822405  gradient -1.3862944  expected -1.3862944
#   z=1.0  value  0.0000000  gradient  0.0000000  expected -1.0000000
#   z=2.0  value -0.8224670  gradient        nan  expected -0.6931472
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/env/bin/python" - <<'PYTHON'
import math
import jax
from jax.scipy.special import spence

jax.config.update("jax_enable_x64", True)
seen = {}
for z, expected in [(0.5, 2 * math.log(0.5)), (1.0, -1.0), (2.0, -math.log(2.0))]:
    seen[z] = float(jax.grad(spence)(z))
    print(f"z={z}  value {float(spence(z)):10.7f}  gradient {seen[z]:10.7f}  expected {expected:10.7f}")
assert abs(float(spence(2.0)) + math.pi**2 / 12) < 1e-7
assert abs(seen[0.5] - 2 * math.log(0.5)) < 1e-6
assert seen[1.0] == 0.0
assert math.isnan(seen[2.0])
PYTHON
