"""Lines to be translated: plain text, or JSON objects."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tui_transformer.errors import InputError

if TYPE_CHECKING:
    from tui_transformer.translation import Line
    from tui_transformer.translator import Translator

    from .textio import LineReader


def json_lines(reader: LineReader, translator: Translator) -> Iterator[Line]:
    """The "source" and "prefix" of each line's object; its fields are kept. Raises InputError that names a bad line."""
    from tui_transformer.translation import Line

    for number, text in enumerate(reader, 1):
        where = f"{reader.name}, line {number:,}"
        fields = _object(text, where)
        source, prefix = _text(fields, "source", where), _text(fields, "prefix", where, "")
        yield Line(source, prefix_ids(translator, prefix, where), fields)


def text_lines(reader: Iterable[str]) -> Iterator[Line]:
    """Each line as it is."""
    from tui_transformer.translation import Line

    return (Line(text) for text in reader)


def prefix_ids(translator: Translator, prefix: str, where: str) -> tuple[int, ...]:
    """The ids of a forced beginning. Raises InputError if it leaves no room for a translation."""
    ids = translator.target_ids(prefix)
    positions = translator.runtime.architecture.positions
    if len(ids) >= positions:
        raise InputError(f"{where}: the prefix has {len(ids)} pieces, the model has room for {positions - 1}")
    return ids


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)


def _refuse(number: str) -> float:
    """It could not be written again as JSON."""
    raise ValueError(f"{number} is not a finite number")


def _object(text: str, where: str) -> dict[str, object]:
    try:
        fields = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not valid JSON: {error}") from None
    if not isinstance(fields, dict):
        raise InputError(f"{where}: not a JSON object")
    return fields


def _text(fields: dict[str, object], name: str, where: str, default: str | None = None) -> str:
    from tui_transformer.source import characters

    value = fields.get(name, default)
    if value is None and name not in fields:
        raise InputError(f'{where}: no "{name}" field')
    if not isinstance(value, str):
        raise InputError(f'{where}: "{name}" is not a string')
    return characters(value)  # JSON can spell half a surrogate pair
