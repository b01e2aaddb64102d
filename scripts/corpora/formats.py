"""Where in a site's files the pairs are: one function a format, from members to pairs as they were written."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO

from tui_transformer.errors import InputError

from . import fluent, po, sidebyside
from .archives import Member, members
from .clean import Pair
from .table import Part

_SEGMENT = re.compile(r"<seg[^>]*>(.*?)</seg>", re.DOTALL)


def pairs(part: Part, folder: Path) -> Iterator[Pair]:
    """All pairs of a part, from the downloads in `folder`. Raises InputError if they are not what they should be."""
    read = FORMATS.get(part.format)
    if read is None:
        raise InputError(f"unknown format {part.format!r}; there are: {', '.join(FORMATS)}")
    found = (member for name in part.downloads for member in members(folder / name, part.members))
    try:
        yield from islice(read(found, part), part.first)
    except UnicodeDecodeError as error:
        raise InputError(f"{', '.join(part.downloads)}: not UTF-8 ({error.reason})") from None


def _lines(content: IO[bytes]) -> Iterator[str]:
    """Only a line feed ends a line: other separators of lines stand in running text."""
    for line in content:
        yield line.decode("utf-8-sig").rstrip("\r\n")


def _columns(found: Iterator[Member], part: Part) -> Iterator[Pair]:  # noqa: ARG001
    """Tab-separated: source, target, more."""
    for _, content in found:
        for line in _lines(content):
            columns = line.split("\t")
            if len(columns) >= 2:
                yield columns[0], columns[1]


def _moses(found: Iterator[Member], part: Part) -> Iterator[Pair]:
    """Two files with as many lines; line n of one is the translation of line n of the other."""
    yield from _two_sides(found, part, lambda content: list(islice(_lines(content), part.first)))


def _sgm(found: Iterator[Member], part: Part) -> Iterator[Pair]:
    """WMT's test sets: a segment in each file is the translation of the one in the same place of the other."""

    def segments(content: IO[bytes]) -> list[str]:
        return [html.unescape(text) for text in _SEGMENT.findall(content.read().decode("utf-8-sig"))]

    yield from _two_sides(found, part, segments)


def _two_sides(found: Iterator[Member], part: Part, read: Callable[[IO[bytes]], Sequence[str]]) -> Iterator[Pair]:
    """`languages` are how the names of the two members end, suffixes apart."""
    sides: dict[str, Sequence[str]] = {}
    for name, content in found:
        side = next((one for one in part.languages if f".{one}." in f"{Path(name).name}."), "")
        sides[side] = read(content)
    if sides.keys() != set(part.languages):
        raise InputError(f"{', '.join(part.downloads)} lacks a member that fits {' or '.join(part.members)}")
    source, target = (sides[one] for one in part.languages)
    if len(source) != len(target):
        raise InputError(
            f"{', '.join(part.downloads)}: {len(source):,} lines on one side, {len(target):,} on the other"
        )
    yield from zip(source, target, strict=True)


FORMATS: dict[str, Callable[[Iterator[Member], Part], Iterator[Pair]]] = {
    "columns": _columns,
    "moses": _moses,
    "sgm": _sgm,
    "po": po.read,
    "fluent": fluent.read,
    "side by side": sidebyside.read,
}
