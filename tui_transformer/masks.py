"""Which positions may be seen by attention: one definition for training, export and the screens.

A mask is boolean and **True where a position may be seen**. It broadcasts against scores of shape
(B, H, T, S): B batch, H head, T querying positions, S positions that are looked at.
Hidden positions get a score so low that their softmax weight is exactly 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

HIDDEN_SCORE = -1e9
"""Added to (or put in place of) the score of a hidden position: exp(HIDDEN_SCORE) is 0 in float32."""


def padding_mask(ids: Any, pad_id: int) -> Any:
    """Hide padding. ids (B, S) of numpy or torch → bool (B, 1, 1, S), the same kind of array."""
    return (ids != pad_id)[:, None, None, :]


def target_padding_mask(ids: Any, pad_id: int) -> Any:
    """`padding_mask` of a target that begins with its start piece, which Marian's models have the padding's id for."""
    mask = padding_mask(ids, pad_id)
    mask[..., 0] = True
    return mask


def look_ahead_mask(length: int) -> npt.NDArray[np.bool_]:
    """Hide the future: bool (1, 1, T, T), row t sees columns 0…t ("Attention Is All You Need", 3.2.3)."""
    return np.tri(length, dtype=bool)[None, None]


def combine_masks(padding: Any, look_ahead: Any) -> Any:
    """See only what both masks allow: (B, 1, 1, T) & (1, 1, T, T) → (B, 1, T, T)."""
    return padding & look_ahead
