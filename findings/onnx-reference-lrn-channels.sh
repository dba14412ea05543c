#!/usr/bin/env bash
# Package: onnx 1.23.2, reference evaluator, operator LRN. onnxruntime 1.32.0 as the peer.
# Expected: each channel c is divided by (bias + alpha / size * s)^beta, where s is the sum of the
#   squares of the channels from c - floor((size - 1) / 2) to c + ceil((size - 1) / 2).
#   https://onnx.ai/onnx/operators/onnx__LRN.html
# Seen: the reference evaluator bounds the window by the batch size in place of the channel count.
#   With one sample only the first channel is divided, the others come back as they were. The
#   operator's own test data has as many samples as channels, so it does not show.
# Output seen:
#   onnx reference [0.16670000553131104, 2.0, 3.0, 4.0, 5.0, 6.0]
#   onnxruntime    [0.16670000553131104, 0.13330000638961792, 0.10000000149011612, 0.07840000092983246, 0.0640999972820282, 0.09679999947547913]
#   the formula    [0.16670000553131104, 0.13330000638961792, 0.10000000149011612, 0.07840000092983246, 0.0640999972820282, 0.09679999947547913]
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


x = np.arange(1, 7, dtype=np.float32).reshape(1, 6, 1, 1)
node = helper.make_node("LRN", ["x"], ["y"], size=3, alpha=3.0, beta=1.0, bias=1.0)
reference, runtime = both(node, {"x": x})
squares = np.pad(x.ravel() ** 2, 1)
right = x.ravel() / (1 + squares[:-2] + squares[1:-1] + squares[2:])
print("onnx reference", reference[0].ravel().round(4).tolist())
print("onnxruntime   ", runtime[0].ravel().round(4).tolist())
print("the formula   ", right.round(4).tolist())
assert np.allclose(runtime[0].ravel(), right, rtol=1e-5)
assert np.allclose(reference[0].ravel()[2:], x.ravel()[2:])
PYTHON
