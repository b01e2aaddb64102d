"""`ttx inspect model`: what the model is made of, and where its bytes are."""

from __future__ import annotations

from .options import Options, with_options
from .show import show


@with_options
def model(options: Options) -> None:
    """Show the architecture as a tree, with shapes and parameter counts, and what is in the model's files.

    Example:  ttx inspect model --model en-de
    """
    from tui_transformer.bundle import not_given
    from tui_transformer.catalogue import find_model, read_model
    from tui_transformer.render.views.model import model_picture

    bundle = read_model(find_model(options.model))
    if bundle.manifest.layout != "ttx":
        raise not_given(bundle, "list of its matrices")
    show(model_picture(bundle.manifest), options)
