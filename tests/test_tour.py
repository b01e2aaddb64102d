"""The tour without a terminal: what keys do, and the walk as a document."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from tui_transformer.errors import InputError, UsageError
from tui_transformer.render.picture import Picture, Table, drawn
from tui_transformer.tour.document import Screen, save, screen_text
from tui_transformer.tour.stops import STOPS, Stop, View
from tui_transformer.tour.walk import BACK, LEAVE, NEXT, ON, PAGES, SCROLL, Walk

KEYS = [*NEXT, *ON, *BACK, *LEAVE, *SCROLL, *PAGES, *"0123456789", "home", "end", "x", "", "²", "٣"]


def test_stops_have_names_of_their_own_and_all_there_is_to_tell() -> None:
    assert len({stop.name for stop in STOPS}) == len(STOPS)
    assert all(re.fullmatch("[a-z]+", stop.name) and stop.title and stop.views for stop in STOPS)
    for stop in STOPS:
        assert max(map(len, stop.formula.splitlines())) <= 80
        assert 1 <= len(re.findall(r"[.?](?: |$)", stop.tells)) <= 4


# What keys do


@given(
    st.integers(1, 120),
    st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 200), st.integers(1, 50), st.booleans())),
)
def test_one_never_leaves_the_tour_by_accident(stops: int, presses: list[tuple[str, int, int, bool]]) -> None:
    walk = Walk(stops)
    for key, height, room, pauses in presses:
        walk.seen(height, room)
        walk.press(key)
        if pauses:
            walk.pause()
        assert 0 <= walk.at < stops
        assert 0 <= walk.top <= walk.last_top
        assert walk.over is (key in LEAVE)
        assert not walk.typed or (not pauses and 0 < int(walk.typed) * 10 <= stops)
        walk.over = False


def pressed(*keys: str, height: int = 5, at: int = 0) -> tuple[int, int]:
    walk = Walk(14, at=at)
    for key in keys:
        walk.seen(height, 10)
        walk.press(key)
    walk.pause()
    return walk.at, walk.top


def test_space_scrolls_to_the_end_of_a_screen_before_it_goes_on() -> None:
    assert pressed(" ") == pressed("enter") == (1, 0)
    assert pressed(" ", height=25) == (0, 9)
    assert pressed(" ", " ", height=25) == (0, 15)
    assert pressed(" ", " ", " ", height=25) == (1, 0)
    assert pressed("right", height=25) == (1, 0)
    assert pressed("down", "down", "up", height=25) == (0, 1)
    assert pressed("page down", "left", height=25, at=3) == (2, 0)


@pytest.mark.parametrize(
    ("keys", "stop"), [("7", 7), ("12", 12), ("1", 1), ("14", 14), ("01", 1), ("0", 4), ("19", 4), ("1\r", 1)]
)
def test_a_number_goes_to_its_screen(keys: str, stop: int) -> None:
    assert pressed(*(key.replace("\r", "enter") for key in keys), at=3) == (stop - 1, 0)


def test_a_screen_that_shrinks_keeps_its_place_within() -> None:
    walk = Walk(2, top=50, height=100, room=10)
    walk.seen(20, 10)
    assert walk.top == 10


# As a document

NASTY = "a|b <i>*no*</i> [x](y) `tick` & ``` end"


def screens() -> list[Screen]:
    picture = Picture("view", NASTY, Text("█ body"), (NASTY, "Second."), {}, Table((), ()))
    one = Stop("one", "First", "x < y & z", NASTY, (View("tokens"),))
    two = Stop("two", "Second", "```", "Two.", (View("tokens"), View("tokens")))
    return [Screen(one, (f"ttx inspect tokens '{NASTY}'",), (picture,)), Screen(two, ("a", "b"), (picture, picture))]


def test_markdown_has_its_pictures_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "my tour.md"
    save(screens(), NASTY, path, 60)
    text = path.read_text(encoding="utf-8")
    files = re.findall(r"\]\(<(.+?)>\)", text)
    assert files == [f"my tour/{name}.svg" for name in ("01-one", "02-two-1", "02-two-2")]
    assert {file.relative_to(tmp_path).as_posix() for file in (tmp_path / "my tour").iterdir()} == {*files}
    for file in files:
        assert ElementTree.parse(tmp_path / file).getroot().tag.endswith("svg")
    assert "## 1. First" in text
    assert "````sh\nttx inspect tokens 'a|b <i>*no*</i> [x](y) `tick` & ``` end'\n````" in text
    assert "````text\n```\n````" in text
    assert "\\<i\\>\\*no\\*" in text
    save(screens(), NASTY, path, 60)
    assert path.read_text(encoding="utf-8") == text


def test_html_needs_no_other_file(tmp_path: Path) -> None:
    save(screens(), NASTY, tmp_path / "tour.html", 60)
    assert [file.name for file in tmp_path.iterdir()] == ["tour.html"]
    page = (tmp_path / "tour.html").read_text(encoding="utf-8")
    assert page.count("<svg") == page.count("</svg>") == 3
    assert "<pre>x &lt; y &amp; z</pre>" in page
    assert "<i>" not in page
    assert not re.findall(r'(?:src|href)="', page)


@pytest.mark.parametrize("suffix", [".md", ".html"])
def test_nothing_in_a_saved_tour_moves_a_terminal(tmp_path: Path, suffix: str) -> None:
    (screen, *_) = screens()
    save(
        [replace(screen, commands=("ttx inspect tokens 'Hi\x1b[2J'",))],
        "Hi\x1b[2J\x01\u202e",
        tmp_path / f"tour{suffix}",
        60,
    )
    text = (tmp_path / f"tour{suffix}").read_text(encoding="utf-8")
    assert not set(text) & {"\x1b", "\x01", "\u202e"}
    assert text.count("Hi␛") == 2


def test_where_a_tour_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.md, \.html"):
        save(screens(), "x", tmp_path / "tour.pdf", 60)
    with pytest.raises(InputError, match="cannot"):
        save(screens(), "x", tmp_path / "nowhere" / "tour.md", 60)
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="cannot make the folder"):
        save(screens(), "x", tmp_path / "taken.md", 60)
    assert not (tmp_path / "taken.md").exists()


def test_a_screen_in_a_terminal() -> None:
    text = drawn(screen_text(screens()[0], 0, 2), 80, None)
    assert text.startswith("1/2  First\n\nx < y & z\n\n")
    assert text.index("$ ttx inspect tokens") < text.index("█ body") < text.index("Second.")
