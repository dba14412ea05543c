#!/usr/bin/env bash
# Package: tinygrad 0.14.0, Tensor.einsum.
# Expected: the method is documented as summing by the Einstein convention, with a link to
#   torch.einsum. An index that stands twice in one operand takes its diagonal.
#   https://docs.tinygrad.org/tensor/ops/#tinygrad.Tensor.einsum
# Seen: the diagonal of an operand of three axes comes out with its axis last while the formula
#   still has it first. The result is transposed, or summed with the wrong operand, and nothing
#   is raised where the sizes agree.
# Output seen:
#   iij->ij     tinygrad [[1.0, 7.0], [2.0, 8.0]]  numpy [[1.0, 2.0], [7.0, 8.0]]
#   iij,jk->ik  tinygrad [[22.0, 30.0], [26.0, 36.0]]  numpy [[7.0, 10.0], [31.0, 46.0]]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check tinygrad==0.14.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import os

os.environ["DEV"] = "PYTHON"
import numpy as np
from tinygrad import Tensor

a = np.arange(1, 9, dtype=np.float32).reshape(2, 2, 2)
b = np.array([[1, 2], [3, 4]], dtype=np.float32)
for formula, operands in [("iij->ij", [a]), ("iij,jk->ik", [a, b])]:
    seen = Tensor.einsum(formula, *[Tensor(x) for x in operands]).numpy()
    right = np.einsum(formula, *operands)
    print(f"{formula:10}  tinygrad {seen.tolist()}  numpy {right.tolist()}")
    assert not np.allclose(seen, right)
assert seen.tolist() == [[22.0, 30.0], [26.0, 36.0]]
PYTHON
