"""What a training run keeps on disk, written so that a crash at any moment leaves the last good state.

A run folder:
    recipe.toml          the recipe as it was read
    metrics.jsonl        one JSON object an event, appended
    corpus/              encoded text and vocabularies, by content hash
    last.pt              everything needed to go on (weights, optimiser, where in the data)
    step-00001000.pt     weights only, of the newest evaluations
    best.pt, average.pt  weights of the lowest dev loss, and the mean of the newest evaluations
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tui_transformer.architecture import Architecture
from tui_transformer.errors import BundleError, RecipeError
from tui_transformer.tokenizer import Tokenizer, TokenizerOptions

from .model import Transformer
from .recipe import Recipe, parse_recipe
from .vocabulary import Vocabularies

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trained model with all that explains it. `progress` says how far training was (steps, hours…)."""

    recipe: Recipe
    shape: Architecture
    vocabularies: Vocabularies
    weights: dict[str, Tensor]
    progress: dict[str, Any]

    def build_model(self) -> Transformer:
        """The PyTorch model in evaluation mode, dropout off."""
        model = Transformer(self.shape, self.vocabularies.source.pad_id)
        model.load_state_dict(self.weights)
        return model.eval()


def save_atomically(content: dict[str, Any], path: Path) -> None:
    """Write beside the old file and swap: `path` is always a whole checkpoint, old or new.

    Raises RecipeError if the disk is full or the folder cannot be written; the old file is intact then.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open(partial, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:
        # torch reports a short write as RuntimeError.
        partial.unlink(missing_ok=True)
        raise RecipeError(f"cannot save {path}: {error}; the checkpoint before it is intact") from None


def describe(recipe: Recipe, shape: Architecture, vocabularies: Vocabularies) -> dict[str, Any]:
    """The part of a checkpoint that never changes during a run: makes the file stand on its own."""
    return {
        "format": FORMAT,
        "recipe": recipe.text,
        "shape": shape.to_dict(),
        "source_vocabulary": _to_tensor(vocabularies.source.model),
        "target_vocabulary": _to_tensor(vocabularies.target.model),
        "tokenizer": vocabularies.source.options.to_dict(),
    }


def read(path: Path, device: str = "cpu") -> dict[str, Any]:
    """The content of a checkpoint file; never runs code from it. Raises RecipeError if it is none."""
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise RecipeError(f"no checkpoint {path}") from None
    except Exception as error:
        # Depending on where a file is damaged torch raises half a dozen different classes.
        raise RecipeError(f"{path} is not a ttx checkpoint: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise RecipeError(f"{path} is not a ttx checkpoint of format {FORMAT}")
    return content


def load_checkpoint(path: Path) -> Checkpoint:
    """A checkpoint from its file, or the best choice of a run folder (average, else best, else last)."""
    if path.is_dir():
        choices = [path / name for name in ("average.pt", "best.pt", "last.pt")]
        path = next((choice for choice in choices if choice.is_file()), path / "last.pt")
    content = read(path)
    try:
        options = TokenizerOptions(**content["tokenizer"])
        source, target = (Tokenizer(_to_bytes(content[f"{side}_vocabulary"]), options) for side in ("source", "target"))
        return Checkpoint(
            parse_recipe(content["recipe"]),
            Architecture.from_dict(content["shape"]),
            Vocabularies(source, target),
            content["weights"],
            content["progress"],
        )
    except (KeyError, ValueError, TypeError, BundleError) as error:
        raise RecipeError(f"{path} is damaged: {error}") from None


def average_weights(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of several checkpoints' weights, summed in float64."""
    total: dict[str, Tensor] = {}
    for path in paths:
        for name, weight in read(path)["weights"].items():
            total[name] = total.get(name, 0.0) + weight.double()
    return {name: (weight / len(paths)).float() for name, weight in total.items()}


def _to_tensor(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def _to_bytes(tensor: Tensor) -> bytes:
    return tensor.numpy().tobytes()
