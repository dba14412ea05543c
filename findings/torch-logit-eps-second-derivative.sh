#!/usr/bin/env bash
# Package: torch 2.15.0, torch.logit with eps.
# Expected: the input is clamped to [eps, 1 - eps], so beyond these bounds the function is constant
#   and all its derivatives are 0.
#   https://docs.pytorch.org/docs/stable/special.html#torch.special.logit
# Seen: the first derivative is 0 there. The second is NaN at the probabilities 0 and 1, the very
#   points that eps is for, and 0 beside them.
# Output seen:
#   x      [0.0, 1e-06, 0.5, 1.0]
#   first  [0.0, 0.0, 4.0, 0.0]
#   second [nan, 0.0, 0.0, nan]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import torch

x = torch.tensor([0.0, 1e-6, 0.5, 1.0], requires_grad=True)
y = torch.logit(x, eps=1e-3)
(first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
(second,) = torch.autograd.grad(first.sum(), x)
print("x     ", [round(v, 6) for v in x.tolist()])
print("first ", first.tolist())
print("second", second.tolist())
assert first.tolist() == [0.0, 0.0, 4.0, 0.0]
assert second.isnan().tolist() == [True, False, False, True]
PYTHON
