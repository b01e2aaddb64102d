"""The batch path: as many translations as lines, in order, the same whatever the batches, and all about them."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_transformer.batching import Batching, translate_lines
from tui_transformer.keep import Keeper
from tui_transformer.search import Hypothesis, SamplingOptions
from tui_transformer.splitting import cut, sentences
from tui_transformer.translation import Line, Part, Translation, Wanted, distinct
from tui_transformer.translator import Options, Translator

ODD = [
    "",
    "  ",
    "\t x \r",
    "\x00",
    "\ufffd",
    "👩‍👩‍👧",
    "مرحبا",
    "a" * 300,
    "No. Yes! 3 {x} %s.",
    "A.\u3000B。C",
    "\u2028",
]


@given(st.text(max_size=80))
def test_cutting_loses_nothing(text: str) -> None:
    assert "".join(sentences(text, "en")) == text
    parts = cut(text, len, 7)
    assert "".join(parts) == text
    assert all(len(part) <= 7 for part in parts)


def test_a_line_is_translated_sentence_by_sentence(translator: Translator, pairs: list[tuple[str, str]]) -> None:
    (source, target), (second, translated) = pairs[:2]
    (found,) = translate_lines(translator, [f" {source}  {second}\t"])
    assert found.text == f" {target}  {translated}\t"
    assert "".join(part.source.whole for part in found.parts) == found.line.text


@pytest.mark.parametrize("options", [Options(beam=1), Options(beam=3), Options(sampling=SamplingOptions(seed=4))])
def test_batches_and_workers_change_nothing(
    translator: Translator, pairs: list[tuple[str, str]], options: Options
) -> None:
    lines = [*ODD, *(source for source, _ in pairs[:20]), *ODD]
    wanted = Wanted(keeper=Keeper.of())
    found = [
        [t.text for t in translate_lines(translator, lines, options, Batching(workers, rows, rows), wanted)]
        for workers, rows in [(1, 1), (2, 7), (1, 64)]
    ]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == len(lines)
    assert not any("\n" in text for text in found[0])


def test_candidates_are_different_sorted_and_begin_with_the_translation(
    translator: Translator, pairs: list[tuple[str, str]]
) -> None:
    lines = [f"{a} {b}" for (a, _), (b, _) in zip(pairs[:6], pairs[6:12], strict=True)]
    plain = [t.text for t in translate_lines(translator, lines)]
    for text, found in zip(plain, translate_lines(translator, lines, wanted=Wanted(4)), strict=True):
        candidates = found.n_best(4)
        assert candidates[0].text == text
        assert len({candidate.text for candidate in candidates}) == len(candidates) == 4
        assert [c.score for c in candidates] == sorted((c.score for c in candidates), reverse=True)


def test_of_candidates_that_say_the_same_the_best_one_counts(translator: Translator) -> None:
    """Where two parts meet, different ones may be the same text: "a" + " b c", "a b" + " c"."""

    def part(*texts: tuple[str, float]) -> Part:
        hypotheses = tuple(Hypothesis((), score, score) for _, score in texts)
        return Part(translator.whole("Tom"), hypotheses, tuple(text for text, _ in texts))

    first, second = part(("a", -0.1), ("a b", -0.5)), part((" c", -0.5), (" b c", -1.5), (" d", -1.8))
    found = Translation(Line("x"), (first, second)).n_best(6)
    assert [(one.text, round(one.score, 1)) for one in found] == [
        ("a c", -0.6), ("a b c", -1.0), ("a d", -1.9), ("a b b c", -2.0), ("a b d", -2.3),
    ]  # fmt: skip


def test_the_second_pass_agrees_with_the_search(translator: Translator, pairs: list[tuple[str, str]]) -> None:
    lines = [source for source, _ in pairs[:8]] + [""]
    for found in translate_lines(translator, lines, wanted=Wanted(2, scores=True)):
        for part in found.parts:
            for hypothesis, forced in zip(part.hypotheses, part.forced, strict=True):
                assert math.fsum(forced.log_probabilities) == pytest.approx(hypothesis.log_probability, abs=1e-3)


def test_scores_are_those_of_scoring(translator: Translator, pairs: list[tuple[str, str]]) -> None:
    lines = [source for source, _ in pairs[:8]]
    found = list(translate_lines(translator, lines, wanted=Wanted(scores=True)))
    scored = translator.score([(t.line.text, t.text) for t in found])
    assert [t.n_best(1)[0].log_probability for t in found] == pytest.approx(
        [score.log_probability for score in scored], abs=1e-3
    )


def test_a_forced_beginning_is_there_line_by_line(translator: Translator, pairs: list[tuple[str, str]]) -> None:
    lines = [Line(source, translator.target_ids(begin)) for (source, _), begin in zip(pairs[:3], ["Der", "", "Wir"])]  # noqa: B905
    found = list(translate_lines(translator, lines, Options(prefix=translator.target_ids("Und"))))
    assert [t.text.split()[0] for t in found] == ["Der", "Und", "Wir"]


@pytest.mark.parametrize("beam", [1, 3])
def test_a_forced_beginning_counts_as_said(translator: Translator, pairs: list[tuple[str, str]], beam: int) -> None:
    lines = [Line(source, translator.target_ids(target)[:5]) for source, target in pairs[:8]]
    for found in translate_lines(translator, lines, Options(beam, no_repeat_ngram=1)):
        ids = found.parts[0].hypotheses[0].ids
        assert ids[:5] == found.line.prefix
        assert not set(ids[5:]) & set(ids[:5])
        assert len(set(ids[5:])) == len(ids[5:])


def test_a_line_s_fields_come_along(translator: Translator) -> None:
    (found,) = translate_lines(translator, [Line("Hi.", fields={"id": 7})])
    assert found.line.fields == {"id": 7}


@settings(max_examples=15)
@given(st.lists(st.text(max_size=30).map(lambda text: text.replace("\n", " ")), max_size=6))
def test_any_lines_give_as_many(translator: Translator, lines: list[str]) -> None:
    wanted = Wanted(2, scores=True, attentions=True, keeper=Keeper.of())
    found = list(translate_lines(translator, lines, Options(beam=2), wanted=wanted))
    assert [t.line.text for t in found] == lines
    assert not any("\n" in t.text for t in found)


def test_thousands_of_parts_have_their_candidates_soon(translator: Translator) -> None:
    (found,) = translate_lines(translator, ["Hi. Oh. "], Options(beam=2), wanted=Wanted(2))
    long = replace(found, parts=found.parts * 20_000)
    start = time.perf_counter()
    assert [len(candidate.chosen) for candidate in long.n_best(2)] == [40_000] * 2
    assert time.perf_counter() - start < 5


def test_the_first_of_equal_texts_is_kept() -> None:
    assert distinct(["a", "b", "a", "c"], 2) == [0, 1]
    assert distinct([], 3) == []
