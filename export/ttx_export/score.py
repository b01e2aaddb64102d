"""BLEU and chrF of a bundle on a development set, by sacrebleu, with their signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sacrebleu

from tui_transformer.batching import Batching, translate_lines
from tui_transformer.translator import Options, Translator

from .corpus import Pair


@dataclass(frozen=True, slots=True)
class Score:
    """One number: `metric` BLEU or chrF (0…100), on the development set `set`."""

    set: str
    metric: str
    value: float
    signature: str
    sentences: int
    beam: int


def translate_sources(translator: Translator, pairs: Sequence[Pair], beam: int, workers: int) -> list[str]:
    """The translations of all sources, in order."""
    lines = (pair.source for pair in pairs)
    return [t.text for t in translate_lines(translator, lines, Options(beam=beam), Batching(workers=workers))]


def score_set(name: str, pairs: Sequence[Pair], translations: Sequence[str], beam: int) -> tuple[Score, Score]:
    """BLEU and chrF with sacrebleu's defaults."""
    references = [[pair.target for pair in pairs]]
    scores = []
    for metric in (sacrebleu.BLEU(), sacrebleu.CHRF()):
        value = metric.corpus_score(list(translations), references).score
        label = "BLEU" if isinstance(metric, sacrebleu.BLEU) else "chrF"
        scores.append(Score(name, label, round(value, 2), str(metric.get_signature()), len(pairs), beam))
    return scores[0], scores[1]
