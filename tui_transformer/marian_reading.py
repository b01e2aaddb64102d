"""The files of a Marian model that are read the same way whatever holds its weights: JSON objects, ids of pieces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import RecipeError


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises RecipeError."""
    try:
        content = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise RecipeError(f"{path} is not a JSON object")
    return content


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises RecipeError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise RecipeError(f"no Marian model at {path.parent}: there is no {path.name}") from None
    except OSError as error:
        raise RecipeError(f"cannot read {path}: {error.strerror}") from None


def read_pieces(path: Path) -> dict[str, int]:
    """The id of each piece. Raises RecipeError."""
    pieces = read_json(path)
    if not all(isinstance(i, int) and not isinstance(i, bool) for i in pieces.values()):
        raise RecipeError(f"{path} does not name the id of each piece")
    try:
        "".join(pieces).encode()
    except UnicodeEncodeError:
        # JSON can spell half of a character that UTF-16 writes as two, which no file of text can hold.
        raise RecipeError(f"{path} has a piece that is not valid text") from None
    return pieces


def names_of(ids: dict[str, int], size: int, path: Path) -> tuple[str, ...]:
    """The piece of each of `size` ids. Raises RecipeError if some have none, or several."""
    names = {i: piece for piece, i in ids.items()}
    # Length first: a size claimed by a damaged config.json may exceed any memory.
    if len(ids) != len(names) or len(names) != size or names.keys() != set(range(size)):
        raise RecipeError(f"{path} has {len(ids):,} pieces with {len(names):,} ids, the model has {size:,}")
    return tuple(names[i] for i in range(size))
