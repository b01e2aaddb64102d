"""What is remembered, and what becomes of a file that something else has written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui_transformer.tui.sitting import MOST_REMEMBERED, Sitting, load_sitting, save_sitting, sitting_path

FULL = Sitting(
    "He admired her.", "greedy", 1, [5, 9], ["cross:1:2"], "models/en-de", 4.0, "beam", "nord", True, ["a", "b"],
    {"attention": {"kind": "cross"}},
)  # fmt: skip


@pytest.mark.parametrize("sitting", [Sitting(), FULL])
def test_there_and_back(tmp_path: Path, sitting: Sitting) -> None:
    path = tmp_path / "new" / "session.json"
    save_sitting(sitting, path)
    assert load_sitting(path) == sitting
    assert [file.name for file in path.parent.iterdir()] == ["session.json"]


def test_without_a_file_it_is_new(tmp_path: Path) -> None:
    assert load_sitting(tmp_path / "none.json") == Sitting()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from([*Sitting.__slots__, "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=5,
        ),
    )
)
def test_what_does_not_fit_is_left_out(tmp_path: Path, content: dict[str, object]) -> None:
    path = tmp_path / "session.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    found = load_sitting(path)
    save_sitting(found, path)
    assert load_sitting(path) == found
    assert isinstance(found.text, str)
    assert isinstance(found.sentence, int)
    assert found.speed is None or isinstance(found.speed, int | float)
    assert all(isinstance(one, int) for one in found.prefix)
    assert all(isinstance(place, dict) for place in found.places.values())


@pytest.mark.parametrize("text", ["", "[1, 2]", "no json", "[" * 100_000, "null"])
def test_a_broken_file_is_a_new_sitting(tmp_path: Path, text: str) -> None:
    path = tmp_path / "session.json"
    path.write_text(text, encoding="utf-8")
    assert load_sitting(path) == Sitting()


def test_texts_are_remembered_once() -> None:
    sitting = Sitting()
    for text in ("He", "He admired her.", "Good night.", "He admired her.", "  ", ""):
        sitting.remember(text)
    assert sitting.history == ["Good night.", "He admired her."]
    for number in range(3 * MOST_REMEMBERED):
        sitting.remember(f"{number} is a number.")
    assert len(sitting.history) == MOST_REMEMBERED
    assert sitting.history[-1] == f"{3 * MOST_REMEMBERED - 1} is a number."


def test_where_it_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TTX_SESSION")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert sitting_path() == tmp_path / "ttx" / "session.json"


def test_half_a_character_in_a_session_is_replaced(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text('{"text": "a \\ud800 b"}', encoding="utf-8")
    assert load_sitting(kept).text == "a \ufffd b"


@pytest.mark.parametrize("speed", ["3", "-1", "NaN", "1e999"])
def test_a_speed_that_there_is_not_is_left_out(tmp_path: Path, speed: str) -> None:
    path = tmp_path / "session.json"
    path.write_text(f'{{"text": "a", "speed": {speed}}}', encoding="utf-8")
    assert load_sitting(path) == Sitting(text="a")


def test_half_characters_and_paths_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    path.write_text('{"text": "a\\ud800", "history": ["b\\ud800"]}', encoding="utf-8")
    assert "\ud800" not in load_sitting(path).text + load_sitting(path).history[0]
    odd = Sitting(places={"training": {"run": "r\udcff"}})
    save_sitting(odd, path)
    assert load_sitting(path) == odd
