#!/usr/bin/env bash
# Package: torch 2.15.0 with onnxscript 0.7.2, torch.onnx.export. onnxruntime 1.32.0 runs the result.
# Expected: the exported model computes what the module computes, or the export fails. ONNX's
#   ScatterElements has no mean, so it has to be composed.
#   https://docs.pytorch.org/docs/stable/generated/torch.Tensor.scatter_reduce.html
# Seen: scatter_reduce with "mean" is exported as a plain scatter: the last value that hits an
#   element replaces it. Nothing is raised.
# Output seen:
#   sum   torch [8.0, 5.0, 8.0]  exported [8.0, 5.0, 8.0]
#   mean  torch [2.6667, 5.0, 4.0]  exported [2.0, 5.0, 3.0]
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


index = torch.tensor([0, 0, 2])
source = torch.tensor([1.0, 2.0, 3.0])
start = torch.full((3,), 5.0)
seen = {}
for reduce in ["sum", "mean"]:
    seen[reduce] = both(lambda x, y: x.scatter_reduce(0, index, y, reduce), start, source)
    print(f"{reduce:4}  torch {[round(v, 4) for v in seen[reduce][0].tolist()]}  exported {seen[reduce][1].tolist()}")
assert torch.allclose(*seen["sum"])
assert seen["mean"][1].tolist() == [2.0, 5.0, 3.0]
assert torch.allclose(seen["mean"][0], torch.tensor([8 / 3, 5.0, 4.0]))
PYTHON
