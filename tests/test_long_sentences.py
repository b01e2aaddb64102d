"""Long sentences are translated clause by clause, each read as a sentence, and come out as one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_transformer.batching import translate_lines
from tui_transformer.keep import Keeper
from tui_transformer.translation import Wanted
from tui_transformer.translator import Options, Translator

FLOWER, BLUFF, ROOF = "Mary has a flower in her hair", "Tom called Mary's bluff", "the roof leaks"
BLUME, FARBE, DACH = "Mary hat eine Blume im Haar", "Tom zwang Mary, Farbe zu bekennen", "das Dach leckt"
CLAUSES = Options(clause_limit=16)

Translated = Callable[[str], str]


@pytest.fixture
def translated(translator: Translator) -> Translated:
    """A line in clauses of no more than 16 pieces."""
    return lambda line: next(translator.translate([line], CLAUSES))


@pytest.mark.parametrize(
    ("line", "translation"),
    [
        (f"{FLOWER}, {BLUFF}.", f"{BLUME}, {FARBE}."),
        (f" {FLOWER};\t{BLUFF}. ", f" {BLUME};\t{FARBE}. "),
        # the capital of a sentence goes where the vocabulary knows the word better without it, and "Tom" stays
        (f"{FLOWER}, {ROOF}.", f"{BLUME}, {DACH}."),
        (f"{FLOWER}, {FLOWER}: {BLUFF}.", f"{BLUME}, {BLUME}: {FARBE}."),
        # so much as is short enough stays a sentence
        (f"{BLUFF}.", f"{FARBE}."),
        (f"{FLOWER}. {BLUFF}.", f"{BLUME}. {FARBE}."),
    ],
)
def test_clauses_come_out_as_one_sentence(translator: Translator, line: str, translation: str) -> None:
    assert next(translator.translate([line], CLAUSES)) == translation
    assert translator.translate_line(line, CLAUSES) == translation


def test_a_clause_is_read_as_a_sentence_and_keeps_its_comma(translator: Translator) -> None:
    first, last = translator.split(f"{FLOWER},  {BLUFF}.", clause_limit=16)
    assert (first.text, first.after, first.written) == (FLOWER, ",  ", f"{FLOWER},")
    assert (first.opens, first.closes, last.opens, last.closes) == (True, False, False, True)
    assert translator.source.decode(first.ids[:-1]) == f"{FLOWER}."
    assert first.whole + last.whole == f"{FLOWER},  {BLUFF}."


def test_without_a_limit_of_its_own_a_model_reads_what_it_can_at_once(translator: Translator) -> None:
    line = f"{FLOWER}, {BLUFF}."
    assert translator.generation.clause_limit == 0
    assert len(translator.split(line)) == len(translator.split(line, clause_limit=0)) == 1
    assert len(translator.split(f"{FLOWER}, " * 4)) > 1


@given(st.lists(st.sampled_from([FLOWER, BLUFF, ROOF, "1985", "`a, b`", ",", ";", "(so)", "Dr.", "e\u0301", " "])))
@settings(max_examples=50)
def test_no_text_is_lost_and_no_part_too_long(translator: Translator, words: list[str]) -> None:
    line = " ".join(words)
    for parts in (translator.split(line, clause_limit=12), translator.split(line, clause_limit=12, spans=[(3, 20)])):
        assert "".join(part.whole for part in parts) == line
        assert all(len(part.ids) <= translator.bundle.manifest.sentence_limit for part in parts)


@pytest.mark.parametrize("kept", ["`x, y; z`", "&amp;", "<b title='a, b'>", "12,5"])
def test_what_must_be_kept_is_not_torn(translated: Translated, kept: str) -> None:
    line = f"{FLOWER} {kept} {FLOWER}, {BLUFF}."
    said = translated(line)
    assert kept in said
    assert said.endswith(f", {FARBE}.")


def test_a_kept_string_may_end_with_the_clause(translated: Translated) -> None:
    assert translated(f"{FLOWER} &amp; {BLUFF}.") == f"{BLUME} &amp; {FARBE}."


def test_every_candidate_is_of_all_clauses(translator: Translator) -> None:
    wanted = Wanted(3, scores=True, keeper=Keeper.of())
    (found,) = translate_lines(translator, [f"{FLOWER}, {BLUFF}."], CLAUSES, wanted=wanted)
    texts = [candidate.text for candidate in found.n_best(3)]
    assert texts[0] == f"{BLUME}, {FARBE}."
    assert all(text.count(", ") >= 1 for text in texts)
    assert len(set(texts)) == 3


def test_alternatives_in_one_clause_leave_the_other(translator: Translator) -> None:
    first = translator.split(f"{FLOWER}, {BLUFF}.", clause_limit=16)[0]
    pieces = len(translator.translate_batch([first], CLAUSES)[0][0].ids) + 1
    found = translator.alternatives(f"{FLOWER}, {BLUFF}.", pieces + 1, 2, CLAUSES)
    assert [one.text.startswith(f"{BLUME}, ") for one in found] == [True, True]
    found = translator.alternatives(f"{FLOWER}, {BLUFF}.", 1, 2, CLAUSES)
    assert [one.text.endswith(f", {FARBE}.") for one in found] == [True, True]
