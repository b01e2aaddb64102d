"""`ttx inspect qkv`: queries, keys and values, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .options import Options, Text, with_options_and_traces
from .probing import HeadOption, LayerOption, TargetOption, TokenOption, chosen_head, chosen_token, look
from .show import show_view

if TYPE_CHECKING:
    from tui_transformer.render.picture import Picture


@with_options_and_traces
def qkv(
    options: Options,
    text: Text = None,
    kind: Annotated[str, typer.Option(help="encoder, decoder or cross.")] = "encoder",
    layer: LayerOption = 1,
    head: HeadOption = 1,
    token: TokenOption = None,
    target: TargetOption = None,
    keys: Annotated[int, typer.Option(min=1, help="Number of keys to show, those with the largest weights.")] = 40,
) -> None:
    """Show scaled dot-product attention step by step: one token's query, the keys, scores, weights, values, their sum.

    Example:  ttx inspect qkv "Anthony Hopkins admired Michael Bay." --layer 2 --head 5 --token admired
    """

    def make(text: str) -> Picture:
        from tui_transformer.render.views.qkv import Attending, qkv_picture

        inside = look(options, text, target)
        probed = inside.probed
        which = chosen_head(kind, layer, head, probed)
        asked = Attending(probed, which, chosen_token(token, probed.asking(which.kind)))
        return qkv_picture(asked, keys).noting(inside.notes)

    show_view("qkv", text, make, options)
