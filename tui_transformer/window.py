"""One window of lines: cut into parts, translated in batches, mended where kept strings were lost, scored."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import TypeVar

from .keep import STAND_INS, Keeper, unmask
from .search import Hypothesis
from .source import until_refused
from .tasks import Task, tasks_of
from .translation import Line, Part, Translation, Wanted, distinct
from .translator import ForcedTarget, Options, Source, Translator

MAX_POSITIONS = 4096
"""Rows × length of the longest source of one batch, hypotheses counted: half of it is slower in beam search, twice
takes half as much memory again and is no faster."""

ATTENDED_TOGETHER = 64
"""Lines whose attention is held at a time: four layers of eight heads are about a megabyte for 90 pieces."""

ENDS = (".", "!", "?")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class WindowTranslator:
    """Translates windows of lines; batches of at most `rows` sources run side by side in the `pool`."""

    translator: Translator
    options: Options
    wanted: Wanted
    pool: ThreadPoolExecutor
    rows: int

    def translate(self, lines: Sequence[Line]) -> Iterator[Translation]:
        """One translation for each line, in order. Raises LanguageError behind those before the line that has it."""
        tasks, refusal = until_refused(lines, lambda line: self._tasks(line.text, line.prefix or self.options.prefix))
        yield from self._translated(lines[: len(tasks)], tasks)
        if refusal:
            raise refusal

    def _translated(self, lines: Sequence[Line], tasks: Sequence[list[Task]]) -> Iterator[Translation]:
        keeper = self.wanted.keeper
        every = [task for of_line in tasks for task in of_line]
        if self.quotes:
            from .quoting import with_quotes  # it is built on this module

            found = iter(with_quotes(self, every))
        else:
            found = iter(self.found(every))
        translations = [
            Translation(line, tuple(part for _ in of_line for part in next(found)))
            for line, of_line in zip(lines, tasks, strict=True)
        ]
        if keeper and keeper.names:
            from .respelling import respelled  # it is built on this module

            translations = respelled(self, translations)
        if self.wanted.alternatives:
            from .alternatives import varied  # it is built on this module

            translations = varied(self, translations, self.wanted.alternatives)
        if not self.wanted.scores:
            yield from translations
            return
        together = ATTENDED_TOGETHER if self.wanted.attentions else len(translations)
        for start in range(0, len(translations), together):
            yield from self._scored(translations[start : start + together])

    # -- cutting ---------------------------------------------------------------------------------------

    @property
    def quotes(self) -> bool:
        """Whether what a sentence quotes is translated by itself."""
        wanted = self.options.quotes
        return self.translator.generation.quotes if wanted is None else wanted

    def _tasks(self, text: str, prefix: tuple[int, ...]) -> list[Task]:
        """The parts of a line."""
        language, text = self.translator.source.language(text)
        return self.cut(text, prefix, language, self.quotes)

    def cut(self, text: str, prefix: tuple[int, ...], language: str, quotes: bool = False) -> list[Task]:
        """The parts of a text (`Reading.split`); where this would tear apart what must be kept, it is cut around that.

        Raises LanguageError for a language that the model does not know.
        """
        keeper, limit = self.wanted.keeper, self.options.clause_limit
        sources = self.translator.split(text, language, limit, quotes=quotes)
        if keeper and len(sources) > 1 and torn(sources, spans := keeper.spans(text)):
            sources = self.translator.split(text, language, limit, spans, quotes)
            if torn(sources, spans):
                return self._around_kept(text, prefix, keeper, language)
        return tasks_of(self.translator, sources, prefix)

    def _around_kept(self, text: str, prefix: tuple[int, ...], keeper: Keeper, language: str) -> list[Task]:
        pieces = [
            [Source.literal(piece)] if stays else self.translator.split(piece, language, self.options.clause_limit)
            for piece, stays in keeper.cut(text)
        ]
        return tasks_of(self.translator, [source for piece in pieces for source in piece], prefix)

    # -- searching -------------------------------------------------------------------------------------

    def found(self, tasks: Sequence[Task]) -> list[list[Part]]:
        """The parts that become of each task: one, or more where it had to be cut around what must be kept."""
        keeper = self.wanted.keeper
        return self._keeping(tasks, keeper) if keeper else [[part] for part in self._parts(tasks)]

    def _parts(self, tasks: Sequence[Task], keeper: Keeper | None = None) -> list[Part]:
        """Each task with its hypotheses, except those that lack what the keeper wants kept."""
        return [self._part(task, found, keeper) for task, found in zip(tasks, self.search(tasks), strict=True)]

    def _part(self, task: Task, hypotheses: Sequence[Hypothesis], keeper: Keeper | None) -> Part:
        kept = keeper.kept(task.source.written) if keeper else None
        if self.wanted.n_best == 1 and not kept:
            hypotheses = hypotheses[:1]
        texts = [task.said(self.translator.text(task.source, hypothesis)) for hypothesis in hypotheses]
        if keeper and kept:
            keeping = [i for i, text in enumerate(texts) if keeper.keeps(kept, text)]
            hypotheses, texts = [hypotheses[i] for i in keeping], [texts[i] for i in keeping]
        return best_of(Part(task.source, tuple(hypotheses), tuple(texts), begun=len(task.prefix)), self.wanted.n_best)

    def search(self, tasks: Sequence[Task]) -> list[list[Hypothesis]]:
        """The hypotheses of each task, best first."""
        beam = 1 if self.options.sampling else self.options.beam
        return self.in_batches(
            tasks, lambda sources, prefixes: self.translator.translate_batch(sources, self.options, prefixes), beam
        )

    def in_batches(
        self,
        tasks: Sequence[Task],
        work: Callable[[list[Source], list[tuple[int, ...]]], list[Result]],
        beam: int = 1,
    ) -> list[Result]:
        """The work done on the tasks, whose forced beginnings are equally long within a batch."""

        def on_batch(batch: list[int]) -> list[Result]:
            return work([tasks[i].source for i in batch], [tasks[i].prefix for i in batch])

        order = sorted(range(len(tasks)), key=lambda i: len(tasks[i].prefix))
        groups = [list(group) for _, group in groupby(order, key=lambda i: len(tasks[i].prefix))]
        lengths = [len(task.source.ids) for task in tasks]
        batches = [batch for group in groups for batch in batches_by_length(group, lengths, self.rows, beam)]
        return spread(self.pool, batches, on_batch)

    # -- keeping ---------------------------------------------------------------------------------------

    def _keeping(self, tasks: Sequence[Task], keeper: Keeper) -> list[list[Part]]:
        """The parts that become of each task: translated as it is, else with stand-ins, else around what is kept."""
        found = [[part] if part.texts else [] for part in self._parts(tasks, keeper)]
        for words in STAND_INS:
            lost = [i for i, parts in enumerate(found) if not parts]
            for i, part in zip(lost, self._with_stand_ins([tasks[i] for i in lost], keeper, words), strict=True):
                found[i] = [part] if part.texts else []
        lost = [i for i, parts in enumerate(found) if not parts]
        around = [
            self._around_kept(tasks[i].source.whole, tasks[i].prefix, keeper, tasks[i].source.language) for i in lost
        ]
        pieces = iter(self._parts([task for of_task in around for task in of_task]))
        for i, of_task in zip(lost, around, strict=True):
            found[i] = [self.unended(next(pieces)) for _ in of_task]
        return found

    def unended(self, part: Part) -> Part:
        """Without the full stop that the model puts after what it takes for a sentence."""
        if not part.source.ids or part.source.text.endswith(ENDS):
            return part
        ids = [self._without_end(h.ids) if len(h.ids) > part.begun else h.ids for h in part.hypotheses]
        hypotheses = [replace(h, ids=shorter) for h, shorter in zip(part.hypotheses, ids, strict=True)]
        texts = [self.translator.text(part.source, hypothesis) for hypothesis in hypotheses]
        return best_of(replace(part, hypotheses=tuple(hypotheses), texts=tuple(texts)), self.wanted.n_best)

    def _without_end(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        return ids[:-1] if ids and self.translator.target.decode(ids[-1:]) in ENDS else ids

    def _with_stand_ins(self, tasks: Sequence[Task], keeper: Keeper, words: Sequence[str]) -> list[Part]:
        """A part for each task, without any hypothesis where that fails."""
        masks = [keeper.mask(task.source.text, words) for task in tasks]
        # What got too long, or looks like two sentences now, is left to the next attempt.
        usable = {
            i: Task(source, task.prefix)
            for i, (task, mask) in enumerate(zip(tasks, masks, strict=True))
            if mask and (source := self.translator.reading.reread(task.source, mask[0]))
        }
        found = dict(zip(usable, self.search([*usable.values()]), strict=True))
        return [
            self._unmasked(task, found.get(i, []), mask[1] if mask else {}, keeper)
            for i, (task, mask) in enumerate(zip(tasks, masks, strict=True))
        ]

    def _unmasked(
        self, task: Task, hypotheses: Sequence[Hypothesis], stands_for: dict[str, str], keeper: Keeper
    ) -> Part:
        source, kept, target = task.source, keeper.kept(task.source.written), self.translator.target
        restored, texts = list[Hypothesis](), list[str]()
        for hypothesis in hypotheses:
            # What runs on to the limit has mostly lost its way.
            text = unmask(target.decode(hypothesis.ids), stands_for) if hypothesis.complete else None
            if text is None or (ids := target.encode_exactly(text)) is None:
                continue
            placed = self.translator.reading.placed(source, text)
            if keeper.keeps(kept, placed):
                restored.append(replace(hypothesis, ids=tuple(ids)))
                texts.append(placed)
        return best_of(Part(source, tuple(restored), tuple(texts), begun=len(task.prefix)), self.wanted.n_best)

    # -- scoring ---------------------------------------------------------------------------------------

    def _scored(self, translations: Sequence[Translation]) -> Iterator[Translation]:
        """The same with what a second pass says about every hypothesis."""
        pairs = [
            (part.source, hypothesis.ids)
            for line in translations for part in line.parts if part.source.ids for hypothesis in part.hypotheses
        ]  # fmt: skip
        nothing = ForcedTarget((), (), None)
        forced = iter(self.forced(pairs, self.wanted.attentions))
        for translation in translations:
            with_scores = [
                replace(part, forced=tuple(next(forced) if part.source.ids else nothing for _ in part.texts))
                for part in translation.parts
            ]
            yield replace(translation, parts=tuple(with_scores))

    def forced(self, pairs: Sequence[tuple[Source, tuple[int, ...]]], attentions: bool = False) -> list[ForcedTarget]:
        """What the model makes of given translations (ids without start and end), in order."""

        def force(batch: list[int]) -> list[ForcedTarget]:
            return self.translator.force([pairs[i][0] for i in batch], [pairs[i][1] for i in batch], attentions)

        lengths = [len(source.ids) + len(ids) for source, ids in pairs]
        return spread(self.pool, list(batches_by_length(range(len(pairs)), lengths, self.rows, 1)), force)


def batches_by_length(indices: Sequence[int], lengths: Sequence[int], rows: int, beam: int) -> Iterator[list[int]]:
    """Indices, those of the longest first, cut so that a batch stays small enough for the caches."""
    order = sorted(indices, key=lambda i: -lengths[i])
    start = 0
    while start < len(order):
        longest = max(1, lengths[order[start]])
        count = max(1, min(rows, MAX_POSITIONS // (longest * beam)))
        yield order[start : start + count]
        start += count


def spread(
    pool: ThreadPoolExecutor, batches: Sequence[list[int]], work: Callable[[list[int]], list[Result]]
) -> list[Result]:
    """Do the work on each batch of indices side by side; the results in the order of the indices."""
    found: dict[int, Result] = {}
    for batch, results in zip(batches, pool.map(work, batches), strict=True):
        found.update(zip(batch, results, strict=True))
    return [found[i] for i in range(len(found))]


def torn(sources: Sequence[Source], spans: Sequence[tuple[int, int]]) -> bool:
    """Whether the border of two parts lies inside one of the spans of their line."""
    places = list(accumulate(len(source.whole) for source in sources))
    return any(bisect_right(places, start) < bisect_left(places, stop) for start, stop in spans)


def best_of(part: Part, count: int) -> Part:
    """The first `count` hypotheses that differ as text."""
    places = distinct(part.texts, count)
    return replace(
        part, hypotheses=tuple(part.hypotheses[i] for i in places), texts=tuple(part.texts[i] for i in places)
    )
