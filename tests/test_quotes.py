"""What is quoted is found by its marks, and put back where its stand-in is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.quotes import MARKS, SENTENCE, STAND_IN, quoting


@pytest.mark.parametrize(
    ("text", "frame", "quotes"),
    [
        ('"They went home," says the man.', '"OK," says the man.', ["They went home."]),
        ('"Why?" he asked.', '"OK," he asked.', ["Why?"]),
        ('He said: "Go home."', 'He said: "OK."', ["Go home."]),
        ('A "less worse" one (the "last").', 'A "OK" one (the "OK").', ["less worse", "last"]),
        ('"Yes," he said, "I know."', '"OK," he said, "OK."', ["Yes.", "I know."]),
        ("“Go,” she said.", '"OK," she said.', ["Go."]),
        ("„Geh“, sagte sie.", '"OK", sagte sie.', ["Geh"]),
        ("« Partez », dit-elle.", '"OK", dit-elle.', ["Partez"]),
        # all of it
        ('"Go home."', '"OK."', ["Go home."]),
        # begun in another sentence, or going on in one
        ('"Go home.', '"OK."', ["Go home."]),
        ('Go home."', '"OK."', ["Go home."]),
        ('of the system," says the man.', '"OK," says the man.', ["of the system."]),
        ('"Yes," he said, "go.', '"OK," he said, "OK."', ["Yes.", "go."]),
    ],
)
def test_a_frame_and_its_quotes(text: str, frame: str, quotes: list[str]) -> None:
    found = quoting(text)
    assert found is not None
    assert (found.frame, [quote.spoken for quote in found.quotes]) == (frame, quotes)


@pytest.mark.parametrize(
    "text",
    [
        "", "Nobody's words.", "It's 'so'.", 'The 5" screen.', 'It has 5".', 'A 5" and a 6" screen.', '6\'2" tall.',
        '<a href="so it is">', 'most of them" says he.', 'He calls it "".', 'The " is a mark.', '"..." he said.',
        '"One “and two” in it," he said.', 'f("x")', "”What,“ he said",
    ],
)  # fmt: skip
def test_marks_that_are_not_in_pairs_say_nothing(text: str) -> None:
    assert quoting(text) is None


@pytest.mark.parametrize(
    ("text", "speech"),
    [
        ('"They went home," he said.', True),
        ('"Go home," he said.', False),
        ('"They went home," he said, "early."', False),
        ('"Go."', True),
        ('Go home."', True),
    ],
)
def test_few_words_belong_to_their_sentence(text: str, speech: bool) -> None:
    assert SENTENCE == 3
    found = quoting(text)
    assert found is not None
    assert found.is_speech == speech


@pytest.mark.parametrize(
    ("text", "said", "quotes", "restored"),
    [
        ('"They went home," says he.', '"OK", sagt er.', ["Sie gingen heim."], '"Sie gingen heim", sagt er.'),
        ('"Why?" he asked.', '"OK", fragte er.', ["Warum?"], '"Warum?", fragte er.'),
        ('"Wait..." he said.', '"OK." sagte er.', ["Warte..."], '"Warte..." sagte er.'),
        ('He said: "Go home."', 'Er sagte: "OK."', ["Geh heim."], 'Er sagte: "Geh heim."'),
        ('He said: "Go home!"', "Er sagte: „OK.“", ["Geh heim!"], 'Er sagte: "Geh heim!"'),
        ("He said: “Go home.”", 'Er sagte: "OK".', ["Geh heim."], "Er sagte: “Geh heim”."),
        # in another order
        ('It is "so" and "not so".', '"OK" und "OK" ist es.', ["so", "nicht so"], '"so" und "nicht so" ist es.'),
        # what a quotation does not begin or end with here
        ('of the system," says he.', '"OK", sagt er.', ["des Systems."], 'des Systems", sagt er.'),
        ('He said: "Go home.', 'Er sagte: "OK."', ["Geh heim."], 'Er sagte: "Geh heim.'),
        ("« Partez », dit-elle.", '"OK", sagt sie.', ["Geht."], "« Geht », sagt sie."),
        # a stand-in that is lost, doubled, or without its marks
        ('"They went home," says he.', "Sagt er.", ["Sie gingen heim."], None),
        ('"They went home," says he.', '"OK", "OK", sagt er.', ["Sie gingen heim."], None),
        ('"They went home," says he.', "OK, sagt er.", ["Sie gingen heim."], None),
        # which are not references of a regular expression
        ('"They went home," says he.', '"OK", sagt er.', [r"\1 \g<0>"], r'"\1 \g<0>", sagt er.'),
    ],
)
def test_quotes_come_where_their_stand_ins_are(text: str, said: str, quotes: list[str], restored: str | None) -> None:
    found = quoting(text)
    assert found is not None
    assert found.restored(said, quotes) == restored


def test_a_translation_keeps_its_marks() -> None:
    found = quoting('"Yes," he said, "go.')
    assert found is not None
    assert found.keeps('"Ja", sagte er, "geh.')
    assert found.keeps("„Ja“, sagte er, „geh.")
    assert not found.keeps('"Ja", sagte er, geh.')


@given(
    st.lists(st.sampled_from([*MARKS, "so", "He said", " ", ",", ".", ":", "(", "5", "-", "\u00a0", "é"]), max_size=12)
)
def test_the_frame_with_the_quotes_in_it_is_the_text(parts: list[str]) -> None:
    text = "".join(parts).strip()
    found = quoting(text)
    if found is None:
        return
    first, *rest = found.around
    words = [f"{quote.opening}{quote.words}{quote.closing}" for quote in found.quotes]
    assert first + "".join(quote + after for quote, after in zip(words, rest, strict=True)) == text
    assert found.frame.count(STAND_IN) == len(found.quotes)
    restored = found.restored(found.frame, [quote.spoken for quote in found.quotes])
    assert restored is not None
    # The signs at a quote's end are those of its frame.
    assert all(quote.spoken.rstrip(".,;:") in restored for quote in found.quotes)
