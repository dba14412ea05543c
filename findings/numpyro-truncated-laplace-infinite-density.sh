#!/usr/bin/env bash
# Package: numpyro 0.22.0 with jax 0.10.2, distributions.RightTruncatedDistribution and LeftTruncatedDistribution in
#   float32.
# Expected: the Laplace law has exponential tails, so cut to a tail it is an exponential law: one unit beyond the cut
#   its log density is -1, wherever the cut is. The lower tail below -30 has a probability of 4.7e-14, which float32
#   holds with all digits. The logistic law, cut so, is right.
#   https://num.pyro.ai/en/stable/distributions.html#truncateddistribution
# Seen: 4e-4 off at -10, and +inf from -20 on, on both sides.
# Output seen:
#   cut -10  Laplace -1.00041 below, -1.00041 above  Logistic -0.999989  expected -1
#   cut -20  Laplace inf below, inf above  Logistic -1  expected -1
#   cut -30  Laplace inf below, inf above  Logistic -1  expected -1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check numpyro==0.22.0 jax==0.10.2
"$folder/env/bin/python" - <<'PYTHON'
import math
from numpyro.distributions import Laplace, LeftTruncatedDistribution, Logistic, RightTruncatedDistribution

for cut in [-10.0, -20.0, -30.0]:
    below = float(RightTruncatedDistribution(Laplace(0.0, 1.0), high=cut).log_prob(cut - 1.0))
    above = float(LeftTruncatedDistribution(Laplace(0.0, 1.0), low=-cut).log_prob(1.0 - cut))
    logistic = float(RightTruncatedDistribution(Logistic(0.0, 1.0), high=cut).log_prob(cut - 1.0))
    print(f"cut {cut:3.0f}  Laplace {below:.6g} below, {above:.6g} above  Logistic {logistic:.6g}  expected -1")
    assert abs(logistic + 1.0) < 1e-4
    if cut <= -20.0:
        assert below == math.inf and above == math.inf
    else:
        assert abs(below + 1.0) > 1e-4
PYTHON
