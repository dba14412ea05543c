#!/usr/bin/env bash
# Package: torch 2.15.0 (CPU), torch.nn.TransformerEncoderLayer in evaluation mode.
# Expected: the fast path of inference is documented as an optimisation. With and without autograd
#   the layer computes the same values.
#   https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html
# Seen: for a sequence whose positions are all padding, the layer is finite when gradients are
#   recorded and NaN under torch.no_grad(). The other sequence of the batch agrees.
# Output seen:
#   with autograd     all finite True
#   under no_grad     all finite False
#   first sequence    largest difference below 1e-5 True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import torch

torch.manual_seed(0)
layer = torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True).eval()
x = torch.randn(2, 3, 8)
padding = torch.tensor([[False, False, True], [True, True, True]])
slow = layer(x, src_key_padding_mask=padding).detach()
with torch.no_grad():
    fast = layer(x, src_key_padding_mask=padding)
print("with autograd     all finite", torch.isfinite(slow).all().item())
print("under no_grad     all finite", torch.isfinite(fast).all().item())
print("first sequence    largest difference below 1e-5", ((slow - fast)[0, :2].abs().max() < 1e-5).item())
assert torch.isfinite(slow).all()
assert fast[1].isnan().all() and torch.isfinite(fast[0, :2]).all()
assert torch.allclose(slow[0, :2], fast[0, :2], atol=1e-5)
PYTHON
