"""BLEU and chrF of a bundle on a set of pairs, by sacrebleu, with signatures and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tui_transformer.batching import Batching, translate_lines
from tui_transformer.scoring import CorpusScore
from tui_transformer.translator import Options, Translator

from .compare import System, measure
from .corpus import Pair

SAMPLES = 1000
"""Resamples of the bootstrap; its seed is sacrebleu's own, which the signature names."""

Role = Literal["development", "test"]


@dataclass(frozen=True, slots=True)
class Score:
    """One number: `metric` BLEU or chrF (0…100), on the set `set`.

    `interval` is half the width of the 95 % confidence interval, by bootstrap resampling. `role` "test": nothing
    was chosen by this set.
    """

    set: str
    metric: str
    value: float
    signature: str
    sentences: int
    beam: int
    interval: float
    role: Role = "development"


def translate_sources(translator: Translator, pairs: Sequence[Pair], beam: int, workers: int) -> list[str]:
    """The translations of all sources, in order."""
    lines = (pair.source for pair in pairs)
    return [t.text for t in translate_lines(translator, lines, Options(beam=beam), Batching(workers=workers))]


def score_set(
    name: str, pairs: Sequence[Pair], translations: Sequence[str], beam: int, role: Role = "development"
) -> tuple[Score, Score]:
    """BLEU and chrF with sacrebleu's defaults."""
    system = System(name, tuple(translations), CorpusScore(), beam)
    (numbers,) = measure([system], [pair.target for pair in pairs], SAMPLES)
    bleu, chrf = (
        Score(name, n.metric, round(n.value, 2), n.signature, len(pairs), beam, round(n.interval, 2), role)
        for n in numbers
    )
    return bleu, chrf
