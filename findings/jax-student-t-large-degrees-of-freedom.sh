#!/usr/bin/env bash
# Package: jax 0.10.2 (CPU), jax.scipy.stats.t.logpdf in float32.
# Expected: the density of Student's t tends to the normal one as the degrees of freedom grow,
#   so logpdf(0, df) tends to -0.9189385. Both log-gamma terms of the formula are huge, and an
#   expert expects their difference to be taken without cancellation, as scipy does.
#   https://docs.jax.dev/en/latest/_autosummary/jax.scipy.stats.t.logpdf.html
# Seen: the result moves away from the limit from 1e4 degrees of freedom on. At 1e7 the log
#   density at 0 is 0, which is a density of 1 instead of 0.3989.
# Output seen:
#   df=1e+02  jax -0.921432  scipy -0.921438
#   df=1e+04  jax -0.917969  scipy -0.918964
#   df=1e+06  jax -1.000000  scipy -0.918939
#   df=1e+07  jax -0.000000  scipy -0.918939
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/env/bin/python" - <<'PYTHON'
import jax.numpy as jnp
import scipy.stats
from jax.scipy.stats import t

seen = {}
for df in [1e2, 1e4, 1e6, 1e7]:
    seen[df] = float(t.logpdf(jnp.float32(0.0), jnp.float32(df)))
    print(f"df={df:.0e}  jax {seen[df]:.6f}  scipy {scipy.stats.t.logpdf(0.0, df):.6f}")
assert abs(seen[1e2] + 0.921439) < 1e-4
assert abs(seen[1e6] + 1.0) < 0.01
assert seen[1e7] == 0.0
PYTHON
