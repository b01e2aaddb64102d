"""The one way from a picture to the user: files, standard output, or the terminal, with colour and pages or without."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from tui_transformer.errors import TtxError, UsageError

from .options import ColorName, Drawing, FormatName, Options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tui_transformer.cli.textio import LineReader
    from tui_transformer.render.picture import ColourSystem, Picture

SAVED_WIDTH = 100


def show_view(view: str, text: str | None, make: Callable[[str], Picture], options: Options) -> None:
    """Show what a view makes of a sentence: the given one, that of `--from-trace`, or each of standard input.

    From standard input come N lines and N JSON objects go out, in order: for an empty line {"empty": true}, for one
    that the view cannot show {"error": …}, and then the command ends with the exit code of the first such error.
    Raises UsageError for a blank text, or for options that do not go together.
    """
    if (kept := options.kept_text) is not None:
        if text is not None:
            raise UsageError("give either TEXT or --from-trace, not both")
        show(make(kept), options)
    elif text is None:
        show_lines(view, make, options)
    else:
        show(make(given(text)), options)


def given(text: str) -> str:
    """The text. Raises UsageError if there is nothing in it."""
    if not text.strip():
        raise UsageError("the text is empty")
    return text


def show(picture: Picture, options: Drawing) -> None:
    """Save the picture if files are named; else, or if a format is named as well, print it. A keeper takes it all."""
    if options.keeper:
        options.keeper.pictures.append(picture)
        return
    from tui_transformer.render.save import check_suffix, save

    for path in options.save or ():
        check_suffix(path)
    for path in options.save or ():
        colour = None if options.color is ColorName.auto else options.color is ColorName.always
        save(picture, path, options.width or SAVED_WIDTH, colour)
    if options.output_format is FormatName.json:
        print_lines([picture.to_json()])
    elif options.output_format is FormatName.tsv:
        print_lines(picture.table.lines())
    elif options.output_format or not options.save:
        _draw(picture, options)


def show_lines(view: str, make: Callable[[str], Picture], options: Options) -> None:
    """A JSON object for each line of standard input. Raises UsageError if the options ask for anything else."""
    from tui_transformer.cli.streams import stream_out, warn_of_damage
    from tui_transformer.cli.textio import LineReader

    if options.save or options.trace or options.output_format not in (None, FormatName.json):
        raise UsageError("without TEXT, standard input becomes JSON: --save, --trace and other formats need TEXT")
    reader = LineReader.of_file()
    if sys.stdin.isatty():
        typer.echo("ttx: reading from the terminal, a line at a time; Ctrl-D ends", err=True)
    failures: list[TtxError] = []
    stream_out(_objects(view, make, reader, failures), reader)
    warn_of_damage(reader)
    if failures:
        typer.echo(f"ttx: {len(failures):,} line(s) could not be shown; first: {failures[0]}", err=True)
        raise typer.Exit(failures[0].exit_code)


def _objects(view: str, make: Callable[[str], Picture], reader: LineReader, failures: list[TtxError]) -> Iterator[str]:
    import json

    from tui_transformer.render.picture import SCHEMA

    for line in reader:
        head: dict[str, object] = {"schema": SCHEMA, "view": view, "text": line}
        if not line.strip():
            yield json.dumps(head | {"empty": True}, ensure_ascii=False)
            continue
        try:
            yield make(line).to_json()
        except UsageError as error:
            failures.append(error)
            yield json.dumps(head | {"error": str(error)}, ensure_ascii=False)


def _draw(picture: Picture, options: Drawing) -> None:
    from tui_transformer.render.picture import drawn

    from .pager import page

    size = shutil.get_terminal_size()
    terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    if picture.frames and terminal and options.output_format is None:
        _play(picture, options)
        return
    lines = drawn(picture.whole(), options.width or size.columns, colours(options.color)).splitlines()
    if not (terminal and not options.no_pager and len(lines) >= size.lines and page(lines)):
        print_lines(lines)


def _play(picture: Picture, options: Drawing) -> None:
    """The frames in one place, then what the picture says; Ctrl-C ends it early."""
    import time

    from rich.console import Console
    from rich.live import Live

    from tui_transformer.render.picture import SECONDS_A_FRAME

    assert picture.frames
    console = Console(width=options.width, color_system=colours(options.color), no_color=False, highlight=False)
    console.print(picture.head())
    console.print()
    try:
        with Live(console=console, auto_refresh=False) as live:
            for frame in picture.frames():
                live.update(frame, refresh=True)
                time.sleep(SECONDS_A_FRAME)
    except KeyboardInterrupt:
        pass  # stopping early is not an error
    console.print()
    console.print(picture.words())


def colours(color: ColorName) -> ColourSystem | None:
    """The colours to use on standard output, None for none: NO_COLOR (no-color.org) counts unless `always` was said."""
    if color is ColorName.never:
        return None
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty()
    if color is ColorName.auto and plain:
        return None
    from rich.console import Console

    # A file or pipe cannot be asked what it supports: it gets all colours.
    found = Console(no_color=False).color_system if sys.stdout.isatty() else None
    return found or "truecolor"  # type: ignore[return-value]


def print_lines(lines: Iterable[str]) -> None:
    """Lines to standard output, until the reader has gone or Ctrl-C."""
    from tui_transformer.cli.streams import stream_out
    from tui_transformer.cli.textio import LineReader

    stream_out(lines, LineReader.of_arguments(()))
