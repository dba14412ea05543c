#!/usr/bin/env bash
# Package: onnxruntime 1.32.0 (CPU), operator MeanVarianceNormalization. onnx 1.23.2 as the peer.
# Expected: the operator is an ONNX function, and its body adds 1e-9 to the standard deviation
#   before it divides. A channel of equal values gives 0.
#   https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html
# Seen: onnxruntime gives NaN, the reference evaluator of onnx gives 0.
# Output seen:
#   onnx reference [0.0, 0.0, 0.0, 0.0]
#   onnxruntime    [nan, nan, nan, nan]
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


x = np.full((1, 1, 1, 4), 3.0, dtype=np.float32)
reference, runtime = both(helper.make_node("MeanVarianceNormalization", ["x"], ["y"]), {"x": x})
print("onnx reference", reference[0].ravel().tolist())
print("onnxruntime   ", runtime[0].ravel().tolist())
assert (reference[0] == 0).all()
assert np.isnan(runtime[0]).all()
PYTHON
