#!/usr/bin/env bash
# Package: onnx 1.23.2, reference evaluator, operator LogSoftmax. onnxruntime 1.32.0 as the peer.
# Expected: the log of the softmax of [0, 200] is [-200, 0]. An operator of its own exists so that
#   the log of a softmax that underflows is still finite.
#   https://onnx.ai/onnx/operators/onnx__LogSoftmax.html
# Seen: the reference evaluator takes the log of the rounded softmax and gives -inf, so a cross
#   entropy computed with it is infinite. onnxruntime gives -200.
# Output seen:
#   onnx reference [-inf, 0.0]
#   onnxruntime    [-200.0, 0.0]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator


def both(node, inputs, opset=22, ir=10):
    kinds = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64, np.dtype(np.int32): TensorProto.INT32}
    values = [helper.make_tensor_value_info(name, kinds[x.dtype], x.shape) for name, x in inputs.items()]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in node.output]
    graph = helper.make_graph([node], "graph", values, results)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return ReferenceEvaluator(model).run(None, inputs), session.run(None, inputs)


import warnings

warnings.filterwarnings("ignore")
x = np.array([0.0, 200.0], dtype=np.float32)
reference, runtime = both(helper.make_node("LogSoftmax", ["x"], ["y"], axis=0), {"x": x})
print("onnx reference", reference[0].tolist())
print("onnxruntime   ", runtime[0].tolist())
assert reference[0].tolist() == [-np.inf, 0.0]
assert runtime[0].tolist() == [-200.0, 0.0]
PYTHON
