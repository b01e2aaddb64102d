"""Quotes are translated by themselves, and stand in the translation of the sentence around them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_transformer.batching import translate_lines
from tui_transformer.keep import Keeper
from tui_transformer.source import edges
from tui_transformer.translation import Translation, Wanted
from tui_transformer.translator import Options, Translator

APART, AS_IT_STANDS = Options(quotes=True), Options(quotes=False)
SPEECH = "There are so many private factories now, which do not endure competition on the international market"


@pytest.fixture(scope="module")
def shipped() -> Translator:
    """A model that knows how to copy a word, which the tiny one does not."""
    return Translator.load(Path(__file__).parents[1] / "models" / "en-de", "cpu")


def one(translator: Translator, line: str, wanted: Wanted | None = None, options: Options = APART) -> Translation:
    (found,) = translate_lines(translator, [line], options, wanted=wanted)
    return found


def sentence(translator: Translator, line: str) -> str:
    return one(translator, line, options=AS_IT_STANDS).text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", " says the expert."),
        ("He says: ", ""),
        ("The man said, ", " and went home."),
        ("  ", " he said,\twith mixed feelings. "),
    ],
)
def test_a_quote_and_its_frame_are_translated_by_themselves(shipped: Translator, before: str, after: str) -> None:
    sign = "," if after else "."
    quoted, frame = sentence(shipped, f"{SPEECH}."), sentence(shipped, f'{before}"OK{sign}"{after}')
    line = f'{before}"{SPEECH}{sign}"{after}'
    said = one(shipped, line).text
    assert said.count('"') == 2
    assert edges(said)[::2] == edges(line)[::2]
    assert said.split('"')[1].rstrip(".") == quoted.rstrip(".")
    assert [said.split('"')[i].strip() for i in (0, 2)] == [frame.split('"')[i].strip() for i in (0, 2)]


def test_a_quote_of_several_sentences_and_clauses(shipped: Translator) -> None:
    line = f'"{SPEECH}, and that is not what we wanted. We are sorry for that, but we have no time," says the expert.'
    said = one(shipped, line).text
    assert said.count('"') == 2
    assert said.endswith(sentence(shipped, '"OK," says the expert.').split('"')[2])
    assert "wir haben keine Zeit" in said.split('"')[1]


@pytest.mark.parametrize("line", [f'"{SPEECH}.', f'{SPEECH}."', f'"{SPEECH}."', f" “{SPEECH}.” "])
def test_what_is_quoted_altogether_has_no_frame(shipped: Translator, line: str) -> None:
    words = line.strip(' "“”')
    assert one(shipped, line).text == line.replace(words, sentence(shipped, words))


def test_a_few_words_that_came_through_are_left_in_their_sentence(shipped: Translator) -> None:
    line = 'He wants an "agreement" with us.'
    whole = sentence(shipped, line)
    assert whole.count('"') == 2
    assert one(shipped, line).text == whole


def test_a_few_words_that_lose_their_marks_are_read_apart(shipped: Translator) -> None:
    line = 'But this does not necessarily mean "I want you to euthanise me," it means "I want to be relieved."'
    assert sentence(shipped, line).count('"') != 4
    assert one(shipped, line).text.count('"') == 4


def test_every_candidate_has_the_marks_and_a_score_of_the_whole(shipped: Translator) -> None:
    line = f'"{SPEECH}," says the expert.'
    found = one(shipped, line, Wanted(3, scores=True, keeper=Keeper.of()))
    candidates = found.n_best(3)
    assert len({candidate.text for candidate in candidates}) == 3
    assert all(candidate.text.count('"') == 2 for candidate in candidates)
    scores = [candidate.score for candidate in candidates]
    assert scores == sorted(scores, reverse=True)
    (part,) = found.parts
    assert (part.source.whole, len(part.forced)) == (line, 3)
    for hypothesis, forced in zip(part.hypotheses, part.forced, strict=True):
        assert len(forced.log_probabilities) == len(hypothesis.ids) + 1
        assert shipped.target.decode(hypothesis.ids) in part.texts


def test_what_must_be_kept_is_kept_on_both_sides(shipped: Translator) -> None:
    line = f'"{SPEECH} of {{name}}," says `expert 5` at 12,345 places.'
    said = one(shipped, line, Wanted(keeper=Keeper.of())).text
    assert Keeper.of().keeps(Keeper.of().kept(line), said)
    assert said.count('"') == 2


def test_marks_inside_of_what_must_be_kept_are_no_quotes(shipped: Translator) -> None:
    line = 'Write `print "they went home"` and go.'
    kept = Wanted(keeper=Keeper.of())
    assert one(shipped, line, kept).text == one(shipped, line, kept, AS_IT_STANDS).text
    assert '`print "they went home"`' in one(shipped, line, kept).text


def test_with_a_forced_beginning_a_sentence_stays_whole(shipped: Translator) -> None:
    options = Options(prefix=tuple(shipped.target_ids('"Heute')), quotes=True)
    assert one(shipped, f'"{SPEECH}," says the expert.', options=options).text.startswith('"Heute')


@pytest.mark.parametrize("kept", ['"', '`a "b" c`', "<i a=' \"b\" '>"])
def test_a_long_sentence_that_stays_together_is_still_read_clause_by_clause(translator: Translator, kept: str) -> None:
    line = f'Mary has a flower in her hair, Tom called Mary\'s {kept}, and "Mary" has a flower in her hair.'
    for prefix in ((), tuple(translator.target_ids("Mary"))):
        for keeper in (None, Keeper.of()):
            wanted = Wanted(keeper=keeper)
            apart, whole = (Options(quotes=quotes, clause_limit=16, prefix=prefix) for quotes in (True, False))
            assert one(translator, line, wanted, apart).text == one(translator, line, wanted, whole).text


def test_a_model_says_whether_it_wants_that(shipped: Translator, translator: Translator) -> None:
    line = f'"{SPEECH}," says the expert.'
    assert shipped.generation.quotes
    assert next(shipped.translate([line])) == one(shipped, line).text != sentence(shipped, line)
    assert shipped.translate_line(line, APART) == sentence(shipped, line), "the model's own words"
    assert not translator.generation.quotes


@pytest.mark.parametrize(
    "line",
    [
        '"Mary has a flower in her hair," said Tom.',
        'Tom said: "Mary has a flower in her hair, and Tom called Mary\'s bluff."',
        'Mary has a "flower" in her hair.',
    ],
)
def test_without_its_stand_in_a_sentence_is_read_as_it_stands(translator: Translator, line: str) -> None:
    # The tiny model copies nothing.
    for options in ({}, {"clause_limit": 16}):
        apart, whole = Options(quotes=True, **options), Options(quotes=False, **options)
        assert one(translator, line, options=apart).text == one(translator, line, options=whole).text


@given(
    st.lists(
        st.lists(st.sampled_from(['"', "“", "”", "Mary has", "a flower", "Tom", ",", ".", " ", '`"`', "1985"])),
        max_size=4,
    )
)
@settings(max_examples=25)
def test_as_many_lines_come_out(translator: Translator, lines: list[list[str]]) -> None:
    texts = ["".join(line) for line in lines]
    said = list(translator.translate(texts, APART))
    assert len(said) == len(texts)
    assert [bool(one.strip()) for one in said] == [bool(text.strip()) for text in texts]
