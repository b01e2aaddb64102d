"""`ttx inspect tour` on the tiny model."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui_transformer.cli.inspect.keyboard import keys_of
from tui_transformer.tour.stops import SENTENCE, STOPS

from .conftest import LONG, Ttx


@pytest.fixture(autouse=True)
def _tiny(bundle_folder: Path, _nobody_s_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTX_MODEL", str(bundle_folder))


def commands(shown: str) -> list[list[str]]:
    """What one is told to type, whatever the width."""
    return [shlex.split(line.removeprefix("$ ")) for line in shown.splitlines() if line.startswith("$ ttx")]


def test_in_a_pipe_all_screens_come_one_after_the_other(ttx: Ttx) -> None:
    done = ttx("inspect", "tour", "--width", "200")
    assert (done.code, done.err) == (0, "")
    places = [done.out.index(f"{i}/{len(STOPS)}  {stop.title}\n\n{stop.formula}\n") for i, stop in enumerate(STOPS, 1)]
    assert places == sorted(places)
    assert "\x1b" not in done.out
    assert len(commands(done.out)) == sum(len(stop.views) for stop in STOPS)
    assert any(SENTENCE in command for command in commands(done.out))
    assert done.out == ttx("inspect", "tour", "--all", "--width", "200").out


@pytest.mark.parametrize("text", ["Good morning.", "-5 'degrees' {layer} $HOME", "🙂"])
def test_each_command_makes_the_picture_above_which_it_stands(ttx: Ttx, text: str) -> None:
    words = [text] if not text.startswith("-") else ["--", text]
    shown = ttx("inspect", "tour", "--width", "200", *words).out
    for command in commands(shown):
        alone = ttx(*command[1:3], "--width", "200", *command[3:])
        assert alone.code == 0
        assert alone.out.rstrip() in shown


def test_a_model_that_was_chosen_is_in_the_commands(ttx: Ttx, bundle_folder: Path) -> None:
    shown = ttx("inspect", "tour", "--width", "200", "--model", bundle_folder).out
    assert all(["--model", str(bundle_folder)] == command[3:5] for command in commands(shown))


def test_saved_as_teaching_material(ttx: Ttx, tmp_path: Path) -> None:
    files = tmp_path / "tour.md", tmp_path / "page.html"
    assert ttx("inspect", "tour", "--save", files[0], "--save", files[1], "Good morning.") == (0, "", "")
    assert len(list((tmp_path / "tour").iterdir())) == sum(len(stop.views) for stop in STOPS)
    assert all(stop.title in file.read_text(encoding="utf-8") for stop in STOPS for file in files)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [([" "], 2, "the text is empty"), (["--save", "tour.pdf"], 2, ".md, .html"),
     (["--model", "nowhere"], 3, "nowhere")],
)  # fmt: skip
def test_mistakes(ttx: Ttx, arguments: list[str], code: int, said: str) -> None:
    done = ttx("inspect", "tour", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert said in done.err


# On a terminal


def test_keys_that_a_terminal_sends() -> None:
    assert keys_of("\x1b[C\x1bOD q\x1b[6~7") == ["right", "left", " ", "q", "page down", "7"]
    assert keys_of("\x1b") == ["escape"]
    assert keys_of("") == ["end of input"]
    assert keys_of("\r\x7f\x04") == ["enter", "backspace", "end of input"]


INTERRUPT = "\x03"


def walked(folder: Path, *keys: str) -> Iterator[str]:
    """What a terminal of 80 × 24 is sent after each key; the first without any. The last key must end it."""
    ours, its = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(
        [sys.executable, "-m", "tui_transformer", "inspect", "tour", "Good morning."],
        stdin=its, stdout=its, stderr=its, env=environment, cwd=folder, preexec_fn=_heed_interrupts,
    ) as process:  # fmt: skip
        os.close(its)
        try:
            for key in keys:
                yield _until_drawn(ours)
                if key == INTERRUPT:
                    process.send_signal(signal.SIGINT)
                else:
                    os.write(ours, key.encode())
            rest = b""
            while chunk := _read(ours):
                rest += chunk
            os.close(ours)
            assert process.wait(LONG) == 0
            yield rest.decode(errors="replace")
        finally:
            # A tour that did not do as it should is not waited for.
            process.kill()


def _heed_interrupts() -> None:
    """Also where the tests run in the background, whose processes ignore them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _until_drawn(descriptor: int) -> str:
    sent = ""
    while not re.search(r"q leave[^\x1b]*\x1b\[0m\x1b\[K$", sent):
        chunk = _read(descriptor)
        assert chunk, sent
        sent += chunk.decode(errors="replace")
    return sent


def _read(descriptor: int) -> bytes:
    assert select.select([descriptor], [], [], LONG)[0], "nothing was sent"
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # how a terminal says that nobody is left
        return b""


@pytest.mark.parametrize("leave", ["q", "\x1b", "\x04", INTERRUPT])
def test_one_screen_at_a_time(tmp_path: Path, leave: str) -> None:
    first, second, fourth, back, last = walked(tmp_path, "n", "4", "b", leave)
    for number, sent in ((1, first), (2, second), (4, fourth), (3, back)):
        assert f"{number}/{len(STOPS)}  {STOPS[number - 1].title}" in sent
        assert sent.count("\x1b[7m") == 2  # the last row, while it was made and when it was there
    assert "\x1b[?1049h" in first
    assert "\x1b[?1049l" in last
    assert "Traceback" not in last
