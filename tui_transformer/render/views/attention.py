"""Who looks at whom: all heads as thumbnails, one head or several together large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from tui_transformer.analysis.alignment import Heads
from tui_transformer.analysis.heads import NUMBERS, HeadStats
from tui_transformer.analysis.maps import Attention, Combine
from tui_transformer.heads import SHORT
from tui_transformer.probes import Kind
from tui_transformer.render.grid import Grid
from tui_transformer.render.heatmap import Scale
from tui_transformer.render.labels import clip, quoted
from tui_transformer.render.palette import QUIET, Floats
from tui_transformer.render.picture import Picture, Table
from tui_transformer.render.tiles import Tile, Tiles

VIEW = "attention"
NAMES: dict[Kind, str] = {
    "encoder": "encoder self-attention",
    "decoder": "masked decoder self-attention",
    "cross": "encoder–decoder attention",
}
MEANINGS = {
    "previous": "the piece before",
    "next": "the piece behind",
    "diagonal": "its own piece",
    "first": "the first piece",
    "last": "the last piece",
    "broad": "everything about equally",
    "focused": "single pieces at places of their own",
    "mixed": "several pieces",
}
SHORTER = {"previous": "prev", "diagonal": "diag", "entropy": "ent", "coverage": "cov"}
CROSS_DIAGONAL = "the piece at its own place in the sentence"
MOST_SENTENCES, MOST_LISTED = 6, 4
MOST_CELLS = 160
"""A longer text is cut in the picture; the values have all of it."""


@dataclass(frozen=True)
class Shown:
    """Attention that is looked at: the `heads` chosen of it, the two texts, and what has to be said of both."""

    attention: Attention
    heads: Heads
    source: str
    target: str
    notes: tuple[str, ...] = ()
    measured: HeadStats | None = None
    """What all heads do, if that is known already."""

    @cached_property
    def stats(self) -> HeadStats:
        """What all heads do."""
        return self.measured or HeadStats.of(self.attention)

    @property
    def size(self) -> str:
        """Rows × columns."""
        return " × ".join(map(str, self.attention.weights.shape[-2:]))

    def texts(self) -> Text:
        """Both texts, or the source if the target has no part in it."""
        both = (self.source,) if self.attention.kind == "encoder" else (self.source, self.target)
        return Text(" → ".join(clip(text, MOST_CELLS) for text in both) + "\n", style=QUIET)

    def values(self) -> dict[str, Any]:
        """What every picture of these heads gives as JSON."""
        return {
            "text": self.source, "translation": self.target, "kind": self.attention.kind,
            "rows": self.attention.rows.labels, "columns": self.attention.columns.labels,
        }  # fmt: skip

    def head_values(self, layer: int, head: int) -> dict[str, Any]:
        """One head as JSON: its number, name and statistics."""
        name = str(self.stats.names()[layer, head])
        return {"layer": layer + 1, "head": head + 1, "name": name, **self.stats.at(layer, head)}


def heads_picture(shown: Shown) -> Picture:
    """All chosen heads, a line a layer."""
    attention, names = shown.attention, shown.stats.names()
    layers = dict.fromkeys(layer for layer, _ in shown.heads)
    tiles = [
        (f"L{layer + 1}", [Tile(f"H{head + 1}", str(names[layer, head]), attention.weights[layer, head])
                           for of, head in shown.heads if of == layer])
        for layer in layers
    ]  # fmt: skip
    values = shown.values() | {
        "heads": [shown.head_values(*place) | {"weights": attention.weights[place]} for place in shown.heads]
    }
    rows = [row for place in shown.heads for row in _cells(shown, attention.weights[place], *place)]
    title = f"attention · {NAMES[attention.kind]} · {_count(len(shown.heads), 'head')} · {shown.size}"
    body = Group(shown.texts(), Tiles(tiles), Text(), Scale())
    return Picture(VIEW, title, body, (*_roles(shown), *shown.notes), values, Table(_HEADER, rows))


def head_picture(shown: Shown, combine: Combine = "mean") -> Picture:
    """One head, or the chosen ones together, with labels and numbers."""
    attention = shown.attention
    matrix = attention.combined(shown.heads, combine)
    name = named(shown, combine)
    body: RenderableType = Group(
        shown.texts(), Grid(matrix, attention.rows.labels, attention.columns.labels), Text(), Scale()
    )
    values = shown.values() | {
        "heads": [shown.head_values(*place) for place in shown.heads],
        "combine": combine if len(shown.heads) > 1 else None,
        "weights": matrix,
    }
    said = role(shown) if len(shown.heads) == 1 else ()
    title = f"attention · {NAMES[attention.kind]} · {name} · {shown.size}"
    return Picture(VIEW, title, body, (*said, *readings(f"{SHORT[attention.kind]} {name}", attention, matrix),
                                       *shown.notes),
                   values, Table(_HEADER, _cells(shown, matrix)))  # fmt: skip


def named(shown: Shown, combine: Combine) -> str:
    """Such as L3 H5, or mean of 24 heads."""
    if len(shown.heads) > 1:
        return f"{combine} of {_count(len(shown.heads), 'head')}"
    ((layer, head),) = shown.heads
    return f"L{layer + 1} H{head + 1}"


def readings(name: str, attention: Attention, matrix: Floats) -> list[str]:
    """What the surest rows read, in the order of the rows: name: "bewunderte" reads "admired" 0.81, "her" 0.09."""
    certainty = matrix.max(axis=1)
    if attention.masked and len(matrix) > 1:
        certainty[0] = -1  # it has no choice
    surest = sorted(np.argsort(-certainty, kind="stable")[:MOST_SENTENCES].tolist())
    said = []
    for row in surest:
        likely = [int(c) for c in np.argsort(-matrix[row], kind="stable")[:2] if matrix[row, c] >= 0.005]
        read = ", ".join(f"{word(attention.columns.labels[c])} {matrix[row, c]:.2f}" for c in likely)
        said.append(f"{name}: {word(attention.rows.labels[row])} reads {read or 'nothing'}")
    left = len(matrix) - len(surest)
    return [*said, f"These are its {len(surest)} surest rows of {len(matrix)}."] if left else said


def word(piece: str) -> str:
    """A piece in a sentence: quoted, without the mark of its space."""
    return quoted(piece.removeprefix("▁") or piece)


def reads(kind: Kind, name: str) -> str:
    """What a head of this name reads, in words."""
    return CROSS_DIAGONAL if (kind, name) == ("cross", "diagonal") else MEANINGS[name]


def role(shown: Shown) -> list[str]:
    """What the one head that is chosen does, in a sentence."""
    values = shown.head_values(*shown.heads[0])
    name, kind = values["name"], shown.attention.kind
    share = f" ({values[name]:.2f} of its weight)" if name in values else ""
    entropy = f"{values['entropy']:.1f} bit" if np.isfinite(values["entropy"]) else "not defined"
    return [
        f"{SHORT[kind]} {named(shown, 'mean')} reads {reads(kind, name)}{share}: {name}; "
        f"entropy {entropy}, coverage {values['coverage']:.2f}."
    ]


def changes(no_special: bool, words: bool, combine: Combine | None = None) -> list[str]:
    """What was done to the weights, in words."""
    said = []
    if no_special:
        said.append("Special pieces are hidden; each row is divided by what is left of it, so that it sums to 1.")
    if words:
        said.append("Words: the columns of a word's pieces are added, its rows averaged, so each row still sums to 1.")
    if combine == "max":
        said.append("Each weight is the largest of the chosen heads: a row may sum to more than 1.")
    return said


def captions(stats: HeadStats, by: str | None = None) -> dict[tuple[int, int], list[str]]:
    """What each head does, in a word and a number: diag .8; before it the number they are sorted `by`, if another."""
    said = {}
    for place, name in np.ndenumerate(stats.names()):
        told = "focus" if name == "focused" else str(name)
        number = f" {_tenths(getattr(stats, told)[place])}" if told in NUMBERS else ""
        said[place[0], place[1]] = [SHORTER.get(told, told) + number]
        if by is not None and by != told and np.isfinite(getattr(stats, by)[place]):
            said[place[0], place[1]].insert(0, f"{SHORTER.get(by, by)} {_tenths(getattr(stats, by)[place])}")
    return said


def _tenths(value: float) -> str:
    """Such as .8, 1, 2.4."""
    return f"{value:.1f}".removeprefix("0").removesuffix(".0") or "0"


def _roles(shown: Shown) -> list[str]:
    """How many heads do what, most first, with some of them by name."""
    names = shown.stats.names()
    heads: dict[str, list[str]] = {}
    for layer, head in shown.heads:
        heads.setdefault(str(names[layer, head]), []).append(f"L{layer + 1} H{head + 1}")
    said = []
    for name, found in sorted(heads.items(), key=lambda item: -len(item[1])):
        listed = ", ".join(found[:MOST_LISTED]) + (
            f" and {len(found) - MOST_LISTED} more" if len(found) > MOST_LISTED else ""
        )
        verb = "reads" if len(found) == 1 else "read"
        said.append(f"{_count(len(found), 'head')} {verb} {reads(shown.attention.kind, name)} ({name}): {listed}.")
    layer, head = shown.heads[0]
    return [*said, f"--layer {layer + 1} --head {head + 1} shows one of them large."]


_HEADER = ("layer", "head", "row", "column", "row_piece", "column_piece", "weight")


def _cells(shown: Shown, matrix: Floats, layer: int | None = None, head: int | None = None) -> list[Sequence[object]]:
    """A matrix as rows of a table; places, layers and heads count from 1."""
    if layer is None and len(shown.heads) == 1:
        layer, head = shown.heads[0]
    place = ("", "") if layer is None or head is None else (layer + 1, head + 1)
    rows, columns = shown.attention.rows.labels, shown.attention.columns.labels
    return [(*place, r + 1, c + 1, rows[r], columns[c], float(matrix[r, c])) for r, c in np.ndindex(*matrix.shape)]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
