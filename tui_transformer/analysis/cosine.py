"""How far vectors point the same way."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def unit(rows: npt.NDArray[np.floating]) -> Floats:
    """Rows (…, D) with length 1; a row of zeros stays one."""
    wide = rows.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=-1, keepdims=True)
    found: Floats = wide / np.where(lengths == 0, 1, lengths)
    return found


def cosines(vectors: npt.NDArray[np.floating]) -> Floats:
    """The cosine of the angle between each two vectors: (…, S, D) → (…, S, S); 0 for a vector without length."""
    directions = unit(vectors)
    products: Floats = directions @ directions.swapaxes(-1, -2)
    return products


def mean_cosine(cosine: Floats) -> float:
    """How alike two different vectors are on average: (S, S) → their mean; 1 for a single one."""
    count = len(cosine)
    return float((cosine.sum() - np.trace(cosine)) / (count * (count - 1))) if count > 1 else 1.0
