"""Attention among the words of a whole line, put together from its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tui_transformer.source import words_of

from .alignment import Heads, Pairs, Row, coverage_of, matrix_of, mean_of_heads, pairs_of, rows_of
from .words import Floats, Words, merge

if TYPE_CHECKING:
    from tui_transformer.translation import Part


class Vocabulary(Protocol):
    """What is needed of a tokenizer."""

    def pieces(self, ids: Sequence[int]) -> tuple[str, ...]:
        """The pieces of ids."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LineAttention:
    """Words of a line and of its translation, as white space parts them.

    `rows` say of each target word how much it attends to source words and, last, to the ends of the sentences.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    rows: Sequence[Row]

    @classmethod
    def of(
        cls, parts: Sequence[Part], chosen: Sequence[int], source: Vocabulary, target: Vocabulary, heads: Heads
    ) -> LineAttention:
        """Of parts that were scored with attentions; `chosen`: which hypothesis of each part."""
        blocks, read, spoken = list[tuple[Floats, int, int]](), _Place(), _Place()
        for part, i in zip(parts, chosen, strict=True):
            weights = _word_attention(part, i, source, target, heads)
            read_from = read.take(part.source.whole, len(words_of(part.source.whole)))
            blocks.append((weights, spoken.take(part.texts[i], len(part.texts[i].split())), read_from))
        words = tuple(words_of("".join(part.source.whole for part in parts)))
        targets = tuple("".join(part.texts[i] for part, i in zip(parts, chosen, strict=True)).split())
        return cls(words, targets, rows_of(blocks, len(targets)))

    def pairs(self) -> Pairs:
        """Source word and target word, counted from 0, for each target word that has a partner."""
        return pairs_of(self.rows)

    def coverage(self) -> Floats:
        """How much attention each source word got from all target words (Sw,)."""
        return coverage_of(self.rows, len(self.source))

    def matrix(self) -> Floats:
        """All weights (Tw, Sw+1), the ends of the sentences last: it grows with the square of the line."""
        return matrix_of(self.rows, len(self.source))


def _word_attention(part: Part, i: int, source: Vocabulary, target: Vocabulary, heads: Heads) -> Floats:
    """(Tw, Sw+1) of one part. What was not translated is its own translation; words ahead of it come from nowhere."""
    if not part.source.ids:
        kept, said = len(words_of(part.source.whole)), len(part.texts[i].split())
        return np.eye(said, kept + 1, kept - said)
    read, attention = attention_to_text(part, i, source, heads)
    return merge(attention, Words.of(target.pieces(part.forced[i].ids)), Words.of(read))[:-1]


def attention_to_text(part: Part, i: int, source: Vocabulary, heads: Heads) -> tuple[tuple[str, ...], Floats]:
    """The pieces of a part's text, without its end, and the attention (T+1, S+1) of its i-th hypothesis to them.

    What a code of the language in front gets of it counts with the end's: it belongs to no word either.
    """
    attention = part.forced[i].cross_attention
    assert attention is not None
    mean, ids = mean_of_heads(attention, heads), part.source.ids
    if part.source.language:
        mean[:, -1] += mean[:, 0]
        mean, ids = mean[:, 1:], ids[1:]
    return source.pieces(ids[:-1]), mean


@dataclass(slots=True)
class _Place:
    """How far a line has been read, part by part: how many words, and whether the last of them may go on."""

    words: int = 0
    inside: bool = False

    def take(self, text: str, words: int) -> int:
        """Read the next part of so many words: the number of the one it begins with. Parts may meet inside a word."""
        first = self.words - (self.inside and bool(text) and not text[0].isspace())
        self.words = first + words
        self.inside = not text[-1].isspace() if text else self.inside
        return first
