"""Folding events and moving about in them: no screen, no model."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.events import Trace
from tui_transformer.heads import Head
from tui_transformer.traces import as_decoding, load_trace
from tui_transformer.tui.engine import events_of
from tui_transformer.tui.live import Fold, Live, Playback, Request

from .conftest import TRACES


def trace(name: str) -> Trace:
    path: Path = TRACES / f"{name}.trace"
    return as_decoding(load_trace(path), path)


def folded(kept: Trace) -> Fold:
    fold = Fold()
    for event in events_of(kept):
        fold.add(event)
    return fold


@pytest.mark.parametrize("name", ["a", "b", "scripts"])
def test_a_fold_is_the_trace_again(name: str) -> None:
    kept = trace(name)
    found = folded(kept).trace()
    assert found is not None
    assert (found.encoded, found.steps, found.beam_steps, found.finished) == (
        kept.encoded, kept.steps, kept.beam_steps, kept.finished,
    )  # fmt: skip


def test_a_beginning_is_a_trace_that_was_cut_off() -> None:
    fold = folded(trace("a"))
    assert fold.trace(0) is None
    for shown in range(1, len(fold.steps)):
        part = fold.trace(shown)
        assert part is not None
        assert len(part.steps) == shown
        assert not part.finished.complete
        assert part.finished.ids == tuple(step.chosen.id for step in fold.steps[:shown])
        assert part.finished.log_probability <= 0
    whole = fold.trace(len(fold.steps))
    assert whole is not None
    assert whole.finished.complete


def test_a_switch_is_undone_by_another() -> None:
    head = Head("cross", 0, 1)
    request = Request("a")
    assert request.switching(head).off == {head}
    assert request.switching(head).switching(head) == request


def test_only_a_finished_decoding_is_a_recording() -> None:
    live, kept = Live(1, Request("a")), trace("a")
    *before, last = events_of(kept)
    for event in before:
        live.add(True, event)
    assert live.recording() is None
    live.add(True, last)
    recording = live.recording()
    assert recording is not None
    assert recording.reading.finished == kept.finished
    assert recording.searches == ()


def test_without_a_speed_the_newest_is_shown() -> None:
    playback = Playback()
    playback.follow(3, done=False, seconds=0.01)
    assert (playback.moment, playback.playing) == (3, True)
    playback.follow(5, done=True, seconds=0.01)
    assert (playback.moment, playback.playing) == (5, False)


def test_a_speed_is_kept_to() -> None:
    playback = Playback(speed=4.0)
    moments = []
    for _ in range(12):
        playback.follow(8, done=True, seconds=0.25)
        moments.append(playback.moment)
    assert moments == [1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8, 8]
    assert not playback.playing


def test_a_slow_model_is_waited_for_and_not_overtaken() -> None:
    playback = Playback(speed=16.0)
    for _ in range(100):
        playback.follow(2, done=False, seconds=1.0)
        assert playback.moment <= 2
    # Time that could not be used does not pile up into a leap.
    playback.follow(50, done=False, seconds=1 / 16)
    assert playback.moment <= 5


def test_play_starts_again_from_the_end() -> None:
    playback = Playback()
    playback.follow(5, done=True, seconds=0)
    playback.toggle(5)
    assert (playback.moment, playback.playing) == (0, True)
    playback.toggle(5)
    assert not playback.playing


def test_what_is_played_again_becomes_slower_and_faster_from_its_own_pace() -> None:
    playback = Playback()
    playback.follow(5, done=True, seconds=0)
    playback.toggle(5)
    assert playback.pace == Playback.AGAIN
    playback.faster(-1)
    assert playback.pace == Playback.AGAIN / 2
    for _ in Playback.SPEEDS:
        playback.faster(1)
    assert playback.pace is None


@given(st.lists(st.tuples(st.sampled_from(["follow", "jump", "toggle", "faster", "slower"]), st.integers(-3, 30))))
def test_the_moment_is_never_outside(actions: list[tuple[str, int]]) -> None:
    playback, there = Playback(), 0
    for action, number in actions:
        if action == "follow":
            there = max(there, number)
            playback.follow(there, done=number % 2 == 0, seconds=abs(number) / 10)
        elif action == "jump":
            playback.jump(number, there)
        elif action == "toggle":
            playback.toggle(there)
        else:
            playback.faster(1 if action == "faster" else -1)
        assert 0 <= playback.moment <= there
