#!/usr/bin/env bash
# Package: jax 0.10.2 (CPU), jax.scipy.special.bessel_jn in float32.
# Expected: the Bessel functions of the first kind are entire. J0(1) is 0.7651977 and J2(1) is
#   0.1149035. The documented rule of thumb tells how many iterations are enough, more for larger
#   arguments. The default of 50 is more than enough here, and no lower limit is documented.
#   https://docs.jax.dev/en/latest/_autosummary/jax.scipy.special.bessel_jn.html
# Seen: with the default n_iter every order is NaN for arguments up to 3, because the downward
#   recurrence overflows float32. A smaller n_iter gives the right value.
# Output seen:
#   z=1.0  J2 default        nan  J2 n_iter=15  0.1149035  scipy  0.1149035
#   z=2.0  J2 default        nan  J2 n_iter=15  0.3528340  scipy  0.3528340
#   z=4.0  J2 default  0.3641281  J2 n_iter=15  0.3641281  scipy  0.3641281
#   z=5.0  J2 default  0.0465651  J2 n_iter=15  0.0465652  scipy  0.0465651
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/env/bin/python" - <<'PYTHON'
import math
import jax.numpy as jnp
import scipy.special
from jax.scipy.special import bessel_jn

seen = {}
for z in [1.0, 2.0, 4.0, 5.0]:
    few = float(bessel_jn(jnp.float32(z), v=2, n_iter=15)[2])
    seen[z] = float(bessel_jn(jnp.float32(z), v=2)[2])
    right = scipy.special.jv(2, z)
    print(f"z={z}  J2 default {seen[z]:10.7f}  J2 n_iter=15 {few:10.7f}  scipy {right:10.7f}")
    assert abs(few - right) < 1e-4
assert all(math.isnan(seen[z]) for z in [1.0, 2.0])
assert abs(seen[5.0] - 0.0465651) < 1e-5
PYTHON
