"""Settings from the environment and the config file, for all commands alike: flags > TTX_* > file > default.

The file is TOML. A key at its top is for every command that has such an option and can take the value, a table
for one command:

    model = "en-de"
    threads = 2

    [translate]
    length-penalty = 0.8

`TTX_LENGTH_PENALTY` is the variable of `--length-penalty`, for every command that can take it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import SettingsError

Commands = Mapping[str, Iterable[str]]
"""Each command ("models.verify" for `ttx models verify`) and the names of its options, without dashes before."""

_HEADER = re.compile(r"\s*\[\s*([\w.-]+)\s*\]")
_KEY = re.compile(r"\s*([\w-]+)\s*=")


@dataclass(frozen=True, slots=True)
class Setting:
    """A value, and where it comes from: FILE:LINE or TTX_NAME. Values of variables are text."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What a config file says; without one, nothing."""

    path: Path
    content: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """The line of each (table, key)."""

    def where(self, table: str, key: str = "") -> str:
        """FILE:LINE, or only the file, for what is written in one of TOML's rarer ways."""
        line = self.lines.get((table, key))
        return f"{self.path}:{line}" if line else str(self.path)


def config_path() -> Path:
    """Where the config file is, if there is one."""
    if path := os.environ.get("TTX_CONFIG"):
        return Path(path)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "ttx" / "config.toml"


def read_config() -> ConfigFile:
    """The user's config file. Raises SettingsError if it is unreadable, or named by TTX_CONFIG and not there."""
    path = config_path()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        if os.environ.get("TTX_CONFIG"):
            raise SettingsError(f"TTX_CONFIG names {path}, which does not exist") from None
        return ConfigFile(path)
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text") from None
    import tomllib  # only users with a config file pay for it

    try:
        return ConfigFile(path, tomllib.loads(text), _lines(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None


def settle(commands: Commands, file: ConfigFile, environment: Mapping[str, str]) -> dict[str, dict[str, list[Setting]]]:
    """What is set for each command, by option, strongest first. Raises SettingsError for a key in the file
    that no command has.
    """
    found: dict[str, dict[str, list[Setting]]] = {command: {} for command in commands}
    # From the weakest to the strongest: the top of the file, tables, variables.
    for table, key, value in sorted(_entries(file.content), key=lambda entry: entry[0] != ""):
        _check(table, key, commands, file)
        for command, options in commands.items():
            if table in ("", command) and key in options:
                found[command].setdefault(key, []).insert(0, Setting(value, file.where(table, key)))
    for command, options in commands.items():
        for key in options:
            if value := environment.get(variable(key)):
                found[command].setdefault(key, []).insert(0, Setting(value, variable(key)))
    return found


def variable(key: str) -> str:
    """The environment variable of an option."""
    return f"TTX_{key.upper().replace('-', '_')}"


def _entries(content: Mapping[str, Any], table: str = "") -> Iterator[tuple[str, str, Any]]:
    """(table, key, value) of everything that is set; a table itself has the key ""."""
    for key, value in content.items():
        if isinstance(value, dict):
            name = f"{table}.{key}" if table else key
            yield name, "", None
            yield from _entries(value, name)
        else:
            yield table, key, value


def _check(table: str, key: str, commands: Commands, file: ConfigFile) -> None:
    tables = {".".join(name.split(".")[:n]) for name in commands for n in (1, 2)}
    if table and table not in tables:
        raise SettingsError(f"{file.where(table)}: unknown table [{table}]; the nearest is [{_nearest(table, tables)}]")
    known = {option for command, options in commands.items() if table in ("", command) for option in options}
    if key and key not in known:
        place = f" in [{table}]" if table else ""
        nearest = f"; the nearest is {_nearest(key, known)}" if known else ": it has no options"
        raise SettingsError(f"{file.where(table, key)}: unknown key {key}{place}{nearest}")


def _nearest(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    return get_close_matches(name, sorted(known), n=1, cutoff=0.0)[0]


def _lines(text: str) -> dict[tuple[str, str], int]:
    """Where each (table, key) is written, and each table as (table, ""); the TOML reader does not say."""
    found: dict[tuple[str, str], int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = header[1]
            found.setdefault((table, ""), number)
        elif key := _KEY.match(line):
            found.setdefault((table, key[1]), number)
    return found
