"""Where one stands on the attention screen: what is looked at, in which order, and what is remembered of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tui_transformer.analysis.heads import HeadStats
from tui_transformer.analysis.maps import Combine
from tui_transformer.probes import KINDS, Kind

from .attention_moment import Look, Place

ORDERS = ("layer", "entropy", "focus", "diagonal", "previous", "next", "first", "last", "coverage")
"""By layer and head, or by one of the numbers of `HeadStats`: the surest heads, or those with the most of it, first."""
COMBINED: tuple[Combine | None, ...] = (None, "mean", "max")


@dataclass
class Standing:
    """`place` is the head under the cursor, `cell` the row and column in the large picture, which stays if `locked`.

    With `combine`, the `marked` heads are one picture: all of the kind, if none is marked.
    """

    look: Look = field(default_factory=Look)
    order: str = ORDERS[0]
    place: Place = (0, 0)
    marked: dict[Kind, frozenset[Place]] = field(default_factory=lambda: {kind: frozenset() for kind in KINDS})
    combine: Combine | None = None
    large: bool = False
    cell: tuple[int, int] = (0, 0)
    locked: bool = False

    @property
    def kind(self) -> Kind:
        """Which attention."""
        return self.look.kind

    def marking(self) -> frozenset[Place]:
        """The marked heads of the kind."""
        return self.marked[self.kind]

    def fit(self, layers: int, heads: int) -> None:
        """Models have more or fewer heads: the cursor and the marks stay within."""
        layer, head = self.place
        self.place = max(0, min(layer, layers - 1)), max(0, min(head, heads - 1))
        self.marked[self.kind] = frozenset(one for one in self.marking() if one[0] < layers and one[1] < heads)

    def heads(self, layers: int, heads: int) -> tuple[Place, ...]:
        """What the large picture is made of."""
        if self.combine is None:
            return (self.place,)
        return tuple(sorted(self.marking())) or tuple((l, h) for l in range(layers) for h in range(heads))  # noqa: E741

    def as_json(self) -> dict[str, Any]:
        """To be remembered."""
        return {
            "kind": self.kind, "words": self.look.words, "special": self.look.special, "order": self.order,
            "layer": self.place[0], "head": self.place[1], "combine": self.combine, "large": self.large,
            "row": self.cell[0], "column": self.cell[1], "locked": self.locked,
            "marked": [[kind, *place] for kind in KINDS for place in sorted(self.marked[kind])],
        }  # fmt: skip

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> Standing:
        """As it was remembered; what is not understood is left out."""
        standing = cls()
        kind = next((kind for kind in KINDS if kind == kept.get("kind")), standing.kind)
        standing.look = replace(standing.look, kind=kind, words=kept.get("words") is True,
                                special=kept.get("special") is not False)  # fmt: skip
        standing.order = next((order for order in ORDERS if order == kept.get("order")), standing.order)
        standing.combine = next((one for one in COMBINED if one == kept.get("combine")), None)
        standing.place = _number(kept.get("layer")), _number(kept.get("head"))
        standing.cell = _number(kept.get("row")), _number(kept.get("column"))
        standing.large, standing.locked = kept.get("large") is True, kept.get("locked") is True
        listed = kept.get("marked")
        for kind in KINDS:
            standing.marked[kind] = frozenset(
                (_number(one[1]), _number(one[2]))
                for one in (listed if isinstance(listed, list) else ())
                if isinstance(one, list) and len(one) == 3 and one[0] == kind
            )
        return standing


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def ranked(layers: int, heads: int, order: str, stats: HeadStats | None) -> tuple[Place, ...]:
    """All heads in an order; by layer as long as there are no numbers. What has no number comes last."""
    places = [(layer, head) for layer in range(layers) for head in range(heads)]
    if order == ORDERS[0] or stats is None:
        return tuple(places)
    numbers = getattr(stats, order) * (1 if order == "entropy" else -1)
    return tuple(sorted(places, key=lambda place: float(np.nan_to_num(numbers[place], nan=np.inf))))


class Ranking:
    """An order that stays: heads change places when another order is asked for, or when a decoding is over."""

    def __init__(self) -> None:
        self.order: tuple[Place, ...] = ()
        self._asked: tuple[object, ...] = ()
        self._over: object = None

    def of(
        self, layers: int, heads: int, standing: Standing, stats: HeadStats | None, over: object
    ) -> tuple[Place, ...]:
        """The order now. `over` says which decoding, if all of it is shown."""
        asked = (standing.kind, standing.order, layers, heads)
        if asked != self._asked or (stats is not None and over is not None and over != self._over):
            self.order = ranked(layers, heads, standing.order, stats)
            self._asked, self._over = asked, over if stats is not None else None
        return self.order


def orders_of(kind: Kind) -> tuple[str, ...]:
    """Those orders for which a kind has numbers."""
    missing: dict[Kind, tuple[str, ...]] = {"encoder": (), "decoder": ("next", "last"), "cross": ("previous", "next")}
    return tuple(order for order in ORDERS if order not in missing[kind])
