"""Attention among the words of a whole line, put together from its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .alignment import Heads, Pairs, best_pairs, block_diagonal, mean_of_heads
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

    `weights` (Tw, Sw+1): how much each target word attends to each source word and, last, to the ends of the
    sentences. Rows sum to 1.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: Floats

    @classmethod
    def of(
        cls, parts: Sequence[Part], chosen: Sequence[int], source: Vocabulary, target: Vocabulary, heads: Heads
    ) -> LineAttention:
        """Of parts that were scored with attentions; `chosen`: which hypothesis of each part."""
        blocks, before, said = list[tuple[Floats, int, int]](), "", ""
        for part, i in zip(parts, chosen, strict=True):
            whole, text = part.source.whole, part.texts[i]
            weights = _word_attention(part, i, source, target, heads)
            blocks.append((weights, _words_before(said, text), _words_before(before, whole)))
            before, said = before + whole, said + text
        words, targets = tuple(before.split()), tuple(said.split())
        return cls(words, targets, block_diagonal(blocks, len(targets), len(words)))

    def pairs(self) -> Pairs:
        """Source word and target word, counted from 0, for each target word that has a partner."""
        return best_pairs(self.weights)


def _word_attention(part: Part, i: int, source: Vocabulary, target: Vocabulary, heads: Heads) -> Floats:
    """(Tw, Sw+1) of one part. What was not translated is its own translation."""
    attention = part.forced[i].cross_attention
    if not part.source.ids or attention is None:
        words = len(part.source.whole.split())
        return np.eye(words, words + 1)
    spoken = Words.of(target.pieces(part.forced[i].ids))
    read = Words.of(source.pieces(part.source.ids[:-1]))
    return merge(mean_of_heads(attention, heads), spoken, read)[:-1]


def _words_before(before: str, text: str) -> int:
    """The number of the word with which `text` begins: parts may meet inside a word."""
    goes_on = bool(before and text) and not before[-1].isspace() and not text[0].isspace()
    return len(before.split()) - goes_on
