"""From one-hot to embedding: the row of the table that is looked up for each piece."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.segment import Segment
from rich.text import Text

from tui_transformer.analysis.pooling import pool
from tui_transformer.probes import TextSide
from tui_transformer.render.heatmap import Scale, shrunk
from tui_transformer.render.labels import cell_len, fit, quoted, visible
from tui_transformer.render.palette import ACCENT, QUIET, foreground, glyph, has_colour, levels
from tui_transformer.render.picture import Picture, Table

VIEW = "embeddings"
Floats = npt.NDArray[np.float32]
LABEL_WIDTH = 14
ONE_HOT_SHARE = 4
"""The one-hot vector gets a quarter of what labels leave, the row the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """Pieces of a text, their ids, and the rows (S, D) that the model reads for them, of a vocabulary of so many.

    `scaled`: whether the model reads them times √d_model.
    """

    text: str
    side: TextSide
    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    rows: Floats
    vocabulary: int
    scaled: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A line for each piece: where its one is among the zeros, and the row with values −1…1."""

    looked: Looked
    values: Floats

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        colours, looked = has_colour(console), self.looked
        label = min(LABEL_WIDTH, max(cell_len(visible(piece)) for piece in looked.pieces))
        number = max(len(str(i)) for i in looked.ids)
        room = max(4, options.max_width - label - number - 6)
        hot = min(max(2, room // ONE_HOT_SHARE), looked.vocabulary)
        pooled = pool(self.values, len(self.values), room - hot)
        head = f"{'':{label + number + 2}}{fit('one-hot', hot)}  row"
        yield Segment(head + "\n", QUIET if colours else None)
        for piece, i, row in zip(looked.pieces, looked.ids, levels(pooled, True).tolist(), strict=True):
            yield Segment(f"{fit(piece, label)} {i:>{number}} ")
            place = i * hot // looked.vocabulary
            yield Segment("·" * place, QUIET if colours else None)
            yield Segment("█", ACCENT if colours else None)
            yield Segment("·" * (hot - place - 1), QUIET if colours else None)
            yield Segment("  ")
            cells = [Segment("█", foreground(v, True)) if colours else Segment(glyph(v, True)) for v in row]
            yield from Segment.simplify(cells)
            yield Segment.line()
        if pooled.shape[1] < self.values.shape[1]:
            yield shrunk(self.values.shape, pooled.shape)


def lookup_picture(looked: Looked) -> Picture:
    """Each piece's place in the one-hot vector and its row of the table. There must be pieces."""
    count, size = looked.rows.shape
    largest = float(np.abs(looked.rows).max()) or 1.0
    norms = np.linalg.norm(looked.rows.astype(np.float64), axis=1)
    sizes = f"{count} × {looked.vocabulary:,}", f"{looked.vocabulary:,} × {size}", f"{count} × {size}"
    body = Group(
        Text(f"one-hot ({sizes[0]}) · table ({sizes[1]}) = rows ({sizes[2]})\n"),
        Rows(looked, looked.rows / largest), Scale(signed=True),
        Text(f"1 stands for {largest:.2f}", style=QUIET),
    )  # fmt: skip
    first = looked.ids[0]
    scale = f", times √{size}" if looked.scaled else ""
    says = (
        f"{quoted(looked.pieces[0])} has id {first}: its one-hot vector has a 1 there and {looked.vocabulary - 1:,} "
        "zeros, so that the product with the table is nothing but that row.",
        f"The rows are as the model reads them{scale}; their lengths go from {norms.min():.2f} to "
        f"{norms.max():.2f}. Positions are added next.",
    )
    values = {"text": looked.text, "side": looked.side, "pieces": looked.pieces, "ids": looked.ids,
              "vocabulary": looked.vocabulary, "dimensions": size, "rows": looked.rows, "norms": norms}  # fmt: skip
    rows = [
        (i, piece, piece_id, float(norm), *map(float, row))
        for i, (piece, piece_id, norm, row) in enumerate(
            zip(looked.pieces, looked.ids, norms, looked.rows, strict=True)
        )
    ]
    table = Table(("position", "piece", "id", "norm", *(f"d{i}" for i in range(size))), rows)
    title = f"embeddings · {looked.side} · {count} pieces · {looked.vocabulary:,} × {size}"
    return Picture(VIEW, title, body, says, values, table)
