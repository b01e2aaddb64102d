"""The attention of a decoding as matrices with labels: heads chosen, special pieces hidden, pieces merged into words.

Whatever is done to them, each row still sums to 1 as long as single heads or their mean are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from tui_transformer.events import BeamStep, Encoded, Trace
from tui_transformer.probes import Kind

from .alignment import Heads
from .words import Words, merge_by, with_special

Combine = Literal["mean", "max"]
START, END = "<s>", "</s>"
"""What the decoder reads first and writes last, as SentencePiece writes them: a trace does not always name them."""

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Axis:
    """Labels of rows or columns; the first `before` and the last `behind` of them are special, not text."""

    labels: tuple[str, ...]
    before: int = 0
    behind: int = 0

    @property
    def text(self) -> slice:
        """Where the text is."""
        return slice(self.before, len(self.labels) - self.behind)

    def without_special(self) -> Axis:
        """The text alone."""
        return Axis(self.labels[self.text])

    def merged(self) -> tuple[Axis, npt.NDArray[np.float64]]:
        """Its words, special pieces as they are, and how much of each piece belongs to each word (W, P).

        Text that has no words, nothing but spaces, stays as it is.
        """
        words = Words.of(self.labels[self.text])
        if not words.words:
            return self, np.eye(len(self.labels))
        before, behind = self.labels[: self.text.start], self.labels[self.text.stop :]
        shares = with_special(words.shares, self.before, self.behind)
        return replace(self, labels=(*before, *words.words, *behind)), shares


@dataclass(frozen=True, slots=True, eq=False)
class Attention:
    """`weights` (L, H, R, C): how much each row's piece attends to each column's, for every head of one kind.

    A row of "encoder" is a source piece; of "decoder" the target piece that is read, and what stands behind it is
    masked, exactly 0; of "cross" the target piece that is written. Columns are source, target and source pieces.
    """

    kind: Kind
    weights: Floats
    rows: Axis
    columns: Axis

    @classmethod
    def of(cls, trace: Trace, kind: Kind) -> Attention:
        """All heads of a kind; if several hypotheses were searched, of the one that was taken in the end.

        Raises ValueError if the decoding has no steps, or its beam does not lead to its translation.
        """
        if kind == "encoder":
            return cls.of_encoder(trace.encoded)
        steps = decoder_rows(trace)
        if not steps:
            raise ValueError("the decoding has no steps")
        written = tuple(step.piece for step in steps)
        rows, columns = axes(kind, trace.encoded.pieces, written, trace.finished.complete)
        if kind == "cross":
            return cls(kind, np.stack([step.cross_attention for step in steps], axis=2), rows, columns)
        missing = [len(steps) - step.self_attention.shape[-1] for step in steps]
        weights = np.stack(
            [np.pad(step.self_attention, ((0, 0), (0, 0), (0, m))) for step, m in zip(steps, missing, strict=True)],
            axis=2,
        )
        return cls(kind, weights, rows, columns)

    @classmethod
    def of_encoder(cls, encoded: Encoded) -> Attention:
        """Of the encoder, which has read all of the source before the first step."""
        return cls("encoder", encoded.attention, *axes("encoder", encoded.pieces))

    @property
    def masked(self) -> bool:
        """Whether a row may see only the columns up to its own."""
        return self.kind == "decoder"

    def without_special(self) -> Attention:
        """Without the rows and columns of special pieces, each row divided by what is left of its sum.

        Heads rest on special pieces when they have nothing to do (Clark et al. 2019, 3.2). A row that attended to
        nothing else stays zero. Raises ValueError if there is no text.
        """
        kept = self.weights[:, :, self.rows.text, self.columns.text].astype(np.float64)
        if not kept.size:
            raise ValueError("there are only special pieces")
        totals = kept.sum(axis=-1, keepdims=True)
        weights = kept / np.where(totals == 0, 1, totals)
        return Attention(self.kind, weights, self.rows.without_special(), self.columns.without_special())

    def by_words(self) -> Attention:
        """Words instead of pieces, as `merge_by` says."""
        (rows, down), (columns, across) = self.rows.merged(), self.columns.merged()
        return Attention(self.kind, merge_by(self.weights, down, across), rows, columns)

    def combined(self, heads: Heads, how: Combine = "mean") -> Floats:
        """One matrix (R, C) of several heads. The largest weights ("max") of a row may sum to more than 1."""
        layers, numbers = zip(*heads, strict=True)
        chosen = self.weights[list(layers), list(numbers)].astype(np.float64)
        matrix: Floats = chosen.mean(axis=0) if how == "mean" else chosen.max(axis=0)
        return matrix


def axes(
    kind: Kind, source: tuple[str, ...], written: tuple[str, ...] = (), complete: bool = False
) -> tuple[Axis, Axis]:
    """Rows and columns of a kind, for source pieces with their end and what is written, if `complete` with its end."""
    reading = Axis(source, behind=1)
    if kind == "encoder":
        return reading, reading
    if kind == "cross":
        return Axis(written, behind=int(complete)), reading
    target = Axis((START, *written[:-1]), before=1)
    return target, target


class DecoderRow(NamedTuple):
    """One step of the decoder: what it wrote and where it looked, (L, H, T+1) and (L, H, S)."""

    piece: str
    self_attention: Floats
    cross_attention: Floats


def decoder_rows(trace: Trace) -> list[DecoderRow]:
    """The steps that led to the translation; of a beam, those of the hypothesis that was taken.

    Raises ValueError if no hypothesis of the beam leads there.
    """
    rows = [DecoderRow(step.chosen.piece, step.self_attention, step.cross_attention) for step in trace.steps]
    finished, forced = trace.finished, len(rows)
    if trace.beam_steps:
        rows += _rows_of_beam(trace.beam_steps, finished.ids[forced:], finished.pieces[forced:])
    return rows


def _rows_of_beam(steps: Sequence[BeamStep], ids: Sequence[int], pieces: Sequence[str]) -> list[DecoderRow]:
    """Back-pointers tell which row of the decoder read which beginning."""
    rows = list[DecoderRow]()
    read: list[tuple[int, ...]] = [()] * len(steps[0].self_attention)
    for step, length in zip(steps, range(len(ids) + 1), strict=False):
        beginning = tuple(ids[:length])
        if beginning not in read:
            raise ValueError("the beam does not lead to its translation")
        row = read.index(beginning)
        piece = pieces[length] if length < len(pieces) else END
        rows.append(DecoderRow(piece, step.self_attention[row], step.cross_attention[row]))
        read = [(*read[one.parent], one.id) for one in step.live if one.parent < len(read)]
    return rows
