"""What a run starts from if not from random weights: a trained model, its vocabularies, and where they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from tui_transformer.architecture import TIED, Tied
from tui_transformer.bundle import verify_bundle
from tui_transformer.catalogue import find_model
from tui_transformer.errors import BundleError, RecipeError
from tui_transformer.mapped import MappedTokenizer
from tui_transformer.optimum import is_optimum_folder

from .checkpoint import AVERAGE, BEST, LAST, Checkpoint, as_checkpoint, load_checkpoint, read
from .model import parameter_count
from .provenance import generation_of, handed_down, provenance_of, sentence_limit_of
from .recipe import Recipe


@dataclass(frozen=True, slots=True)
class Start:
    """`place` is what the user calls the model; `record` is what the run keeps of it, in plain values.

    When a run is resumed, the checkpoint may be its own last one: vocabularies and shape are still those of its start.
    """

    place: str
    checkpoint: Checkpoint
    record: dict[str, Any]


def find_start(wanted: str | None, run: Path, recipe: Recipe) -> Start | None:
    """The model that is wanted; else the one that the run in this folder started from, if it did.

    Raises BundleError or RecipeError if none is there, if it is not the one that the run started from, or if it does
    not fit the recipe.
    """
    last = run / LAST
    content = read(last) if last.is_file() else {}
    if wanted is None:
        if not content.get("started_from"):
            return None
        start = Start(str(run), as_checkpoint(content, last), content["started_from"])
    else:
        start = read_start(wanted)
    _check_recipe(start, recipe)
    if content:
        _check_run(start, content.get("started_from"), run)
    return as_described(recipe, start)


def read_start(place: str) -> Start:
    """A checkpoint file, a run folder, a bundle's folder, or the name of an installed model."""
    path = Path(place)
    if path.is_file() or path.suffix == ".pt" or any((path / name).is_file() for name in (LAST, BEST, AVERAGE)):
        return _of_checkpoint(place, load_checkpoint(path))
    return _of_bundle(place, find_model(place))


def _of_checkpoint(place: str, checkpoint: Checkpoint) -> Start:
    model = checkpoint.build_model()
    weights = model.state_dict()
    record = {
        "name": checkpoint.recipe.name,
        "kept_as": "checkpoint",
        "weights": digest(weights),
        "sentence_limit": sentence_limit_of(checkpoint),
        "generation": generation_of(checkpoint).to_dict(),
        **handed_down(provenance_of(checkpoint, parameter_count(model))),
    }
    return Start(place, replace(checkpoint, weights=weights), record)


def _of_bundle(place: str, path: Path) -> Start:
    from .bundled import checkpoint_of  # it needs onnx, which training otherwise does not

    if is_optimum_folder(path):
        raise BundleError(f"cannot start from {path}: weights cannot be read from graphs in Optimum's layout")
    bundle = verify_bundle(path)
    checkpoint = checkpoint_of(bundle)
    weights = checkpoint.build_model().state_dict()
    record = {
        "name": bundle.manifest.name,
        "kept_as": f"{bundle.manifest.precision} bundle",
        "weights": digest(weights),
        "sentence_limit": sentence_limit_of(checkpoint),
        "generation": bundle.manifest.generation.to_dict(),
        **handed_down(bundle.manifest.provenance),
    }
    return Start(place, replace(checkpoint, weights=weights), record)


def _check_run(start: Start, begun: dict[str, Any] | None, run: Path) -> None:
    """Raises RecipeError if the run being resumed began with other weights."""
    if begun and begun["weights"] == start.record["weights"]:
        return
    weights = f"the weights of another model ({begun['name']})" if begun else "random weights"
    raise RecipeError(
        f"the run in {run} began with {weights}: leave out --start-from to resume it, or choose a new folder"
    )


def _check_recipe(start: Start, recipe: Recipe) -> None:
    """Raises RecipeError, naming the first thing that differs."""
    known = start.checkpoint.recipe
    if (known.source, known.target) != (recipe.source, recipe.target):
        raise RecipeError(
            f"the recipe is for {recipe.source} → {recipe.target}, {start.place} for {known.source} → {known.target}: "
            "a run must start from a model of the same languages"
        )
    if recipe.vocabulary.dropout and isinstance(start.checkpoint.vocabularies.source, MappedTokenizer):
        raise RecipeError(
            f"vocabulary.dropout does not work with the vocabularies of {start.place}, which are Marian's"
        )
    for option in recipe.model.__slots__:
        mine, its = getattr(recipe.model, option), getattr(start.checkpoint.shape, option)
        looser = option == "tied" and TIED.index(mine) < TIED.index(its)
        wider = option == "d_ff" and mine > its
        if mine != its and not (looser or wider):
            raise RecipeError(
                f"model.{option} is {mine} in the recipe, but {its} in {start.place}: to start from it, "
                "the recipe's [model] must describe it"
            )


def as_described(recipe: Recipe, start: Start) -> Start:
    """The same model, with fewer tables tied and wider feed-forward networks if the recipe says so.

    What was one table begins as equal ones. The model's output is unchanged.
    """
    checkpoint, wanted = start.checkpoint, recipe.model
    weights = widened(checkpoint.weights, wanted.d_ff - checkpoint.shape.d_ff, recipe.training.seed)
    shape = replace(checkpoint.shape, tied=cast(Tied, wanted.tied), d_ff=wanted.d_ff)
    return replace(start, checkpoint=replace(checkpoint, weights=weights, shape=shape))


def widened(weights: Mapping[str, Tensor], more: int, seed: int) -> dict[str, Tensor]:
    """All weights, with `more` units added to each feed-forward network: drawn as in a new model, but not yet heard.

    Their output weights start at 0 (Chen, Goodfellow and Shlens 2016, Net2Net, also preserve the function).
    """
    random = torch.Generator().manual_seed(seed)
    found = dict(weights)
    for name in sorted(weights) if more else ():
        weight = weights[name]
        if name.endswith("feed_forward.inner.weight"):
            drawn = nn.init.xavier_uniform_(weight.new_empty(len(weight) + more, weight.shape[1]), generator=random)
            found[name] = torch.cat([weight, drawn[:more]])
        elif name.endswith("feed_forward.inner.bias"):
            found[name] = torch.cat([weight, weight.new_zeros(more)])
        elif name.endswith("feed_forward.outer.weight"):
            found[name] = torch.cat([weight, weight.new_zeros(len(weight), more)], dim=1)
    return found


def digest(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of all weights: which model it was, whatever it is called."""
    found = hashlib.sha256()
    for name, weight in sorted(weights.items()):
        found.update(name.encode())
        found.update(weight.contiguous().numpy().tobytes())
    return found.hexdigest()
