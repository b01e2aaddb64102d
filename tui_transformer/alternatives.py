"""Alternatives at a position: the pieces before it stay, the likeliest pieces are tried there, the search goes on.

Positions count the pieces of a line's translation from 1 as `Wanted.scores` lists them: through all its parts, the
end of each included. What is varied is the part that has the position; the others stay as they are.

- Within a forced beginning, what is varied is the piece after it: the beginning is kept whole.
- The end is tried like any piece, but not as the first one: no sentence gets an empty translation.
- Where the translation has no such piece, it stands alone.
- An alternative that lacks what must come through unchanged, or says the same as a likelier one, is left out. The
  translation itself is one of them if its own piece is among those tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .search import Hypothesis
from .tasks import Task
from .translation import Part, Translation
from .window import ENDS, WindowTranslator, best_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line is varied: in which of its parts, after which pieces of that part's translation."""

    part: int
    kept: tuple[int, ...]


def varied(work: WindowTranslator, translations: Sequence[Translation], position: int) -> list[Translation]:
    """The translations with the alternatives at this position as hypotheses, scored by the piece's log-probability."""
    positions = work.translator.runtime.architecture.positions
    places = [place_of(translation, position, positions) for translation in translations]
    found = iter(
        _alternatives(work, [(t.parts[p.part], p.kept) for t, p in zip(translations, places, strict=True) if p])
    )
    return [
        replace(
            translation,
            parts=tuple(
                next(found) if place and i == place.part else _alone(part) for i, part in enumerate(translation.parts)
            ),
        )
        for translation, place in zip(translations, places, strict=True)
    ]


def place_of(translation: Translation, position: int, positions: int) -> Place | None:
    """Where the best translation has this piece, or None. What a part was forced to begin with is not to be varied.

    `positions` are those of the model: it cannot continue beyond the last of them.
    """
    for number, part in enumerate(translation.parts):
        if not part.source.ids:
            continue
        best = part.hypotheses[0]
        # A translation that was cut off has no end that another piece could replace.
        if position == len(best.ids) + 1 and not best.complete:
            return None
        if position <= len(best.ids) + 1:
            kept = best.ids[: max(position - 1, part.begun)]
            return Place(number, kept) if len(kept) + 1 < positions else None
        position -= len(best.ids) + 1
    return None


def _alternatives(work: WindowTranslator, places: Sequence[tuple[Part, tuple[int, ...]]]) -> list[Part]:
    """Each part with its alternatives after what is kept of it."""
    count, eos = work.wanted.n_best, work.translator.special.target_eos
    tasks = [Task(part.source, kept) for part, kept in places]
    likely = work.in_batches(tasks, lambda sources, kept: work.translator.next_pieces(sources, kept, count + 1))
    tried = [
        [(piece, p) for piece, p in pieces if piece != eos or task.prefix][:count]
        for task, pieces in zip(tasks, likely, strict=True)
    ]
    known = [
        {eos: Hypothesis(kept, 0.0, 0.0), (*part.hypotheses[0].ids, eos)[len(kept)]: part.hypotheses[0]}
        for part, kept in places
    ]
    unknown = [
        Task(task.source, (*task.prefix, piece))
        for task, pieces, already in zip(tasks, tried, known, strict=True)
        for piece, _ in pieces
        if piece not in already
    ]
    searched = iter(work.search(unknown))
    return [
        _part(work, part, [replace(already.get(piece) or next(searched)[0], score=p) for piece, p in pieces])
        for (part, _), pieces, already in zip(places, tried, known, strict=True)
    ]


def _part(work: WindowTranslator, own: Part, hypotheses: Sequence[Hypothesis]) -> Part:
    """The part with these hypotheses, except those that lack what must be kept."""
    translator, keeper = work.translator, work.wanted.keeper
    texts = [translator.text(own.source, hypothesis) for hypothesis in hypotheses]
    part = replace(own, hypotheses=tuple(hypotheses), texts=tuple(texts))
    # What was translated around a kept string has lost its full stop, and so must its alternatives.
    if own.source.closes and not own.texts[0].rstrip().endswith(ENDS):
        part = work.unended(part)
    if keeper and (kept := keeper.kept(own.source.written)):
        keeping = [i for i, text in enumerate(part.texts) if keeper.keeps(kept, text)]
        part = replace(
            part, hypotheses=tuple(part.hypotheses[i] for i in keeping), texts=tuple(part.texts[i] for i in keeping)
        )
    return best_of(part, work.wanted.n_best) if part.texts else _alone(own)


def _alone(part: Part) -> Part:
    """Only the best hypothesis, which is compared with nothing."""
    return replace(part, hypotheses=(replace(part.hypotheses[0], score=0.0),), texts=part.texts[:1])
