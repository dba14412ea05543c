#!/usr/bin/env bash
# Package: torch 2.15.0 (CPU), torch.nn.functional.scaled_dot_product_attention.
# Expected: the backends of the function agree up to rounding in value and gradient. A row whose
#   mask is the smallest finite number everywhere, the usual stand-in for -inf, averages the values.
#   https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html
# Seen: the values agree, but the flash kernel on the CPU gives that row's query, key and value
#   gradients too large by a factor of the number of keys. It keeps the log of the sum of the
#   exponentials, and next to the mask the log of the number of keys is rounded away.
# Output seen:
#   MATH             first output -0.2158  gradient of the first value 0.1250, expected 0.1250
#   FLASH_ATTENTION  first output -0.2158  gradient of the first value 1.0000, expected 0.1250
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

keys = 8
torch.manual_seed(0)
query, key, value = torch.randn(1, 1, 1, 4), torch.randn(1, 1, keys, 4), torch.randn(1, 1, keys, 4)
mask = torch.full((1, keys), torch.finfo(torch.float32).min)
outputs, gradients = [], []
for backend in [SDPBackend.MATH, SDPBackend.FLASH_ATTENTION]:
    inputs = [x.clone().requires_grad_() for x in (query, key, value)]
    with sdpa_kernel(backend):
        output = F.scaled_dot_product_attention(*inputs, attn_mask=mask)
    gradient = torch.autograd.grad(output.sum(), inputs)
    outputs.append(output.detach())
    gradients.append(gradient)
    print(f"{backend.name:15}  first output {output[0, 0, 0, 0].item():.4f}"
          f"  gradient of the first value {gradient[2][0, 0, 0, 0].item():.4f}, expected {1 / keys:.4f}")
assert torch.allclose(*outputs, atol=1e-5)
for math, flash in zip(*gradients):
    assert torch.allclose(flash, keys * math, rtol=1e-3, atol=1e-4)
PYTHON
