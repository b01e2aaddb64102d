"""`ttx config`: what is set, and by whom."""

from __future__ import annotations

from enum import Enum
from typing import Any

import typer

app = typer.Typer(
    help="Show settings: flags override TTX_* variables, these the config file, and that the defaults.",
    no_args_is_help=True,
)


@app.command()
def show(context: typer.Context) -> None:
    """Show every option of every command: its value, and whether it is a default or comes from FILE:LINE or TTX_X."""
    from .defaults import effective
    from .tables import show_table

    rows = [[f"{option.command}.{option.key}", _text(option.value), option.origin] for option in effective(context)]
    show_table(["option", "value", "origin"], rows)


@app.command()
def path() -> None:
    """Show where the config file is looked for; TTX_CONFIG names another."""
    from tui_transformer.settings import config_path

    typer.echo(config_path())


def _text(value: Any) -> str:
    """As it would be written in the file; empty if nothing is set."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
