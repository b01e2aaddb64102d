"""What every pair goes through: one way to write text, no pair twice, nothing that a test set also has."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

Pair = tuple[str, str]

_WORD = re.compile(r"\w+")
_MARKUP = re.compile(r"[<>]|\]\(|\*\*|\ufffd")
KEY_DIGITS = 12


def tidy(text: str) -> str:
    """NFC, with single spaces, so that a pair fits in a line of TSV."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def normalised(text: str) -> str:
    """What is left when case, punctuation and the width of letters do not count: two such texts are one sentence."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def key(pair: Pair) -> str:
    """A short name of a pair, so that a set can be told without its text."""
    return hashlib.sha256("\t".join(pair).encode()).hexdigest()[:KEY_DIGITS]


class Sides:
    """The normalised sentences of sets that training must not see."""

    def __init__(self) -> None:
        self._sources: set[str] = set()
        self._targets: set[str] = set()

    def add(self, pair: Pair) -> None:
        """Remember both sides."""
        self._sources.add(normalised(pair[0]))
        self._targets.add(normalised(pair[1]))

    def share(self, pair: Pair) -> bool:
        """Whether one of the sides is known."""
        return normalised(pair[0]) in self._sources or normalised(pair[1]) in self._targets


class Cleaner:
    """Lets through what may be used, and counts what may not, by reason."""

    def __init__(self, known: Sides) -> None:
        self.left_out: Counter[str] = Counter()
        self._known = known
        self._seen: set[Pair] = set()

    def clean(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        """Tidy pairs; no pair comes twice from one cleaner."""
        for source, target in pairs:
            pair = tidy(source), tidy(target)
            if reason := self._reason(pair):
                self.left_out[reason] += 1
            else:
                self._seen.add(pair)
                yield pair

    def _reason(self, pair: Pair) -> str:
        if not all(pair):
            return "empty side"
        if any(_MARKUP.search(side) for side in pair):
            return "markup"
        if pair in self._seen:
            return "twice"
        if self._known.share(pair):
            return "shared with a development or test set"
        return ""
