"""Where a model comes from: what its manifest says about it, and what the manifests of its descendants will say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tui_transformer import __version__
from tui_transformer.generation import Generation

from .checkpoint import Checkpoint
from .recipe import Data, parse_recipe

HANDED_DOWN = (
    "corpora", "earlier_recipes", "made_up_names", "respelled", "imported_from", "form", "licence", "training",
    "started_from",
)  # fmt: skip
"""What every descendant of a model says as well: from what text, on whose terms and at what cost it was made."""


def provenance_of(checkpoint: Checkpoint, parameters: int) -> dict[str, Any]:
    """Plain values for the manifest."""
    if origin := checkpoint.origin:
        return {
            "imported_from": origin.source,
            "form": origin.form,
            "licence": origin.licence,
            "languages": list(origin.languages),
            "config": origin.config,
            "parameters": parameters,
            "code_version": __version__,
        }
    return {
        "recipe": checkpoint.recipe.text,
        "parameters": parameters,
        "corpora": [*_corpora(checkpoint.recipe.data, checkpoint.progress["epochs"]), *_read_before(checkpoint)],
        **({"earlier_recipes": list(earlier)} if (earlier := checkpoint.earlier_recipes) else {}),
        **({"made_up_names": share} if (share := checkpoint.recipe.data.made_up_names) else {}),
        **({"respelled": len(rules)} if (rules := checkpoint.recipe.data.respelled) else {}),
        **({"started_from": checkpoint.started_from} if checkpoint.started_from else {}),
        "training": checkpoint.progress,
        "code_version": __version__,
    }


def handed_down(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a model's provenance that its descendants inherit."""
    return {name: provenance[name] for name in HANDED_DOWN if name in provenance}


def generation_of(checkpoint: Checkpoint) -> Generation:
    """How the model is searched: as its recipe says, else as where it comes from."""
    if checkpoint.origin:
        return checkpoint.origin.generation
    return checkpoint.recipe.searched(checkpoint.started_from)


def sentence_limit_of(checkpoint: Checkpoint) -> int:
    """The longest source, in pieces, that training has shown the model or the one it started from."""
    recipes = [checkpoint.recipe, *(parse_recipe(earlier["recipe"]) for earlier in checkpoint.earlier_recipes)]
    begun: int = (checkpoint.started_from or {}).get("sentence_limit", 0)
    return min(max(begun, *(recipe.data.max_length for recipe in recipes)), checkpoint.shape.positions)


def _read_before(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """Corpora that only an earlier recipe of the run had, each with the last update `until` which it may be read."""
    known = {corpus.name for corpus in checkpoint.recipe.data.corpora if corpus.weight > 0}
    found: dict[str, dict[str, Any]] = {}
    for earlier in checkpoint.earlier_recipes:
        data = parse_recipe(earlier["recipe"]).data
        found |= {
            corpus["name"]: {**corpus, "until": earlier["until"]}
            for corpus in _corpora(data, math.inf)
            if corpus["name"] not in known
        }
    return [*found.values()]


def _corpora(data: Data, epochs: float) -> list[dict[str, Any]]:
    """Each corpus that was read, with its weight, and the later ones that this many epochs came to."""
    changes = [later for later in sorted(data.later, key=lambda later: later.epoch) if later.epoch - 1 < epochs]
    return [
        {
            "name": corpus.name,
            "licence": corpus.licence,
            "attribution": corpus.attribution,
            "weight": corpus.weight,
            "later": [
                {"epoch": change.epoch, "weight": change.weights[corpus.name]}
                for change in changes
                if corpus.name in change.weights
            ],
        }
        for corpus in data.corpora
        if corpus.weight > 0
    ]
