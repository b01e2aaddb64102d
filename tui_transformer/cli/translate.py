"""`ttx translate`: one line out for each line in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tui_transformer.batching import Translation

INTERRUPTED = 130
PIPE_CLOSED = 141


class DeviceName(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def translate(
    text: Annotated[
        list[str] | None,
        typer.Argument(help="What to translate; standard input if nothing is given.", show_default=False),
    ] = None,
    input_file: Annotated[
        Path | None, typer.Option("-i", "--input", help="Read lines from this file.", show_default=False)
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write lines to this file.", show_default=False)
    ] = None,
    model: Annotated[
        str, typer.Option("-m", "--model", help="A model's name or folder.", envvar="TTX_MODEL")
    ] = "en-de",
    beam: Annotated[int, typer.Option(min=1, max=64, help="Hypotheses kept a sentence; 1 is greedy search.")] = 4,
    length_penalty: Annotated[
        float, typer.Option(min=0.0, max=5.0, help="Above 0 favours longer translations (beam search).")
    ] = 0.6,
    max_length: Annotated[
        int | None,
        typer.Option(
            min=1, help="Most pieces of a translation; twice the source and 10 if not given.", show_default=False
        ),
    ] = None,
    device: Annotated[
        DeviceName, typer.Option(help="Where to compute; auto takes a GPU if one works.", envvar="TTX_DEVICE")
    ] = DeviceName.auto,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Processor cores to use; all if not given.", show_default=False, envvar="TTX_THREADS"),
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say on stderr what is done.")] = False,
) -> None:
    """Translate text: from arguments, a file or a pipe, line by line.

    One line out for each line in; empty lines and the white space around a line are kept.

    Example:  cat a.txt | ttx translate > b.txt
    """
    from tui_transformer.batching import Batching, translate_lines
    from tui_transformer.runtime import usable_cores
    from tui_transformer.translator import Options, Translator

    from .textio import LineReader, write_lines

    if text and input_file:
        raise typer.BadParameter("give either text or --input, not both")
    reader = LineReader.of_arguments(text) if text else LineReader.of_file(input_file)
    if not text and not input_file and sys.stdin.isatty():
        typer.echo("ttx: reading from the terminal, a line at a time; Ctrl-D ends", err=True)
    cores = threads or usable_cores()
    translator = Translator.load(model, device.value)
    if verbose:
        _describe(translator, cores)
    options = Options(beam, length_penalty, max_length)
    translations = translate_lines(translator, reader, options, Batching(workers=cores))
    try:
        write_lines(_texts(translations, verbose), output_file, reader)
    except BrokenPipeError:
        os._exit(PIPE_CLOSED)  # as any filter does when `head` has seen enough; nothing waits for workers
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)  # at once: finished lines are out, nothing waits for workers
    if reader.damaged:
        typer.echo(
            f"ttx: {reader.name}: {reader.damaged} line(s) not valid UTF-8, first line {reader.first_damaged}; "
            "the bytes in question were replaced by U+FFFD",
            err=True,
        )


def _texts(translations: Iterator[Translation], verbose: bool) -> Iterator[str]:
    for number, translation in enumerate(translations, 1):
        if verbose and translation.parts > 1:
            typer.echo(f"ttx: line {number} is long: translated in {translation.parts} parts", err=True)
        yield translation.text


def _describe(translator: object, cores: int) -> None:
    from tui_transformer.translator import Translator

    assert isinstance(translator, Translator)
    manifest = translator.bundle.manifest
    typer.echo(
        f"ttx: model {translator.bundle.path} ({manifest.source_language} → {manifest.target_language}, "
        f"{manifest.precision}) on {translator.runtime.device}, {cores} worker(s)",
        err=True,
    )
