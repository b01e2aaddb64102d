"""What is multiplied into the graphs' weights beforehand, and how to take it out again.

Queries carry the 1/√d_k of the attention, embedding tables the √d_model of what is read from them (or 1): a model is
faster without these products.
"""

from __future__ import annotations

import math

import numpy as np

from tui_transformer.architecture import Architecture

from .linear import Array

ROUNDINGS = 3
"""Steps between neighbouring numbers by which the roundings may have moved a weight."""


def fold(name: str, weight: Array, shape: Architecture) -> Array:
    """The weight or bias `name` of the PyTorch model, as the graphs hold it."""
    if name.endswith("_embedding.table.weight"):
        return weight * shape.embedding_scale
    return weight / math.sqrt(shape.d_k) if ".query." in name else weight


def unfold(name: str, folded: Array, shape: Architecture) -> Array:
    """The inverse, for float32: what `fold` turns into `folded`, to the last bit.

    Where several numbers qualify, because the factor is not a power of two, it is the one nearest to the quotient.
    """
    factor = float(fold(name, np.ones(1, np.float32), shape)[0])
    if factor == 1:
        return folded
    found = (folded / factor).astype(np.float32)
    for _ in range(ROUNDINGS):
        again = fold(name, found, shape)
        up, down = again < folded, again > folded
        found = np.where(up, np.nextafter(found, np.inf), np.where(down, np.nextafter(found, -np.inf), found))
    return found
