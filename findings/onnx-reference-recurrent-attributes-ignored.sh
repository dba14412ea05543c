#!/usr/bin/env bash
# Package: onnx 1.23.2, reference evaluator, operators RNN and LSTM. onnxruntime 1.32.0 as the peer.
# Expected: clip bounds the input of the activations, sequence_lens ends each sequence at its own
#   length, and input_forget couples the input and forget gates.
#   https://onnx.ai/onnx/operators/onnx__RNN.html
#   https://onnx.ai/onnx/operators/onnx__LSTM.html
# Seen: the reference evaluator takes all three and ignores them without a word. It gives the
#   same numbers with them as without. onnxruntime follows the specification.
# Output seen:
#   RNN   clip = 0.5         without 0.9920  onnx reference 0.9920  onnxruntime 0.4621
#   RNN   sequence_lens = 1  without 0.9920  onnx reference 0.9920  onnxruntime 0.7616
#   LSTM  input_forget = 1   without 0.8112  onnx reference 0.8112  onnxruntime 0.6750
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


x = np.array([[[1.0]], [[2.0]]], dtype=np.float32)
one, four = np.ones((1, 1, 1), dtype=np.float32), np.ones((1, 4, 1), dtype=np.float32)


def last(operator, weights, lengths=False, **attributes):
    inputs = {"x": x, "w": weights, "r": weights}
    names = ["x", "w", "r"]
    if lengths:
        inputs["lengths"] = np.array([1], dtype=np.int32)
        names += ["", "lengths"]
    node = helper.make_node(operator, names, ["y", "last"], hidden_size=1, **attributes)
    reference, runtime = both(node, inputs)
    return float(reference[1].item()), float(runtime[1].item())


for name, plain, changed in [
    ("RNN   clip = 0.5", last("RNN", one), last("RNN", one, clip=0.5)),
    ("RNN   sequence_lens = 1", last("RNN", one), last("RNN", one, lengths=True)),
    ("LSTM  input_forget = 1", last("LSTM", four), last("LSTM", four, input_forget=1)),
]:
    print(f"{name:23}  without {plain[0]:.4f}  onnx reference {changed[0]:.4f}  onnxruntime {changed[1]:.4f}")
    assert abs(plain[0] - plain[1]) < 1e-4
    assert changed[0] == plain[0]
    assert abs(changed[1] - plain[1]) > 1e-3
PYTHON
