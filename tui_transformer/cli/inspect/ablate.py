"""`ttx inspect ablate`: what is lost without some heads, or without a piece of the source."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tui_transformer.errors import UsageError

from . import selection
from .options import Options, Text, with_options
from .probing import TargetOption, source_notes, target_notes
from .show import given, show_view

if TYPE_CHECKING:
    from tui_transformer.render.picture import Picture
    from tui_transformer.translator import Source

Item = TypeVar("Item")


@with_options
def ablate(
    options: Options,
    text: Text = None,
    off: Annotated[
        list[str] | None,
        typer.Option(help="A head to switch off, such as enc:2:5, dec:1:1 or cross:4:8; repeatable.",
                     show_default=False),
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(help="A piece of the source to hide, as written or by its number from 1; repeatable.",
                     show_default=False),
    ] = None,
    sweep: Annotated[bool, typer.Option("--sweep", help="Try every head and every piece, and rank them.")] = False,
    top: Annotated[int, typer.Option(min=1, help="With --sweep: number of heads to rank.")] = 12,
    target: TargetOption = None,
) -> None:  # fmt: skip
    """Switch off heads or hide pieces of the source, and see what becomes of the translation.

    Losses are in nats: how much less likely the first translation becomes.

    Example:  ttx inspect ablate "He admired her." --off cross:4:4
    """
    if sweep and (off or mask):
        raise UsageError("give either --sweep, or --off and --mask")
    if not (sweep or off or mask):
        raise UsageError("say what to remove: --off KIND:LAYER:HEAD, --mask PIECE, or --sweep for every head")
    if target is not None:
        given(target)

    def make(text: str) -> Picture:
        source = options.translator.whole(text)
        ids = None if target is None else options.translator.target_ids(target)
        picture = _swept(options, source, ids, top) if sweep else _ablated(options, source, ids, off or (), mask or ())
        return picture.noting((*source_notes(options.translator, text), *target_notes(options.translator, ids or ())))

    show_view("ablate", text, make, options)


def _ablated(
    options: Options, source: Source, target: Sequence[int] | None, off: Sequence[str], mask: Sequence[str]
) -> Picture:
    from tui_transformer.ablation import ablate
    from tui_transformer.heads import parse_head
    from tui_transformer.render.labels import quoted
    from tui_transformer.render.views.ablation import Ablated, ablation_picture

    translator = options.translator
    heads = list(dict.fromkeys(parse_head(one, translator.runtime.architecture) for one in off))
    pieces = translator.source.pieces(source.ids)
    places = list(dict.fromkeys(selection.piece(one, pieces) for one in mask))
    result = ablate(translator, source, heads, places, target)
    taken = (*map(str, heads), *(quoted(pieces[place]) for place in places))
    said = translator.target.pieces((*result.target, translator.special.target_eos))
    texts = translator.target.decode(result.target), translator.target.decode(result.changed)
    return ablation_picture(Ablated(source.whole, taken, said, *texts, result))


def _swept(options: Options, source: Source, target: Sequence[int] | None, top: int) -> Picture:
    import math

    import numpy as np

    from tui_transformer.ablation import losses_by_head, losses_by_place
    from tui_transformer.heads import all_heads
    from tui_transformer.render.views.ablation import Sweep, sweep_picture
    from tui_transformer.runtime import usable_cores

    translator = options.translator
    judged = translator.translate_batch([source])[0][0].ids if target is None else target
    (forced,) = translator.force([source], [judged])
    count = len(all_heads(translator.runtime.architecture))
    found = losses_by_head(translator, source, judged, usable_cores())
    heads = list(_counted(found, count, "heads tried"))
    return sweep_picture(
        Sweep(source.whole, translator.target.decode(forced.ids), math.fsum(forced.log_probabilities), heads,
              translator.source.pieces(source.ids), np.array(losses_by_place(translator, source, forced.ids))),
        top,
    )  # fmt: skip


def _counted(items: Iterable[Item], count: int, what: str) -> Iterator[Item]:
    """The items, counted in one line on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    try:
        for number, item in enumerate(items, 1):
            typer.echo(f"\rttx: {number:,} of {count:,} {what}", err=True, nl=False)
            yield item
    finally:
        # The line is erased once the result is there.
        typer.echo("\r\x1b[K", err=True, nl=False)
