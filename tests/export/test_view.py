"""What a run looks like: the picture fits its terminal, lines are lines, and no text can do harm."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from ttx_export.events import DevScore, Ended, Evaluated, Event, Progress, Started
from ttx_export.lines import log_lines, one_line
from ttx_export.recipe import Recipe
from ttx_export.view import LiveView, LogView, Seen, picture, see, sparkline, view_on

from tui_transformer.render.labels import duration

NASTY = "\x1b[31mrot\n[b]fett[/b] 日本語\u202e"


@pytest.fixture
def events(tiny: Callable[..., Recipe]) -> list[Event]:
    recipe = tiny(epochs=11)
    steps = [
        Progress(step, step // 551, 9.5 - step / 500, 12.345, 0.564, 5150.2, 4.78e-4, 0.49, 4321.0)
        for step in range(1, 2450, 7)
    ]
    dev = {"tatoeba": DevScore(2.123, 0.581), "newstest2013": DevScore(4.223, 0.381)}
    samples = tuple((f"Sentence number {i} is here. " * i, f"{NASTY} {i}") for i in range(1, 7))
    started = Started(recipe, 13_555_987, 463_112, "463,112 pairs", 6061, recipe.training.epochs, 0, 2, "cpu")
    return [started, *steps, Evaluated(2000, 3, dev, DevScore(2.101, 0.586), True, samples)]


def drawn(events: list[Event], width: int, height: int) -> list[str]:
    seen = Seen()
    for event in events:
        seen = see(seen, event)
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(picture(seen, width, height - 1))
    return capture.get().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 30), (200, 60), (80, 20)])
def test_the_picture_fits_and_says_what_matters(events: list[Event], width: int, height: int) -> None:
    lines = drawn(events, width, height)
    text = "\n".join(lines)
    assert len(lines) < height
    assert {cell_len(line) for line in lines} == {width}
    for wanted in (
        "13.6 M parameters", "2 processes", "2,444 / 6,061", "5 / 11", "4.612", "12.35", "56.4%", "5,150",
        "4.78e-04", "1 h 12 min left", "40%", "2.123", "68.24", "58.6%", "best so far",
    ):  # fmt: skip
        assert wanted in text, wanted
    assert "…" not in "\n".join(lines[:14]), "no number is cut off"


def test_samples_take_the_room_that_is_left(events: list[Event]) -> None:
    shown = [sum("rot" in line for line in drawn(events, 80, height)) for height in (18, 22, 24, 40)]
    assert shown == [0, 2, 3, 6]
    (line,) = [line for line in drawn(events, 120, 40) if "number 1 " in line]
    assert "fett" in line, "side by side on a wide terminal"


def test_every_moment_can_be_drawn(events: list[Event]) -> None:
    for stop in (0, 1, 2, 350):
        assert len(drawn(events[:stop], 80, 24)) <= 20
    text = "\n".join(drawn([*events, Ended("interrupted", 2444, Path("run"))], 80, 24))
    assert "interrupted, after step 2,444" in text


def test_text_is_never_markup_or_control(events: list[Event]) -> None:
    text = "\n".join(drawn(events, 120, 40))
    assert "·[31mrot·[b]fett[/b] 日本語·" in text
    assert "\x1b" not in text
    assert one_line(NASTY) == "·[31mrot·[b]fett[/b] 日本語·"


def test_log_lines_are_single_lines(events: list[Event]) -> None:
    ends = [Ended("finished", 9, Path()), Ended("early stop", 9, Path()), Ended("interrupted", 9, Path())]
    lines = [line for event in [*events, *ends] for line in log_lines(event, 6061, 11)]
    assert all(len(line.splitlines()) == 1 and line.isprintable() for line in lines)
    assert lines[0] == "tiny · 13.6 M parameters · cpu · 2 processes · 463,112 pairs"
    assert lines[1] == (
        "step 1/6,061 · epoch 1/11 · loss 9.498 · perplexity 12.35 · accuracy 56.4% · 5,150 tokens/s · "
        "rate 4.78e-04 · 1 h 12 min left"
    )
    assert "step 2,000 · tatoeba · loss 2.123 · perplexity 8.36 · accuracy 58.1% · best so far" in lines
    assert lines[-3:] == [
        "finished, after step 9",
        "stopped early, dev no longer improves, after step 9",
        "interrupted, after step 9",
    ]
    assert list(log_lines(replace(events[0], step=7), 9, 1))[1] == "resuming after step 7"


def test_progress_is_logged_now_and_then(events: list[Event]) -> None:
    written: list[str] = []
    times = iter(range(0, 9999, 3))  # a progress event every three seconds
    view = LogView(written.append, lambda: float(next(times)))
    for event in events[:10]:
        view.show(event)
    view.say("a word")
    assert [line.split("/")[0] for line in written[1:-1]] == ["step 1", "step 29", "step 57"]
    assert written[-1] == "a word"


def test_where_there_is_no_terminal_there_are_lines() -> None:
    assert isinstance(view_on(Console(file=io.StringIO())), LogView)


def test_the_live_view_draws_and_leaves_its_last_picture(events: list[Event]) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, height=24, color_system=None)
    with LiveView(console) as view:
        view.say("preparing the text")
        for event in events[:3]:
            view.show(event)
        view.say("stopping")
    assert "preparing the text" in file.getvalue()
    assert file.getvalue().rsplit("╭", 1)[1].startswith("─ stopping ─")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"), (59, "59 s"), (61, "1 min"), (3599, "1 h 00 min"), (4321, "1 h 12 min"),
        (86_400, "1 d 0 h"), (183_600, "2 d 3 h"),
    ],
)  # fmt: skip
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_sparkline_spans_its_values() -> None:
    assert sparkline([], 10) == ""
    assert sparkline([5.0], 10) == "▁"
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 10) == "▁▂▃▄▅▆▇█"
    assert sparkline([8.0] * 50 + [1.0] * 50, 10) == "█████▁▁▁▁▁"
