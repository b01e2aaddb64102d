"""`ttx shell`: a warm prompt. The model is loaded once, each line is translated as it is typed."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tui_transformer.errors import TtxError

from .parameters import DeviceName, DeviceOption, ModelOption, ThreadsOption, UsualBeamOption

if TYPE_CHECKING:
    from tui_transformer.dialogue import Dialogue

HISTORY_LINES = 1000


def shell(
    model: ModelOption = "en-de",
    beam: UsualBeamOption = None,
    device: DeviceOption = DeviceName.auto,
    threads: ThreadsOption = None,
) -> None:
    """Translate line by line at a prompt; the model stays loaded.

    :help shows what can be changed as you go: model, beam, number of translations, scores.

    Ctrl-C discards a line, Ctrl-D quits. In a pipe there is no prompt: lines in, translations out.
    """
    from tui_transformer.dialogue import Dialogue, Manner
    from tui_transformer.runtime import usable_cores
    from tui_transformer.translator import Translator

    from .streams import stream_out
    from .textio import LineReader

    dialogue = Dialogue(
        Manner(model, beam), lambda name: Translator.load(name, device.value), threads or usable_cores()
    )
    if sys.stdin.isatty() and sys.stdout.isatty():
        converse(dialogue)
        return
    reader = LineReader.of_file()
    stream_out((answer for line in reader for answer in _answers(dialogue, line)), reader)


def converse(dialogue: Dialogue) -> None:
    """At a terminal, until the input ends."""
    typer.echo("ttx: :help for help, Ctrl-D to quit", err=True)
    with _history():
        while True:
            languages = dialogue.translator.bundle.manifest
            try:
                line = input(f"{languages.source_language}→{languages.target_language}> ")
                for answer in _answers(dialogue, line) if line.strip() else ():
                    typer.echo(answer)
            except KeyboardInterrupt:
                typer.echo()
            except EOFError:
                typer.echo()
                return


def _answers(dialogue: Dialogue, line: str) -> Iterator[str]:
    """Translations; what is said about commands goes to stderr, and no mistake ends the conversation."""
    from tui_transformer.dialogue import is_command

    try:
        if is_command(line):
            typer.echo(dialogue.obey(line), err=True)
        else:
            yield from dialogue.translate(line)
    except TtxError as error:
        typer.echo(f"ttx: {error}", err=True)


@contextlib.contextmanager
def _history() -> Iterator[None]:
    """Arrow keys recall lines, also those of earlier sessions, where Python has readline."""
    try:
        import readline
    except ImportError:
        yield
        return
    file = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "ttx" / "history"
    # A convenience: if it cannot be read or written, the shell works without it.
    with contextlib.suppress(OSError):
        readline.read_history_file(file)
    try:
        yield
    finally:
        readline.set_history_length(HISTORY_LINES)
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(file)
