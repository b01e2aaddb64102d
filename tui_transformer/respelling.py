"""Names as their sources write them, in place of what a translation made of them (`names`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from .names import Garbled, garbled
from .search import Hypothesis
from .source import ForcedTarget
from .translation import Part, Translation
from .translator import Translator
from .window import WindowTranslator, best_of


def respelled(work: WindowTranslator, translations: Sequence[Translation]) -> list[Translation]:
    """The translations with their names mended, in every hypothesis; a second pass tells what the model doubts."""
    translator = work.translator
    parts = [part for translation in translations for part in translation.parts]
    names = {(p, h): found for p, part in enumerate(parts) for h in range(len(part.texts))
             if (found := _garbled(translator, part, h))}  # fmt: skip
    forced = work.forced([(parts[p].source, parts[p].hypotheses[h].ids) for p, h in names])
    mended = {p: list(part.hypotheses) for p, part in enumerate(parts)}
    for (p, h), told in zip(names, forced, strict=True):
        mended[p][h] = _mended(translator, parts[p], h, names[p, h], told)
    done = (_part(work, part, mended[p]) for p, part in enumerate(parts))
    return [replace(translation, parts=tuple(next(done) for _ in translation.parts)) for translation in translations]


def _garbled(translator: Translator, part: Part, place: int) -> list[Garbled]:
    """Names that a hypothesis may have garbled; what is said ahead of a kept string, or is one, is not the model's."""
    hypothesis, source = part.hypotheses[place], part.source
    if not source.ids or part.texts[place] != translator.text(source, hypothesis):
        return []
    said = translator.target.decode(hypothesis.ids)
    return list(garbled(source.text, said, lambda name: len(translator.source.encode(name))))


def _mended(translator: Translator, part: Part, place: int, names: Sequence[Garbled], told: ForcedTarget) -> Hypothesis:
    """The hypothesis with the names it is in doubt of, unless the vocabulary or a forced beginning says otherwise."""
    target, own = translator.target, part.hypotheses[place]
    pieces = target.pieces(told.ids)
    doubtful = [name for name in names if name.is_doubtful(pieces, told.log_probabilities)]
    if not doubtful:
        return own
    text = reduce(lambda said, name: name.mended(said), doubtful, target.decode(own.ids))
    ids = target.encode_exactly(text)
    if ids is None or tuple(ids[: part.begun]) != own.ids[: part.begun]:
        return own
    return replace(own, ids=tuple(ids))


def _part(work: WindowTranslator, part: Part, hypotheses: Sequence[Hypothesis]) -> Part:
    """The part with these hypotheses; those that say the same now are one."""
    if tuple(hypotheses) == part.hypotheses:
        return part
    texts = [
        said if hypothesis is before else work.translator.text(part.source, hypothesis)
        for hypothesis, before, said in zip(hypotheses, part.hypotheses, part.texts, strict=True)
    ]
    return best_of(replace(part, hypotheses=tuple(hypotheses), texts=tuple(texts)), work.wanted.n_best)
