"""Memory that was freed is kept for the next step, which needs as much again."""

from __future__ import annotations

import contextlib
import ctypes

# <malloc.h> of glibc. Older versions take no threshold above 32 MB.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_HIGH, _HIGHEST = 32 << 20, 2**31 - 1


def keep_freed_memory() -> None:
    """Tell glibc to keep the memory of freed tensors; other C libraries do as they like.

    It would give much of it back to the kernel at once, and every page of the next tensor would have to be fetched and
    cleared again: an eighth of the time of a training step on CPU.
    """
    # No such library here (ctypes raises OSError or TypeError), or one without mallopt.
    with contextlib.suppress(OSError, TypeError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, _HIGHEST)
        mallopt(_MMAP_THRESHOLD, _HIGH)
        mallopt(_MMAP_THRESHOLD, _HIGHEST)
