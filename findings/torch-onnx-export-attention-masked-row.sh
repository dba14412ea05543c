#!/usr/bin/env bash
# Package: torch 2.15.0 with onnxscript 0.7.2, torch.onnx.export. onnxruntime 1.32.0 runs the result.
# Expected: scaled_dot_product_attention gives zeros for a query that may see no key, with every
#   backend. The exported model gives the same.
#   https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html
# Seen: the exported model gives that query the average of all the values it may not see. The other
#   queries agree.
# Output seen:
#   torch     [0.0, 0.0, 0.0, 0.0]
#   exported  [0.2282, -0.846, -0.8877, 0.7032]
#   average   [0.2282, -0.846, -0.8877, 0.7032]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 onnx==1.23.2 onnx-ir==1.1.0 onnxscript==0.7.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import logging
import warnings

import onnxruntime
import torch
import torch.nn.functional as F

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


def both(function, *inputs):
    class Module(torch.nn.Module):
        def forward(self, *values):
            return function(*values)

    program = torch.onnx.export(Module().eval(), inputs, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    exported = session.run(None, {name: x.numpy() for name, x in zip(names, inputs)})[0]
    return function(*inputs), torch.from_numpy(exported)


torch.manual_seed(0)
x = torch.randn(1, 1, 2, 4)
mask = torch.tensor([[True, True], [False, False]])
seen, exported = both(lambda v: F.scaled_dot_product_attention(v, v, v, attn_mask=mask), x)
for name, row in [("torch", seen[0, 0, 1]), ("exported", exported[0, 0, 1]), ("average", x[0, 0].mean(0))]:
    print(f"{name:8}  {[round(v, 4) for v in row.tolist()]}")
assert torch.allclose(seen[0, 0, 0], exported[0, 0, 0], atol=1e-5)
assert (seen[0, 0, 1] == 0).all()
assert torch.allclose(exported[0, 0, 1], x[0, 0].mean(0), atol=1e-5)
PYTHON
