"""Cutting lines into sentences and words: nothing is lost, every part fits, a cut is where a reader would make it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.splitting import cut, sentences

# Random letters seldom make a sentence: mix them with what a text is made of.
texts = st.lists(
    st.text(max_size=6)
    | st.sampled_from(["word", "a", ". ", "! ", '." ', ", ", "; ", " – ", " ", "  ", "\t", "。", "…"])
).map("".join)


def size(part: str) -> int:
    """White space around a part does not count, as in the translator."""
    return len(part.strip())


@given(texts, st.integers(0, 30))
def test_parts_are_the_text_and_each_fits(text: str, limit: int) -> None:
    parts = cut(text, size, limit)
    assert "".join(parts) == text
    assert all(size(part) <= limit or len(part) == 1 for part in parts)
    assert parts == [text] or all(parts)


@given(texts, st.integers(0, 30))
def test_what_fits_is_one_part(text: str, limit: int) -> None:
    fits = len(text) < 2 or len(text.strip()) <= limit
    assert (cut(text, size, limit) == [text]) == fits


@given(st.text(max_size=60), st.integers(1, 8))
def test_what_fits_may_be_anything(text: str, limit: int) -> None:
    """Pieces are no characters: the translator asks for the length in pieces."""
    parts = cut(text, lambda part: len(part.encode()), limit)
    assert "".join(parts) == text
    assert all(len(part.encode()) <= limit or len(part) == 1 for part in parts)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It is. So it is!  Is it?", ["It is. ", "So it is!  ", "Is it?"]),
        ("Mr. Smith paid 3.50 dollars.", ["Mr. Smith paid 3.50 dollars."]),
        # no sentence begins inside a word
        ("Call Console.WriteLine to print. Then go.", ["Call Console.WriteLine to print. ", "Then go."]),
        ("See https://example.org/api/System.String today.", ["See https://example.org/api/System.String today."]),
        ("他来了。她走了。", ["他来了。", "她走了。"]),
        # closing quotes belong to the sentence before; every mark that ends one counts
        ('He said "No." She left them.', ['He said "No." ', "She left them."]),
        ("Wer? Ich! Na ja…  Gut. Ja", ["Wer? ", "Ich! ", "Na ja…  Gut. ", "Ja"]),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, found: list[str]) -> None:
    assert sentences(text, "en") == found


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        # as many words as fit go together
        ("One two, three four", 12, ["One two, ", "three four"]),
        ("one two three four", 10, ["one two ", "three four"]),
        ("a b c d e f", 5, ["a b c ", "d e f"]),
        ("abcdefgh", 4, ["abcd", "efgh"]),
        # a point within a number is no end
        ("Version 3.14 of it", 12, ["Version 3.14 ", "of it"]),
        # any white space separates words, and stays
        ("one\ttwo\u3000three\u2028four", 8, ["one\ttwo\u3000", "three\u2028", "four"]),
        ("  one two  ", 4, ["  one ", "two  "]),
    ],
)
def test_words_go_together_as_far_as_they_fit(text: str, limit: int, parts: list[str]) -> None:
    assert cut(text, size, limit) == parts


def test_a_very_long_word_does_not_exhaust_the_stack() -> None:
    parts = cut("x" * 50_000, size, 10)
    assert "".join(parts) == "x" * 50_000
    assert max(map(len, parts)) <= 10
