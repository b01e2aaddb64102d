"""A bundle as the checkpoint it could have been exported from: to continue where nothing else is left."""

from __future__ import annotations

import torch

from tui_transformer.bundle import Bundle, Manifest
from tui_transformer.errors import BundleError
from tui_transformer.mapped import load_tokenizers

from .checkpoint import Checkpoint
from .reader import read_weights
from .recipe import Data, Recipe, parse_recipe
from .vocabulary import Vocabularies


def checkpoint_of(model: Bundle) -> Checkpoint:
    """Weights in float32, as exact as the bundle has them. Raises BundleError if it lacks what a model needs."""
    manifest = model.manifest
    return Checkpoint(
        _recipe(model),
        manifest.architecture,
        Vocabularies(*load_tokenizers(model)),
        {name: torch.tensor(array) for name, array in read_weights(model).items()},
        dict(manifest.provenance.get("training", {})),
        started_from=manifest.provenance.get("started_from"),
    )


def _recipe(model: Bundle) -> Recipe:
    """The one it was trained with; for a model from elsewhere, what a recipe would say about it."""
    manifest: Manifest = model.manifest
    try:
        if "recipe" in manifest.provenance:
            return parse_recipe(manifest.provenance["recipe"])
    except (ValueError, TypeError) as error:
        raise BundleError(f"the manifest of {model.path} has no usable recipe: {error}") from None
    data = Data((), max_length=manifest.sentence_limit)
    return Recipe(manifest.name, manifest.source_language, manifest.target_language, data)
