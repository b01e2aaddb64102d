"""`ttx inspect tokens`: text as the model reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Options, with_options
from .show import given, show, show_lines

if TYPE_CHECKING:
    from tui_transformer.render.picture import Picture
    from tui_transformer.render.views.tokens import Sentence
    from tui_transformer.translator import Translator


@with_options
def tokens(
    options: Options,
    text: Annotated[
        list[str] | None,
        typer.Argument(
            help="Sentences, side by side in a batch; without any, one JSON object per line of standard input.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show the pieces and ids of sentences, how words split, special tokens, and the padded batch.

    Example:  ttx inspect tokens "He admired her." "Unbelievable!"
    """
    if text:
        show(_picture([given(one) for one in text], options), options)
    else:
        show_lines("tokens", lambda line: _picture([line], options), options)


def _picture(texts: Sequence[str], options: Options) -> Picture:
    from tui_transformer.decoding import pad
    from tui_transformer.render.views.tokens import Batch, tokens_picture

    translator = options.translator
    sentences = [_sentence(translator, text) for text in texts]
    special, side = translator.special, translator.source
    ids, mask = pad([one.ids for one in sentences], special.source_pad, translator.runtime.architecture.positions)
    known = (special.source_pad, side.bos_id, special.source_eos, special.source_unk)
    return tokens_picture(sentences, Batch(ids, mask), {side.piece(i): i for i in known})


def _sentence(translator: Translator, text: str) -> Sentence:
    from tui_transformer.render.views.tokens import Sentence

    ids = translator.whole(text).ids
    return Sentence(text, translator.source.pieces(ids), ids, len(translator.source_ids(text)) + 1 - len(ids))
