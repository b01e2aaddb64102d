"""`ttx translate --watch`: the terminal gets a picture, standard output the same lines as ever."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .conftest import LONG, Done, refused

LINES = "Tom called Mary's bluff.\n\nGood night. Tom called Mary's bluff.\n  \nMary has a flower in her hair.\n"


def watch(environment: dict[str, str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, and what the terminal was sent as standard error."""
    ours, its = pty.openpty()
    with (folder / "in.txt").open("wb+") as given, (folder / "out.txt").open("wb+") as taken:
        given.write(LINES.encode())
        given.seek(0)
        command = [sys.executable, "-m", "tui_transformer", "translate", "--watch", *arguments]
        terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "80"}
        plain = {name: value for name, value in environment.items() if name != "NO_COLOR"}
        with subprocess.Popen(command, stdin=given, stdout=taken, stderr=its, env=plain | terminal) as process:
            os.close(its)
            sent = b""
            try:
                while chunk := os.read(ours, 1 << 16):
                    sent += chunk
            except OSError:
                pass  # how a terminal says that nobody is left
            os.close(ours)
            return process.wait(LONG), (folder / "out.txt").read_text(encoding="utf-8"), sent.decode(errors="replace")


def test_the_output_is_the_same(environment: dict[str, str], tmp_path: Path, ttx_process: Callable[..., Done]) -> None:
    for arguments in ([], ["--beam", "1"], ["--format", "tsv", "--scores"]):
        code, out, seen = watch(environment, tmp_path, *arguments)
        assert code == 0
        assert out == ttx_process("translate", *arguments, stdin=LINES.encode()).out
        assert "tokens/s" in seen
        assert "\x1b[38;2;" in seen or "\x1b[2m" in seen


def test_without_a_terminal_there_is_nothing_to_watch_on(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui_transformer", "translate", "--watch", "Good night."],
        capture_output=True, env=environment, cwd=tmp_path, timeout=LONG, check=False, start_new_session=True,
    )  # fmt: skip
    refused(Done(done.returncode, done.stdout.decode(), done.stderr.decode()), "--watch", "terminal")
