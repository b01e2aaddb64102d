"""`ttx inspect positions`: the sinusoidal encoding, its rings and its rotation."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tui_transformer.errors import UsageError

from . import selection
from .options import Options, with_options
from .probing import source_notes
from .show import given, show

if TYPE_CHECKING:
    from tui_transformer.render.picture import Picture
    from tui_transformer.render.views.positions import Positions

COUNT, DIMENSIONS = 50, 256
USUAL_PAIRS = (0, 8, 32)


class LayoutName(StrEnum):
    """How sines and cosines are laid out."""

    interleaved = "interleaved"
    halves = "halves"


@with_options
def positions(
    options: Options,
    text: Annotated[
        str | None, typer.Argument(help="Label the positions with the pieces of this text.", show_default=False)
    ] = None,
    count: Annotated[
        int | None,
        typer.Option("--positions", min=1, max=5000, help="50, or one per piece of TEXT.", show_default=False),
    ] = None,
    dimensions: Annotated[
        int | None,
        typer.Option(min=2, max=2048, help="d_model, an even number; the model's, or 256 without TEXT and --model.",
                     show_default=False),
    ] = None,
    layout: Annotated[
        LayoutName | None,
        typer.Option(help="Sines and cosines alternating, or in halves; default: as in the model.", show_default=False),
    ] = None,
    table: Annotated[bool, typer.Option("--table", help="Show the numbers.")] = False,
    rings: Annotated[
        bool, typer.Option("--rings", help="Show each (sin, cos) pair as a point on its circle, moving on a terminal.")
    ] = False,
    pairs: Annotated[
        str | None, typer.Option(help="Pairs from 0, comma-separated; 0,8,32 if not given.", show_default=False)
    ] = None,
    position: Annotated[
        int | None, typer.Option(min=0, help="Show one frame of the rings.", show_default=False)
    ] = None,
    offset: Annotated[
        int | None,
        typer.Option(min=1, max=5000, help="Show the rotation R(k) from a position to the k-th after it.",
                     show_default=False),
    ] = None,
) -> None:  # fmt: skip
    """Show the sinusoidal positional encoding: a heat map, its numbers, its rings, its rotation.

    Example:  ttx inspect positions "Anthony Hopkins admired Michael Bay." --offset 1
    """
    if table + rings + (offset is not None) > 1:
        raise UsageError("give one of --table, --rings and --offset")
    if position is not None and not rings:
        raise UsageError("--position only applies with --rings")
    if pairs is not None and not rings and offset is None:
        raise UsageError("--pairs only applies with --rings or --offset")
    if dimensions is not None and dimensions % 2:
        raise UsageError(f"dimensions {dimensions}: they come in pairs, so the number must be even")
    shown = _shown(given(text) if text is not None else None, count, dimensions, layout, options)
    picture = _picture(shown, table, rings, pairs, position, offset)
    show(picture.noting(source_notes(options.translator, text)) if text is not None else picture, options)


def _shown(
    text: str | None, count: int | None, dimensions: int | None, layout: LayoutName | None, options: Options
) -> Positions:
    """Those of a text, or of the model; without either no model is needed."""
    from tui_transformer.render.views.positions import Positions

    if text is None and not options.chosen_model:
        return Positions(count or COUNT, dimensions or DIMENSIONS, (layout or LayoutName.interleaved).value)
    translator = options.translator
    model = translator.runtime.architecture
    pieces = () if text is None else translator.source.pieces(translator.whole(text).ids)
    known = layout.value if layout else model.positional_layout
    return Positions(count or len(pieces) or COUNT, dimensions or model.d_model, known, pieces)


def _picture(
    shown: Positions, table: bool, rings: bool, pairs: str | None, position: int | None, offset: int | None
) -> Picture:
    from tui_transformer.render.views.positions import heat_map_picture, rings_picture, table_picture
    from tui_transformer.render.views.rotation import rotation_picture

    last = shown.dimensions // 2 - 1
    usual = tuple(pair for pair in USUAL_PAIRS if pair <= last)
    chosen = usual if pairs is None else selection.numbers("pair", pairs, 0, last)
    if rings:
        if position is not None:
            selection.within("position", position, 0, shown.count - 1)
        return rings_picture(shown, chosen, position)
    if offset is not None:
        if shown.pieces:
            selection.within("offset", offset, 1, len(shown.pieces) - 1)
        return rotation_picture(shown, offset, chosen)
    return table_picture(shown) if table else heat_map_picture(shown)
