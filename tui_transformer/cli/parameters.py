"""Options shared by several commands."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, TypeVar

import typer

from tui_transformer.generation import MOST_HYPOTHESES

Value = TypeVar("Value")


class DeviceName(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def model_names(incomplete: str) -> list[str]:
    """What a shell offers after `--model`: the names of installed models."""
    from tui_transformer.catalogue import installed_models

    return sorted(name for name in installed_models() if name.startswith(incomplete))


def finite(value: float | None) -> float | None:
    """The callback of options that take a float: no range excludes nan. Raises BadParameter."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number")
    return value


def typed(context: typer.Context | None) -> set[str]:
    """The names of the options on the command line, such as --beam. Settings give options a value as well."""
    if context is None:
        return set()
    sources = {option: context.get_parameter_source(option.name or "") for option in context.command.params}
    # Some versions of Typer bundle their own click: the member's name is the same in all.
    return {max(option.opts, key=len) for option, where in sources.items() if where and where.name == "COMMANDLINE"}


def suiting(context: typer.Context | None, option: str, value: Value, suits: bool) -> Value | None:
    """An option's value; None if only a setting asks for it and it does not suit what is typed.

    What is typed and does not suit keeps its value, for the command to refuse.
    """
    return value if suits or option in typed(context) else None


def as_text(argument: str) -> str:
    """An argument with U+FFFD for bytes that are not UTF-8, which Python has as halves of surrogate pairs. Says so."""
    text = argument.encode(errors="surrogateescape").decode(errors="replace")
    if text != argument:
        typer.echo("ttx: an argument had bytes that are not UTF-8; they were replaced", err=True)
    return text


ModelOption = Annotated[
    str,
    typer.Option("-m", "--model", help="A model's name or folder.", envvar="TTX_MODEL", autocompletion=model_names),
]
DeviceOption = Annotated[
    DeviceName, typer.Option(help="Where to compute; auto uses a GPU if one works.", envvar="TTX_DEVICE")
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(min=1, help="Processor cores to use; all if not given.", show_default=False, envvar="TTX_THREADS"),
]
BeamOption = Annotated[
    int, typer.Option(min=1, max=MOST_HYPOTHESES, help="Hypotheses kept per sentence; 1 is greedy search.")
]
ScoreBeamOption = Annotated[
    int | None,
    typer.Option(min=1, max=MOST_HYPOTHESES, show_default="the model's own", help="Beam size for the scores."),
]
UsualBeamOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=MOST_HYPOTHESES,
        show_default="the model's own, else 4",
        help="Hypotheses kept per sentence; 1 is greedy search.",
    ),
]
