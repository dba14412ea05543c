#!/usr/bin/env bash
# Package: numpyro 0.22.0 with jax 0.10.2, distributions.RightCensoredDistribution in float32.
# Expected: an observation that is censored at t counts with the logarithm of the survival function. For the exponential
#   law of rate r that is -r·t, with the derivative -t by r: the later, the more it says that the rate is too large.
#   https://num.pyro.ai/en/stable/distributions.html#rightcensoreddistribution
# Seen: the survival function is 1 - cdf, cut off at 1e-7. Beyond 16 every observation counts -15.94, with a derivative of
#   0: the fit does not hear of those that tell most.
# Output seen:
#   rate 1 censored at  4  log_prob       -4  slope       -4  expected  -4
#   rate 1 censored at 12  log_prob      -12  slope      -12  expected -12
#   rate 1 censored at 20  log_prob   -15.94  slope        0  expected -20
#   rate 1 censored at 40  log_prob   -15.94  slope        0  expected -40
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check numpyro==0.22.0 jax==0.10.2
"$folder/env/bin/python" - <<'PYTHON'
import jax
import jax.numpy as jnp
from numpyro.distributions import Exponential, RightCensoredDistribution

censored = jnp.array(1)
seen = {}
for t in [4.0, 12.0, 20.0, 40.0]:
    law = lambda rate: RightCensoredDistribution(Exponential(rate), censored).log_prob(t)
    value, slope = jax.value_and_grad(law)(jnp.float32(1.0))
    seen[t] = (float(value), float(slope))
    print(f"rate 1 censored at {t:2.0f}  log_prob {value:8.4g}  slope {slope:8.4g}  expected {-t:3.0f}")
assert abs(seen[4.0][0] + 4.0) < 1e-4
for t in [20.0, 40.0]:
    assert -15.95 < seen[t][0] < -15.9 and seen[t][1] == 0.0
PYTHON
