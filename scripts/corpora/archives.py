"""What is in a downloaded file: its members one after the other, whatever it is packed in."""

from __future__ import annotations

import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import IO, cast

from tui_transformer.errors import InputError

Member = tuple[str, IO[bytes]]


def members(path: Path, patterns: Sequence[str]) -> Iterator[Member]:
    """Names and contents of the members that fit a pattern; a content is to be read before the next member.

    `*` stands for any characters, "/" as well; a pattern behind "!" keeps members out.
    A plain or gzipped file has one member, with its own name. Raises InputError if the archive is damaged.
    """
    try:
        for name, opened in _all(path):
            if _wanted(name, patterns):
                with opened() as content:
                    yield name, content
    except (EOFError, OSError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or error or type(error).__name__
        raise InputError(f"{path} cannot be unpacked: {reason}; delete it to download it again") from None


def _wanted(name: str, patterns: Sequence[str]) -> bool:
    kept_out = any(fnmatchcase(name, pattern[1:]) for pattern in patterns if pattern.startswith("!"))
    return not kept_out and any(fnmatchcase(name, pattern) for pattern in patterns)


def _all(path: Path) -> Iterator[tuple[str, Callable[[], IO[bytes]]]]:
    """Names, and how to open what has this name before the next one is asked for."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield name, partial(archive.open, name)
    elif path.suffix == ".tgz" or path.suffixes[-2:-1] == [".tar"]:
        with tarfile.open(path, "r|*") as packed:
            for info in packed:
                if info.isfile():
                    yield info.name, partial(_extracted, packed, info)
    elif path.suffix == ".gz":
        yield path.name, partial(_unzipped, path)
    else:
        yield path.name, partial(_opened, path)


def _extracted(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(info)
    assert content is not None  # it is a file
    return content


def _unzipped(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb"))


def _opened(path: Path) -> IO[bytes]:
    return open(path, "rb")
