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
from tui_transformer.render.flow import REVERSED
from tui_transformer.render.labels import cell_len, fraction, quoted, visible
from tui_transformer.render.palette import ACCENT, QUIET, STRONG
from tui_transformer.render.picture import Picture, Table

from .embeddings import VIEW

LEAST_LINES, MOST_LINES = 14, 44
MARGIN = 0.04
REACH = 3
"""So many columns beside a place still mean it."""

Window = tuple[Floats, Floats]
"""The lowest and the highest x and y that are seen."""


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
    """Labels at their places, the first ones first; where one has no room there is a dot, and the picture says so.

    Those in `strong` have the accent colour, those in `bold` are bold, and the one at the `cursor` stands above all.
    """

    labels: Sequence[str]
    places: Floats
    strong: frozenset[int] = frozenset()
    zeros: int = 0
    """So many axes have a line where they are 0."""
    bold: frozenset[int] = frozenset()
    cursor: int | None = None
    lines: int | None = None
    """How many; by the width if not given."""
    window: Window | None = None
    """What is seen; everything if not given."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns, lines = options.max_width, self._lines(options.max_width)
        low, high = self.window or everything(self.places)
        labelled = self._labelled(columns)
        ordered = sorted(labelled, key=lambda i: i == self.cursor)
        steps = (high - low) / [max(1, columns - 1), max(1, lines - 1)]
        marks = [self._mark(i, low + labelled[i] * steps) for i in ordered]
        groups = [Points(self.places, QUIET)]
        for axis in range(self.zeros):
            zero = np.zeros((columns, 2))
            zero[:, 1 - axis] = np.linspace(low[1 - axis], high[1 - axis], columns)
            groups.insert(0, Points(zero, QUIET))
        yield Dots(groups, (low[0], high[0]), (low[1], high[1]), columns, lines, marks)
        inside = int(self._inside().sum())
        if len(marks) < inside:
            yield Text(f"{inside - len(marks)} of {inside} labels have no room: they are dots", style=QUIET)

    def at(self, x: int, y: int, width: int) -> int | None:
        """The label that is drawn at a cell, or the place nearest to it, if there is one close by."""
        line = self._lines(width) - 1 - y
        for i, (start, on) in self._labelled(width).items():
            if on == line and start <= x < start + cell_len(visible(self.labels[i])):
                return i
        # A line is as high as two columns are wide.
        distances = np.abs((self._cells(width) - [x, line]) * [1, 2]).max(axis=1)
        nearest = int(distances.argmin())
        return nearest if distances[nearest] <= REACH else None

    def _lines(self, columns: int) -> int:
        return self.lines or min(MOST_LINES, max(LEAST_LINES, columns // 4))

    def _cells(self, columns: int) -> Floats:
        """Column and line, from below, of each place."""
        low, high = self.window or everything(self.places)
        cells: Floats = np.rint((self.places - low) / (high - low) * [columns - 1, self._lines(columns) - 1])
        return cells

    def _inside(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        low, high = self.window or everything(self.places)
        return np.asarray(((self.places >= low) & (self.places <= high)).all(axis=1))

    def _labelled(self, columns: int) -> dict[int, tuple[int, int]]:
        """Where the labels that have room begin: column and line, from below. The one at the cursor takes room."""
        free = np.ones((self._lines(columns), columns + 1), bool)
        cells, found = self._cells(columns).astype(int).tolist(), {}
        for i in np.flatnonzero(self._inside()).tolist():
            width = cell_len(visible(self.labels[i]))
            x, y = cells[i]
            if place := _room(width, x, y, free):
                found[i] = place
            elif i == self.cursor:
                found[i] = max(0, min(x, columns - width)), y
        return found

    def _mark(self, i: int, place: Floats) -> Mark:
        style = (ACCENT if i in self.strong else Style.null()) + (STRONG if i in self.bold else Style.null())
        return Mark(place[0], place[1], self.labels[i], style + REVERSED if i == self.cursor else style)


def everything(places: Floats) -> Window:
    """The window in which all places (N, 2) are seen, with a margin."""
    low, high = places.min(axis=0), places.max(axis=0)
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
    names = list(axis_names(mapped))
    places = mapped.projection.places
    body = Group(
        Map([label(piece) for piece in mapped.pieces], places, ends(mapped), zeros=len(mapped.poles)),
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


def label(piece: str) -> str:
    """A piece as it stands on a map: without its ▁."""
    return piece.removeprefix("▁") or piece


def ends(mapped: Mapped) -> frozenset[int]:
    """The places, in the list of pieces, of the ends of the axes that were asked for."""
    poles = {piece for pair in mapped.poles for piece in pair}
    return frozenset(i for i, piece in enumerate(mapped.pieces) if piece in poles)


def axis_names(mapped: Mapped) -> Iterator[str]:
    """What x and y are."""
    shares = mapped.projection.shares
    for axis in range(2):
        if axis < len(mapped.poles):
            start, stop = mapped.poles[axis]
            yield f"{label(start)} → {label(stop)}"
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
