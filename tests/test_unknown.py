"""Words and signs that a vocabulary cannot say are found, and come through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.batching import translate_lines
from tui_transformer.keep import Keeper
from tui_transformer.pieces import is_byte
from tui_transformer.source import readable
from tui_transformer.translation import Wanted
from tui_transformer.translator import Options, Translator
from tui_transformer.unknown import unknown_to


class Letters:
    """A vocabulary of the letters it is given; the rest is bytes, or one unknown piece."""

    def __init__(self, known: str, bytewise: bool) -> None:
        self.unk_id = 0
        self._known, self._bytewise = known, bytewise

    def encode(self, text: str) -> list[int]:
        return [ord(c) if c in self._known or self._bytewise else 0 for c in text]

    def pieces(self, ids: tuple[int, ...] | list[int]) -> tuple[str, ...]:
        return tuple("<unk>" if i == 0 else chr(i) if chr(i) in self._known else "<0x80>" for i in ids)


ASCII = "".join(map(chr, range(128)))


@pytest.mark.parametrize("bytewise", [True, False])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, 50 %", []),
        ("Thank you 👍", ["👍"]),
        ("the family 👨‍👩‍👧!", ["👨‍👩‍👧"]),
        ("👋🏽👋 there", ["👋🏽👋"]),
        ("Erdoğan met Şahin.", ["Erdoğan", "Şahin"]),
        ("Erdog\u0306an", ["Erdog\u0306an"]),
        ("€50 or 4,50€, or 3 €", ["€", "€", "€"]),
        ("“Hello”, he said", ["“", "”"]),
        ("Владимир lives", ["Владимир"]),
        ("你好，世界", ["你好", "，", "世界"]),
        # Known letters, and what a reader does not see or takes for a blank, are nothing to keep.
        ("naïve", []),
        ("a\u200bb\u00a0c\u00add", []),
    ],
)
def test_words_and_signs_that_cannot_be_said_are_found(text: str, expected: list[str], bytewise: bool) -> None:
    assert unknown_to(Letters(ASCII + "ï", bytewise))(text) == expected


@given(st.text(max_size=40))
def test_all_that_cannot_be_said_is_in_what_is_found(translator: Translator, text: str) -> None:
    source = translator.source
    rest = text
    for word in sorted(unknown_to(source)(text), key=len, reverse=True):
        assert word in text
        rest = rest.replace(word, " ")
    seen = "".join(character for character in readable(rest) if not character.isascii())
    assert not any(map(is_byte, source.pieces(source.encode(seen))))


@pytest.mark.parametrize("word", ["Þórr", "👍", "Łódź", "€50"])
def test_they_come_through(translator: Translator, word: str) -> None:
    wanted = Wanted(keeper=Keeper.of())
    (found,) = translate_lines(translator, [f"Good night, {word}."], Options(beam=1), wanted=wanted)
    assert word in found.text
    (bare,) = translate_lines(
        translator, [f"Good night, {word}."], Options(beam=1), wanted=Wanted(keeper=Keeper.of(["x"], built_in=False))
    )
    assert word not in bare.text
