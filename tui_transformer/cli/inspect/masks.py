"""`ttx inspect masks`: what attention may see, and what hiding does to its weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tui_transformer.errors import UsageError

from .options import Options, Text, with_options_and_traces
from .probing import HeadOption, LayerOption, TokenOption, chosen_head, chosen_token, look
from .show import given, show_view

if TYPE_CHECKING:
    from tui_transformer.probed import Probed
    from tui_transformer.render.picture import Picture
    from tui_transformer.render.views.masks import MaskedBatch
    from tui_transformer.search import Ids
    from tui_transformer.translator import Translator

USUAL_KINDS = ("encoder", "decoder")


@with_options_and_traces
def masks(
    options: Options,
    text: Text = None,
    target: Annotated[
        str | None, typer.Argument(help="A given translation; the model's own if not given.", show_default=False)
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(help="Another sentence for the batch, with the model's translation; repeatable.",
                     show_default=False),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="encoder, decoder or cross; encoder and decoder if not given.", show_default=False),
    ] = None,
    layer: LayerOption = 1,
    head: HeadOption = 1,
    token: TokenOption = None,
) -> None:  # fmt: skip
    """Show the padding mask, the look-ahead mask and both together, and what they do to one head's weights.

    Example:  ttx inspect masks "He admired her." --beside "Where is the station?"
    """
    others = [given(other) for other in beside or ()]
    if target is not None:
        given(target)
    if token is not None and kind is None:
        raise UsageError("--token needs --kind: a piece of the source asks in the encoder, one of the target elsewhere")

    def make(text: str) -> Picture:
        from tui_transformer.render.views.heads import HeadInside
        from tui_transformer.render.views.masks import MaskedBatch, masks_picture

        if options.from_trace and others:
            raise UsageError("--from-trace shows one saved sentence: it takes no --beside")
        ids = None if options.from_trace else _source_batch(options.translator, [text, *others])
        inside = look(options, text, target, width=0 if ids is None else ids.shape[1])
        probed = inside.probed
        chosen = [chosen_head(one, layer, head, probed) for one in ([kind] if kind else USUAL_KINDS)]
        heads = []
        for one in chosen:
            asking = probed.asking(one.kind)
            real = sum(probed.visible) if one.kind == "encoder" else len(asking)
            heads.append(HeadInside(probed, one, chosen_token(token, asking[:real])))
        batch = MaskedBatch.of(probed) if ids is None else _masked(options.translator, ids, probed, others)
        return masks_picture(batch, heads).noting(inside.notes)

    show_view("masks", text, make, options)


def _source_batch(translator: Translator, texts: Sequence[str]) -> Ids:
    """The ids of the sentences side by side, filled up as for the encoder (B, S)."""
    from tui_transformer.decoding import pad

    special = translator.special
    rows = [translator.whole(text).ids or (special.source_eos,) for text in texts]
    return pad(rows, special.source_pad, translator.runtime.architecture.positions)[0]


def _masked(translator: Translator, ids: Ids, probed: Probed, others: Sequence[str]) -> MaskedBatch:
    """The masks of a batch of the probed sentence and others, with the targets that are read."""
    from tui_transformer.decoding import pad
    from tui_transformer.masks import combine_masks, look_ahead_mask, padding_mask, target_padding_mask
    from tui_transformer.render.views.masks import MaskedBatch

    special = translator.special
    found = translator.translate_batch([translator.whole(text) for text in others])
    read = [probed.read, *((special.target_bos, *hypotheses[0].ids) for hypotheses in found)]
    # As in training, and unlike for the encoder, to the longest and no further.
    longest = max(map(len, read))
    targets = pad(read, special.target_pad, translator.runtime.architecture.positions)[0][:, :longest]
    padding, look_ahead = target_padding_mask(targets, special.target_pad), look_ahead_mask(longest)
    return MaskedBatch(
        [translator.source.pieces(row) for row in ids.tolist()],
        [translator.target.pieces(row) for row in targets.tolist()],
        padding_mask(ids, special.source_pad), padding, look_ahead, combine_masks(padding, look_ahead),
    )  # fmt: skip
