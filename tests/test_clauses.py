"""Clauses of long sentences: nothing is lost, the parts are alike, and what belongs together is not cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.clauses import LEAST, clauses, ended, unended, unsigned

texts = st.lists(st.text(max_size=6) | st.sampled_from(["word ", "a ", ", ", "; ", " – ", " (", ") ", "，"])).map(
    "".join
)


def words(text: str) -> int:
    return len(text.split())


@given(texts, st.integers(1, 30))
def test_nothing_is_lost(text: str, limit: int) -> None:
    parts = clauses(text, words, limit)
    assert "".join(parts) == text
    assert parts == [text] or (words(text) > limit and all(words(part) >= LEAST for part in parts))


@given(st.lists(st.integers(1, 12), min_size=1, max_size=40), st.integers(8, 40))
def test_a_part_is_too_long_only_where_it_could_not_be_cut(lengths: list[int], limit: int) -> None:
    text = ", ".join("a " * (length - 1) + "a" for length in lengths)
    for part in clauses(text, words, limit):
        inside = [words(part[: place + 1]) for place, sign in enumerate(part.rstrip(", ")) if sign == ","]
        assert words(part) <= limit or not any(LEAST <= before <= words(part) - LEAST for before in inside)


EIGHT = "a b c d e f g h"


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        (f"{EIGHT}, {EIGHT}.", 16, [f"{EIGHT}, {EIGHT}."]),
        (f"{EIGHT}, {EIGHT}.", 15, [f"{EIGHT}, ", f"{EIGHT}."]),
        # the most alike, not the first
        (f"{EIGHT}, x, {EIGHT}; x, {EIGHT} {EIGHT}", 26, [f"{EIGHT}, x, {EIGHT}; ", f"x, {EIGHT} {EIGHT}"]),
        # again where a side is too long
        (f"{EIGHT}; {EIGHT}: {EIGHT}, {EIGHT}", 8, [f"{EIGHT}; ", f"{EIGHT}: ", f"{EIGHT}, ", EIGHT]),
        # a few words do not stand alone
        (f"However, {EIGHT} {EIGHT}.", 10, [f"However, {EIGHT} {EIGHT}."]),
        # in front of brackets too; all of its white space goes with what is before
        (f"{EIGHT}  ({EIGHT})\t{EIGHT}", 8, [f"{EIGHT}  ", f"({EIGHT})\t", EIGHT]),
        (f"{EIGHT} – {EIGHT}", 8, [f"{EIGHT} – ", EIGHT]),
        # a comma in a number or word is none
        (f"{EIGHT} 1,000 {EIGHT}", 8, [f"{EIGHT} 1,000 {EIGHT}"]),
    ],
)
def test_cuts_are_where_clauses_end(text: str, limit: int, parts: list[str]) -> None:
    assert clauses(text, words, limit) == parts


def test_what_must_stay_whole_is_not_cut() -> None:
    text = f"{EIGHT}, `{EIGHT}, {EIGHT}`, {EIGHT}"
    assert f"`{EIGHT}, " in clauses(text, words, 20)[0]
    start = 100
    code = start + text.index("`"), start + text.rindex("`") + 1
    assert clauses(text, words, 20, [(3, 90), code], start) == [f"{EIGHT}, ", f"`{EIGHT}, {EIGHT}`, ", EIGHT]


def test_thousands_of_clauses_do_not_exhaust_the_stack() -> None:
    parts = clauses("a, " * 50_000, words, 10)
    assert all(LEAST <= words(part) < 2 * LEAST for part in parts)


@pytest.mark.parametrize(
    ("clause", "read", "sign"),
    [
        ("when it rains,", "when it rains.", ","),
        ("it rains;", "it rains.", ";"),
        ("he said (twice)", "he said (twice).", ""),
        ('he said "yes"', 'he said "yes".', ""),
        ("he came –", "he came –", ""),
        ("what , ,", "what , ,", ""),
        ("at 5 p.m.", "at 5 p.m.", ""),
    ],
)
def test_a_clause_is_read_as_a_sentence(clause: str, read: str, sign: str) -> None:
    alone, found = unsigned(clause)
    assert (ended(alone), found) == (read, sign)
    assert alone + found == clause


@pytest.mark.parametrize(
    ("said", "left"), [("wenn es regnet.", "wenn es regnet"), ("wenn,", "wenn"), ("und …", "und …"), ("so...", "so...")]
)
def test_the_full_stop_goes(said: str, left: str) -> None:
    assert unended(said) == left
