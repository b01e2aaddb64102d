"""What views that look inside the model have in common: what is probed, which head, which token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tui_transformer.errors import UsageError

from . import selection
from .options import Options
from .show import given

if TYPE_CHECKING:
    from tui_transformer.heads import Head
    from tui_transformer.probed import Probed
    from tui_transformer.traces import Inside
    from tui_transformer.translator import Translator

TargetOption = Annotated[
    str | None,
    typer.Option("--target", help="A given translation; the model's own if not given.", show_default=False),
]
LayerOption = Annotated[int, typer.Option(help="From 1.")]
HeadOption = Annotated[int, typer.Option(help="From 1.")]
TokenOption = Annotated[
    str | None,
    typer.Option(
        help="The querying piece, as written or by its number from 1; the middle one if not given.",
        show_default=False,
    ),
]


def look(options: Options, text: str, target: str | None, lens: bool = False, width: int = 0) -> Inside:
    """All that happens inside, and sentences on what was left out of it: now, or as `--from-trace` keeps it.

    Raises UsageError for a blank target, or for a kept one that lacks the `lens`.
    """
    from tui_transformer.traces import Inside, save_trace

    if options.read_inside:
        if target is not None:
            raise UsageError("--from-trace shows a saved translation: it takes no target")
        if lens and options.read_inside.probed.decoder.lens is None:
            raise UsageError(f"{options.from_trace} has no logit lens: `ttx inspect layers` saves one")
        return options.read_inside
    translator = options.translator
    ids = translator.target_ids(given(target)) if target is not None else None
    probed = translator.probe(text, ids, lens=lens, width=width)
    notes = source_notes(translator, text)
    notes += target_notes(translator, ids or ())
    if not probed.complete:
        notes.append("The model did not end this translation: it was cut off at the longest it may be.")
    inside = Inside(probed, options.target_pieces, tuple(notes))
    if options.trace:
        save_trace(inside, options.trace)
    return inside


def source_notes(translator: Translator, text: str) -> list[str]:
    """A sentence on how much of the source is left out, if anything is."""
    cut = len(translator.source_ids(text)) + 1 - translator.runtime.architecture.positions
    return [f"The model reads no more at once: {cut} further pieces of the source are left out."] if cut > 0 else []


def target_notes(translator: Translator, ids: Sequence[int]) -> list[str]:
    """A sentence on how much of a given target is left out, if anything is."""
    cut = len(ids) + 1 - translator.runtime.architecture.positions
    return [f"The model says no more at once: {cut} further pieces of the target are left out."] if cut > 0 else []


def chosen_head(kind: str, layer: int, head: int, probed: Probed) -> Head:
    """A head as people count. Raises UsageError that names what there is."""
    from tui_transformer.heads import Head
    from tui_transformer.probes import KINDS

    selection.kind(kind, KINDS)
    known = next(one for one in KINDS if one == kind)
    layers, heads = probed.attended(known).query.shape[:2]
    return Head(known, selection.layer(layer, layers), selection.head(head, heads))


def chosen_token(wanted: str | None, pieces: Sequence[str]) -> int:
    """The place, from 0, of the piece that asks. Raises UsageError that lists the pieces."""
    return (len(pieces) - 1) // 2 if wanted is None else selection.piece(wanted, pieces)
