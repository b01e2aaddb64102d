"""Names that a translation garbles are written as in the source, where the model was in doubt."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer import names
from tui_transformer.batching import translate_lines
from tui_transformer.keep import Keeper
from tui_transformer.names import Garbled, garbled
from tui_transformer.respelling import respelled
from tui_transformer.search import Hypothesis
from tui_transformer.source import Source
from tui_transformer.translation import Line, Part, Translation, Wanted
from tui_transformer.translator import Options, Translator
from tui_transformer.window import WindowTranslator

BLUFF = "Tom called Maryam's bluff."


def found(source: str, translation: str, pieces: int = 2) -> list[tuple[str, str]]:
    return [(name.name, name.written) for name in garbled(source, translation, lambda _: pieces)]


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        ("I met Priya in Wetherby.", "Ich traf Prya in Wherby.", [("Priya", "Prya"), ("Wetherby", "Wherby")]),
        ("The Higgs boson", "Das Higs-Boson", [("Higgs", "Higs")]),
        ("It is Petersburg's.", "Es ist das von Stetersburg.", [("Petersburg", "Stetersburg")]),
        # What is there already, or has an ending, or is nothing like it, or no name, or short.
        ("I met Priya.", "Ich traf Priya und Prya.", []),
        ("in Gaza", "in Gazas Norden", []),
        ("in Cologne", "in Köln", []),
        ("a minister", "ein Minster", []),
        ("Ann", "Anm", []),
        # What stands in the source itself is no garbled form of something else there.
        ("Maria and Mario", "Maria und Maria", []),
        # One word stands for one name.
        ("Mirzo and Mirza", "Mirzu", [("Mirzo", "Mirzu")]),
        ("Priya", "prya", []),
        ("", "", []),
    ],
)  # fmt: skip
def test_names_that_are_nearly_there_are_found(source: str, translation: str, expected: list[tuple[str, str]]) -> None:
    assert found(source, translation) == expected


def test_a_name_of_one_piece_is_not_copied_but_known() -> None:
    assert not found("I met Priya.", "Ich traf Prya.", pieces=1)


words = st.text("abAB É中'-", max_size=60)


@given(words, words)
def test_any_text_is_searched_and_what_is_found_was_missing(source: str, translation: str) -> None:
    for name in garbled(source, translation, lambda _: 2):
        assert name.name in source
        assert name.written in translation
        mended = name.mended(translation)
        assert name.name in mended
        assert len(mended) - len(translation) == (len(name.name) - len(name.written)) * (
            translation.count(name.written) - mended.count(name.written)
        )


def test_only_whole_words_are_mended() -> None:
    assert Garbled("Higgs", "Higs").mended("Higs, Higs-Boson und Higser") == "Higgs, Higgs-Boson und Higser"


@pytest.mark.parametrize(
    ("pieces", "likely", "doubtful"),
    [
        (("▁in", "▁Pr", "ya", "."), (0.01, 0.3, 0.3, 0.01), True),
        (("▁in", "▁Pr", "ya", "."), (0.01, 0.5, 0.5, 0.01), False),
        # A piece that the word shares with its neighbours counts; letters of several bytes do not move it.
        (("▁Köl", "<0xC3>", "<0xB6>", "▁Prya-", "Foo"), (0.01, 0.01, 0.01, 0.05, 0.01), True),
        (("▁Köl", "<0xC3>", "<0xB6>", "▁Prya-", "Foo"), (0.01, 0.01, 0.01, 0.5, 0.01), False),
        (("▁Pryan",), (0.01,), False),
    ],
)
def test_doubt_is_that_of_the_pieces_of_the_word(
    pieces: tuple[str, ...], likely: tuple[float, ...], doubtful: bool
) -> None:
    end = math.log(0.001)
    assert Garbled("Priya", "Prya").is_doubtful(pieces, [*map(math.log, likely), end]) == doubtful


@pytest.fixture
def window(translator: Translator) -> Iterator[WindowTranslator]:
    with ThreadPoolExecutor(1) as pool:
        yield WindowTranslator(translator, Options(beam=1), Wanted(n_best=5, keeper=Keeper.of()), pool, 8)


def said(translator: Translator, source: str, *texts: str, begun: int = 0) -> Translation:
    hypotheses = tuple(
        Hypothesis(tuple(translator.target.encode(text)), 0.0, -float(i)) for i, text in enumerate(texts)
    )
    return Translation(Line(source), (Part(translator.whole(source), hypotheses, texts, begun=begun),))


def test_a_word_the_model_finds_unlikely_becomes_the_name(translator: Translator, window: WindowTranslator) -> None:
    (mended,) = respelled(window, [said(translator, BLUFF, "Tom zwang Miryim, Farbe zu bekennen.")])
    assert mended.text == "Tom zwang Maryam, Farbe zu bekennen."
    (part,) = mended.parts
    assert translator.target.decode(part.hypotheses[0].ids) == mended.text


def test_a_word_the_model_is_sure_of_stays(translator: Translator, window: WindowTranslator) -> None:
    sure = said(translator, BLUFF, "Tom zwang Mary, Farbe zu bekennen.")
    assert found(BLUFF, sure.text) == [("Maryam", "Mary")]
    assert respelled(window, [sure]) == [sure]


def test_hypotheses_that_say_the_same_then_are_one(translator: Translator, window: WindowTranslator) -> None:
    texts = [f"Tom zwang {name}, Farbe zu bekennen." for name in ("Miryim", "Mary", "Maryim", "Maryam")]
    (mended,) = respelled(window, [said(translator, BLUFF, *texts)])
    assert [candidate.text for candidate in mended.n_best(5)] == [texts[3], texts[1]]


def test_what_was_forced_or_kept_is_not_touched(translator: Translator, window: WindowTranslator) -> None:
    forced = said(
        translator, BLUFF, "Tom zwang Miryim, Farbe.", begun=len(translator.target.encode("Tom zwang Miryim,"))
    )
    kept = Translation(Line("Miryim"), (Part(Source.literal("Miryim"), (Hypothesis((), 0.0, 0.0),), ("Miryim",)),))
    assert respelled(window, [forced, kept]) == [forced, kept]


def test_a_pipe_keeps_names_unless_told_otherwise(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "SURE", 0.0)  # whatever it is sure of
    keeper = Keeper.of()
    lines = [BLUFF, "", "Good night."]
    for kept, name in ((keeper, "Maryam"), (replace(keeper, names=False), "Mary"), (None, "Mary")):
        texts = [t.text for t in translate_lines(translator, lines, Options(beam=1), wanted=Wanted(keeper=kept))]
        assert texts[0] == f"Tom zwang {name}, Farbe zu bekennen."
        assert texts[1] == ""
    assert Keeper.of(built_in=False).names is False
