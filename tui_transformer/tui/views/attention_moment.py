"""What the attention screen shows of a moment: maps, small pictures of all heads, statistics. No Textual."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tui_transformer.analysis.heads import HeadStats
from tui_transformer.analysis.maps import Attention, Axis, axes
from tui_transformer.render.thumbnails import Frame

if TYPE_CHECKING:
    from tui_transformer.events import Encoded, Trace
    from tui_transformer.probes import Kind
    from tui_transformer.render.palette import Levels
    from tui_transformer.tui.live import Fold

Place = tuple[int, int]
"""Layer and head, from 0."""

QUICK = 60_000
"""So many weights are prepared within a frame; more of them by a thread."""


@dataclass(frozen=True, slots=True)
class Look:
    """Which attention, and how: pieces or words, with the special ones or without."""

    kind: Kind = "cross"
    words: bool = False
    special: bool = True

    def at(self, attention: Attention) -> Attention | None:
        """Attention that is looked at in this way; None if there is nothing but special pieces."""
        try:
            attention = attention if self.special else attention.without_special()
        except ValueError:
            return None
        return attention.by_words() if self.words else attention

    def along(self, axis: Axis) -> Axis:
        """Labels in this way."""
        axis = axis if self.special else axis.without_special()
        return axis.merged()[0] if self.words and axis.labels else axis


@dataclass(frozen=True, slots=True)
class Moment:
    """So many steps (`shown`) of those that there are, in one run, looked at in one way, for a frame."""

    run: int
    shown: int
    there: int
    whole: bool
    """Whether the decoding is over and all of it shown."""
    look: Look
    frame: Frame


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to be drawn of a moment, taken from a fold that goes on growing."""

    encoded: Encoded
    written: tuple[str, ...]
    """All pieces that there are, also those after the moment."""
    complete: bool
    trace: Trace | None

    @classmethod
    def of(cls, fold: Fold, moment: int) -> Known | None:
        """None before the source has been read. A fold that has a beam and is over is taken as a whole."""
        if fold.encoded is None:
            return None
        trace = fold.trace(None if fold.beam_steps else moment)
        written = tuple(step.chosen.piece for step in fold.steps)
        if fold.beam_steps and trace:
            written = (*trace.finished.pieces, *(["</s>"] if trace.finished.complete else []))
        return cls(fold.encoded, written, bool(fold.finished and fold.finished.complete), trace)

    def attention(self, look: Look) -> Attention | None:
        """All heads of the kind as far as they are known, if there is anything."""
        if look.kind == "encoder":
            return look.at(Attention.of_encoder(self.encoded))
        return look.at(Attention.of(self.trace, look.kind)) if self.trace else None

    def axes(self, look: Look) -> tuple[Axis, Axis]:
        """Rows and columns, also those that are not shown yet."""
        rows, columns = axes(look.kind, self.encoded.pieces, self.written, self.complete)
        return (look.along(rows) if self.written or look.kind == "encoder" else Axis(())), look.along(columns)

    def shape(self, kind: Kind) -> Place | None:
        """How many layers and heads a kind has, once that is known."""
        if kind == "encoder":
            layers, heads = self.encoded.attention.shape[:2]
        elif self.trace and self.trace.steps:
            layers, heads = self.trace.steps[0].cross_attention.shape[:2]
        elif self.trace and self.trace.beam_steps:
            layers, heads = self.trace.beam_steps[0].cross_attention.shape[1:3]
        else:
            return None
        return layers, heads

    def weights(self, kind: Kind) -> int:
        """How many weights there are to look at."""
        source, target = len(self.encoded.pieces), len(self.written)
        layers, heads = self.encoded.attention.shape[:2]
        sides = {"encoder": source * source, "decoder": target * target, "cross": source * target}
        return int(layers) * int(heads) * sides[kind]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A moment, ready to be drawn. `stats` come later than the rest where there is much."""

    moment: Moment
    known: Known
    attention: Attention | None
    rows: Axis
    columns: Axis
    levels: dict[Place, Levels]
    stats: HeadStats | None = None

    @property
    def shown(self) -> int:
        """How many rows are known."""
        return self.attention.weights.shape[2] if self.attention else 0

    @property
    def shape(self) -> Place:
        """How many layers and heads; none of them before the first step."""
        if self.attention is None:
            return 0, 0
        layers, heads = self.attention.weights.shape[:2]
        return layers, heads

    def with_stats(self) -> Prepared:
        """The same with statistics."""
        return replace(self, stats=HeadStats.of(self.attention)) if self.attention else self


def prepare(known: Known, moment: Moment) -> Prepared:
    """All small pictures of a moment, without statistics. They have room for as many rows as columns at least."""
    attention = known.attention(moment.look)
    rows, columns = known.axes(moment.look)
    levels = {}
    if attention:
        height, width = max(len(rows.labels), len(columns.labels)), len(columns.labels)
        if moment.look.kind == "decoder":
            height = width = max(height, len(known.encoded.pieces))
        drawn = moment.frame.levels(attention.weights, height, width)
        levels = {(layer, head): drawn[layer, head] for layer, head in np.ndindex(*drawn.shape[:2])}
    return Prepared(moment, known, attention, rows, columns, levels)
