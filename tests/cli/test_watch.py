"""`ttx translate --watch`: the terminal gets a picture, standard output the same lines as ever."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tui_transformer.batching import translate_lines
from tui_transformer.cli import watch as watching
from tui_transformer.translation import Line
from tui_transformer.translator import Options, Translator

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


@pytest.mark.parametrize("options", [Options(beam=1), Options(beam=3)])
@pytest.mark.parametrize("own", [False, True])
def test_what_is_drawn_is_what_is_translated(
    translator: Translator, options: Options, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last drawing of each sentence: a forced beginning is that of the line, not of each of its sentences."""
    last: list[str] = []
    frames: Callable[..., Iterator[Any]] = watching._frames

    def kept(*arguments: Any) -> Iterator[Any]:
        *_, frame = drawn = list(frames(*arguments))
        console = Console(width=200, color_system=None, file=StringIO(), record=True)
        console.print(frame.renderables[-1])
        pieces = "".join(console.export_text().splitlines()[0].split())
        last.append(pieces.removesuffix("</s>").replace("▁", " ").strip())
        yield from drawn

    monkeypatch.setattr(watching, "_frames", kept)
    forced = translator.target_ids("Und Tom")
    line = Line(" Tom called Mary's bluff. The roof leaks.", forced if own else ())
    options = Options(options.beam, prefix=() if own else forced)
    assert list(watching.watched([line], translator, options, StringIO())) == [line]
    (found,) = translate_lines(translator, [line], options)
    assert last == [part.texts[0].strip() for part in found.parts]
    assert last[0].startswith("Und Tom")
    assert not last[1].startswith("Und")
