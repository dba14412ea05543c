#!/usr/bin/env bash
# Package: torch 2.15.0, torch.special.erfcx.
# Expected: for large x, erfcx(x) is 1 / (x sqrt(pi)), so its derivative is -1 / (x^2 sqrt(pi)) and
#   its second derivative 2 / (x^3 sqrt(pi)). The function is offered for its digits in that tail.
#   https://docs.pytorch.org/docs/stable/special.html#torch.special.erfcx
# Seen: the derivative is 2 x erfcx(x) - 2 / sqrt(pi), which cancels. In float32 it is 0 at 1e5, and
#   the second derivative at 1000 has the wrong sign. In float64 the second derivative at 1e5 is
#   four orders of magnitude too large.
# Output seen:
#   float32 x=1e+03  first -5.960e-07 expected -5.642e-07  second -6.371e-05 expected  1.128e-09
#   float32 x=1e+05  first  0.000e+00 expected -5.642e-11  second  1.128e-05 expected  1.128e-15
#   float64 x=1e+05  first -5.642e-11 expected -5.642e-11  second  1.776e-11 expected  1.128e-15
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import math
import torch

seen = {}
for kind, x in [(torch.float32, 1e3), (torch.float32, 1e5), (torch.float64, 1e5)]:
    at = torch.tensor(x, dtype=kind, requires_grad=True)
    (first,) = torch.autograd.grad(torch.special.erfcx(at), at, create_graph=True)
    (second,) = torch.autograd.grad(first, at)
    seen[kind, x] = first.item(), second.item()
    right = -1 / (x**2 * math.sqrt(math.pi)), 2 / (x**3 * math.sqrt(math.pi))
    print(f"{str(kind)[6:]} x={x:.0e}  first {first.item():10.3e} expected {right[0]:10.3e}"
          f"  second {second.item():10.3e} expected {right[1]:10.3e}")
assert seen[torch.float32, 1e5][0] == 0.0
assert seen[torch.float32, 1e3][1] < 0.0
assert abs(seen[torch.float64, 1e5][1]) > 1e-12
PYTHON
