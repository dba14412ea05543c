#!/usr/bin/env bash
# Package: onnx 1.23.2, reference evaluator, operator MaxPool. onnxruntime 1.32.0 as the peer.
# Expected: pads holds the beginnings of all axes, then their ends. Five values with one more
#   position at the end and windows of two at stride 1 give floor((5 + 1 - 2) / 1) + 1 = 5 outputs.
#   https://onnx.ai/onnx/operators/onnx__MaxPool.html
# Seen: the reference evaluator drops the last window. In two dimensions with pads at both ends
#   [0, 0, 1, 1] the shape is 4 x 6 where 5 x 5 is right: it reads the pads in another order.
# Output seen:
#   pads [0, 1]  onnx reference (1, 1, 4)  onnxruntime (1, 1, 5)
#   pads [0, 0, 1, 1]  onnx reference (1, 1, 4, 6)  onnxruntime (1, 1, 5, 5)
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


line = np.arange(1, 6, dtype=np.float32).reshape(1, 1, 5)
square = np.arange(1, 26, dtype=np.float32).reshape(1, 1, 5, 5)
seen = []
for x, kernel, pads in [(line, [2], [0, 1]), (square, [2, 2], [0, 0, 1, 1])]:
    node = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=kernel, strides=[1] * len(kernel), pads=pads)
    reference, runtime = both(node, {"x": x})
    seen.append((reference[0].shape, runtime[0].shape))
    print(f"pads {pads}  onnx reference {reference[0].shape}  onnxruntime {runtime[0].shape}")
assert seen[0] == ((1, 1, 4), (1, 1, 5))
assert seen[1] == ((1, 1, 4, 6), (1, 1, 5, 5))
PYTHON
