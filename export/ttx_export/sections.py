"""A table of a TOML file becomes a frozen dataclass: names and types checked against its fields."""

from __future__ import annotations

import math
from dataclasses import MISSING, fields
from typing import Any, TypeVar

Section = TypeVar("Section")

_PLAIN_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "text"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
}


def section(kind: type[Section], values: Any, where: str) -> Section:
    """A table as the dataclass `kind`. Raises ValueError or TypeError saying what is wrong, and `where`."""
    options = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(table(values, where).keys() - options.keys()):
        raise ValueError(f"unknown option in {where}: {', '.join(unknown)}")
    for name, option in options.items():
        if name in values:
            _check_type(values[name], str(option.type), f"{where}: {name}")
        elif option.default is MISSING and option.default_factory is MISSING:
            raise ValueError(f"{where} lacks {name}")
    # A whole number is a number, but torch refuses one beside others.
    numbers = {name: float(values[name]) for name in values if str(options[name].type) == "float"}
    return kind(**{**values, **numbers})


def _check_type(value: Any, wanted: str, where: str) -> None:
    classes, words = _PLAIN_TYPES.get(wanted, ((object,), ""))
    # In Python true is a whole number, in a recipe it is a mistake; so is TOML's nan.
    strange_bool = isinstance(value, bool) and wanted in ("int", "float")
    if not isinstance(value, classes) or strange_bool or (isinstance(value, float) and not math.isfinite(value)):
        raise TypeError(f"{where} must be {words}, not {value!r}")


def table(values: Any, where: str) -> dict[str, Any]:
    """`values` itself. Raises TypeError if it is not a table."""
    if not isinstance(values, dict):
        raise TypeError(f"{where} must be a table, not {values!r}")
    return values


def tables(values: Any, where: str) -> list[dict[str, Any]]:
    """All tables of that name. Raises TypeError if they are not tables."""
    if not isinstance(values, list):
        raise TypeError(f"{where} must be a table, or several, after [[{where}]], not {values!r}")
    return [table(value, where) for value in values]


def texts(values: Any, where: str) -> tuple[str, ...]:
    """A list of strings as a tuple. Raises TypeError if it is not: a single string is a likely slip."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"{where} must hold strings, not {values!r}")
    return tuple(values)
