"""Cutting a line into sentences, and what is too long for the model, even clause by clause, after words.

The only file that imports sentencex. Sentence by sentence, lines of several sentences translate better than
whole (measured on the development sets' lines of several sentences, English to German, an early model):
18 of Tatoeba 32.3 against 30.5 BLEU, 28 of newstest2013 5.9 against 4.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from sentencex import segment

_WORD = re.compile(r"[A-Za-z0-9\u00c0-\u024f\u0370-\u052f]")
_BLANKS = re.compile(r"\s+")


def sentences(text: str, language: str) -> list[str]:
    """The sentences of a text, each with the white space behind it."""
    found: list[str] = [sentence for sentence in segment(language, text) if sentence]
    # The library does not promise to give back every character.
    return _rejoined(found) if found and "".join(found) == text else [text]


def _rejoined(found: list[str]) -> list[str]:
    """No sentence ends where a letter or digit of an alphabet follows at once: System.String is one word."""
    whole = found[:1]
    for sentence in found[1:]:
        if not whole[-1][-1].isspace() and _WORD.match(sentence):
            whole[-1] += sentence
        else:
            whole.append(sentence)
    return whole


def cut(text: str, size: Callable[[str], int], limit: int) -> list[str]:
    """A text in parts whose size is within the limit: as many words as go together, a longer word cut anywhere.

    White space stays with the part before. Nothing is lost: the parts joined are the text. A single character that
    does not fit stays whole.
    """
    if len(text) <= 1 or size(text) <= limit:
        return [text]
    places = [match.end() for match in _BLANKS.finditer(text) if 0 < match.end() < len(text)] or [len(text) // 2]
    parts = list[str]()
    for part in [text[a:b] for a, b in pairwise([0, *places, len(text)])]:
        if parts and size(parts[-1] + part) <= limit:
            parts[-1] += part
        else:
            parts += cut(part, size, limit)
    return parts
