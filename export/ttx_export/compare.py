"""One or two bundles on one set of pairs: BLEU, chrF, and whether their difference could be chance. By sacrebleu."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sacrebleu
from sacrebleu.metrics.base import Signature
from sacrebleu.significance import PairedTest, Result

from tui_transformer.batching import Batching, translate_lines
from tui_transformer.scoring import CorpusScore, score_pairs
from tui_transformer.translator import Options, Translator

Pair = tuple[str, str]
_LABELS = {"BLEU": "BLEU", "chrF2": "chrF"}  # sacrebleu's names, as published scores call them


@dataclass(frozen=True, slots=True)
class System:
    """What one bundle makes of the sources, and how likely it finds the references."""

    name: str
    translations: tuple[str, ...]
    references: CorpusScore
    beam: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of one system: `metric` BLEU or chrF (0…100).

    By bootstrap resampling: `interval` is half the width of the 95 % confidence interval, `p_value` the
    probability of a difference this large from the baseline by chance alone (None for the baseline itself).
    """

    metric: str
    value: float
    interval: float
    p_value: float | None
    signature: str


def run_system(name: str, translator: Translator, pairs: Sequence[Pair], beam: int, workers: int) -> System:
    """Translate all sources, score all references."""
    batching = Batching(workers=workers)
    found = translate_lines(translator, (source for source, _ in pairs), Options(beam=beam), batching)
    texts = tuple(translation.text for translation in found)
    total = CorpusScore()
    for score in score_pairs(translator, pairs, batching):
        total = total.plus(score)
    return System(name, texts, total, beam)


def measure(systems: Sequence[System], references: Sequence[str], samples: int) -> list[list[Measured]]:
    """The numbers of each system; the last one is the baseline if there are several.

    The seed is sacrebleu's (SACREBLEU_SEED): the same systems give the same numbers.
    """
    # sacrebleu wants the baseline first.
    ordered = [systems[-1], *systems[:-1]]
    test = PairedTest(
        # Numbered, since two bundles may have the same name.
        [(str(i), list(system.translations)) for i, system in enumerate(ordered)],
        {"BLEU": sacrebleu.BLEU(), "chrF": sacrebleu.CHRF()},
        [list(references)],
        test_type="bs",
        n_samples=samples,
    )
    signatures, results = test()
    measured = [[_measured(name, i, results[name], signatures) for name in _LABELS] for i in range(len(ordered))]
    return [*measured[1:], measured[0]]


def _measured(name: str, system: int, results: Sequence[Result], signatures: Mapping[str, Signature]) -> Measured:
    """One system's result among those of all systems, the baseline first."""
    found = results[system]
    p_value = found.p_value
    if p_value is not None and found.score == results[0].score:
        p_value = 1.0  # chance always explains no difference; sacrebleu, which counts `>`, would say 0.001
    return Measured(_LABELS[name], float(found.score), float(found.ci), p_value, str(signatures[name]))
