"""Long sentences are cut where clauses end, into parts of about the same length.

What is longer than most of its training text a model translates badly: it leaves parts out and repeats words. Of the
274 lines of dev.newstest2013 with something that the shipped en-de cuts, BLEU goes from 13.0 to 13.8 and chrF from 44.2
to 45.7 (`python scripts/measure_checks.py`); docs/choices/en-de.md has other limits. Every clause but the last is read
with a full stop for its comma, since a model knows sentences better than parts of them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

LEAST = 8
"""Pieces on both sides of a cut: fewer words alone are hard to understand."""
_PLACES = re.compile(r"(?<=[;:,–—)\]])\s+|\s+(?=[(\[])|(?<=[，；：])\s*")
_SIGN = re.compile(r"(?<=\S)[,;:]$")
_OPEN_END = re.compile(r"[\w)\]\"'’”`]$")
_CLOSED_END = re.compile(r"(?<=[^.])[.,;:。]$")


def clauses(
    sentence: str, size: Callable[[str], int], limit: int, spans: Sequence[tuple[int, int]] = (), start: int = 0
) -> list[str]:
    """The parts of a sentence of more than `limit` pieces, each with the white space behind it.

    Cut in two where that leaves the sides most alike, and again while a side is too long and has a place for it. No
    place lies inside one of the `spans`, in order, of the line that the sentence is in from `start` on. Nothing is
    lost: the parts joined are the sentence.
    """
    ends = [match.end() for match in _PLACES.finditer(sentence)]
    ends = [end for end in ends if 0 < end < len(sentence) and not _within(spans, start + end)]
    if not ends or size(sentence) <= limit:
        return [sentence]
    places = [0, *ends, len(sentence)]
    sizes = [0, *accumulate(size(sentence[a:b]) for a, b in pairwise(places))]
    chosen = [0, *_cuts(sizes, 0, len(places) - 1, limit), len(places) - 1]
    return [sentence[places[a] : places[b]] for a, b in pairwise(chosen)]


def unsigned(clause: str) -> tuple[str, str]:
    """A clause without white space around it, as its words and the comma, semicolon or colon behind them."""
    words = _SIGN.sub("", clause)
    return words, clause[len(words) :]


def ended(clause: str) -> str:
    """A clause's words as a sentence, which a model knows better."""
    return f"{clause}." if _OPEN_END.search(clause) else clause


def unended(translation: str) -> str:
    """The translation of `ended` words without the full stop."""
    return _CLOSED_END.sub("", translation)


def _within(spans: Sequence[tuple[int, int]], place: int) -> bool:
    before = bisect_left(spans, place, key=lambda span: span[0]) - 1
    return before >= 0 and place < spans[before][1]


def _cuts(sizes: Sequence[int], first: int, last: int, limit: int) -> list[int]:
    """Where to cut between two places; `sizes` are the pieces in front of each."""
    if sizes[last] - sizes[first] <= limit:
        return []
    inside = [i for i in range(first + 1, last) if min(sizes[i] - sizes[first], sizes[last] - sizes[i]) >= LEAST]
    if not inside:
        return []
    middle = min(inside, key=lambda i: abs(2 * sizes[i] - sizes[first] - sizes[last]))
    return [*_cuts(sizes, first, middle, limit), middle, *_cuts(sizes, middle, last, limit)]
