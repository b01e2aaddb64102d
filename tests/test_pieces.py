"""What a sequence of pieces says, also while it grows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.pieces import text_of
from tui_transformer.translator import Translator


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_pieces_say_what_their_ids_say(translator: Translator, text: str) -> None:
    ids = translator.target_ids(text)
    assert text_of(translator.target.pieces(ids)) == translator.target.decode(ids).strip()


def test_half_a_character_is_replaced() -> None:
    assert text_of(["▁Gr", "<0xC3>"]) == "Gr\ufffd"
    assert text_of(["▁Gr", "<0xC3>", "<0xBC>", "n", "▁", "und"]) == "Grün und"
