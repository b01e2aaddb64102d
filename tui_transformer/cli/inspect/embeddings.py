"""`ttx inspect embeddings`: the rows that pieces become, and which of them are alike."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tui_transformer.errors import UsageError

from . import selection
from .options import Options, Text, with_options
from .probing import source_notes
from .show import given, show, show_view

if TYPE_CHECKING:
    from tui_transformer.embedding import Embedding
    from tui_transformer.render.picture import Picture

NEAR, ON_THE_MAP, MOST = 10, 150, 2000


class SideName(StrEnum):
    """Which side's embedding."""

    source = "source"
    target = "target"


@with_options
def embeddings(
    options: Options,
    text: Text = None,
    near: Annotated[
        str | None, typer.Option(metavar="PIECE", help="Show the pieces nearest to this one.", show_default=False)
    ] = None,
    analogy: Annotated[
        str | None, typer.Option(metavar="SUM", help="A sum, such as 'king - man + woman'.", show_default=False)
    ] = None,
    map_: Annotated[
        bool, typer.Option("--map", help="Draw a map by principal components, of TEXT or of the most common words.")
    ] = False,
    axis: Annotated[
        list[str] | None,
        typer.Option(metavar="FROM:TO", help="An axis of the map, such as bad:good; a second one is vertical.",
                     show_default=False),
    ] = None,
    side: Annotated[SideName, typer.Option(help="Which side's embedding.")] = SideName.source,
    count: Annotated[
        int | None,
        typer.Option(help=f"Number of nearest pieces ({NEAR}), or of common words on the map ({ON_THE_MAP}).",
                     show_default=False),
    ] = None,
) -> None:  # fmt: skip
    """Show the embedding: the row looked up for each piece, nearest pieces, vector arithmetic, a map.

    Example:  ttx inspect embeddings --analogy "his - he + she"
    """
    from tui_transformer.embedding import Embedding

    mapped = map_ or bool(axis)
    _check(text, near, analogy, mapped, axis, count)
    of = Embedding(options.translator, side.value)
    if near is not None:
        show(_neighbours(of, [(1, of.find(near))], count or NEAR), options)
    elif analogy is not None:
        show(_neighbours(of, of.terms(analogy), count or NEAR), options)
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
        raise UsageError("--near and --analogy ask about the vocabulary: they take no TEXT")
    if len(axis or []) > 2:
        raise UsageError(f"{len(axis or [])} axes: a map has 1 or 2")
    if count is not None:
        if near is None and analogy is None and (not mapped or text is not None):
            raise UsageError("--count is for --near, --analogy and a map of common words")
        selection.within("count", count, 1, MOST)


def _lookup(of: Embedding, text: str) -> Picture:
    from tui_transformer.render.views.embeddings import Looked, lookup_picture

    ids = (*of.ids(text), of.end)
    rows = of.translator.embeddings(of.side, ids)
    scaled = of.translator.runtime.architecture.scale_embedding
    picture = lookup_picture(Looked(text, of.side, of.vocabulary.pieces(ids), ids, rows, of.vocabulary.size, scaled))
    return picture.noting(source_notes(of.translator, text) if of.side == "source" else ())


def _neighbours(of: Embedding, terms: Sequence[tuple[int, int]], count: int) -> Picture:
    from tui_transformer.render.views.neighbours import neighbours_picture

    return neighbours_picture(of.neighbours(terms, count))


def _map(of: Embedding, ids: tuple[int, ...], axes: Sequence[str]) -> Picture:
    from tui_transformer.render.views.map import map_picture

    return map_picture(of.mapped(ids, [of.poles(axis) for axis in axes]))
