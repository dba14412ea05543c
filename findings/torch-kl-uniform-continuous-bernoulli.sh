#!/usr/bin/env bash
# Package: torch 2.15.0, torch.distributions.kl_divergence.
# Expected: both laws live on [0, 1], so the divergence is finite: 0.0297 for a continuous Bernoulli
#   with probability 0.3, which is also the mean of the difference of the two log_prob.
#   https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.kl
# Seen: kl_divergence is infinite both ways, since equal bounds of the supports are taken for a
#   support that does not reach far enough.
# Output seen:
#   kl(uniform, bernoulli)  torch inf  from log_prob 0.0297
#   kl(bernoulli, uniform)  torch inf  from log_prob 0.0294
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import math
import torch
from torch.distributions import ContinuousBernoulli, Uniform, kl_divergence

uniform, bernoulli = Uniform(0.0, 1.0), ContinuousBernoulli(torch.tensor(0.3))
points = (torch.arange(100000) + 0.5) / 100000
difference = uniform.log_prob(points) - bernoulli.log_prob(points)
there = difference.mean().item()
back = -(difference * bernoulli.log_prob(points).exp()).mean().item()
seen = kl_divergence(uniform, bernoulli).item(), kl_divergence(bernoulli, uniform).item()
print(f"kl(uniform, bernoulli)  torch {seen[0]}  from log_prob {there:.4f}")
print(f"kl(bernoulli, uniform)  torch {seen[1]}  from log_prob {back:.4f}")
assert seen == (math.inf, math.inf)
assert abs(there - 0.03) < 1e-3 and abs(back - 0.0292) < 1e-3
PYTHON
