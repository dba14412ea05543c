#!/usr/bin/env bash
# Package: torch 2.15.0 with onnxscript 0.7.2, torch.onnx.export. onnxruntime 1.32.0 runs the result.
# Expected: divisor_override is what avg_pool2d divides the sum of a window by. The exported model
#   divides by it too, or the export fails.
#   https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html
# Seen: the exported model divides by the size of the window. Nothing is raised.
# Output seen:
#   torch    [4.0, 4.0, 4.0, 4.0]
#   exported [1.0, 1.0, 1.0, 1.0]
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


x = torch.ones(1, 1, 4, 4)
seen, exported = both(lambda v: F.avg_pool2d(v, 2, divisor_override=1), x)
print("torch   ", seen.ravel().tolist())
print("exported", exported.ravel().tolist())
assert seen.ravel().tolist() == [4.0] * 4
assert exported.ravel().tolist() == [1.0] * 4
PYTHON
