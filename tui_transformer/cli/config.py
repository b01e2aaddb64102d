"""`ttx config`: what is set, and by whom."""

from __future__ import annotations

from enum import Enum
from typing import Any

import typer

app = typer.Typer(
    help="Show settings: flags win over TTX_* variables, these over the config file, that over defaults.",
    no_args_is_help=True,
)


@app.command()
def show(context: typer.Context) -> None:
    """Every option of every command: its value, and whether it is a default, from FILE:LINE or from TTX_X."""
    from .defaults import effective
    from .tables import show_table

    rows = [[f"{option.command}.{option.key}", _text(option.value), option.origin] for option in effective(context)]
    show_table(["option", "value", "origin"], rows)


@app.command()
def path() -> None:
    """Where the config file is looked for; TTX_CONFIG names another."""
    from tui_transformer.settings import config_path

    typer.echo(config_path())


def _text(value: Any) -> str:
    """As one would write it in the file; nothing if nothing is set."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
