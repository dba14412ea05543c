#!/usr/bin/env bash
# Package: torch 2.15.0 with onnxscript 0.7.2, torch.onnx.export. onnxruntime 1.32.0 runs the result.
# Expected: logsigmoid(-100) is -100 and the binary cross entropy of the logit -100 against 1 is 100,
#   in the module and in the exported model. ONNX's Softplus would give both.
#   https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.logsigmoid.html
# Seen: the exported model takes the log of a rounded sigmoid. logsigmoid is -inf, and the loss with
#   pos_weight is inf.
# Output seen:
#   logsigmoid            torch [-100.0, -1.3133]  exported [-inf, -1.3133]
#   loss with pos_weight  torch [300.0, 3.9398]  exported [inf, 3.9398]
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


x = torch.tensor([-100.0, -1.0])
one, three = torch.ones(2), torch.full((2,), 3.0)
for name, function in [
    ("logsigmoid", F.logsigmoid),
    ("loss with pos_weight", lambda v: F.binary_cross_entropy_with_logits(v, one, pos_weight=three, reduction="none")),
]:
    seen, exported = both(function, x)
    print(f"{name:20}  torch {[round(v, 4) for v in seen.tolist()]}  exported {[round(v, 4) for v in exported.tolist()]}")
    assert torch.isfinite(seen).all()
    assert exported[0].isinf() and torch.isclose(exported[1], seen[1], atol=1e-4)
PYTHON
