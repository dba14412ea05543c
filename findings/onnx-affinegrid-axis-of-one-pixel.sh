#!/usr/bin/env bash
# Package: onnx 1.23.2 (reference evaluator) and onnxruntime 1.32.0 (CPU), operator AffineGrid.
# Expected: one answer. With align_corners = 1 the first and the last pixel of an axis are at -1
#   and 1. The specification does not say where the only pixel of an axis is. PyTorch's
#   affine_grid, from which the operator comes, puts it in the middle, at 0.
#   https://onnx.ai/onnx/operators/onnx__AffineGrid.html
# Seen: for the identity and a height of 1 the reference evaluator puts the row at -1 and
#   onnxruntime at 1. A GridSample behind it reads opposite edges of the image.
# Output seen:
#   onnx reference (x, y) [[-1.0, -1.0], [1.0, -1.0]]
#   onnxruntime    (x, y) [[-1.0, 1.0], [1.0, 1.0]]
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


theta = np.array([[[1, 0, 0], [0, 1, 0]]], dtype=np.float32)
size = np.array([1, 1, 1, 2], dtype=np.int64)
node = helper.make_node("AffineGrid", ["theta", "size"], ["grid"], align_corners=1)
reference, runtime = both(node, {"theta": theta, "size": size})
print("onnx reference (x, y)", reference[0].reshape(2, 2).tolist())
print("onnxruntime    (x, y)", runtime[0].reshape(2, 2).tolist())
assert reference[0].reshape(2, 2).tolist() == [[-1, -1], [1, -1]]
assert runtime[0].reshape(2, 2).tolist() == [[-1, 1], [1, 1]]
PYTHON
