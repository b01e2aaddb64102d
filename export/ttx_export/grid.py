"""Where the pieces of a batch are: in a padded grid, or in rows without the padding."""

from __future__ import annotations

import numpy as np

from tui_transformer.architecture import Architecture

from .graph import Graph


class Grid:
    """The places of a batch's pieces in its grid (B, S), by the mask of 1 for a piece and 0 for padding.

    Linear layers work on rows of pieces, N of them, attention on (B, H, S, K). One Gather leads from the one to the
    other, where Reshape, Transpose and Split would copy everything three times. With `padding` the rows are all B·S.
    """

    def __init__(self, graph: Graph, shape: Architecture, ids: str, mask: str, padding: bool = False) -> None:
        self._graph, self._shape = graph, shape
        g = graph
        batch, self._length = (g.op("Shape", ids, start=axis, end=axis + 1) for axis in (0, 1))
        flat = g.op("Reshape", mask, g.integers(-1))
        flat = g.op("Add", g.op("Mul", flat, g.integers(0)), g.integers(1)) if padding else flat
        self._places = g.op("Squeeze", g.op("NonZero", flat), g.integers(0))  # (N,), in the flat grid
        self.columns = g.op("Mod", self._places, self._length)  # (N,), the position of each piece in its sentence
        # A padding place shows the piece before it: some finite row, to which attention gives no weight.
        rows = g.op("Sub", g.op("CumSum", flat, g.axis(0)), g.integers(1))
        self._rows = g.op("Reshape", rows, g.op("Concat", batch, self._length, axis=0))  # (B, S)
        self._heads_of_pieces = self._find_heads()

    def _find_heads(self) -> str:
        """(N, H): which row of (B·H·S, K) each head of each piece is."""
        g, heads = self._graph, self._shape.heads
        before = g.op("Mul", g.op("Div", self._places, self._length), g.op("Mul", self._length, g.integers(heads)))
        first = g.op("Unsqueeze", g.op("Add", before, self.columns), g.integers(1))
        return g.op("Add", first, g.op("Mul", g.constant("heads_of_piece", np.arange(heads)[None]), self._length))

    def pack(self, x: str) -> str:
        """x (B, S) → what pieces have of it (N,)."""
        return self._graph.op("Gather", self._graph.op("Reshape", x, self._graph.integers(-1)), self._places, axis=0)

    def unpack(self, x: str) -> str:
        """Rows x (N, D) → (B, S, D)."""
        return self._graph.op("Gather", x, self._rows, axis=0)

    def split_heads(self, x: str, parts: int) -> list[str]:
        """Rows x (N, parts·D) → `parts` tensors (B, H, S, K)."""
        g, heads = self._graph, self._shape.heads
        slices = g.op("Reshape", x, g.integers(-1, self._shape.d_k))  # (N·parts·H, K)
        first = g.op("Mul", g.op("Unsqueeze", self._rows, g.integers(1)), g.integers(parts * heads))  # (B, 1, S)
        wanted = [
            g.constant(f"heads_of_part_{part}", np.arange(part * heads, (part + 1) * heads)[None, :, None])
            for part in range(parts)
        ]
        return [g.op("Gather", slices, g.op("Add", first, part), axis=0) for part in wanted]

    def join_heads(self, x: str) -> str:
        """x (B, H, S, K) → rows (N, D)."""
        g, shape = self._graph, self._shape
        joined = g.op("Gather", g.op("Reshape", x, g.integers(-1, shape.d_k)), self._heads_of_pieces, axis=0)
        return g.op("Reshape", joined, g.integers(-1, shape.d_model))
