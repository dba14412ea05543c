#!/usr/bin/env bash
# Package: torchmetrics 1.9.0, torchmetrics.functional.log_cosh_error, with torch 2.15.0, float32.
# Expected: log cosh x is |x| - log 2 for large x, so the error of a prediction that is 100 beside is 99.31.
#   https://lightning.ai/docs/torchmetrics/stable/regression/log_cosh_error.html
# Seen: the exponential is taken first. From an error of 90 on the metric is infinite, and with it the mean over
#   all examples. Near 0 it keeps no digits: of errors of 1e-4 it is 0 in place of 5e-9.
# Output seen:
#   error    torchmetrics   exact
#   0.0001   0.0            5e-09
#   1.0      0.43378        0.43378
#   80.0     79.307         79.307
#   100.0    inf            99.307
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    torch==2.15.0 numpy==2.4.6 torchmetrics==1.9.0
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import math

import torch
from torchmetrics.functional import log_cosh_error

print("error    torchmetrics   exact")
seen = {}
for error in [1e-4, 1.0, 80.0, 100.0]:
    seen[error] = value = log_cosh_error(torch.full((4,), error), torch.zeros(4)).item()
    exact = math.log1p(2 * math.sinh(error / 2) ** 2)
    print(f"{error!s:9}{f'{value:.5g}' if value else '0.0':15}{exact:.5g}")
assert seen[1e-4] == 0.0 or abs(seen[1e-4] / 5e-9 - 1) > 0.5
assert abs(seen[80.0] - 79.307) < 1e-2 and seen[100.0] == math.inf
PYTHON
