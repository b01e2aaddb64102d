"""Checksums: of what the table knows, and of what came at the first download where it knows none."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tui_transformer.errors import InputError
from tui_transformer.whole_file import whole_file

from .table import Download

LOCK = "checksums.json"


class Lock:
    """`checksums.json` beside the downloads: the SHA-256 of every file as it came the first time."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK
        try:
            content = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}
            self._known = {str(name): str(digest) for name, digest in content.items()}
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {error.strerror}") from None
        except (ValueError, AttributeError):
            raise InputError(f"{self.path} is damaged: delete it to trust the downloads again") from None

    def complaint(self, download: Download, path: Path) -> str:
        """What is wrong with a downloaded file, "" if nothing; a checksum nobody knew is remembered."""
        found = digest(path, "sha256")
        if download.sha256 and found != download.sha256:
            return f"its SHA-256 is {found}, it should be {download.sha256}"
        if download.md5 and (md5 := digest(path, "md5")) != download.md5:
            return f"its MD5 is {md5}, it should be {download.md5}"
        if (before := self._known.setdefault(download.file, found)) != found:
            return f"its SHA-256 is {found}, at the first download it was {before} ({self.path} remembers)"
        return ""

    def save(self) -> None:
        """Write the file, all of it or nothing. Raises InputError."""
        try:
            with whole_file(self.path) as file:
                file.write((json.dumps(self._known, indent=2, sort_keys=True) + "\n").encode())
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error.strerror}") from None


def digest(path: Path, algorithm: str) -> str:
    """The checksum of a file, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
