"""Settings become the defaults of all options: what the config file and TTX_* say, checked before a command runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from tui_transformer.errors import SettingsError
from tui_transformer.settings import ConfigFile, Setting, read_config, settle


@dataclass(frozen=True, slots=True)
class Effective:
    """An option's value as a command would find it without flags, and where it comes from."""

    command: str
    key: str
    value: Any
    origin: str


def default_map(context: typer.Context) -> dict[str, Any]:
    """The defaults of all commands, nested as the commands are. Raises SettingsError."""
    options = _options(context)
    defaults: dict[str, Any] = {}
    for command, settings in _settled(context, options, read_config()).items():
        place = defaults
        for name in command.split("."):
            place = place.setdefault(name, {})
        for key, setting in settings.items():
            place[options[command][key].name] = setting.value
    return defaults


def effective(context: typer.Context) -> Iterator[Effective]:
    """Every option of every command. Raises SettingsError."""
    options = _options(context)
    settled = _settled(context, options, read_config())
    for command, parameters in options.items():
        for key, parameter in parameters.items():
            setting = settled[command].get(key) or Setting(parameter.default, "default")
            yield Effective(command, key, setting.value, setting.origin)


# Typer bundles a command line parser that is not meant to be imported: its parameters are Any.
def _options(context: typer.Context) -> dict[str, dict[str, Any]]:
    """The options of each command by name, such as {"models.verify": {...}}."""
    return {
        command: {_key(parameter): parameter for parameter in parameters if parameter.param_type_name == "option"}
        for command, parameters in _commands(context.find_root().command)
    }


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, list[Any]]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name}.")
        else:
            yield f"{before}{name}", command.params


def _key(parameter: Any) -> str:
    return str(next(option for option in parameter.opts if option.startswith("--")).removeprefix("--"))


def _settled(
    context: typer.Context, options: dict[str, dict[str, Any]], file: ConfigFile
) -> dict[str, dict[str, Setting]]:
    """The strongest setting that each option can take: `format` is not the same everywhere."""
    refused: dict[tuple[str, str], SettingsError] = {}
    taken: set[tuple[str, str]] = set()
    settled: dict[str, dict[str, Setting]] = {command: {} for command in options}
    for command, candidates in settle(options, file, os.environ).items():
        for key, settings in candidates.items():
            for setting in settings:
                try:
                    usable = _checked(context, options[command][key], key, setting)
                except SettingsError as error:
                    refused.setdefault((setting.origin, key), error)
                else:
                    settled[command].setdefault(key, usable)
                    taken.add((setting.origin, key))
    for place, refusal in refused.items():
        if place not in taken:
            raise refusal
    return settled


def _checked(context: typer.Context, parameter: Any, key: str, setting: Setting) -> Setting:
    """The setting as its option takes it. Raises SettingsError: the option itself would not know who set it."""
    value = setting.value
    if parameter.multiple and isinstance(value, str):
        value = value.split()
    # In the file, true and false are for flags, numbers and text for the rest; variables are always text.
    fits = isinstance(value, list) == parameter.multiple and (
        isinstance(value, str | list)
        or (isinstance(value, int | float) and isinstance(value, bool) == bool(parameter.is_flag))
    )
    try:
        if not fits:
            raise typer.BadParameter(f"--{key} does not take this kind of value")
        taken = parameter.process_value(context, value)
        if isinstance(value, float) and taken != value:
            raise typer.BadParameter(f"{value} is not a whole number")
    except typer.BadParameter as error:
        raise SettingsError(f"{setting.origin}: {key}: {error.message}") from None
    return Setting(value, setting.origin)
