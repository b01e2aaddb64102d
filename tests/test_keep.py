"""What must come through unchanged does."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_transformer.batching import Batching, translate_lines
from tui_transformer.keep import STAND_INS, Keeper, unmask
from tui_transformer.translation import Wanted
from tui_transformer.translator import Options, Translator
from tui_transformer.window import torn

KEPT = [
    "https://example.org/a?b=1", "www.example.org/x", "first.last+tag@mail.example.com", "`x = y. z`", "{name}", "{}",
    "{{ user }}", "{ name }", "${HOME}", "$name", "%s", "%(count)d", "%1$s", "%.2f", "%ld", "%5.1lf", "%%", "%@",
    "<b>", "</b>", '<a href="x y">', "<%= name %>", "&amp;", "1985", "0x7FFF1234", "1e-5", "#FF00AA", "\\n",
    "123e4567-e89b-12d3-a456-426614174000", "2024-05-12T10:30:00Z", r"C:\Users\me",
]  # fmt: skip


WORDS = ["Mary", "has a", "flower.", "In her", "hair,", "cafe\u0301 {e\u0301}"]


@pytest.mark.parametrize("text", KEPT)
def test_usual_strings_are_found_among_words(text: str) -> None:
    keeper = Keeper.of()
    line = f"See {text}, please."
    assert [line[start:stop] for start, stop in keeper.spans(line)] == [text]


@pytest.mark.parametrize(
    "line", ["Give 100 % of it.", "a < b", "it {is} not", "me@home", "he said: `no", "Don`t, it`s"]
)
def test_no_more_is_kept_than_has_to_be(line: str) -> None:
    assert not [text for text in Keeper.of().kept(line) if not text.isdigit() and text != "{is}"]


def test_of_numbers_the_digits_stay_and_where_they_part_not_how() -> None:
    keeper = Keeper.of()
    assert keeper.kept("3,141.5 of 7") == {"3141.5": 1, "7": 1}
    assert keeper.keeps(keeper.kept("It costs 3,141 euros."), "Es kostet 3.141 Euro.")
    assert keeper.keeps(keeper.kept("It costs 3,141 euros."), "Es kostet 3141 Euro.")
    assert not keeper.keeps(keeper.kept("It costs 314 euros."), "Es kostet 3141 Euro.")


@pytest.mark.parametrize(
    ("number", "as_well", "other"),
    [
        ("1:30", "1.30", "130"), ("3.14", "3,14", "314"), ("1,825", "1825", "182.5"), ("12", "12", "1.2"),
        ("1,825.50", "1.825,50", "1,82550"), ("10\u202f000", "10.000", "1000.0"), ("1.5", "1,5", "15"),
        ("1,234,567", "1234567", "1234.56.7"),
    ],
)  # fmt: skip
def test_a_number_is_the_same_however_it_is_written(number: str, as_well: str, other: str) -> None:
    keeper = Keeper.of()
    assert keeper.keeps(keeper.kept(f"at {number} o'clock"), f"um {as_well} Uhr")
    assert not keeper.keeps(keeper.kept(f"at {number} o'clock"), f"um {other} Uhr")


def test_strings_count_as_often_as_they_are_there() -> None:
    keeper = Keeper.of()
    assert not keeper.keeps(keeper.kept("%s of %s"), "%s")


def test_own_patterns_come_with_the_usual_ones_or_alone() -> None:
    line = "Acme Corp sold 5 widgets"
    assert set(Keeper.of(["Acme Corp", r"(?P<w>w\w+)"]).kept(line)) == {"Acme Corp", "5", "widgets"}
    assert set(Keeper.of(["Acme"], built_in=False).kept(line)) == {"Acme"}
    assert not Keeper.of(["x*"]).kept("aaa")


@pytest.mark.parametrize(
    ("patterns", "line", "wanted"),
    [
        (["(red)", r"(\w)\1-rose"], "The girl had an aa-rose.", ["aa-rose"]),
        (["(?i)rose", "Tom"], "ROSE, tom and Tom", ["ROSE", "Tom"]),
        (["(?P<number>Tom)"], "Tom 3,141", ["Tom", "3141"]),
        (["(?P<x>a)b", "(?P<x>c)d"], "ab cd", ["ab", "cd"]),
        (["(a)b", "abc", "c(d)"], "abcd", ["ab", "cd"]),
        (["(?x) a  b", "[a] [b]"], "ab a b", ["ab", "a b"]),
        (["(1)2"], "12:30 a@1.12", ["12", "30", "a@1.12"]),
        (["^(a)", "(c)$", r"(?<=a )b"], "a b a c", ["a", "b", "c"]),
        (["(x)*", "()"], "axx", ["xx"]),
    ],
)
def test_each_pattern_means_what_it_means_by_itself(patterns: list[str], line: str, wanted: list[str]) -> None:
    assert list(Keeper.of(patterns).kept(line)) == wanted


@given(
    st.lists(
        st.sampled_from(["a", "ab", "b+", r"\w+", r"\bx", "x$", "a1", "1", "<", "[{]a", "x?", "(?:a|b)1"]), max_size=3
    ),
    st.text(alphabet="abx1{}<>`.: @/%s", max_size=20),
)
def test_patterns_apart_find_what_they_find_joined(patterns: list[str], text: str) -> None:
    apart = Keeper.of([f"({pattern})" for pattern in patterns])
    assert apart.spans(text) == Keeper.of(patterns).spans(text)
    assert apart.kept(text) == Keeper.of(patterns).kept(text)


def test_what_is_no_expression_is_refused() -> None:
    with pytest.raises(re.error):
        Keeper.of(["("])


@given(st.text(alphabet="aX1{}%s `.,<>/2", max_size=40), st.sampled_from(STAND_INS))
def test_unmasking_undoes_masking(text: str, words: tuple[str, ...]) -> None:
    keeper = Keeper.of()
    mask = keeper.mask(text, words)
    if mask and all(re.search(rf"(?<!\w){word}(?!\w)", mask[0]) for word in mask[1]):
        assert unmask(*mask) == text


def test_a_stand_in_that_is_lost_or_doubled_or_grown_is_noticed() -> None:
    stands_for = {"X1": "a", "X2": "b"}
    assert unmask("X2 und X1", stands_for) == "b und a"
    for said in ("X1", "X1 X1 X2", "X1 X23", "X1s X2"):
        assert unmask(said, stands_for) is None


@given(st.text(alphabet="aé 1{}%s`.,!<>/@:\n", max_size=60))
def test_cutting_loses_nothing_and_sends_no_kept_string_to_the_model(text: str) -> None:
    keeper = Keeper.of()
    pieces = keeper.cut(text)
    assert "".join(piece for piece, _ in pieces) == text
    place = 0
    for piece, stays in pieces:
        if not stays:
            assert not any(start < place + len(piece) and place < stop for start, stop in keeper.spans(text))
        place += len(piece)


@settings(max_examples=25)
@given(st.lists(st.sampled_from([*KEPT, *WORDS]), max_size=7))
def test_every_kept_string_is_in_every_candidate(translator: Translator, parts: list[str]) -> None:
    keeper, line = Keeper.of(["Corp"]), " ".join(parts)
    (found,) = translate_lines(translator, [line], Options(beam=3), wanted=Wanted(3, keeper=keeper))
    for candidate in found.n_best(3):
        for text in keeper.kept(line):
            assert text in candidate.text


def test_a_line_known_by_heart_is_left_alone(translator: Translator, pairs: list[tuple[str, str]]) -> None:
    sources, targets = zip(*pairs, strict=True)
    wanted = Wanted(keeper=Keeper.of())
    found = translate_lines(translator, sources, Options(), Batching(2), wanted)
    kept = [(t.text, target) for t, target in zip(found, targets, strict=True) if not wanted.keeper.kept(t.line.text)]  # type: ignore[union-attr]
    plain = [t.text for t in translate_lines(translator, sources) if not Keeper.of().kept(t.line.text)]
    assert [text for text, _ in kept] == plain


@pytest.mark.parametrize("text", ["a", "a.", "<a", "`", "{", "${", "%0", "&a", "www.", "@a.", "http://", "1.", "{{"])
def test_long_lines_take_no_more_than_their_share_of_time(text: str) -> None:
    start = time.perf_counter()
    for patterns in ([], ["(http)", "(?i)a|1|{"]):
        Keeper.of(patterns).spans(text * 20_000)
    assert time.perf_counter() - start < 5


def test_long_lines_with_much_to_be_kept_are_cut_in_their_share_of_time(translator: Translator) -> None:
    numbers = Keeper.of().spans("It is 5. " * 20_000)
    sources = translator.split("It is 5. " * 20) * 1000
    start = time.perf_counter()
    assert not torn(sources, numbers)
    assert torn(sources, [*numbers, (179_990, 180_000)])
    assert time.perf_counter() - start < 5
