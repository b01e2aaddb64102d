"""Sinusoidal positional encoding and its rotation: one formula for training, export and the screens.

Vaswani et al. 2017, "Attention Is All You Need", section 3.5:

    PE(pos, 2i)   = sin(pos / 10000^(2i/d_model))
    PE(pos, 2i+1) = cos(pos / 10000^(2i/d_model))

`interleaved` is that layout. `halves` puts all sines first and all cosines second, as Marian and
tensor2tensor do; the two differ only by a fixed permutation of the dimensions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .architecture import LAYOUTS, Layout

Floats = npt.NDArray[np.float64]
BASE = 10_000.0


def frequencies(d_model: int) -> Floats:
    """Angular frequency of each (sine, cosine) pair in radians per position: (D/2,), from 1 down towards 1/10000.

    Raises ValueError if d_model is odd or not positive: the dimensions come in pairs.
    """
    if d_model <= 0 or d_model % 2:
        raise ValueError(f"d_model must be a positive even number, not {d_model}")
    return BASE ** (-np.arange(0, d_model, 2, dtype=np.float64) / d_model)


def sinusoids(length: int, d_model: int, layout: Layout = "interleaved") -> Floats:
    """The positional encoding of positions 0…length-1: float64 (T, D)."""
    angles = np.arange(length, dtype=np.float64)[:, None] * frequencies(d_model)
    table = np.empty((length, d_model))
    sines, cosines = pair_columns(d_model, layout)
    table[:, sines] = np.sin(angles)
    table[:, cosines] = np.cos(angles)
    return table


def pair_columns(d_model: int, layout: Layout) -> tuple[slice, slice]:
    """Where the sines and the cosines are among the D dimensions."""
    if layout == "interleaved":
        return slice(0, d_model, 2), slice(1, d_model, 2)
    if layout == "halves":
        return slice(0, d_model // 2), slice(d_model // 2, d_model)
    raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, not {layout!r}")


def rotation(offset: float, d_model: int, layout: Layout = "interleaved") -> Floats:
    """The matrix R(k), (D, D), with PE(pos + k) = R(k) · PE(pos) for every pos.

    Each (sine, cosine) pair turns by k·ω, by the angle-sum identities:

        sin((p+k)ω) =  cos(kω)·sin(pω) + sin(kω)·cos(pω)
        cos((p+k)ω) = -sin(kω)·sin(pω) + cos(kω)·cos(pω)
    """
    angles = offset * frequencies(d_model)
    dimensions = np.arange(d_model)
    sines, cosines = (dimensions[columns] for columns in pair_columns(d_model, layout))
    matrix = np.zeros((d_model, d_model))
    matrix[sines, sines] = matrix[cosines, cosines] = np.cos(angles)
    matrix[sines, cosines] = np.sin(angles)
    matrix[cosines, sines] = -np.sin(angles)
    return matrix
