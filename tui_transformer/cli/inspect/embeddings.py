"""`ttx inspect embeddings`: the rows that pieces become, and which of them are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_transformer.errors import UsageError

from . import selection
from .options import Options, Text, with_options
from .show import given, show, show_view

if TYPE_CHECKING:
    from tui_transformer.render.picture import Picture
    from tui_transformer.tokenizer import Tokenizer

NEAR, ON_THE_MAP, MOST = 10, 150, 2000


class SideName(StrEnum):
    """Whose embedding."""

    source = "source"
    target = "target"


@dataclass(frozen=True)
class Side:
    """One side's vocabulary and the embedding of all of it (V, D)."""

    options: Options
    name: SideName

    @property
    def vocabulary(self) -> Tokenizer:
        """Its pieces."""
        translator = self.options.translator
        return translator.source if self.name is SideName.source else translator.target

    @cached_property
    def table(self) -> Any:
        """A row a piece."""
        return self.options.translator.embeddings(self.name.value)

    def ids(self, text: str) -> tuple[int, ...]:
        """The pieces of a text as the model reads them, without the end."""
        translator = self.options.translator
        found = translator.source_ids(text) if self.name is SideName.source else translator.target_ids(text)
        return found[: translator.runtime.architecture.positions - 1]

    def common(self, count: int) -> tuple[int, ...]:
        """The words that are a piece of their own: those that were merged first, the most common ones, first."""
        pieces = ((i, self.vocabulary.piece(i)) for i in range(self.vocabulary.size))
        words = [i for i, piece in pieces if piece.startswith("▁") and len(piece) > 2 and piece[1:].isalpha()]
        return tuple(words[:count])


@with_options
def embeddings(
    options: Options,
    text: Text = None,
    near: Annotated[str | None, typer.Option(metavar="PIECE", help="The nearest pieces.", show_default=False)] = None,
    analogy: Annotated[
        str | None, typer.Option(metavar="SUM", help="Such as 'king - man + woman'.", show_default=False)
    ] = None,
    map_: Annotated[
        bool, typer.Option("--map", help="A map by principal components, of TEXT or of the most common words.")
    ] = False,
    axis: Annotated[
        list[str] | None,
        typer.Option(metavar="FROM:TO", help="An axis of the map, such as bad:good; a second one is the vertical one.",
                     show_default=False),
    ] = None,
    side: Annotated[SideName, typer.Option(help="Whose embedding.")] = SideName.source,
    count: Annotated[
        int | None,
        typer.Option(help=f"Nearest pieces, {NEAR} if not given; or common words on the map, {ON_THE_MAP}.",
                     show_default=False),
    ] = None,
) -> None:  # fmt: skip
    """Show the embedding: the row looked up for each piece, nearest pieces, vector arithmetic, a map.

    Example:  ttx inspect embeddings --analogy "his - he + she"
    """
    mapped = map_ or bool(axis)
    _check(text, near, analogy, mapped, axis, count)
    of = Side(options, side)
    if near is not None:
        show(_neighbours(of, [(1, near)], count or NEAR), options)
    elif analogy is not None:
        show(_neighbours(of, _terms(analogy), count or NEAR), options)
    elif mapped and text is not None:
        show(_map(of, tuple(dict.fromkeys(of.ids(given(text)))), axis or []), options)
    elif mapped:
        show(_map(of, of.common(count or ON_THE_MAP), axis or []), options)
    else:
        show_view("embeddings", text, lambda line: _lookup(of, line), options)


def _check(
    text: str | None, near: str | None, analogy: str | None, mapped: bool, axis: list[str] | None, count: int | None
) -> None:
    if (near is not None) + (analogy is not None) + mapped > 1:
        raise UsageError("give one of --near, --analogy and --map")
    if text is not None and (near is not None or analogy is not None):
        raise UsageError("--near and --analogy ask about the vocabulary: they go without TEXT")
    if len(axis or []) > 2:
        raise UsageError(f"{len(axis or [])} axes: a map has 1 or 2")
    if count is not None:
        if near is None and analogy is None and (not mapped or text is not None):
            raise UsageError("--count is for --near, --analogy and a map of common words")
        selection.within("count", count, 1, MOST)


def _lookup(of: Side, text: str) -> Picture:
    from tui_transformer.render.views.embeddings import Looked, lookup_picture

    translator = of.options.translator
    end = translator.special.source_eos if of.name is SideName.source else translator.special.target_eos
    ids = (*of.ids(text), end)
    rows = translator.embeddings(of.name.value, ids)
    scaled = translator.runtime.architecture.scale_embedding
    return lookup_picture(Looked(text, of.name.value, of.vocabulary.pieces(ids), ids, rows, of.vocabulary.size, scaled))


def _terms(analogy: str) -> list[tuple[int, str]]:
    from tui_transformer.analysis.neighbours import parse_terms

    try:
        return parse_terms(analogy)
    except ValueError as error:
        raise UsageError(f"analogy {error}") from None


def _neighbours(of: Side, terms: Sequence[tuple[int, str]], count: int) -> Picture:
    from tui_transformer.analysis.cosine import cosines, mean_cosine
    from tui_transformer.analysis.neighbours import combined, nearest
    from tui_transformer.render.views.neighbours import Found, Neighbour, neighbours_picture

    known = [(sign, selection.vocabulary_piece(name, of.vocabulary)) for sign, name in terms]
    found = nearest(of.table, combined(of.table, known), count, [i for _, i in known])
    neighbours = [Neighbour(of.vocabulary.piece(i), i, cosine) for i, cosine in found]
    signed = [(sign, of.vocabulary.piece(i), i) for sign, i in known]
    # A single one is like nothing but itself, which tells nothing.
    alike = mean_cosine(cosines(of.table[[i for i, _ in found]])) if len(found) > 1 else 0.0
    return neighbours_picture(Found(of.name.value, signed, neighbours, alike))


def _map(of: Side, ids: tuple[int, ...], axes: Sequence[str]) -> Picture:
    from tui_transformer.analysis.cosine import unit
    from tui_transformer.analysis.projection import along, principal_components
    from tui_transformer.render.views.map import Mapped, map_picture

    poles = [_poles(of, axis) for axis in axes]
    ids = tuple(dict.fromkeys((*(i for pair in poles for i in pair), *ids)))
    rows = unit(of.table[list(ids)])
    if poles:
        import numpy as np

        ends = unit(of.table[[i for pair in poles for i in pair]])
        projection = along(rows, np.stack([ends[2 * k + 1] - ends[2 * k] for k in range(len(poles))]))
    else:
        projection = principal_components(rows)
    named = [(of.vocabulary.piece(start), of.vocabulary.piece(stop)) for start, stop in poles]
    return map_picture(Mapped(of.name.value, of.vocabulary.pieces(ids), ids, projection, named))


def _poles(of: Side, axis: str) -> tuple[int, int]:
    start, colon, stop = axis.partition(":")
    if not (colon and start and stop):
        raise UsageError(f"axis {axis!r}: write FROM:TO, two pieces, such as bad:good")
    found = selection.vocabulary_piece(start, of.vocabulary), selection.vocabulary_piece(stop, of.vocabulary)
    if found[0] == found[1]:
        raise UsageError(f"axis {axis!r}: it must go from one piece to another")
    return found
