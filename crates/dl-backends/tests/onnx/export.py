"""Prints the node tests of the installed `onnx` package, one JSON object a line.

A tensor is {"type", "shape", "data"}: the numbers as hexadecimal digits of 64-bit floats or integers,
little end first. What has no such form has {"type"} alone.
"""

import json
import sys
import warnings

warnings.filterwarnings("ignore")

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

FLOATS = {"FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16"}
INTEGERS = {"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "BOOL"}


def type_name(number):
    return TensorProto.DataType.Name(number)


def tensor(value, name):
    """A NumPy array as an object; `name` is its element type."""
    if name in FLOATS:
        data = np.asarray(value).astype("<f8")
    elif name in INTEGERS:
        value = np.asarray(value)
        if value.dtype == np.uint64 and value.size and value.max() > 2**63 - 1:
            return {"type": name}
        data = value.astype("<i8")
    else:
        return {"type": name}
    return {"type": name, "shape": list(np.asarray(value).shape), "data": data.tobytes().hex()}


def proto(value):
    name = type_name(value.data_type)
    return tensor(numpy_helper.to_array(value), name) if name in FLOATS | INTEGERS else {"type": name}


def given(value, kind):
    """What a test gives or expects, of the declared type."""
    which = kind.WhichOneof("value")
    if which == "tensor_type":
        if isinstance(value, TensorProto):
            return proto(value)
        return tensor(value, type_name(kind.tensor_type.elem_type))
    if which == "sequence_type":
        return {"sequence": [given(v, kind.sequence_type.elem_type) for v in value]}
    if which == "optional_type":
        return {"type": "optional"} if value is None else given(value, kind.optional_type.elem_type)
    return {"type": str(which)}


def attribute(a):
    kinds = AttributeProto.AttributeType.Name(a.type)
    if kinds == "GRAPH":
        return graph(a.g)
    if kinds == "TENSOR":
        return proto(a.t)
    if kinds in ("TYPE_PROTO", "SPARSE_TENSOR", "GRAPHS", "TENSORS", "TYPE_PROTOS", "SPARSE_TENSORS"):
        return {"type": kinds}
    value = helper.get_attribute_value(a)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (list, tuple)) or hasattr(value, "__len__") and not isinstance(value, str):
        return [v.decode() if isinstance(v, bytes) else v for v in value]
    return value


def graph(g):
    return {
        "inputs": [i.name for i in g.input],
        "outputs": [o.name for o in g.output],
        "initializers": {i.name: proto(i) for i in g.initializer},
        "nodes": [
            {
                "op": n.op_type if n.domain in ("", "ai.onnx") else n.domain + "." + n.op_type,
                "inputs": list(n.input),
                "outputs": list(n.output),
                "attributes": {a.name: attribute(a) for a in n.attribute},
            }
            for n in g.node
        ],
    }


def main():
    print(json.dumps({"version": onnx.__version__}))
    for case in collect_testcases(None):
        model = case.model
        opset = max([o.version for o in model.opset_import if o.domain in ("", "ai.onnx")], default=0)
        inputs, outputs = case.data_sets[0]
        g = model.graph
        line = {
            "name": case.name,
            "rtol": case.rtol,
            "atol": case.atol,
            "opset": opset,
            "graph": graph(g),
            "inputs": [given(v, i.type) for v, i in zip(inputs, g.input)],
            "outputs": [given(v, o.type) for v, o in zip(outputs, g.output)],
        }
        json.dump(line, sys.stdout)
        print()


main()
