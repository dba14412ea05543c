#!/usr/bin/env bash
# Package: numpyro 0.22.0 with jax 0.10.2, distributions.OrderedLogistic in float32.
# Expected: with cutpoints 0 and 1 the middle class has the probability σ(1-x) - σ(0-x) at a predictor x. Turning all
#   signs round exchanges the first and the last class: log_prob at -30 of the last is nearly what it is at 30 of the
#   first, about -30, and its derivative by the predictor is 1 there, so that gradient descent comes back.
#   https://num.pyro.ai/en/stable/distributions.html#orderedlogistic
# Seen: at 30 all classes are right. At -30 the first class has all of the probability, as differences of values that
#   have rounded to 1: the others have -inf, and a derivative of 0.
# Output seen:
#   predictor  30  class 0     -30  slope -1  expected     -30
#   predictor  30  class 1  -29.4587  slope -1  expected  -29.4587
#   predictor -30  class 1      -inf  slope -0  expected  -30.4587
#   predictor -30  class 2      -inf  slope -0  expected       -31
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check numpyro==0.22.0 jax==0.10.2 mpmath==1.3.0
"$folder/env/bin/python" - <<'PYTHON'
import jax
import jax.numpy as jnp
import mpmath
from numpyro.distributions import OrderedLogistic

mpmath.mp.dps = 50
cutpoints = [0.0, 1.0]


def right(x, k):
    below = lambda c: 1 / (1 + mpmath.exp(mpmath.mpf(x) - c))
    edges = [mpmath.mpf(0), *map(below, cutpoints), mpmath.mpf(1)]
    return float(mpmath.log(edges[k + 1] - edges[k]))


def seen(x, k):
    law = lambda x: OrderedLogistic(x, jnp.array(cutpoints)).log_prob(k)
    value, slope = jax.value_and_grad(law)(jnp.float32(x))
    print(f"predictor {x:3}  class {k}  {value:8.6g}  slope {slope:2.0f}  expected {right(x, k):9.6g}")
    return float(value), float(slope)


for k in [0, 1]:
    value, slope = seen(30, k)
    assert abs(value - right(30, k)) < 1e-4 and abs(slope + 1) < 1e-4
for k in [1, 2]:
    assert seen(-30, k) == (float("-inf"), 0.0)
PYTHON
