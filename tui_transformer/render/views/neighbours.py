"""The pieces whose embeddings point the same way as a piece's, or as a sum of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group

from tui_transformer.probes import TextSide
from tui_transformer.render.bars import Bars
from tui_transformer.render.labels import fraction, quoted, visible
from tui_transformer.render.picture import Picture, Table

from .embeddings import VIEW

ALIKE = 0.8
"""Mean cosine of the neighbours among themselves from which on they are not told apart."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A piece and the cosine of its row with what was asked for."""

    piece: str
    id: int
    cosine: float


@dataclass(frozen=True, slots=True)
class Found:
    """What was asked for, as signed pieces (sign, piece, id), and its neighbours, the nearest first.

    `alike` is the mean cosine of the neighbours among themselves.
    """

    side: TextSide
    terms: Sequence[tuple[int, str, int]]
    neighbours: Sequence[Neighbour]
    alike: float

    @property
    def asked(self) -> str:
        """The question as a sum."""
        written = " ".join(f"{'+' if sign > 0 else '−'} {visible(piece)}" for sign, piece, _ in self.terms)
        return written.removeprefix("+ ")


def neighbour_bars(found: Found, cursor: int | None = None) -> Bars:
    """A bar a neighbour; ▸ marks the one at the cursor."""
    labels = [("▸" if i == cursor else "") + one.piece for i, one in enumerate(found.neighbours)]
    cosines = [one.cosine for one in found.neighbours]
    numbers = [fraction(value, signed=min(cosines) < 0) for value in cosines]
    return Bars(labels, cosines, numbers, full=1.0, highlight=cursor)


def neighbours_picture(found: Found) -> Picture:
    """The neighbours as bars. There must be at least one."""
    body = Group(neighbour_bars(found))
    title = f"embeddings · {found.side} · nearest to {found.asked}"
    values = {
        "side": found.side, "terms": [{"sign": sign, "piece": piece, "id": i} for sign, piece, i in found.terms],
        "neighbours": [{"piece": one.piece, "id": one.id, "cosine": one.cosine} for one in found.neighbours],
        "alike": found.alike,
    }  # fmt: skip
    rows = [(rank, one.piece, one.id, one.cosine) for rank, one in enumerate(found.neighbours, 1)]
    return Picture(VIEW, title, body, tuple(_says(found)), values, Table(("rank", "piece", "id", "cosine"), rows))


def _says(found: Found) -> list[str]:
    best = found.neighbours[0]
    said = [f"{found.asked} is nearest to {quoted(best.piece)}, cosine {best.cosine:.2f}: 1 is the same direction, "
            "0 a right angle."]  # fmt: skip
    if len(found.terms) > 1:
        said.append("Each row has length 1 before it is added or taken away; the pieces asked for are left out.")
    if found.alike >= ALIKE:
        said.append(f"The neighbours are hardly told apart (mean cosine among themselves {found.alike:.2f}): rows of "
                    "pieces that training hardly ever saw lie close together, and close to many.")  # fmt: skip
    return said
