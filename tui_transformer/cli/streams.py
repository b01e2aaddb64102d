"""Streams that end as streams do: pairs read side by side, lines written until the reader has gone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tui_transformer.entry import INTERRUPTED
from tui_transformer.errors import InputError

from .textio import LineReader, write_lines

if TYPE_CHECKING:
    from tui_transformer.batching import Batching

PIPE_CLOSED = 141


def side_by_side(sources: LineReader, targets: LineReader) -> Iterator[tuple[str, str]]:
    """Line n of one file with line n of the other. Raises InputError, at the end, if one has more lines."""
    numbers = [0, 0]
    for pair in zip_longest(sources, targets):
        for side, line in enumerate(pair):
            numbers[side] += line is not None
        if numbers[0] == numbers[1]:
            yield pair
    if numbers[0] != numbers[1]:
        raise InputError(
            f"{sources.name} has {numbers[0]:,} lines, {targets.name} has {numbers[1]:,}: "
            "line n of one must be the translation of line n of the other"
        )


def parse_pair(line: str, number: int, name: str) -> tuple[str, str]:
    """`source<TAB>target`, further columns ignored. Raises InputError that names the line."""
    source, tab, rest = line.partition("\t")
    if not tab:
        raise InputError(f"{name}, line {number:,}: no tab between source and target")
    return source, rest.partition("\t")[0].removesuffix("\r")


def parsed_windows(reader: LineReader, batching: Batching) -> Iterator[list[tuple[str, str]]]:
    """Pairs in windows of what has arrived; a line without a pair ends it, once those above it are out."""
    from tui_transformer.batching import windows
    from tui_transformer.translation import Line

    number = 0
    for window in windows((Line(line) for line in reader), batching):
        pairs: list[tuple[str, str]] = []
        for line in window:
            number += 1
            try:
                pairs.append(parse_pair(line.text, number, reader.name))
            except InputError:
                yield pairs
                raise
        yield pairs


def stream_out(lines: Iterable[str], reader: LineReader, path: Path | None = None) -> None:
    """Each line to a file or standard output as soon as it is there, until the reader has gone or Ctrl-C."""
    try:
        write_lines(lines, path, reader)
    except BrokenPipeError:
        os._exit(PIPE_CLOSED)  # as any filter does when `head` has seen enough; nothing waits for workers
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)  # at once: finished lines are out, nothing waits for workers


def warn_of_damage(*readers: LineReader) -> None:
    """Report on stderr which input was not valid UTF-8."""
    for reader in readers:
        if reader.damaged:
            typer.echo(
                f"ttx: {reader.name}: {reader.damaged} line(s) not valid UTF-8, first line {reader.first_damaged}; "
                "the bad bytes were replaced by U+FFFD",
                err=True,
            )
