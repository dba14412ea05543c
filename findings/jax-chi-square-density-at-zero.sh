#!/usr/bin/env bash
# Package: jax 0.10.2 (CPU), jax.scipy.stats.chi2.pdf and logpdf.
# Expected: the documented density x^(k/2-1) exp(-x/2) / (2^(k/2) Gamma(k/2)) holds for x >= 0.
#   With 2 degrees of freedom it is exp(-x/2) / 2, so the density at 0 is 1/2.
#   jax's own gamma density with the same law (shape 1, scale 2) gives it.
#   https://docs.jax.dev/en/latest/_autosummary/jax.scipy.stats.chi2.pdf.html
# Seen: chi2.pdf(0, 2) and chi2.logpdf(0, 2) are NaN.
# Output seen:
#   chi2.pdf(0, 2)             nan       expected 0.5
#   chi2.logpdf(0, 2)          nan       expected -0.6931
#   gamma.pdf(0, 1, scale=2)   0.500000
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/env/bin/python" - <<'PYTHON'
import math
from jax.scipy.stats import chi2, gamma

density, log_density = float(chi2.pdf(0.0, 2.0)), float(chi2.logpdf(0.0, 2.0))
same_law = float(gamma.pdf(0.0, 1.0, scale=2.0))
print(f"chi2.pdf(0, 2)             {density:<8}  expected 0.5")
print(f"chi2.logpdf(0, 2)          {log_density:<8}  expected -0.6931")
print(f"gamma.pdf(0, 1, scale=2)   {same_law:.6f}")
assert math.isnan(density) and math.isnan(log_density)
assert abs(same_law - 0.5) < 1e-5
assert abs(float(chi2.pdf(1e-6, 2.0)) - 0.5) < 1e-5
PYTHON
