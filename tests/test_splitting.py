"""Cutting long lines: nothing is lost, every part fits, and the cut is where a reader would make it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.splitting import sentences, split_line

# Random letters seldom make a sentence: mix them with what a text is made of.
texts = st.lists(
    st.text(max_size=6)
    | st.sampled_from(["word", "a", ". ", "! ", '." ', ", ", "; ", " – ", " ", "  ", "\t", "。", "…"])
).map("".join)


def at_most(limit: int) -> Callable[[str], bool]:
    """White space around a part does not count, as in the translator."""
    return lambda part: len(part.strip()) <= limit


@given(texts, st.integers(0, 30))
def test_parts_are_the_text_and_each_fits(text: str, limit: int) -> None:
    parts = split_line(text, "en", at_most(limit))
    assert "".join(parts) == text
    assert all(at_most(limit)(part) or len(part) == 1 for part in parts)
    assert parts == [text] or all(parts)


@given(texts, st.integers(0, 30))
def test_a_sentence_that_fits_is_one_part(text: str, limit: int) -> None:
    for sentence in sentences(text, "en"):
        if sentences(sentence, "en") == [sentence]:
            fits = len(sentence) < 2 or len(sentence.strip()) <= limit
            assert (split_line(sentence, "en", at_most(limit)) == [sentence]) == fits


@given(st.text(max_size=60), st.integers(1, 8))
def test_what_fits_may_be_anything(text: str, limit: int) -> None:
    """Pieces are no characters: the translator asks for the length in pieces."""
    parts = split_line(text, "en", lambda part: len(part.encode()) <= limit)
    assert "".join(parts) == text
    assert all(len(part.encode()) <= limit or len(part) == 1 for part in parts)


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        # every sentence is a part; those too long are cut at clause ends before words
        ("It is. So it is!  Is it?", 99, ["It is. ", "So it is!  ", "Is it?"]),
        ("Mr. Smith paid 3.50 dollars.", 99, ["Mr. Smith paid 3.50 dollars."]),
        # no sentence begins inside a word
        ("Call Console.WriteLine to print. Then go.", 99, ["Call Console.WriteLine to print. ", "Then go."]),
        ("See https://example.org/api/System.String today.", 99, ["See https://example.org/api/System.String today."]),
        ("他来了。她走了。", 99, ["他来了。", "她走了。"]),
        ("One, two. Three four, five.", 20, ["One, two. ", "Three four, five."]),
        ("One, two three. Four", 12, ["One, ", "two three. ", "Four"]),
        ("One two, three four", 12, ["One two, ", "three four"]),
        ("one two three four", 10, ["one two ", "three four"]),
        ("abcdefgh", 4, ["abcd", "efgh"]),
        # within a sentence as much as fits goes together
        ("a b c d e f", 5, ["a b c ", "d e f"]),
        # only what is too long is cut further
        ("Short. A sentence that is too long. Short.", 20, ["Short. ", "A sentence that is ", "too long. ", "Short."]),
        # closing quotes belong to the sentence before; every mark that ends one counts
        ('He said "No." She left them.', 17, ['He said "No." ', "She left them."]),
        ("Wer? Ich! Na ja…  Gut. Ja", 7, ["Wer? ", "Ich! ", "Na ja…  ", "Gut. ", "Ja"]),
        ("one; two: three – four", 9, ["one; two: ", "three – ", "four"]),
        # a point within a word or number is no end
        ("Version 3.14 of it", 12, ["Version 3.14 ", "of it"]),
        # any white space separates words, and stays
        ("one\ttwo\u3000three\u2028four", 8, ["one\ttwo\u3000", "three\u2028", "four"]),
        ("  one two  ", 4, ["  one ", "two  "]),
    ],
)
def test_cuts_are_where_a_reader_would_make_them(text: str, limit: int, parts: list[str]) -> None:
    assert split_line(text, "en", at_most(limit)) == parts


def test_a_very_long_word_does_not_exhaust_the_stack() -> None:
    parts = split_line("x" * 50_000, "en", at_most(10))
    assert "".join(parts) == "x" * 50_000
    assert max(map(len, parts)) <= 10
