#!/usr/bin/env bash
# Package: onnxruntime 1.32.0 (CPU), operator MaxUnpool with output_shape. onnx 1.23.2 as the peer.
# Expected: the operator's example with an explicit output shape puts the indices 5, 7, 13 and 15
#   at rows and columns 1 and 3: they count in the tensor that the strides give (4 x 4), and the
#   rest of the 5 x 5 output is padding. The reference evaluator does the same.
#   https://onnx.ai/onnx/operators/onnx__MaxUnpool.html
# Seen: onnxruntime counts the same indices in the 5 x 5 output, so the values land elsewhere.
# Output seen:
#   onnx reference [(1, 1), (1, 3), (3, 1), (3, 3)]
#   onnxruntime    [(1, 0), (1, 2), (2, 3), (3, 0)]
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


x = np.array([[[[5, 6], [7, 8]]]], dtype=np.float32)
indices = np.array([[[[5, 7], [13, 15]]]], dtype=np.int64)
shape = np.array([1, 1, 5, 5], dtype=np.int64)
node = helper.make_node("MaxUnpool", ["x", "i", "shape"], ["y"], kernel_shape=[2, 2], strides=[2, 2])
reference, runtime = both(node, {"x": x, "i": indices, "shape": shape})
places = [[tuple(int(v) for v in p) for p in np.argwhere(out[0][0, 0])] for out in (reference, runtime)]
print("onnx reference", places[0])
print("onnxruntime   ", places[1])
assert places[0] == [(1, 1), (1, 3), (3, 1), (3, 3)]
assert places[1] == [(1, 0), (1, 2), (2, 3), (3, 0)]
PYTHON
