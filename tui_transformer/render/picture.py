"""What a view makes of a sentence: a picture, a sentence or two about it, and the values behind it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any, Literal

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.text import Text

from .labels import plain, visible
from .palette import STRONG

SCHEMA = 1
SECONDS_A_FRAME = 0.12

ColourSystem = Literal["standard", "256", "truecolor", "windows"]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header, for tab-separated values."""

    header: Sequence[str]
    rows: Sequence[Sequence[object]]

    def lines(self) -> Iterator[str]:
        """The header, then each row, without line ends."""
        for row in (self.header, *self.rows):
            yield "\t".join(plain(value) for value in row)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """`view` is the name of the command, `says` are plain sentences that tell what one sees.

    `values` is what JSON gives: text, numbers, arrays, mappings and sequences of them. `frames`, if there are any,
    makes the renderables of an animation anew each time; `body` is what shows where nothing can move.
    """

    view: str
    title: str
    body: RenderableType
    says: tuple[str, ...]
    values: Mapping[str, Any]
    table: Table
    frames: Callable[[], Iterator[RenderableType]] | None = None

    def head(self) -> Text:
        """The title, as it is drawn."""
        return Text(visible(self.title), style=STRONG)

    def words(self) -> Text:
        """What the picture says, as it is drawn."""
        return Text("\n".join(visible(sentence) for sentence in self.says))

    def noting(self, notes: Sequence[str]) -> Picture:
        """The same picture, which says these sentences last."""
        return replace(self, says=(*self.says, *notes))

    def whole(self) -> Group:
        """Title, body and sentences."""
        return Group(self.head(), Text(), self.body, Text(), self.words())

    def to_json(self) -> str:
        """One line: the values, with the schema's number and the name of the view first."""
        content = {"schema": SCHEMA, "view": self.view, **self.values, "says": list(self.says)}
        return json.dumps(jsonable(content), ensure_ascii=False, allow_nan=False)


def jsonable(value: Any) -> Any:
    """Arrays as nested lists, single-precision numbers to seven digits, what is no number as null.

    Raises TypeError for what JSON has no words for.
    """
    if isinstance(value, np.ndarray):
        return [jsonable(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): jsonable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(one) for one in value]
    if isinstance(value, (np.float16, np.float32)):
        value = float(f"{value:.7g}")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"{type(value).__name__} is not a value for JSON")


def drawing_console(width: int, colours: ColourSystem | None) -> Console:
    """A console that depends on nothing but its arguments; what is printed on it is in its `file`, a StringIO."""
    return Console(
        file=StringIO(), width=width, height=1000, color_system=colours, no_color=False, force_terminal=True,
        legacy_windows=False, markup=False, highlight=False, emoji=False, _environ={},
    )  # fmt: skip


def drawn(renderable: RenderableType, width: int, colours: ColourSystem | None) -> str:
    """The lines of a renderable as text, with escape sequences if there are colours; no space at their ends."""
    console = drawing_console(width, colours)
    console.print(renderable)
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    return text if colours else "".join(line.rstrip() + "\n" for line in text.splitlines())
