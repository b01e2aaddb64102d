"""What a model does badly: the worst sentences of a set by chrF, by a rule that nobody can bend."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import sacrebleu

from .corpus import Pair

EXAMPLES = 2
"""So many of each kind."""
# Behind a sign that may end a sentence or open a quotation, a capital says nothing.
_NAME = re.compile(r"""(?<![.!?:…"'“”„«»()\s–-])\s[A-Z][a-z]""")


@dataclass(frozen=True, slots=True)
class Example:
    """One sentence and what became of it."""

    source: str
    reference: str
    translation: str
    chrf: float


@dataclass(frozen=True, slots=True)
class Weakness:
    """Sentences of one kind in a set: how many, their chrF, and the worst of them."""

    set: str
    kind: str
    sentences: int
    chrf: float
    worst: tuple[Example, ...]


def weaknesses(name: str, pairs: Sequence[Pair], translations: Sequence[str]) -> list[Weakness]:
    """Each kind that the set has, all sentences first; no sentence is shown for two kinds."""
    metric = sacrebleu.CHRF()
    examples = [
        Example(pair.source, pair.target, said, float(metric.sentence_score(said, [pair.target]).score))
        for pair, said in zip(pairs, translations, strict=True)
    ]
    found, shown = [Weakness(name, "all", len(examples), _chrf(examples), ())], set[int]()
    for kind, places in _kinds([pair.source for pair in pairs]).items():
        if places:
            worst = sorted((i for i in places if i not in shown), key=lambda i: examples[i].chrf)[:EXAMPLES]
            shown.update(worst)
            members = [examples[i] for i in places]
            found.append(Weakness(name, kind, len(places), _chrf(members), tuple(examples[i] for i in worst)))
    return found


def _kinds(sources: Sequence[str]) -> dict[str, list[int]]:
    """Which sources are of which kind."""
    everywhere = range(len(sources))
    by_length = sorted(everywhere, key=lambda i: -len(sources[i].split()))
    return {
        "numbers (a digit)": [i for i in everywhere if re.search(r"\d", sources[i])],
        "names (a capital inside the sentence)": [i for i in everywhere if _NAME.search(sources[i])],
        "many words (the longest quarter)": sorted(by_length[: len(sources) // 4]),
    }


def _chrf(examples: Sequence[Example]) -> float:
    """Of all of them as one text."""
    said, references = [one.translation for one in examples], [one.reference for one in examples]
    return float(sacrebleu.CHRF().corpus_score(said, [references]).score)
