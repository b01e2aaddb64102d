"""The guard: what looks wrong in a translation, without knowing a better one.

The thresholds are set where 500 human translations of Tatoeba, English to German, forced on the model, hardly
ever get. So a flag is to be taken seriously; the lack of one proves nothing. Of the 2,000 lines of dev.tatoeba the
guard flags one of the translations of the shipped en-de and 4 human ones; of human ones made bad on purpose, all
whose end is repeated, 98 % of copied sources, but only 23 % of those that lack half of their words, 4 % of those
that lack a third, and 16 % of translations of another line (`python scripts/measure_checks.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from .analysis.alignment import Heads, coverage
from .analysis.lines import Vocabulary, attention_to_text
from .analysis.words import Floats, Words, merge
from .pieces import text_of

if TYPE_CHECKING:
    from .translation import Part

LOOPS = {1: 4, 2: 3}
"""How often a sequence of this many pieces must follow itself to be a loop; longer ones twice. Humans: never."""
LONGEST_LOOP = 10
COPIED = 0.75
"""Share of the source's lower-case words. Humans: 0.67 at most; names are no sign."""
COPIED_WORDS = 3
STUCK = 8
"""This many pieces in a row read the same source piece. Humans: 6 at most."""
MISSING = 0.04
"""Attention that a source word got from all target words together. Humans: 0.06 at least, except one in 2,000."""
RATIO = (0.6, 1.75)
"""Target pieces over source pieces, both plus 3. Humans: 0.64 to 1.64, except one in 500."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One suspicion: `kind` for programs, `detail` for people."""

    kind: str
    detail: str


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known about a part: texts, pieces without their ends, and whether the translation came to its end.

    `attention` (T, S+1) is cross-attention among pieces, `coverage` (Sw,) what each source word got of it.
    """

    source: str
    target: str
    source_pieces: tuple[str, ...]
    target_pieces: tuple[str, ...]
    complete: bool
    attention: Floats
    words: tuple[str, ...]
    coverage: Floats

    @classmethod
    def of(cls, part: Part, source: Vocabulary, target: Vocabulary, heads: Heads) -> Evidence:
        """Of the best hypothesis of a part that was scored with attentions."""
        forced = part.forced[0]
        read, attention = attention_to_text(part, 0, source, heads)
        spoken = target.pieces(forced.ids)
        words = Words.of(read)
        covered = coverage(merge(attention, Words.of(spoken), words)[:-1])
        complete = part.hypotheses[0].complete
        return cls(
            part.source.text, part.texts[0].strip(), read, spoken, complete, attention[:-1], words.words, covered
        )  # fmt: skip


def suspicions(parts: Sequence[Part], source: Vocabulary, target: Vocabulary, heads: Heads) -> list[Flag]:
    """All flags of a line's best translation. What was not to be translated is never suspected."""
    evidence = [Evidence.of(part, source, target, heads) for part in parts if part.source.ids]
    return [flag for part in evidence for check in CHECKS if (flag := check(part))]


def empty(evidence: Evidence) -> Flag | None:
    """Something was translated as nothing."""
    if evidence.target or not any(map(str.isalnum, evidence.source)):
        return None
    return Flag("empty", "no translation")


def cut_off(evidence: Evidence) -> Flag | None:
    """The length limit was reached before the end."""
    return None if evidence.complete else Flag("cut_off", f"cut off after {len(evidence.target_pieces)} pieces")


def loop(evidence: Evidence) -> Flag | None:
    """A sequence of pieces follows itself, and the source has nothing of the kind."""
    found = repeated(evidence.target_pieces)
    if not found or repeated(evidence.source_pieces):
        return None
    pieces, times = found
    return Flag("loop", f"“{text_of(pieces)}” {times} times in a row")


def copied(evidence: Evidence) -> Flag | None:
    """Words of the source came out as they went in."""
    words = [word for word in map(_bare, evidence.source.split()) if word[:1].islower()]
    said = set(map(_bare, evidence.target.split()))
    same = sum(word in said for word in words)
    if len(words) < COPIED_WORDS or same < COPIED * len(words):
        return None
    return Flag("copied", f"{same} of {len(words)} lower-case words are not translated")


def stuck(evidence: Evidence) -> Flag | None:
    """The model kept reading the same place."""
    if not evidence.target_pieces:
        return None
    runs = [(place, len(list(run))) for place, run in groupby(evidence.attention.argmax(axis=1).tolist())]
    place, length = max(runs, key=lambda run: run[1])
    if length < STUCK:
        return None
    name = evidence.source_pieces[place].replace("▁", "") if place < len(evidence.source_pieces) else "the end"
    return Flag("stuck", f"{length} pieces in a row look at “{name}”")


def missing(evidence: Evidence) -> Flag | None:
    """Words of the source that were hardly looked at."""
    if not evidence.target_pieces:
        return None
    words = [evidence.words[i] for i in np.flatnonzero(evidence.coverage < MISSING)]
    words = [word for word in words if any(map(str.isalnum, word))]
    return Flag("missing", f"hardly looked at: {' '.join(words)}") if words else None


def odd_length(evidence: Evidence) -> Flag | None:
    """Much shorter or longer than the source."""
    said, read = len(evidence.target_pieces), len(evidence.source_pieces)
    if not said or RATIO[0] <= (said + 3) / (read + 3) <= RATIO[1]:
        return None
    return Flag("odd_length", f"{said} pieces for {read}")


CHECKS = (empty, cut_off, loop, copied, stuck, missing, odd_length)


def repeated(pieces: Sequence[str]) -> tuple[Sequence[str], int] | None:
    """The first sequence of pieces with letters or digits that follows itself too often, and how often."""
    for size in range(1, LONGEST_LOOP + 1):
        equal = 0
        for start in range(size, len(pieces)):
            # As many pieces as the sequence has, each equal to the one `size` before: once more the same.
            equal = equal + 1 if pieces[start] == pieces[start - size] else 0
            unit, times = pieces[start - size + 1 : start + 1], equal // size + 1
            if times >= LOOPS.get(size, 2) and any(c.isalnum() for piece in unit for c in piece):
                return unit, times
    return None


def _bare(word: str) -> str:
    return word.strip(".,;:!?\"'()“”„‘’«»")
