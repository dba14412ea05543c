#!/usr/bin/env bash
# Package: torch 2.15.0, torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.
# Expected: a scheduler made with last_epoch = n - 1 goes on at epoch n, as CosineAnnealingLR and OneCycleLR do,
#   where the optimizer has the rates of that epoch: with the same rates as the one that was not interrupted.
#   https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.html
# Seen: the constructor takes last_epoch for the place within the first period, however long ago that ended.
#   Beyond it the rate jumps to its largest and the first period starts over. step(n) of the same scheduler
#   finds the place.
# Output seen:
#   epochs 6 to 11        0.5    0.25   0.067  1.0    0.983  0.933
#   with last_epoch = 5   1.0    0.933  0.75   0.5    0.25   0.067
#   and step(6)           0.5    0.25   0.067  1.0    0.983  0.933
#   CosineAnnealingLR     0.146  0.038  0.0    0.038  0.146  0.309
#   with last_epoch = 5   0.146  0.038  0.0    0.038  0.146  0.309
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import copy

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, CosineAnnealingWarmRestarts


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def rates(of, scheduler, count):
    found = [of.param_groups[0]["lr"]]
    for _ in range(count - 1):
        of.step()
        scheduler.step()
        found.append(of.param_groups[0]["lr"])
    return [round(rate, 3) for rate in found]


def both(make):
    first = optimizer()
    scheduler = make(first)
    rates(first, scheduler, 7)
    second = optimizer()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    resumed = rates(second, make(second, last_epoch=5), 6)
    third = optimizer()
    third.load_state_dict(copy.deepcopy(first.state_dict()))
    by_step = make(third)
    by_step.step(6)
    return rates(first, scheduler, 6), resumed, rates(third, by_step, 6)


def line(name, numbers):
    print(f"{name:20} ", " ".join(f"{x!s:6}" for x in numbers).rstrip())


want, resumed, by_step = both(lambda of, **more: CosineAnnealingWarmRestarts(of, T_0=3, T_mult=2, **more))
line("epochs 6 to 11", want)
line("with last_epoch = 5", resumed)
line("and step(6)", by_step)
assert by_step == want and resumed != want and resumed[0] == 1.0
want, resumed, _ = both(lambda of, **more: CosineAnnealingLR(of, T_max=8, **more))
line("CosineAnnealingLR", want)
line("with last_epoch = 5", resumed)
assert resumed == want
PYTHON
