"""PE(pos + k) = R(k) · PE(pos): one rotation for every position, shown with its residual."""

from __future__ import annotations

import math
from collections.abc import Sequence
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


def rotation_picture(shown: Positions, offset: int, pairs: Sequence[int]) -> Picture:
    """The matrices R(k) of the chosen pairs, the residual of all, and what becomes of the pieces if there are any.

    With pieces, there must be more of them than the offset.
    """
    errors = residuals(shown, offset)  # (N, D/2)
    largest = errors.max(axis=0)
    angles = np.degrees(offset * frequencies(shown.dimensions))
    blocks = [_block(shown, offset, pair) for pair in pairs]
    drawn = [_drawn(pair, angles[pair], block, largest[pair]) for pair, block in zip(pairs, blocks, strict=True)]
    steps = [(p, p + offset) for p in range(len(shown.pieces) - offset)]
    body: list[RenderableType] = [Columns(drawn, padding=(0, 4))]
    if steps:
        body.append(_pieces(shown, steps, errors))
    rows = [(pair, float(angles[pair]), float(largest[pair])) for pair in range(len(largest))]
    values = {
        **shown.values(), "offset": offset, "pairs": list(pairs), "rotations": blocks, "residuals": largest,
        "residual": float(largest.max()),
        "moves": [{"from": p, "to": q, "residual": float(errors[p].max())} for p, q in steps],
    }  # fmt: skip
    title = f"{shown.title} · k = {offset} · residual max |PE(p+{offset}) − R({offset})·PE(p)| = {largest.max():.1e}"
    return Picture(VIEW, title, Group(*body), tuple(_says(shown, offset, largest, steps)), values,
                   Table(("pair", "degrees", "residual"), rows))  # fmt: skip


def residuals(shown: Positions, offset: int) -> Floats:
    """max |PE(p+k) − R(k)·PE(p)| of each position and pair, in float64: (N, D/2)."""
    table = sinusoids(shown.count + offset, shown.dimensions, shown.layout)
    turned = table[: shown.count] @ rotation(offset, shown.dimensions, shown.layout).T
    errors = np.abs(table[offset:] - turned)
    sines, cosines = pair_columns(shown.dimensions, shown.layout)
    return np.maximum(errors[:, sines], errors[:, cosines])


def _block(shown: Positions, offset: int, pair: int) -> Floats:
    """The part of R(k) that turns one pair: (2, 2), sine first."""
    matrix = rotation(offset, shown.dimensions, shown.layout)
    places = [int(np.arange(shown.dimensions)[half][pair]) for half in pair_columns(shown.dimensions, shown.layout)]
    block: Floats = matrix[np.ix_(places, places)]
    return block


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
