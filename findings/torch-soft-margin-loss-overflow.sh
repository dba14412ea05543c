#!/usr/bin/env bash
# Package: torch 2.15.0, torch.nn.functional.soft_margin_loss in float32.
# Expected: the loss is log(1 + exp(-y x)), which is 100 for y x = -100. The sibling
#   binary_cross_entropy_with_logits gives that for the same margin.
#   https://docs.pytorch.org/docs/stable/generated/torch.nn.SoftMarginLoss.html
# Seen: exp overflows from 89 on, so the loss is infinite and the gradient NaN.
# Output seen:
#   soft_margin_loss                   inf gradient nan
#   binary_cross_entropy_with_logits   100.0 gradient -1.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import torch
import torch.nn.functional as F

x = torch.tensor([-100.0], requires_grad=True)
one = torch.ones(1)
margin, logits = F.soft_margin_loss(x, one), F.binary_cross_entropy_with_logits(x, one)
(gradient,) = torch.autograd.grad(margin, x)
(right,) = torch.autograd.grad(logits, x)
print("soft_margin_loss                  ", margin.item(), "gradient", gradient.item())
print("binary_cross_entropy_with_logits  ", logits.item(), "gradient", right.item())
assert margin.item() == float("inf") and gradient.isnan().all()
assert logits.item() == 100.0 and right.item() == -1.0
PYTHON
