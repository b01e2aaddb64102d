"""The files in which training keeps a model, written so that a crash at any moment leaves the last good one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tui_transformer.architecture import Architecture
from tui_transformer.errors import BundleError, RecipeError

from .kept import keep, kept_vocabularies
from .model import Transformer
from .origin import Origin
from .recipe import Recipe, parse_recipe
from .vocabulary import Vocabularies

FORMAT = 1
LAST, BEST, AVERAGE = "last.pt", "best.pt", "average.pt"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trained model with all that explains it. `progress` says how far training had come (steps, hours…).

    `origin` is None for what was trained here; otherwise nothing is known about the progress. `started_from` is
    the record (`start`) of the model whose weights were the first, None if these were random. `earlier_recipes` were in
    force before the recipe, each `until` an update (`RunFolder.remember_recipe`).
    """

    recipe: Recipe
    shape: Architecture
    vocabularies: Vocabularies
    weights: dict[str, Tensor]
    progress: dict[str, Any]
    origin: Origin | None = None
    started_from: dict[str, Any] | None = None
    earlier_recipes: tuple[dict[str, Any], ...] = ()

    def build_model(self) -> Transformer:
        """The PyTorch model in evaluation mode, dropout off. Raises RecipeError if the weights are not its own."""
        model = Transformer(self.shape, self.vocabularies.source.pad_id, target_pad_id=self.vocabularies.target.pad_id)
        try:
            model.load_state_dict(self.weights)
        except (RuntimeError, AttributeError, TypeError) as error:
            raise RecipeError(f"the checkpoint's weights do not fit its model: {_first_misfit(error)}") from None
        return model.eval()


def save_atomically(content: dict[str, Any], path: Path) -> None:
    """Write beside the old file and swap: `path` is always a complete checkpoint, old or new.

    Raises RecipeError if the disk is full or the folder cannot be written; the old file is intact then.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open(partial, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:
        # torch reports a short write as RuntimeError.
        partial.unlink(missing_ok=True)
        raise RecipeError(f"cannot save {path}: {error}; the previous checkpoint is intact") from None


def describe(
    recipe: Recipe, shape: Architecture, vocabularies: Vocabularies, files: Mapping[str, str],
    started_from: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The part of a checkpoint that never changes during a run: makes the file self-contained.

    `files` are those of the text (`Prepared`).
    """
    return {
        "format": FORMAT,
        "recipe": recipe.text,
        "files": dict(files),
        "shape": shape.to_dict(),
        **keep(vocabularies),
        **({"started_from": started_from} if started_from else {}),
    }


def read(path: Path) -> dict[str, Any]:
    """The content of a checkpoint file, on the CPU; never runs code from it. Raises RecipeError if it is not one."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise RecipeError(f"no checkpoint {path}") from None
    except Exception as error:
        # Depending on where a file is damaged, torch raises half a dozen different classes.
        raise RecipeError(f"{path} is not a ttx checkpoint: {_first_line(error)}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise RecipeError(f"{path} is not a ttx checkpoint of format {FORMAT}")
    return content


def best_file(run: Path) -> Path:
    """Which file of a run folder to export: average or best, whichever has the lower dev loss; else the last."""
    choices = [run / name for name in (AVERAGE, BEST) if (run / name).is_file()]
    return min(choices, key=_dev_loss, default=run / LAST)


def _dev_loss(path: Path) -> float:
    return float(read(path)["progress"]["dev_loss"])


def load_checkpoint(path: Path) -> Checkpoint:
    """A checkpoint from its file, or the best one of a run folder. Raises RecipeError if it cannot be used."""
    path = best_file(path) if path.is_dir() else path
    return as_checkpoint(read(path), path)


def as_checkpoint(content: dict[str, Any], path: Path) -> Checkpoint:
    """What `read` found at a path. Raises RecipeError if it cannot be used."""
    try:
        return Checkpoint(
            parse_recipe(content["recipe"]),
            Architecture.from_dict(content["shape"]),
            kept_vocabularies(content),
            content["weights"],
            content["progress"],
            started_from=content.get("started_from"),
            earlier_recipes=tuple(content.get("earlier_recipes", ())),
        )
    except (KeyError, ValueError, TypeError, BundleError) as error:
        raise RecipeError(f"{path} is damaged: {error}") from None


def average_weights(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of several checkpoints' weights, summed in float64."""
    total: dict[str, Tensor] = {}
    for path in paths:
        for name, weight in read(path)["weights"].items():
            total[name] = total[name] + weight.double() if name in total else weight.double()
    return {name: (weight / len(paths)).float() for name, weight in total.items()}


def _first_misfit(error: Exception) -> str:
    """Which weight: torch says in its first line only that there are some."""
    heading, *misfits = str(error).splitlines() or [type(error).__name__]
    return misfits[0].strip() if misfits else heading


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
