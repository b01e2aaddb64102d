"""What the map of embeddings shows: which pieces, on which axes, through which window. No Textual."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tui_transformer.analysis.projection import Projection, toward
from tui_transformer.embedding import Embedding, Poles
from tui_transformer.render.views.map import Map, Mapped, Window, axis_names, ends, everything, label
from tui_transformer.render.views.neighbours import Found

if TYPE_CHECKING:
    from collections.abc import Sequence

ON_THE_MAP = 300
"""So many of the commonest words."""
MOST_AXES = 2
IN_SENTENCE, NEAR = "•", "◦"


def parse_axes(embedding: Embedding, written: str) -> tuple[Poles, ...]:
    """Such as "bad:good cold:warm"; nothing is no axis. Raises UsageError for what is no axis, or for a third one."""
    from tui_transformer.errors import UsageError

    axes = written.split()
    if len(axes) > MOST_AXES:
        raise UsageError(f"{len(axes)} axes: a map has 1 or {MOST_AXES}")
    return tuple(embedding.poles(axis) for axis in axes)


@dataclass(frozen=True, eq=False)
class Ground:
    """What a map is drawn on: axes, and the commonest words, which do not move when other pieces come."""

    embedding: Embedding
    axes: tuple[Poles, ...]
    common: tuple[int, ...]
    projection: Projection

    @classmethod
    def of(cls, embedding: Embedding, written: str) -> Ground:
        """On the axes that are written, or on principal components. Reads the whole embedding: takes a while."""
        axes = parse_axes(embedding, written)
        common = embedding.common(ON_THE_MAP) or tuple(range(min(ON_THE_MAP, embedding.vocabulary.size)))
        return cls(embedding, axes, common, embedding.projection(common, axes))

    def plot(self, first: Sequence[int]) -> Plot:
        """Some pieces, as far as they are in the vocabulary, and the commonest words."""
        known = [i for i in first if 0 <= i < self.embedding.vocabulary.size]
        return Plot(self.embedding.mapped((*known, *self.common), self.axes, self.projection))


@dataclass(frozen=True, eq=False)
class Look:
    """Through which window one looks, in how many cells; None for all there is."""

    window: Window | None = None
    columns: int = 1
    lines: int = 1


@dataclass(frozen=True, eq=False)
class Plot:
    """Pieces at their places."""

    mapped: Mapped

    @cached_property
    def everything(self) -> Window:
        """The window in which all of it is seen."""
        return everything(self.mapped.projection.places)

    @property
    def title(self) -> str:
        """Whose pieces, and how many."""
        return f"{self.mapped.side} · {len(self.mapped.ids)} pieces"

    @property
    def axes(self) -> str:
        """What x and y are, in few words."""
        x, y = (name.removeprefix("principal ").removesuffix(" of the variance") for name in axis_names(self.mapped))
        return f"x: {x} · y: {y}"

    def drawn(self, look: Look, cursor: int, sentence: frozenset[int], found: Found | None) -> Map:
        """The map with the piece of this id at the cursor, and those of the sentence and the neighbours marked."""
        near = {one.id for one in found.neighbours} if found else set()
        asked = {i for _, _, i in found.terms} if found and len(found.terms) > 1 else set()
        labels = [
            (IN_SENTENCE if i in sentence else NEAR if i in near else "") + label(piece)
            for i, piece in zip(self.mapped.ids, self.mapped.pieces, strict=True)
        ]
        places = {i: place for place, i in enumerate(self.mapped.ids)}
        strong = ends(self.mapped) | {places[i] for i in (sentence | asked) & places.keys()}
        bold = frozenset(places[i] for i in near & places.keys())
        return Map(
            labels, self.mapped.projection.places, strong, len(self.mapped.poles), bold, places.get(cursor),
            look.lines, look.window or self.everything,
        )  # fmt: skip

    def beside(self, look: Look, cursor: int, direction: tuple[int, int]) -> int:
        """The id of the piece nearest to another in a direction, as it is seen; itself if there is none."""
        low, high = look.window or self.everything
        # A line is as high as two columns are wide.
        seen = (self.mapped.projection.places - low) / (high - low) * [look.columns, 2 * look.lines]
        place = toward(seen, self.mapped.ids.index(cursor), direction)
        return cursor if place is None else self.mapped.ids[place]

    def zoomed(self, window: Window | None, by: float, piece: int) -> Window | None:
        """The window, so many times as narrow around a piece; all of it if it would be wider."""
        low, high = window or self.everything
        all_low, all_high = self.everything
        if np.any((high - low) / by >= all_high - all_low):
            return None
        middle = self._place(piece)
        return middle - (middle - low) / by, middle + (high - middle) / by

    def panned(self, window: Window | None, direction: tuple[int, int]) -> Window:
        """The window, a quarter of it further."""
        low, high = window or self.everything
        step = (high - low) * np.array(direction) / 4
        return low + step, high + step

    def showing(self, window: Window | None, piece: int) -> Window | None:
        """The window, moved if need be so that a piece is seen."""
        if window is None:
            return None
        (low, high), place = window, self._place(piece)
        if np.all((place >= low) & (place <= high)):
            return window
        half = (high - low) / 2
        return place - half, place + half

    def _place(self, piece: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        place: np.ndarray[tuple[int], np.dtype[np.float64]] = self.mapped.projection.places[
            self.mapped.ids.index(piece)
        ]
        return place
