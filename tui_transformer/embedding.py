"""One side's embedding: its pieces by name, those that point the same way, and their places on a map."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .analysis.cosine import cosines, mean_cosine, unit
from .analysis.neighbours import combined, nearest, parse_terms
from .analysis.projection import Projection, along, principal_components
from .errors import UsageError
from .probes import TextSide
from .render.labels import visible
from .render.views.map import Mapped
from .render.views.neighbours import Found, Neighbour

if TYPE_CHECKING:
    from .tokenizer import Tokenizer
    from .translator import Translator

_WHOLE = re.compile(r"[0-9]{1,9}")
Poles = tuple[int, int]
"""The ids of the pieces that an axis goes from and to."""


@dataclass(frozen=True)
class Embedding:
    """One side's vocabulary, and the row of each of its pieces."""

    translator: Translator
    side: TextSide

    @property
    def vocabulary(self) -> Tokenizer:
        """Its pieces."""
        return self.translator.source if self.side == "source" else self.translator.target

    @cached_property
    def table(self) -> npt.NDArray[np.float32]:
        """One row per piece (V, D), as the model reads it."""
        return self.translator.embeddings(self.side)

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """All pieces, by id."""
        return self.vocabulary.pieces(range(self.vocabulary.size))

    @property
    def end(self) -> int:
        """The id of the piece that ends a sentence."""
        special = self.translator.special
        return special.source_eos if self.side == "source" else special.target_eos

    def ids(self, text: str) -> tuple[int, ...]:
        """The pieces of a text as the model reads them, without the end."""
        of_text = self.translator.source_ids if self.side == "source" else self.translator.target_ids
        return of_text(text)[: self.translator.runtime.architecture.positions - 1]

    def common(self, count: int) -> tuple[int, ...]:
        """The words that are a single piece, in the order in which they were merged: the most common ones first."""
        words = (
            i for i, piece in enumerate(self.pieces) if piece.startswith("▁") and len(piece) > 2 and piece[1:].isalpha()
        )
        return tuple(words)[:count]

    def find(self, wanted: str) -> int:
        """The id of a piece that a person writes. Raises UsageError; see `vocabulary_piece`."""
        return vocabulary_piece(wanted, self.vocabulary)

    def terms(self, analogy: str) -> list[tuple[int, int]]:
        """Such as "king - man + woman" → signs and ids. Raises UsageError for what is not a sum of pieces."""
        try:
            terms = parse_terms(analogy)
        except ValueError as error:
            raise UsageError(f"analogy {error}") from None
        return [(sign, self.find(name)) for sign, name in terms]

    def poles(self, axis: str) -> Poles:
        """Such as bad:good. Raises UsageError for what is not an axis."""
        start, colon, stop = axis.partition(":")
        if not (colon and start and stop):
            raise UsageError(f"axis {axis!r}: write FROM:TO, two pieces, such as bad:good")
        found = self.find(start), self.find(stop)
        if found[0] == found[1]:
            raise UsageError(f"axis {axis!r}: it must go from one piece to another")
        return found

    def neighbours(self, terms: Sequence[tuple[int, int]], count: int) -> Found:
        """The pieces nearest to a sum of signed ids, the nearest first. Raises UsageError for a sum that is zero."""
        ids = [i for _, i in terms]
        if not any(sum(sign for sign, of in terms if of == i) for i in ids):
            raise UsageError("the sum is zero: nothing is near it")
        found = nearest(self.table, combined(self.table, terms), count, ids)
        neighbours = [Neighbour(self.pieces[i], i, cosine) for i, cosine in found]
        # A single piece is most like itself, which tells nothing.
        alike = mean_cosine(cosines(self.table[[i for i, _ in found]])) if len(found) > 1 else 0.0
        return Found(self.side, [(sign, self.pieces[i], i) for sign, i in terms], neighbours, alike)

    def projection(self, ids: Sequence[int], axes: Sequence[Poles] = ()) -> Projection:
        """Pieces on the axes that are asked for, at most two; on their principal components if none are."""
        rows = unit(self.table[list(ids)])
        if not axes:
            return principal_components(rows)
        ends = unit(self.table[[i for pair in axes for i in pair]])
        return along(rows, ends[1::2] - ends[::2])

    def mapped(self, ids: Sequence[int], axes: Sequence[Poles] = (), on: Projection | None = None) -> Mapped:
        """A map of pieces and of the ends of the axes: on axes of their own, or on those of another projection."""
        ids = tuple(dict.fromkeys((*(i for pair in axes for i in pair), *ids)))
        projection = on.onto(unit(self.table[list(ids)])) if on else self.projection(ids, axes)
        named = [(self.pieces[start], self.pieces[stop]) for start, stop in axes]
        return Mapped(self.side, [self.pieces[i] for i in ids], ids, projection, named)


def vocabulary_piece(wanted: str, vocabulary: Tokenizer, likely: Sequence[int] = ()) -> int:
    """The id of a piece given with or without its ▁, or by its id: a word's beginning is preferred to its inside.

    The `likely` ids are preferred to all others. Raises UsageError that says how the text is written.
    """
    for ids in (likely, range(vocabulary.size)):
        known = {vocabulary.piece(i): i for i in reversed(ids)}
        for name in ("▁" + wanted, wanted) if wanted else ():
            if name in known:
                return known[name]
    if _WHOLE.fullmatch(wanted) and int(wanted) < vocabulary.size:
        return int(wanted)
    written = " ".join(map(visible, vocabulary.pieces(vocabulary.encode(wanted)))) or "nothing"
    raise UsageError(
        f"no piece {visible(wanted)!r} in the vocabulary, which writes it as {written}; ids go from 0 to "
        f"{vocabulary.size - 1}"
    )
