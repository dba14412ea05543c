#!/usr/bin/env bash
# Package: torch 2.15.0 (CPU), torch.nn.functional.mish in float32.
# Expected: mish(x) = x tanh(softplus(x)) tends to x, so its derivative tends to 1 and its second
#   derivative to 0 (Misra, https://arxiv.org/abs/1908.08681).
#   https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.mish.html
# Seen: the value and the first derivative are right, the second derivative is NaN from 89 on, where
#   exp(x) overflows. A gradient penalty or a Hessian product over such a unit is NaN.
# Output seen:
#   x=-100.0  value   -0.0000  first  0.0000  second  0.0000
#   x=   1.0  value    0.8651  first  1.0490  second  0.1847
#   x=  80.0  value   80.0000  first  1.0000  second  0.0000
#   x=  90.0  value   90.0000  first  1.0000  second     nan
#   x=1000.0  value 1000.0000  first  1.0000  second     nan
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import math
import torch
import torch.nn.functional as F

x = torch.tensor([-100.0, 1.0, 80.0, 90.0, 1000.0], requires_grad=True)
y = F.mish(x)
(first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
(second,) = torch.autograd.grad(first.sum(), x)
for row in zip(x.tolist(), y.tolist(), first.tolist(), second.tolist()):
    print("x={:6}  value {:9.4f}  first {:7.4f}  second {:7.4f}".format(*row))
assert torch.isfinite(first).all()
assert torch.isfinite(second[:3]).all() and second[3:].isnan().all()
PYTHON
