"""A matrix made smaller so that its peaks stay."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.floating]


def pool(matrix: Matrix, rows: int, columns: int) -> Matrix:
    """(…, R, C) → at most (…, rows, columns): each value is the one of its block that is farthest from zero.

    Blocks are as equal as can be and cover the matrix; what already fits stays as it is. Raises ValueError if there
    is to be nothing left.
    """
    if rows < 1 or columns < 1:
        raise ValueError(f"{rows} × {columns} leaves nothing to see")
    return _pool_along(_pool_along(matrix, rows, -2), columns, -1)


def block_of(place: int, whole: int, pooled: int) -> int:
    """The block in which `pool` puts a row or column: one of `pooled` that `whole` of them became."""
    # The last one that does not start behind it, where block i starts at ⌊i·whole / pooled⌋.
    return min(pooled - 1, ((place + 1) * pooled - 1) // whole)


def _pool_along(matrix: Matrix, most: int, axis: int) -> Matrix:
    size = matrix.shape[axis]
    if size <= most:
        return matrix
    starts = np.arange(most) * size // most
    highest: Matrix = np.maximum.reduceat(matrix, starts, axis=axis)
    if highest.size and matrix.min() >= 0:
        return highest
    lowest = np.minimum.reduceat(matrix, starts, axis=axis)
    return np.where(highest >= -lowest, highest, lowest)
