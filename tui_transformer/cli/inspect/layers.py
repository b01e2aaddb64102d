"""`ttx inspect layers`: a sentence on its way through the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from . import selection
from .options import Options, Text, with_options_and_traces
from .probing import TargetOption, look
from .show import show_view

if TYPE_CHECKING:
    from tui_transformer.render.picture import Picture


@with_options_and_traces
def layers(
    options: Options,
    text: Text = None,
    target: TargetOption = None,
    layer: Annotated[
        int | None,
        typer.Option(
            help="Show likeness of positions after this layer, large; 0 is before the first. All, small, if not given.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show what each layer makes of a sentence: norms, likeness of positions, and how the prediction forms.

    Example:  ttx inspect layers "The old man gave the girl a beautiful red rose."
    """

    def make(text: str) -> Picture:
        from tui_transformer.analysis.stream import Forming
        from tui_transformer.render.views.layers import layers_picture

        inside = look(options, text, target, lens=True)
        encoder, decoder = inside.probed.encoder, inside.probed.decoder
        assert decoder.lens is not None
        if layer is not None:
            readings = min(len(side.stream.after_layers) for side in (encoder, decoder))
            selection.within("layer", layer, 0, readings - 1)
        forming = Forming.of(decoder.lens, inside.probed.said, inside.vocabulary.__getitem__)
        return layers_picture(inside.probed, forming, layer).noting(inside.notes)

    show_view("layers", text, make, options)
