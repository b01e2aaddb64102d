"""What a sentence quotes is translated by itself (`quotes`), and put into the translation of the rest of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from .quotes import MARKS, Quoting, quoting
from .search import Hypothesis
from .tasks import Task
from .translation import Line, Part, Translation
from .window import WindowTranslator, best_of

SPARE = 4
"""So many candidates are looked at for one that is wanted: some say the same in the end, or have lost a stand-in."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that quotes: its frame in parts, none if it says nothing, and each quote in parts.

    `at_once`: whether it is read in two without trying it whole first.
    """

    task: Task
    quoting: Quoting
    at_once: bool
    frame: list[Task]
    quotes: list[list[Task]]


def with_quotes(work: WindowTranslator, tasks: Sequence[Task]) -> list[list[Part]]:
    """The parts that become of each task, which is a whole sentence if it quotes.

    Where a stand-in is not in the translation of its frame, the sentence is read as if it did not quote.
    """
    every = range(len(tasks))
    sentences = {i: sentence for i in every if (sentence := sentence_of(work, tasks[i]))}
    at_once = {i for i, sentence in sentences.items() if sentence.at_once}
    found = _read(work, tasks, sentences, sorted(at_once), [i for i in every if i not in at_once])
    lost = [i for i in sentences.keys() - at_once if not sentences[i].quoting.keeps(_text(found[i]))]
    found |= _read(work, tasks, sentences, sorted(lost), sorted(at_once - found.keys()))
    return [found[i] for i in every]


def _read(
    work: WindowTranslator, tasks: Sequence[Task], sentences: Mapping[int, Sentence],
    apart: Sequence[int], whole: Sequence[int],
) -> dict[int, list[Part]]:  # fmt: skip
    """The parts of some tasks, all searched for together: of sentences taken `apart`, if that works, and of others."""
    groups = [group for i in apart for group in (sentences[i].frame, *sentences[i].quotes)]
    groups += [_unquoted(work, tasks[i]) for i in whole]
    parts = iter(_in_groups(work, groups))
    composed = [
        _composed(work, sentences[i], frame=next(parts), quotes=[next(parts) for _ in sentences[i].quotes])
        for i in apart
    ]
    found = {i: [part] for i, part in zip(apart, composed, strict=True) if part.texts}
    return found | {i: next(parts) for i in whole}


def sentence_of(work: WindowTranslator, task: Task) -> Sentence | None:
    """A task as a sentence that quotes; None if it does not, or if marks in it belong to what must be kept."""
    source, keeper = task.source, work.wanted.keeper
    found = quoted_by(task)
    if task.prefix or not found:
        return None
    kept = [source.text[start:stop] for start, stop in keeper.spans(source.text)] if keeper else []
    if any(sign in MARKS for string in kept if len(string) > 1 for sign in string):
        return None
    # A mark that the model has no letter for stands beside the quote in any case.
    at_once = found.is_speech or any(string in MARKS for string in kept)
    frame = work.cut(found.frame, (), source.language) if found.is_framed else []
    return Sentence(
        task, found, at_once, frame, [_quoted(work, quote.spoken, source.language) for quote in found.quotes]
    )


def quoted_by(task: Task) -> Quoting | None:
    """What a task quotes if it is a whole sentence."""
    source = task.source
    return quoting(source.text) if source.ids and source.opens and source.closes else None


def _quoted(work: WindowTranslator, words: str, language: str) -> list[Task]:
    """A quote in parts. It may begin inside a sentence, as its own first letter says."""
    first, *rest = work.cut(words, (), language)
    return [replace(first, source=replace(first.source, opens=False)), *rest]


def _unquoted(work: WindowTranslator, task: Task) -> list[Task]:
    """The parts of a sentence that would stay whole for its quotes, if these are not read by themselves."""
    return work.cut(task.source.whole, task.prefix, task.source.language) if quoted_by(task) else [task]


def _in_groups(work: WindowTranslator, groups: Sequence[Sequence[Task]]) -> list[list[Part]]:
    """The parts that become of each group of tasks, all searched for together."""
    found = iter(work.found([*chain(*groups)]))
    return [[*chain(*islice(found, len(group)))] for group in groups]


def _composed(
    work: WindowTranslator, sentence: Sentence, frame: Sequence[Part], quotes: Sequence[Sequence[Part]]
) -> Part:
    """The sentence with the best translations of frame and quotes; without any where the stand-ins are not there."""
    source, target = sentence.task.source, work.translator.target
    every = Translation(Line(source.whole), (*frame, *chain(*quotes)))
    hypotheses, texts = list[Hypothesis](), list[str]()
    for candidate in every.n_best(SPARE * work.wanted.n_best if work.wanted.n_best > 1 else 1):
        said = (part.texts[i] for part, i in zip(every.parts, candidate.chosen, strict=True))
        around, *words = ("".join(islice(said, len(parts))) for parts in (frame, *quotes))
        text = sentence.quoting.restored(around if frame else sentence.quoting.frame, words)
        if text is None or (ids := target.encode_exactly(text)) is None:
            continue
        parts = [part.hypotheses[i] for part, i in zip(every.parts, candidate.chosen, strict=True)]
        log_probability = math.fsum(part.log_probability for part in parts)
        complete = all(part.complete for part in parts)
        hypotheses.append(Hypothesis(tuple(ids), log_probability, candidate.score, complete))
        texts.append(work.translator.reading.placed(source, text))
    return best_of(Part(source, tuple(hypotheses), tuple(texts)), work.wanted.n_best)


def _text(parts: Sequence[Part]) -> str:
    return "".join(part.texts[0] for part in parts)
