#!/usr/bin/env bash
# Package: torch 2.15.0 with onnxscript 0.7.2, torch.onnx.export. onnxruntime 1.32.0 runs the result.
# Expected: the exported model computes what the module computes, or the export fails.
#   https://docs.pytorch.org/docs/stable/onnx.html
# Seen: cross_entropy with label_smoothing is exported as the loss without it. Nothing is raised,
#   and the exported loss does not depend on the smoothing.
# Output seen:
#   label_smoothing=0.0  torch 1.7887  exported 1.7887
#   label_smoothing=0.5  torch 1.7054  exported 1.7887
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


logits = torch.tensor([[1.0, 2.0, 4.0], [0.0, -1.0, 1.0]])
labels = torch.tensor([0, 2])
seen = {}
for smoothing in [0.0, 0.5]:
    seen[smoothing] = both(lambda x: F.cross_entropy(x, labels, label_smoothing=smoothing), logits)
    print(f"label_smoothing={smoothing}  torch {seen[smoothing][0].item():.4f}  exported {seen[smoothing][1].item():.4f}")
assert torch.isclose(*seen[0.0])
assert torch.isclose(seen[0.5][1], seen[0.0][1]) and not torch.isclose(*seen[0.5], atol=1e-2)
PYTHON
