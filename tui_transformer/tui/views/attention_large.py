"""One head large, or several as one: a matrix with a cursor, and the row of the cursor beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message

from tui_transformer.render.bars import Bars
from tui_transformer.render.views.attention import word
from tui_transformer.tui.picture_view import PictureView
from tui_transformer.tui.widgets.matrix import Matrix, MatrixView

from . import attention_words as words

if TYPE_CHECKING:
    from tui_transformer.render.palette import Floats

    from .attention_moment import Prepared
    from .attention_place import Standing

NOTHING = np.zeros((0, 0), np.float32)


class LargeHead(Container):
    """The cursor follows the newest row, unless it is locked."""

    DEFAULT_CSS = """
    LargeHead { height: 1fr; layout: horizontal; }
    LargeHead PictureView { width: 30; height: 1fr; }
    """

    class Resized(Message):
        """There is more or less room."""

    def __init__(self, moved: Callable[[tuple[int, int]], None], id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._moved = moved
        self._followed: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """The matrix and the row."""
        yield MatrixView(self._moved, id="attention-matrix")
        yield PictureView(id="attention-row")

    def on_resize(self) -> None:
        """As many weights of the row as fit."""
        self.post_message(self.Resized())

    def open(self) -> None:
        """Begin with the cell that was looked at last."""
        self._followed = ()
        self.query_one(MatrixView).focus()

    def tell(self, prepared: Prepared | None, standing: Standing) -> Floats:
        """Show the heads that are asked for. Returns their matrix (R, C) as far as it is known."""
        view = self.query_one(MatrixView)
        if prepared is None or prepared.attention is None:
            view.tell(Matrix(NOTHING, (), ()), standing.cell)
            view.border_title, view.border_subtitle = words.title(None, standing), "nothing yet"
            self.query_one(PictureView).show(None)
            return NOTHING
        matrix = prepared.attention.combined(standing.heads(*prepared.shape), standing.combine or "mean")
        self._follow(prepared, standing, matrix)
        rows = (*prepared.attention.rows.labels, *prepared.rows.labels[prepared.shown :])
        least = len(prepared.known.encoded.pieces) if standing.kind == "decoder" else 0
        view.tell(Matrix(matrix, rows, prepared.columns.labels, least), standing.cell)
        view.border_title = words.title(words.shown(prepared, standing), standing)
        view.border_subtitle = words.cell_line(prepared, matrix, standing.cell, standing.locked)
        self._tell_row(prepared, standing, matrix, rows)
        return matrix

    def _follow(self, prepared: Prepared, standing: Standing, matrix: Floats) -> None:
        moment = prepared.moment
        newest = (moment.run, moment.shown, moment.look.kind)
        moved = bool(self._followed) and self._followed != newest
        self._followed = newest
        if standing.locked:
            return
        if moved and standing.kind != "encoder":
            standing.cell = len(matrix) - 1, int(matrix[-1].argmax())
        last = len(prepared.rows.labels) - 1, len(prepared.columns.labels) - 1
        standing.cell = max(0, min(standing.cell[0], last[0])), max(0, min(standing.cell[1], last[1]))

    def _tell_row(self, prepared: Prepared, standing: Standing, matrix: Floats, rows: tuple[str, ...]) -> None:
        """The weights of the cursor's row: the strongest ones, in the order of the sentence."""
        view, (row, column) = self.query_one(PictureView), standing.cell
        label = f" · {word(rows[row])}" if row < len(rows) else ""
        view.border_title = f"row {row + 1}{label}"
        if row >= len(matrix):
            view.show(None)
            return
        most = max(1, view.scrollable_content_region.height)
        kept = sorted(np.argsort(-matrix[row], kind="stable")[:most].tolist())
        labels = [prepared.columns.labels[i] for i in kept]
        view.show(Bars(labels, matrix[row, kept], full=1.0, highlight=kept.index(column) if column in kept else None))
