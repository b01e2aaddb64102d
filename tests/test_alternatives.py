"""Alternatives at a piece: what comes before stays, the likeliest pieces are tried, each goes on by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_transformer.batching import Batching, translate_lines
from tui_transformer.events import Trace
from tui_transformer.keep import Keeper
from tui_transformer.search import SamplingOptions
from tui_transformer.translation import Line, Part, Wanted
from tui_transformer.translator import Options, Translator

Pairs = list[tuple[str, str]]
GREEDY = Options(beam=1)
SOURCE, TARGET = "Mary has a flower in her hair.", "Mary hat eine Blume im Haar."
TWO = f"  {SOURCE} The roof leaks.\t"


def parts(
    translator: Translator, line: str | Line, position: int, count: int = 3, options: Options = GREEDY, **wanted: Any
) -> tuple[Part, ...]:
    (found,) = translate_lines(
        translator, [line], options, wanted=Wanted(n_best=count, alternatives=position, **wanted)
    )
    return found.parts


def ids(part: Part) -> list[tuple[int, ...]]:
    return [hypothesis.ids for hypothesis in part.hypotheses]


def own(translator: Translator, source: str, options: Options = GREEDY) -> tuple[int, ...]:
    return translator.translate_batch(translator.split(source), options)[0][0].ids


@pytest.mark.parametrize("position", [1, 2, 5, 9])
def test_the_likeliest_pieces_are_tried_in_their_order(translator: Translator, position: int) -> None:
    (part,) = parts(translator, SOURCE, position, count=4)
    step = Trace.of(translator.stream(SOURCE, Options(beam=1, candidates=4))).steps[position - 1]
    kept = own(translator, SOURCE)[: position - 1]
    assert [found[: position - 1] for found in ids(part)] == [kept] * 4
    assert [found[position - 1] for found in ids(part)] == [candidate.id for candidate in step.candidates]
    likely = [math.log(candidate.probability) for candidate in step.candidates]
    assert [h.score for h in part.hypotheses] == pytest.approx(likely, abs=1e-3)


@pytest.mark.parametrize("options", [GREEDY, Options(beam=4), Options(beam=2, length_penalty=0.0)])
@pytest.mark.parametrize("position", [1, 4])
def test_each_goes_on_as_if_it_had_been_forced_to_begin_so(
    translator: Translator, options: Options, position: int
) -> None:
    source = "The company was in the box."
    (part,) = parts(translator, source, position, count=5, options=options)
    sources, best = translator.split(source), own(translator, source, options)
    assert best in ids(part)
    for found in ids(part):
        forced = translator.translate_batch(sources, options, [found[:position]])[0][0].ids
        assert found in (forced, best)


def test_the_translation_stays_one_of_them(translator: Translator, pairs: Pairs) -> None:
    for (source, target), position in zip(pairs, [1, 2, 3, 4] * 13, strict=False):
        texts = [found.text for found in translator.alternatives(source, position)]
        assert texts[0] == target
        assert len(set(texts)) == len(texts) > 1


def test_the_end_is_tried_like_any_piece_but_not_as_the_first(translator: Translator) -> None:
    length, eos = len(own(translator, SOURCE)), translator.special.target_eos
    (part,) = parts(translator, SOURCE, length + 1)
    assert ids(part)[0] == own(translator, SOURCE)
    assert all(found[:length] == ids(part)[0] for found in ids(part))
    everything = translator.target.size
    (first,) = parts(translator, SOURCE, 1, everything)
    assert all(first.texts)
    (second,) = parts(translator, SOURCE, 2, everything)
    assert ids(first)[0][:1] in ids(second)
    said = {piece for found in ids(first) + ids(second) for piece in found}
    assert not said & {eos, translator.special.target_bos, translator.special.target_pad}


@pytest.mark.parametrize("line", [SOURCE, "", " \t"], ids=ascii)
@pytest.mark.parametrize("position", [50, 10**9])
def test_a_translation_without_such_a_piece_stands_alone(translator: Translator, line: str, position: int) -> None:
    (alone,) = translator.alternatives(line, position, options=GREEDY)
    assert (alone.text, alone.score) == (translator.translate_line(line, GREEDY), 0.0)


def test_pieces_are_counted_through_all_sentences_with_their_ends(translator: Translator) -> None:
    first, second = (len(own(translator, source)) + 1 for source in (SOURCE, "The roof leaks."))
    for position, varied in [(1, 0), (first, 0), (first + 1, 1), (first + second, 1)]:
        found = parts(translator, TWO, position)
        assert [len(part.hypotheses) for part in found] == [3 if i == varied else 1 for i in range(2)]
        assert found[varied].texts == parts(translator, found[varied].source.whole, position - varied * first)[0].texts
    assert [len(part.hypotheses) for part in parts(translator, TWO, first + second + 1)] == [1, 1]
    candidates = translator.alternatives(TWO, first + 1, 3)
    assert all(c.text.startswith(f"  {TARGET} ") and c.text.endswith("\t") for c in candidates)
    assert [c.score for c in candidates] == sorted((c.score for c in candidates), reverse=True)


@pytest.mark.parametrize("position", [1, 2, 3])
def test_a_forced_beginning_is_kept_whole(translator: Translator, position: int) -> None:
    prefix = translator.target_ids("Mary hat")
    (part,) = parts(translator, Line(SOURCE, prefix), position)
    behind = max(position - 1, len(prefix))
    assert len(ids(part)) == 3
    assert all(found[: len(prefix)] == prefix for found in ids(part))
    assert len({found[: behind + 1] for found in ids(part)}) == 3


def test_limits_hold(translator: Translator) -> None:
    for found in ids(parts(translator, SOURCE, 3, 5, Options(beam=1, max_length=4))[0]):
        assert len(found) <= 4
    (cut_off,) = parts(translator, SOURCE, 4, 5, Options(beam=1, max_length=3))
    assert ids(cut_off) == [own(translator, SOURCE)[:3]]
    # What is cut off has no end: the place behind it is not the first of the next sentence either.
    first, second = parts(translator, TWO, 4, 5, Options(beam=1, max_length=3))
    assert (len(ids(first)), len(ids(second))) == (1, 1)
    first, second = parts(translator, TWO, 5, 5, Options(beam=1, max_length=3))
    assert (len(ids(first)), len(ids(second))) == (1, 5)
    positions = translator.runtime.architecture.positions
    line = Line(SOURCE, translator.target_ids("ab " * positions)[: positions - 1])
    (at_the_edge,) = parts(translator, line, positions)
    assert len(at_the_edge.hypotheses) == 1


def test_what_must_come_through_is_in_every_alternative(translator: Translator) -> None:
    line = "Tom has 42 books at https://a.b/c and {name}."
    for position in range(1, 12):
        (found,) = translate_lines(
            translator, [line], GREEDY, wanted=Wanted(4, keeper=Keeper.of(), alternatives=position)
        )
        for candidate in found.n_best(4):
            assert all(text in candidate.text for text in ("42", "https://a.b/c", "{name}"))


@settings(max_examples=20)
@given(
    lines=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=25) | st.just(SOURCE), max_size=5),
    position=st.integers(1, 12),
    beam=st.sampled_from([1, 2]),
    scores=st.booleans(),
)
def test_any_line_has_at_least_one_and_the_same_in_any_batch(
    translator: Translator, lines: Sequence[str], position: int, beam: int, scores: bool
) -> None:
    wanted = Wanted(3, scores=scores, attentions=scores, keeper=Keeper.of(), alternatives=position)
    batchings = Batching(2, 64), Batching(1, 1, 1, 1)
    together, alone = (
        [t.n_best(3) for t in translate_lines(translator, lines, Options(beam=beam), batching, wanted)]
        for batching in batchings
    )
    assert [[c.text for c in found] for found in together] == [[c.text for c in found] for found in alone]
    assert len(together) == len(lines)
    assert all(1 <= len(found) <= 3 for found in together)


@pytest.mark.parametrize(
    ("position", "count", "options"),
    [
        (0, 5, None), (1, 0, None), (1, 5, Options(sampling=SamplingOptions())), (1, 5, Options(no_repeat_ngram=2)),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(translator: Translator, position: int, count: int, options: Options | None) -> None:
    with pytest.raises(ValueError, match=r"alternatives cannot be combined|from 1"):
        translator.alternatives(SOURCE, position, count, options)
