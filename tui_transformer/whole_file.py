"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that becomes `path` when it is done; until then, and on any failure, what was there stays.

    Links are followed. An existing pipe or device, not being a regular file, is written to directly.
    Raises OSError.
    """
    # Checked before links are followed: what /dev/stdout leads to need not be a path.
    if path.exists() and not path.is_file():
        with open(path, "wb") as file:
            yield file
        return
    place = Path(os.path.realpath(path))
    # A name of its own: the file's may be as long as names can be, and another process may write the same file.
    partial = place.with_name(f".{os.urandom(6).hex()}.partial")
    try:
        with open(partial, "xb") as file:
            yield file
        partial.replace(place)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
