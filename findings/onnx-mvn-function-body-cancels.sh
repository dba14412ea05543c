#!/usr/bin/env bash
# Package: onnx 1.23.2, operator MeanVarianceNormalization. onnxruntime 1.32.0 as the peer.
# Expected: the documented formula is (X - EX) / sqrt(E(X - EX)^2), which does not change when a
#   constant is added to X. For four equidistant values it is -1.3416, -0.4472, 0.4472, 1.3416.
#   https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html
# Seen: the function body in the schema takes E(X^2) - (EX)^2 instead. In float32 it loses every
#   digit of the variance: with 10000 added the reference evaluator gives NaN, with 100000 it is
#   too small by a factor of thirty. onnxruntime follows the formula.
# Output seen:
#   offset      0  onnx reference [-1.341599941253662, -0.4472000002861023, 0.4472000002861023, 1.341599941253662]  onnxruntime [-1.341599941253662, -0.4472000002861023, 0.4472000002861023, 1.341599941253662]
#   offset  10000  onnx reference [nan, nan, nan, nan]  onnxruntime [-1.341599941253662, -0.4472000002861023, 0.4472000002861023, 1.341599941253662]
#   offset 100000  onnx reference [-0.04690000042319298, -0.015599999576807022, 0.015599999576807022, 0.04690000042319298]  onnxruntime [-1.341599941253662, -0.4472000002861023, 0.4472000002861023, 1.341599941253662]
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


seen = {}
for offset in [0, 10000, 100000]:
    x = np.array([1, 2, 3, 4], dtype=np.float32).reshape(1, 1, 1, 4) + np.float32(offset)
    reference, runtime = both(helper.make_node("MeanVarianceNormalization", ["x"], ["y"]), {"x": x})
    seen[offset] = reference[0].ravel()
    print(f"offset {offset:6}  onnx reference {seen[offset].round(4).tolist()}  onnxruntime {runtime[0].ravel().round(4).tolist()}")
    assert abs(runtime[0].ravel()[3] - 1.3416) < 1e-3
assert abs(seen[0][3] - 1.3416) < 1e-3
assert all(not abs(seen[offset][3] - 1.3416) < 0.1 for offset in [10000, 100000])
PYTHON
