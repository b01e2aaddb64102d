"""PE(pos + k) = R(k) · PE(pos): one rotation for every position, shown with its residual."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.text import Text

from tui_transformer.positional import Floats, frequencies, pair_columns, rotation, sinusoids
from tui_transformer.render.labels import quoted
from tui_transformer.render.palette import QUIET, STRONG
from tui_transformer.render.picture import Picture, Table
from tui_transformer.render.strips import Strip, Strips

from .positions import VIEW, Positions


@dataclass(frozen=True, slots=True, eq=False)
class Turned:
    """R(k) for one offset k: its blocks (D/2, 2, 2), sine first, and the residuals (N, D/2) of `residuals`."""

    offset: int
    blocks: Floats
    residuals: Floats

    @property
    def residual(self) -> float:
        """The largest one of all positions and pairs."""
        return float(self.residuals.max())


def turned(shown: Positions, offset: int) -> Turned:
    """Turn all positions by an offset, with the matrix itself: of order N·D² operations."""
    matrix = rotation(offset, shown.dimensions, shown.layout)
    sines, cosines = (np.arange(shown.dimensions)[half] for half in pair_columns(shown.dimensions, shown.layout))
    places = np.stack([sines, cosines], axis=1)  # (D/2, 2)
    return Turned(offset, matrix[places[:, :, None], places[:, None, :]], residuals(shown, offset))


def residuals(shown: Positions, offset: int) -> Floats:
    """max |PE(p+k) − R(k)·PE(p)| of each position and pair, in float64: (N, D/2)."""
    table = sinusoids(shown.count + offset, shown.dimensions, shown.layout)
    turned_on = table[: shown.count] @ rotation(offset, shown.dimensions, shown.layout).T
    errors = np.abs(table[offset:] - turned_on)
    sines, cosines = pair_columns(shown.dimensions, shown.layout)
    return np.maximum(errors[:, sines], errors[:, cosines])


def rotation_picture(shown: Positions, offset: int, pairs: Sequence[int], known: Turned | None = None) -> Picture:
    """The matrices R(k) of the chosen pairs, the residual of all, and what becomes of the pieces if there are any.

    `known` is what `turned` gave, if it has been computed already.
    """
    turn = known or turned(shown, offset)
    largest = turn.residuals.max(axis=0)
    angles = np.degrees(offset * frequencies(shown.dimensions))
    steps = moves(shown, offset)
    rows = [(pair, float(angles[pair]), float(largest[pair])) for pair in range(len(largest))]
    values = {
        **shown.values(), "offset": offset, "pairs": list(pairs), "rotations": [turn.blocks[pair] for pair in pairs],
        "residuals": largest, "residual": turn.residual,
        "moves": [{"from": p, "to": q, "residual": float(turn.residuals[p].max())} for p, q in steps],
    }  # fmt: skip
    title = f"{shown.title} · {residual_title(turn)}"
    return Picture(VIEW, title, rotation_body(shown, turn, pairs), tuple(_says(shown, offset, largest, steps)), values,
                   Table(("pair", "degrees", "residual"), rows))  # fmt: skip


def residual_title(turn: Turned) -> str:
    """The offset, and by how much the rotation misses."""
    k = turn.offset
    return f"k = {k} · residual max |PE(p+{k}) − R({k})·PE(p)| = {turn.residual:.1e}"


def rotation_body(shown: Positions, turn: Turned, pairs: Sequence[int]) -> RenderableType:
    """The blocks of the chosen pairs side by side; below them which piece is turned into which."""
    angles = np.degrees(turn.offset * frequencies(shown.dimensions))
    largest = turn.residuals.max(axis=0)
    body: list[RenderableType] = [
        Columns([_drawn(pair, angles[pair], turn.blocks[pair], largest[pair]) for pair in pairs], padding=(0, 4))
    ]
    if steps := moves(shown, turn.offset):
        body.append(_pieces(shown, steps, turn.residuals))
    return Group(*body)


def moves(shown: Positions, offset: int) -> list[tuple[int, int]]:
    """Which piece the rotation turns into which, by position."""
    return [(p, p + offset) for p in range(min(len(shown.pieces) - offset, shown.count))]


def _drawn(pair: int, angle: float, block: Floats, residual: float) -> RenderableType:
    turn = f"{math.fmod(angle, 360):.4g}°"
    return Group(
        Text(f"pair {pair} · turn {turn}", style=STRONG),
        Text(f"⎡ {block[0, 0]:6.3f}  {block[0, 1]:6.3f} ⎤"),
        Text(f"⎣ {block[1, 0]:6.3f}  {block[1, 1]:6.3f} ⎦"),
        Text(f"residual {residual:.1e}", style=QUIET),
        Text(),
    )


def _pieces(shown: Positions, steps: Sequence[tuple[int, int]], errors: Floats) -> Strips:
    return Strips([
        Strip("from", [shown.pieces[p] for p, _ in steps]),
        Strip("to", [shown.pieces[q] for _, q in steps]),
        Strip("residual", [f"{errors[p].max():.0e}" for p, _ in steps]),
    ])  # fmt: skip


def _says(shown: Positions, offset: int, largest: Floats, steps: Sequence[tuple[int, int]]) -> list[str]:
    said = [
        f"R({offset}) turns every position p into p + {offset}: the largest residual of "
        f"{len(largest)} pairs and {shown.count} positions is {largest.max():.1e}."
    ]
    chain = range(0, len(shown.pieces), offset) if steps else ()
    moves = [f"{quoted(shown.pieces[p])} → {quoted(shown.pieces[q])}" for p, q in pairwise(chain)]
    if len(moves) > 1:
        said.append(f"{moves[0]} is the same rotation as {moves[1]}.")
    return said
