"""The command `ttx tui`, on a real terminal and without one."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import LONG, Done, refused

RUN = Path(__file__).parents[1] / "data" / "run"


class Session:
    """`ttx tui` on a terminal of its own."""

    def __init__(self, environment: dict[str, str], folder: Path, *arguments: str) -> None:
        self.ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        plain = {name: value for name, value in environment.items() if name not in ("NO_COLOR", "COLUMNS")}
        terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TTX_SESSION": str(folder / "session.json")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tui_transformer", "tui", *arguments],
            stdin=its, stdout=its, stderr=its, env=plain | terminal, start_new_session=True,
        )  # fmt: skip
        os.close(its)
        self.seen = b""

    def until(self, wanted: str) -> None:
        """Read until the terminal has been sent this."""
        end = time.monotonic() + LONG
        while wanted.encode() not in self.seen:
            assert time.monotonic() < end, self.seen[-2000:]
            if select.select([self.ours], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.ours, 1 << 16)
                except OSError:
                    break

    def send(self, keys: str) -> None:
        """Type."""
        os.write(self.ours, keys.encode())

    def leave(self) -> int:
        """Ctrl-Q, and the exit code."""
        self.send("\x11")
        return self.gone()

    def gone(self) -> int:
        """Wait until it has left."""
        while self.process.poll() is None:
            if select.select([self.ours], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.ours, 1 << 16)
                except OSError:
                    break
        os.close(self.ours)
        return self.process.wait(LONG)


def test_a_sentence_is_translated_and_remembered(environment: dict[str, str], tmp_path: Path) -> None:
    session = Session(environment, tmp_path, "Tom called Mary's bluff.", "--record", str(tmp_path / "kept.trace"))
    session.until("token 19/19")
    time.sleep(1)
    assert session.leave() == 0
    kept = json.loads((tmp_path / "session.json").read_text(encoding="utf-8"))
    assert kept["text"] == "Tom called Mary's bluff."
    assert (tmp_path / "kept.trace").is_file()
    again = Session(environment, tmp_path, "--profile")
    again.until("token 19/19")
    assert again.leave() == 0
    assert b"first frame" in again.seen
    replay = Session(environment | {"TTX_MODEL": "none"}, tmp_path, "--replay", str(tmp_path / "kept.trace"))
    replay.until("token 19/19")
    assert replay.leave() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_it_the_text_is_kept(environment: dict[str, str], tmp_path: Path, number: int) -> None:
    session = Session(environment, tmp_path, "")
    # Before there is a screen, the terminal itself would echo what is typed.
    session.until("translation")
    session.send("Typed in vain?")
    session.until("vain")
    session.process.send_signal(number)
    assert session.gone() == (0 if number == signal.SIGTERM else -number)
    assert json.loads((tmp_path / "session.json").read_text(encoding="utf-8"))["text"] == "Typed in vain?"


def test_a_missing_model_is_told_on_the_screen(environment: dict[str, str], tmp_path: Path) -> None:
    session = Session(environment, tmp_path, "Good night.", "--model", "nowhere")
    session.until("nowhere")
    assert session.leave() == 3
    assert b"Traceback" not in session.seen
    assert json.loads((tmp_path / "session.json").read_text(encoding="utf-8"))["text"] == "Good night."


def test_a_run_is_on_the_screen_at_once(environment: dict[str, str], tmp_path: Path) -> None:
    before = {"screen": "beam", "places": {"training": {"page": "samples", "run": "/nowhere", "at": 1}}}
    (tmp_path / "session.json").write_text(json.dumps(before), encoding="utf-8")
    session = Session(environment, tmp_path, "--run", str(RUN))
    session.until("Kauf das nicht!")
    assert session.leave() == 0
    kept = json.loads((tmp_path / "session.json").read_text(encoding="utf-8"))
    assert kept["screen"] == "training"
    training = kept["places"]["training"]
    assert (training["page"], training["run"], training["at"]) == ("samples", str(RUN / "metrics.jsonl"), None)


def test_what_is_no_trace_is_told_before_there_is_a_screen(environment: dict[str, str], tmp_path: Path) -> None:
    session = Session(environment, tmp_path, "--replay", str(tmp_path / "none.trace"))
    session.until("none.trace")
    assert session.gone() == 5
    assert b"Traceback" not in session.seen


def test_what_is_no_run_is_told_before_there_is_a_screen(environment: dict[str, str], tmp_path: Path) -> None:
    session = Session(environment, tmp_path, "--run", str(tmp_path))
    session.until("is not a run folder of ttx train: it has no metrics.jsonl")
    assert session.gone() == 5
    assert b"Traceback" not in session.seen


def test_a_port_that_cannot_be_had_is_told_in_a_line(ttx_process: Callable[..., Done]) -> None:
    refused(ttx_process("tui", "--serve", "70000"), "--serve", "65535")
    pytest.importorskip("textual_serve")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = ttx_process("tui", "--serve", str(port))
    assert (done.code, done.out) == (1, "")
    assert done.err == f"ttx: cannot serve at http://127.0.0.1:{port}: Address already in use\n"


def test_wrong_usage_needs_no_terminal_to_be_told(ttx_process: Callable[..., Done]) -> None:
    refused(ttx_process("tui", "Good night."), "needs a terminal")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--key", "play"], "--key 'play'"),
        (["--key", "nothing=p"], "there is no 'nothing'"),
        (["--theme", "none"], "there is no theme 'none'"),
        (["text", "--replay", "a.trace"], "--replay"),
        (["--inline", "--run", "runs/x"], "--inline has no room"),
    ],
)
def test_wrong_usage(environment: dict[str, str], tmp_path: Path, arguments: list[str], said: str) -> None:
    session = Session(environment, tmp_path, *arguments)
    session.until(said)
    assert session.process.wait(LONG) == 2
    os.close(session.ours)
    assert b"Traceback" not in session.seen
