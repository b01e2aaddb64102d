"""Writing an ONNX graph by hand: a thin, typed layer over onnx.helper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 21
IR_VERSION = 10
CONTRIB = "com.microsoft"
"""ONNX Runtime's own operators: FusedMatMul and MatMulIntegerToFloat."""

INT64 = TensorProto.INT64
FLOAT = TensorProto.FLOAT
FLOAT_TYPES = {"fp32": TensorProto.FLOAT, "int8": TensorProto.FLOAT, "fp16": TensorProto.FLOAT16}


class Graph:
    """Collects nodes, constants, inputs and outputs. Tensors are named by their place (`scope`) and operator."""

    def __init__(self, name: str, precision: str) -> None:
        self.name = name
        self.float_type = FLOAT_TYPES[precision]
        self.float = np.float16 if precision == "fp16" else np.float32
        self._nodes: list[tuple[str, list[str], list[str], str, dict[str, Any]]] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._final_names: dict[str, str] = {}
        self._scope: list[str] = []

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Names of nodes made inside begin with `name`."""
        self._scope.append(name)
        yield
        self._scope.pop()

    def input(self, name: str, kind: int, axes: Iterable[str | int]) -> str:
        """Declare an input of the graph; returns its name."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, list(axes)))
        return name

    def output(self, name: str, tensor: str, kind: int, axes: Iterable[str | int], first: bool = False) -> None:
        """Make a tensor an output under a public name: the tensor itself is renamed, nothing is copied."""
        self._final_names[tensor] = name
        place = 0 if first else len(self._outputs)
        self._outputs.insert(place, helper.make_tensor_value_info(name, kind, list(axes)))

    def constant(self, name: str, array: Any) -> str:
        """A named weight; asked for twice under one name, it is stored once."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def integers(self, *values: int) -> str:
        """A small 1-D int64 constant, for shapes and axes."""
        return self.constant("integers_" + "_".join(map(str, values)), np.array(values, np.int64))

    def axis(self, number: int) -> str:
        """A 0-D int64 constant, for operators that take one axis."""
        name = f"axis_{number}"
        self._constants.setdefault(name, numpy_helper.from_array(np.array(number, np.int64), name))
        return name

    def number(self, value: float) -> str:
        """A scalar constant of the graph's float type."""
        return self.constant(f"number_{value}", np.array(value, self.float))

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output; returns the output's name."""
        return self.ops(kind, *inputs, outputs=1, domain=domain, **attributes)[0]

    def ops(self, kind: str, *inputs: str, outputs: int, domain: str = "", **attributes: Any) -> list[str]:
        """Add a node with several outputs; returns their names."""
        base = "/".join([*self._scope, f"{kind}_{len(self._nodes)}"])
        names = [base] if outputs == 1 else [f"{base}.{i}" for i in range(outputs)]
        self._nodes.append((kind, list(inputs), names, domain, attributes))
        return names

    def build(self) -> onnx.ModelProto:
        """The finished model."""
        final = self._final_names
        nodes = [
            helper.make_node(
                kind, [final.get(n, n) for n in inputs], [final.get(n, n) for n in names],
                name=names[0], domain=domain, **attributes,
            )
            for kind, inputs, names, domain, attributes in self._nodes
        ]  # fmt: skip
        graph = helper.make_graph(nodes, self.name, self._inputs, self._outputs, list(self._constants.values()))
        domains = {domain for _, _, _, domain, _ in self._nodes}
        opsets = [helper.make_opsetid("", OPSET), *([helper.make_opsetid(CONTRIB, 1)] if CONTRIB in domains else [])]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="tui-transformer")
        model.ir_version = IR_VERSION
        return model
