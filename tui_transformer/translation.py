"""What became of a line, and all that can be said about it: parts, hypotheses, scores. Values only."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from .keep import Keeper
    from .search import Hypothesis
    from .translator import ForcedTarget, Source

# What was chosen of each part, the last one's outside: thousands of parts share their beginnings.
_Chosen: TypeAlias = "tuple[_Chosen, int] | None"

_NO_FIELDS: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Line:
    """A line to be translated. `prefix`: ids of its forced beginning; `fields`: what else came with it."""

    text: str
    prefix: tuple[int, ...] = ()
    fields: Mapping[str, object] = field(default_factory=lambda: _NO_FIELDS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should be known about each line, beyond its translation.

    `n_best` hypotheses per part; `scores`: a second pass gives the log-probability of each piece, with
    `attentions` its cross-attention too; `keeper` has the strings that must come through unchanged.
    `alternatives`: the n best differ in this piece of the line's translation, from 1 (`alternatives`).
    """

    n_best: int = 1
    scores: bool = False
    attentions: bool = False
    keeper: Keeper | None = None
    alternatives: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a line: its hypotheses, best first, all different as text.

    `texts` are what they say, with the white space around; `forced` is what the second pass says about each
    hypothesis, empty if it was not asked for. The first `begun` pieces of each were not searched for but forced.
    """

    source: Source
    hypotheses: tuple[Hypothesis, ...]
    texts: tuple[str, ...]
    forced: tuple[ForcedTarget, ...] = ()
    begun: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One translation of a whole line: `chosen` says which hypothesis of each part it is made of.

    `score` is what candidates are ranked by; `log_probability` is that of all pieces and ends, in nats, or
    None if it was not asked for.
    """

    text: str
    chosen: tuple[int, ...]
    score: float
    log_probability: float | None


@dataclass(frozen=True, slots=True)
class Translation:
    """A line and what became of it."""

    line: Line
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The best translation."""
        return "".join(part.texts[0] for part in self.parts)

    def n_best(self, count: int) -> list[Candidate]:
        """At most `count` candidates, the best first, all different as text."""
        best: list[tuple[float, _Chosen]] = [(0.0, None)]
        for part in self.parts:
            longer = (
                (score + hypothesis.score, (chosen, i))
                for score, chosen in best
                for i, hypothesis in enumerate(part.hypotheses)
            )
            best = heapq.nlargest(count, longer, key=lambda candidate: candidate[0])
        candidates = [self._candidate(score, _in_order(chosen)) for score, chosen in best]
        return [candidates[i] for i in distinct([candidate.text for candidate in candidates], count)]

    def _candidate(self, score: float, chosen: tuple[int, ...]) -> Candidate:
        pairs = list(zip(self.parts, chosen, strict=True))
        text = "".join(part.texts[i] for part, i in pairs)
        known = all(part.forced for part in self.parts)
        log_probability = math.fsum(p for part, i in pairs for p in part.forced[i].log_probabilities) if known else None
        return Candidate(text, chosen, score, log_probability)


def _in_order(chosen: _Chosen) -> tuple[int, ...]:
    places = []
    while chosen:
        chosen, place = chosen
        places.append(place)
    return tuple(reversed(places))


def distinct(texts: Sequence[str], count: int) -> list[int]:
    """The places of the first `count` different texts."""
    first = {text: i for i, text in reversed(list(enumerate(texts)))}
    return sorted(first.values())[:count]
