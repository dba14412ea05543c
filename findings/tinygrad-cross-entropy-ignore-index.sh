#!/usr/bin/env bash
# Package: tinygrad 0.14.0, Tensor.sparse_categorical_crossentropy.
# Expected: the documentation links to PyTorch's CrossEntropyLoss. There the rows whose label is
#   ignore_index count neither in the sum nor in the number that the mean divides by.
#   https://docs.tinygrad.org/tensor/ops/#tinygrad.Tensor.sparse_categorical_crossentropy
# Seen: ignore_index = -1, given or by default, is taken for no index at all. A row labelled -1
#   adds nothing to the sum but counts in the mean, so the loss of one row in two is halved. With
#   label smoothing the ignored row gets a gradient. Any other ignored label works.
# Output seen:
#   the first row alone     loss 1.313262
#   ignored -100  smoothing 0.0  loss 1.313262  gradient of the ignored row [-0.0, -0.0]
#   ignored -100  smoothing 0.1  loss 1.263262  gradient of the ignored row [0.0, 0.0]
#   ignored   -1  smoothing 0.0  loss 0.656631  gradient of the ignored row [-0.0, -0.0]
#   ignored   -1  smoothing 0.1  loss 0.687977  gradient of the ignored row [-0.019039854407310486, 0.019039852544665337]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check tinygrad==0.14.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import os

os.environ["DEV"] = "PYTHON"
from tinygrad import Tensor


def loss(ignored, smoothing):
    logits = Tensor([[1.0, 2.0], [3.0, 5.0]])
    labels = Tensor([0, ignored])
    mean = logits.sparse_categorical_crossentropy(labels, ignore_index=ignored, label_smoothing=smoothing)
    return mean.item(), mean.gradient(logits)[0].numpy()[1].tolist()


alone = Tensor([[1.0, 2.0]]).sparse_categorical_crossentropy(Tensor([0])).item()
print(f"the first row alone     loss {alone:.6f}")
seen = {}
for ignored in [-100, -1]:
    for smoothing in [0.0, 0.1]:
        seen[ignored, smoothing] = value, row = loss(ignored, smoothing)
        print(f"ignored {ignored:4}  smoothing {smoothing}  loss {value:.6f}  gradient of the ignored row {row}")
assert abs(seen[-100, 0.0][0] - alone) < 1e-5
assert abs(seen[-1, 0.0][0] - alone / 2) < 1e-5
assert seen[-100, 0.1][1] == [0.0, 0.0]
assert abs(seen[-1, 0.1][1][0]) > 0.01
PYTHON
