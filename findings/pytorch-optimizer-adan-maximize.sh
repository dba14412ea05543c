#!/usr/bin/env bash
# Package: pytorch_optimizer 4.1.0, Adan with maximize, with torch 2.15.0.
# Expected: to maximize a function is to minimize its negative, step for step, as with torch.optim.Adam.
#   https://pytorch-optimizers.readthedocs.io/en/latest/optimizer/
# Seen: the gradient before the first, from which Adan takes a difference, is the first one with the sign of
#   minimizing, so the first difference is twice the gradient in place of 0. The two ways part at the second
#   step, and after ten the one that maximizes is four times as far away.
# Output seen:
#   step                    1       2       3       10
#   Adan, minimize x²       0.9     0.8008  0.7021  0.056
#   Adan, maximize -x²      0.9     0.8144  0.734   0.2307
#   Adam, minimize x²       0.9     0.8004  0.7016  0.0762
#   Adam, maximize -x²      0.9     0.8004  0.7016  0.0762
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    torch==2.15.0 numpy==2.4.6 pytorch_optimizer==4.1.0
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import torch
from pytorch_optimizer import Adan


def path(make, maximize):
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = make([weight], lr=0.1, maximize=maximize)
    found = []
    for _ in range(10):
        weight.grad = (-2 if maximize else 2) * weight.detach()
        optimizer.step()
        found.append(round(weight.item(), 4))
    return found


print("step                    1       2       3       10")
seen = []
for name, make in [("Adan", Adan), ("Adam", torch.optim.Adam)]:
    for maximize in [False, True]:
        seen.append(path(make, maximize))
        shown = [seen[-1][step - 1] for step in (1, 2, 3, 10)]
        what = "maximize -x²" if maximize else "minimize x²"
        print(f"{name}, {what:18}" + "".join(f"{x!s:8}" for x in shown).rstrip())
minimized, maximized, adam, adam_maximized = seen
assert adam == adam_maximized and minimized[0] == maximized[0]
assert abs(maximized[1] - minimized[1]) > 0.01
PYTHON
