#!/usr/bin/env bash
# Package: torch 2.15.0 (CPU), torch.compile of torch.func.grad through torch.lstm.
# Expected: torch.compile supports the transforms of torch.func, and a function that works without it gives
#   the same with it, or falls back to running it as it is unless fullgraph=True.
#   https://docs.pytorch.org/docs/stable/torch.compiler_faq.html
# Seen: the gradient of an LSTM, [(20, 4), (20, 5), (20,), (20,)] without torch.compile, cannot be traced: with
#   fake tensors the backward pass of one layer meets shapes that do not go together ("output with shape [2, 20]
#   doesn't match the broadcast shape [1, 2, 20]"). The same cells written out in Python are compiled.
# Output seen:
#   eager [(20, 4), (20, 5), (20,), (20,)]
#   compiled Unsupported: output with shape torch.Size([2, 20]) doesn't match the broadcast shape
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import logging
import torch

logging.disable(logging.CRITICAL)
batch, steps, inputs, units = 2, 3, 4, 5
weights = [torch.randn(4 * units, inputs), torch.randn(4 * units, units), torch.zeros(20), torch.zeros(20)]
x, zeros = torch.randn(batch, steps, inputs), torch.zeros(1, batch, units)


def loss(weights):
    return torch.lstm(x, (zeros, zeros), weights, True, 1, 0.0, True, False, True)[0].square().sum()


def gradients(weights):
    return torch.func.grad(loss)(weights)


shapes = [tuple(gradient.shape) for gradient in gradients(weights)]
print("eager", shapes)
assert shapes == [(20, 4), (20, 5), (20,), (20,)]
try:
    torch.compile(gradients, fullgraph=True)(weights)
    message = None
except Exception as error:
    message = str(error)
    text = "output with shape torch.Size([2, 20]) doesn"
    print(f"compiled {type(error).__name__}:", text + "'t match the broadcast shape" if text in message else message)
assert message is not None and "match the broadcast shape (1, 2, 20)" in message
PYTHON
