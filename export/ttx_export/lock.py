"""One run folder, one training: a lock that the system releases when its holder ends, however it ends."""

from __future__ import annotations

import errno
import os
import platform
import sys
from pathlib import Path
from typing import IO

from tui_transformer.errors import RecipeError

LOCK = ".lock"
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class RunLock:
    """The lock of a run folder, as a context manager; it is not taken before `take` is called."""

    def __init__(self, run: Path) -> None:
        self.path = run / LOCK
        self.holder = ""
        """Who holds it, once `take` has said no."""
        self._file: IO[str] | None = None

    def __enter__(self) -> RunLock:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def take(self) -> bool:
        """Take the lock, or keep it; the folder is made if needed. False if another process has it.

        Raises RecipeError if the folder cannot be written or its file system does not support locks.
        """
        if self._file:
            return True
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Not "w": a second process must not wipe out the first one's signature.
            file = open(self.path, "a+", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise RecipeError(f"cannot write {self.path}: {error.strerror}") from None
        if not self._locked(file):
            file.seek(0)
            self.holder = file.read().strip()
            file.close()
            return False
        self._file = file
        self._sign(file)
        return True

    def _locked(self, file: IO[str]) -> bool:
        try:
            _lock(file.fileno())
        except OSError as error:
            if error.errno in _HELD:
                return False
            file.close()
            raise RecipeError(f"cannot lock {self.path}: {error.strerror}; choose a folder on another disk") from None
        return True

    def _sign(self, file: IO[str]) -> None:
        try:
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node()}")
            file.flush()
        except OSError as error:
            raise RecipeError(f"cannot write {self.path}: {error.strerror}") from None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        """A byte far after the signature: what is locked cannot be read."""
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
