"""Tables: aligned on a terminal, tab-separated and without a header in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows to standard output; an empty `head` means no header."""
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*head, box=None, pad_edge=False, show_header=bool(head))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # text, never markup
    Console().print(table)
