"""Embeddings on a map: pieces that point the same way lie close together, as far as two dimensions can show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.style import Style
from rich.text import Text

from tui_transformer.analysis.projection import Floats, Projection
from tui_transformer.probes import TextSide
from tui_transformer.render.braille import Dots, Mark, Points
from tui_transformer.render.labels import cell_len, fraction, quoted, visible
from tui_transformer.render.palette import ACCENT, QUIET
from tui_transformer.render.picture import Picture, Table

from .embeddings import VIEW

LEAST_LINES, MOST_LINES = 14, 44
MARGIN = 0.04


@dataclass(frozen=True, slots=True, eq=False)
class Mapped:
    """Pieces, their ids and places (N, 2). `poles` are the pieces from and to which each axis that was asked for goes
    (from, to); an axis that was not is a principal component.
    """

    side: TextSide
    pieces: Sequence[str]
    ids: Sequence[int]
    projection: Projection
    poles: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """Labels at their places, the first ones first; where one has no room there is a dot, and the picture says so."""

    labels: Sequence[str]
    places: Floats
    strong: frozenset[str] = frozenset()
    zeros: int = 0
    """So many axes have a line where they are 0."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns = options.max_width
        lines = min(MOST_LINES, max(LEAST_LINES, columns // 4))
        low, high = self._ranges()
        shares = (self.places - low) / (high - low)
        cells = np.rint(shares * [columns - 1, lines - 1]).astype(int)
        marks, free = list[Mark](), np.ones((lines, columns + 1), bool)
        for label, (x, y) in zip(self.labels, cells.tolist(), strict=True):
            if place := _room(cell_len(visible(label)), x, y, free):
                start, line = place
                mark = np.array([start / max(1, columns - 1), line / max(1, lines - 1)]) * (high - low) + low
                marks.append(Mark(mark[0], mark[1], label, ACCENT if label in self.strong else Style.null()))
        groups = [Points(self.places, QUIET)]
        for axis in range(self.zeros):
            zero = np.zeros((columns, 2))
            zero[:, 1 - axis] = np.linspace(low[1 - axis], high[1 - axis], columns)
            groups.insert(0, Points(zero, QUIET))
        yield Dots(groups, (low[0], high[0]), (low[1], high[1]), columns, lines, marks)
        if len(marks) < len(self.labels):
            left = len(self.labels) - len(marks)
            yield Text(f"{left} of {len(self.labels)} labels have no room: they are dots", style=QUIET)

    def _ranges(self) -> tuple[Floats, Floats]:
        low, high = self.places.min(axis=0), self.places.max(axis=0)
        margin = np.where(high > low, (high - low) * MARGIN, 1.0)
        return low - margin, high + margin


def _room(width: int, x: int, y: int, free: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> tuple[int, int] | None:
    """Where a label of so many cells fits: beginning or ending at its place, else a line above or below."""
    lines, columns = free.shape[0], free.shape[1] - 1
    for line in (y, y + 1, y - 1):
        for start in (x, x - width + 1):
            if 0 <= line < lines and 0 <= start <= columns - width and free[line, start : start + width + 1].all():
                free[line, max(0, start - 1) : start + width + 1] = False
                return start, line
    return None


def map_picture(mapped: Mapped) -> Picture:
    """The pieces on their two axes. There must be at least one."""
    names = list(_axis_names(mapped))
    poles = frozenset(_label(piece) for pair in mapped.poles for piece in pair)
    places = mapped.projection.places
    body = Group(
        Map([_label(piece) for piece in mapped.pieces], places, poles, zeros=len(mapped.poles)),
        Text(f"x: {names[0]}   y: {names[1]}", style=QUIET),
    )
    title = f"embeddings · {mapped.side} · a map of {len(mapped.pieces)} pieces"
    values = {
        "side": mapped.side, "axes": names, "variance": mapped.projection.shares,
        "variance_seen": mapped.projection.seen,
        "pieces": [{"piece": piece, "id": i, "x": x, "y": y} for piece, i, (x, y) in
                   zip(mapped.pieces, mapped.ids, places.tolist(), strict=True)],
    }  # fmt: skip
    rows = [(piece, i, x, y) for piece, i, (x, y) in zip(mapped.pieces, mapped.ids, places.tolist(), strict=True)]
    return Picture(VIEW, title, body, tuple(_says(mapped)), values, Table(("piece", "id", "x", "y"), rows))


def _label(piece: str) -> str:
    return piece.removeprefix("▁") or piece


def _axis_names(mapped: Mapped) -> Iterator[str]:
    shares = mapped.projection.shares
    for axis in range(2):
        if axis < len(mapped.poles):
            start, stop = mapped.poles[axis]
            yield f"{_label(start)} → {_label(stop)}"
        else:
            yield f"principal component {axis - len(mapped.poles) + 1}, {shares[axis]:.1%} of the variance"


def _says(mapped: Mapped) -> list[str]:
    places, hidden = mapped.projection.places, 1 - mapped.projection.seen
    said = []
    poles = {piece for pair in mapped.poles for piece in pair}
    others = [i for i, piece in enumerate(mapped.pieces) if piece not in poles]
    for axis, (start, stop) in enumerate(mapped.poles if others else ()):
        least, most = (int(others[place(places[others, axis])]) for place in (np.argmin, np.argmax))
        said.append(
            f"From {quoted(start)} to {quoted(stop)}: {quoted(mapped.pieces[least])} is nearest to the first "
            f"({fraction(places[least, axis], True).strip()}), {quoted(mapped.pieces[most])} to the second "
            f"({fraction(places[most, axis], True).strip()})."
        )
    said.append(f"Of how these {len(mapped.pieces)} rows differ, {hidden:.1%} lies in dimensions that are not seen.")
    return said
