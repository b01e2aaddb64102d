"""A model made elsewhere becomes a checkpoint: which form it has, and who reads that."""

from __future__ import annotations

from pathlib import Path

from tui_transformer.errors import RecipeError

from .checkpoint import Checkpoint
from .marian_files import CONFIG
from .marian_folder import Naming, read_folder
from .marian_native import read_native


def read_foreign(path: Path, naming: Naming) -> Checkpoint:
    """A Marian model: a folder of the Hugging Face layout, or Marian's own .npz with its vocabularies beside it.

    Raises RecipeError for what is neither or is not supported, MissingExtraError if a package is missing.
    """
    if path.is_dir() and (path / CONFIG).exists():
        return read_folder(path, naming)
    if path.is_dir():
        found = sorted(path.glob("*.npz"))
        if len(found) != 1:
            what = f"{len(found)} .npz files: name one" if found else f"neither {CONFIG} nor a .npz file"
            raise RecipeError(f"no Marian model at {path}: it has {what}")
        return read_native(found[0], naming)
    if path.suffix == ".npz" and path.exists():
        return read_native(path, naming)
    raise RecipeError(f"no Marian model at {path}: neither a folder nor a .npz file")
