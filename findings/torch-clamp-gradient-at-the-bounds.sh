#!/usr/bin/env bash
# Package: torch 2.15.0, torch.clamp.
# Expected: clamp with the bounds 0 and 1 has one gradient, whether the bounds are numbers or
#   tensors of the same numbers. The documentation describes the two as one function.
#   https://docs.pytorch.org/docs/stable/generated/torch.clamp.html
# Seen: at an input that equals a bound the gradient is 0 for numbers and 1/2 for tensors.
# Output seen:
#   bounds as float   gradient [0.0, 1.0, 0.0]
#   bounds as Tensor  gradient [0.5, 1.0, 0.5]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import torch

seen = []
for low, high in [(0.0, 1.0), (torch.tensor(0.0), torch.tensor(1.0))]:
    x = torch.tensor([0.0, 0.5, 1.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(torch.clamp(x, low, high).sum(), x)
    seen.append(gradient.tolist())
    print(f"bounds as {type(low).__name__:6}  gradient {seen[-1]}")
assert seen == [[0.0, 1.0, 0.0], [0.5, 1.0, 0.5]]
PYTHON
