#!/usr/bin/env bash
# Package: onnx 1.23.2, reference evaluator, operator LpNormalization. onnxruntime 1.32.0 as the peer.
# Expected: the output is input / Lp_norm(input, axis). The norm with p = 1 is the sum of the
#   absolute values, so [-3, 1] becomes [-0.75, 0.25].
#   https://onnx.ai/onnx/operators/onnx__LpNormalization.html
# Seen: with p = 1 the reference evaluator divides by the sum of the values with their signs. The
#   absolute values of the result do not sum to 1 and the signs turn.
# Output seen:
#   onnx reference [[1.5, -0.5]]
#   onnxruntime    [[-0.75, 0.25]]
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


x = np.array([[-3.0, 1.0]], dtype=np.float32)
reference, runtime = both(helper.make_node("LpNormalization", ["x"], ["y"], p=1), {"x": x})
print("onnx reference", reference[0].tolist())
print("onnxruntime   ", runtime[0].tolist())
assert reference[0].tolist() == [[1.5, -0.5]]
assert runtime[0].tolist() == [[-0.75, 0.25]]
PYTHON
