"""How a linear layer is written into the graph, as floating point or as 8-bit integers, and read from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .graph import CONTRIB, Graph

Array = npt.NDArray[Any]


class Linear(Protocol):
    """Writes y = x Wᵀ + b for x (N, in), W (out, in), b (out,); returns the name of y (N, out)."""

    def __call__(self, graph: Graph, x: str, name: str, weight: Array, bias: Array) -> str:
        """x (N, in) → y (N, out)."""
        ...

    def table(self, graph: Graph, name: str, table: Array, ids: str) -> str:
        """Writes the look-up of rows: table (V, D), ids (…) → (…, D)."""
        ...

    def ignores_negative(self, name: str) -> bool:
        """Whether the layer treats every negative input as 0, so that a ReLU before it changes nothing."""
        ...


class FloatLinear:
    """One Gemm in the graph's float type."""

    def __call__(self, graph: Graph, x: str, name: str, weight: Array, bias: Array) -> str:
        """x (N, in) → y (N, out)."""
        w = graph.constant(f"{name}.weight", weight.astype(graph.float))
        b = graph.constant(f"{name}.bias", bias.astype(graph.float))
        return graph.op("Gemm", x, w, b, transB=1)

    def table(self, graph: Graph, name: str, table: Array, ids: str) -> str:
        """Rows of a floating table."""
        return graph.op("Gather", graph.constant(name, table.astype(graph.float)), ids, axis=0)

    def ignores_negative(self, name: str) -> bool:  # noqa: ARG002
        """No: it is linear everywhere."""
        return False


@dataclass(frozen=True, slots=True)
class Range:
    """The smallest and largest activation that enters a linear layer, after clipping rare extremes."""

    low: float
    high: float

    def scale_and_zero(self) -> tuple[np.float32, np.uint8]:
        """Affine quantisation to 0…255 in which 0.0 is exact: x ≈ scale · (q − zero)."""
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        scale = np.float32(max(high - low, 1e-8) / 255)
        return scale, np.uint8(np.clip(round(-low / float(scale)), 0, 255))


def quantize_rows(weight: Array) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Symmetric 8-bit integers with one scale per row: weight (out, in) → int8 (out, in), float32 (out,)."""
    scale = np.maximum(np.abs(weight).max(axis=1), 1e-12) / 127
    return np.clip(np.rint(weight / scale[:, None]), -127, 127).astype(np.int8), scale.astype(np.float32)


class Int8Linear:
    """Static 8-bit products: weights with a scale per output, activations with one calibrated scale per layer.

    Because no scale depends on the other rows of a batch, a sentence's translation does not depend on
    which sentences it is batched with.
    """

    def __init__(self, ranges: dict[str, Range]) -> None:
        self.ranges = ranges

    def __call__(self, graph: Graph, x: str, name: str, weight: Array, bias: Array) -> str:
        """x (N, in) → y (N, out), rounded to 8 bits on the way in."""
        scale, zero = self.ranges[name].scale_and_zero()
        x_scale = graph.constant(f"{name}.input_scale", scale)
        x_zero = graph.constant(f"{name}.input_zero", zero)
        integers, scales = quantize_rows(weight)
        return graph.op(
            "MatMulIntegerToFloat",
            graph.op("QuantizeLinear", x, x_scale, x_zero),
            graph.constant(f"{name}.weight", integers.T),
            x_scale,
            graph.constant(f"{name}.weight_scale", scales),
            x_zero,
            "",
            graph.constant(f"{name}.bias", bias.astype(np.float32)),
            domain=CONTRIB,
        )

    def table(self, graph: Graph, name: str, table: Array, ids: str) -> str:
        """Rows of an 8-bit table, each times its own scale."""
        integers, scales = quantize_rows(table)
        rows = graph.op("Gather", graph.constant(name, integers), ids, axis=0)
        scale = graph.op("Gather", graph.constant(f"{name}.scale", scales[:, None]), ids, axis=0)
        return graph.op("Mul", graph.op("Cast", rows, to=graph.float_type), scale)

    def ignores_negative(self, name: str) -> bool:
        """Yes if its range begins at 0: rounding to 8 bits cuts off what lies below."""
        return int(self.ranges[name].scale_and_zero()[1]) == 0


def stored_linear(constants: Mapping[str, Array], name: str) -> tuple[Array, Array]:
    """What a graph's constants hold for a linear layer, of either kind: weight (out, in) and bias (out,), float32.

    Of 8-bit weights, integer times scale. Raises KeyError if the graph has no such layer.
    """
    weight, scale = constants[f"{name}.weight"], constants.get(f"{name}.weight_scale")
    rows = weight.astype(np.float32) if scale is None else weight.T.astype(np.float32) * scale[:, None]
    return rows, constants[f"{name}.bias"].astype(np.float32)


def stored_table(constants: Mapping[str, Array], name: str) -> Array:
    """The same for a table (V, D)."""
    rows, scale = constants[name].astype(np.float32), constants.get(f"{name}.scale")
    return rows if scale is None else rows * scale
