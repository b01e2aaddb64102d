"""Words and signs that a vocabulary cannot say: it spells them in bytes, or has nothing for them.

A model has seldom read them and makes something up: "€50" becomes "Ōsaka50". So they are kept as they are (`keep`).
ASCII is left to the model: every vocabulary of a size has it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol

from .pieces import is_byte
from .source import JOINERS, readable

_MOST_REMEMBERED = 10_000
# A word has unknown letters (U) among others (w); signs (s) may be joined (j).
_UNKNOWN = re.compile("w*U[wU]*|s(?:[sj]*s)?")


class Vocabulary(Protocol):
    """What is needed of a tokenizer."""

    unk_id: int

    def encode(self, text: str) -> list[int]:
        """Ids of the pieces of text."""
        ...

    def pieces(self, ids: Sequence[int]) -> tuple[str, ...]:
        """The pieces of ids."""
        ...


def unknown_to(vocabulary: Vocabulary) -> Callable[[str], list[str]]:
    """A function that gives the words and signs of a text that the vocabulary cannot say, in order."""

    @lru_cache(_MOST_REMEMBERED)
    def says(letter: str) -> bool:
        ids = [] if letter.isascii() else vocabulary.encode(readable(letter))
        return vocabulary.unk_id not in ids and not any(map(is_byte, vocabulary.pieces(ids)))

    def unknown(text: str) -> list[str]:
        if text.isascii():
            return []
        kinds = "".join(_kinds(letter, says(letter)) for letter in _letters(text))
        return [text[found.start() : found.end()] for found in _UNKNOWN.finditer(kinds)]

    return unknown


def _letters(text: str) -> list[str]:
    """Characters, each with the marks above and below it."""
    letters: list[str] = []
    for character in text:
        if letters and unicodedata.category(character).startswith("M"):
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def _kinds(letter: str, known: bool) -> str:
    """One sign for each character of a letter."""
    first, category = letter[0], unicodedata.category(letter[0])
    if first in JOINERS:
        return "j" * len(letter)
    if not known:
        return ("U" if category[0] in "LMN" else "s") * len(letter)
    return ("w" if category[0] in "LM" else " ") + "w" * (len(letter) - 1)
