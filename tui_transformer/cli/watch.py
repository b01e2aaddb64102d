"""`ttx translate --watch`: every sentence is drawn on the terminal as it is decoded; standard output stays pure."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TextIO

from tui_transformer.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tui_transformer.translation import Line
    from tui_transformer.translator import Options, Source, Translator

FRAMES_A_SECOND = 20
MOST_LINES = 6
"""The most lines of pieces drawn for either language."""


@contextlib.contextmanager
def watching(wanted: bool) -> Iterator[TextIO | None]:
    """Where to draw: standard error if it is a terminal, else the one that the command was started from.

    None if watching is not wanted. Raises UsageError if there is no terminal.
    """
    if not wanted:
        yield None
        return
    if sys.stderr.isatty():
        yield sys.stderr
        return
    try:
        file = open("/dev/tty", "w", encoding="utf-8")  # noqa: SIM115
    except OSError:
        raise UsageError("--watch draws on the terminal, but there is none") from None
    with file:
        yield file


def watched(lines: Iterable[Line], translator: Translator, options: Options, file: TextIO) -> Iterator[Line]:
    """The same lines, each drawn while it is decoded once more for the watcher. Lazy."""
    from dataclasses import replace

    from rich.console import Console
    from rich.live import Live as Drawing

    console = Console(file=file, highlight=False)
    with Drawing(console=console, refresh_per_second=FRAMES_A_SECOND, transient=True) as drawing:
        for number, line in enumerate(lines, 1):
            prefix = line.prefix or options.prefix
            for source in translator.split(line.text, clause_limit=options.clause_limit):
                if source.ids:
                    for frame in _frames(translator, source, replace(options, prefix=prefix), number):
                        drawing.update(frame)
                    prefix = ()  # only the first sentence begins with it
            yield line


def _frames(translator: Translator, source: Source, options: Options, number: int) -> Iterator[RenderableType]:
    """One sentence, token by token: what the model reads, and what it says."""
    import time

    from rich.console import Group
    from rich.text import Text

    from tui_transformer.render.views import watch
    from tui_transformer.tui.live import Fold

    fold, started = Fold(), time.monotonic()
    for event in translator.stream(source, options):
        fold.add(event)
        trace = fold.trace()
        steps = len(fold.steps) + len(fold.beam_steps)
        rate = steps / max(1e-6, time.monotonic() - started)
        head = Text(f"line {number:,} · token {steps} · {rate:,.0f} tokens/s", style="dim")
        pieces = fold.encoded.pieces if fold.encoded else ()
        # A beam reads a forced beginning in steps as well, which say nothing about what it has found since.
        chosen = bool(fold.steps) and not fold.beam_steps
        found = fold.finished.pieces if fold.finished else fold.searched()
        said = watch.target_flow(fold.steps, len(fold.steps)) if chosen else watch.searched_flow(found)
        read = watch.source_flow(pieces, trace if chosen else None)
        yield Group(head, watch.clipped(read, MOST_LINES), watch.clipped(said, MOST_LINES))
