"""What goes into a model: texts without the white space around them, and without what is no character."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from tui_transformer.source import characters, edges

SPACES = st.text(st.sampled_from(" \t\n\r\x0b\x0c\x1c\x85\xa0\u2003\u2028\u3000"), max_size=5)


@given(SPACES, st.text(), SPACES)
@example("", "", "")
@example(" ", "", "\t")
@example("", "a" + " " * 100_000 + "b", "")
def test_a_text_is_its_core_and_the_white_space_around_it(before: str, core: str, after: str) -> None:
    text = before + core + after
    found = edges(text)
    assert "".join(found) == text
    assert found[1] == text.strip()
    assert not (found[0] + found[2]).strip()
    assert found[1] or not found[2]


@given(st.text(st.characters(codec=None)))
def test_halves_of_surrogate_pairs_are_replaced_one_by_one(text: str) -> None:
    found = characters(text)
    assert len(found) == len(text)
    found.encode()
    assert all(a == b or ("\ud800" <= a <= "\udfff" and b == "\ufffd") for a, b in zip(text, found, strict=True))
