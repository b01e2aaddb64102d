"""`ttx inspect model`: what the model is made of, and where its bytes are."""

from __future__ import annotations

from .options import Options, with_options
from .show import show


@with_options
def model(options: Options) -> None:
    """Show the architecture as a tree, with shapes and parameter counts, and what is in the model's files.

    Example:  ttx inspect model --model en-de
    """
    from tui_transformer.bundle import read_bundle
    from tui_transformer.catalogue import find_model
    from tui_transformer.render.views.model import model_picture

    show(model_picture(read_bundle(find_model(options.model)).manifest), options)
