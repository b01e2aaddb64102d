"""One file from the web: resumed where it broke off, checked, and there only when it is whole.

What has come so far is in `NAME.part`; `NAME.part.tag` says of which version of the file it is (ETag or
Last-Modified), so that a server that has another one by now sends all of it (RFC 9110, If-Range).
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tui_transformer import __version__
from tui_transformer.errors import InputError, TtxError

from .lock import Lock
from .table import Download

ATTEMPTS = 6
TIMEOUT = 30.0
BLOCK = 1 << 20
# Some sites send nothing to Python's own name.
AGENT = f"ttx/{__version__} (download_corpora)"

Progress = Callable[[str, int, int | None], None]
"""Called with the name, the bytes that are there, and the bytes of the whole file if they are known."""


class DownloadError(TtxError):
    """A site does not give what it should."""


class _BrokenOffError(Exception):
    """The connection ended before the file did."""


def fetch(download: Download, folder: Path, lock: Lock, progress: Progress, pause: float = 2.0) -> Path:
    """The file, downloaded unless it is there already. `pause` is in seconds, and grows with every attempt.

    Raises DownloadError if no address gives it, InputError if it cannot be written or is not the right file.
    """
    path = folder / download.file
    if path.exists():
        if complaint := lock.complaint(download, path):
            raise InputError(f"{path} is not the right file: {complaint}; delete it to download it again")
        return path
    failures = []
    for url in download.urls:
        try:
            part = _fetch_from(url, path, progress, pause)
        except DownloadError as error:
            failures.append(str(error))
            continue
        except OSError as error:
            raise _cannot_write(path, error) from None
        if not (complaint := lock.complaint(download, part)):
            part.replace(path)
            return path
        _forget(path)
        failures.append(f"{url} gave another file: {complaint}")
    if any("gave another file" in failure for failure in failures):
        raise InputError("; ".join(failures))
    raise DownloadError("; ".join(failures))


def part_of(path: Path) -> Path:
    """Where the beginning of a file is kept."""
    return path.with_name(f"{path.name}.part")


def _tag_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.part.tag")


def _forget(path: Path) -> None:
    part_of(path).unlink(missing_ok=True)
    _tag_of(path).unlink(missing_ok=True)


def _fetch_from(url: str, path: Path, progress: Progress, pause: float) -> Path:
    """Try until the whole file is there; an attempt that brought something does not count."""
    reason, attempts = "", 0
    while attempts < ATTEMPTS:
        before = _size(part_of(path))
        try:
            _continue(url, path, progress)
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (408, 429):
                raise DownloadError(f"{url}: {error.code} {error.reason}") from None
            reason = f"{error.code} {error.reason}"
        except _BrokenOffError as error:
            reason = str(error)
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            reason = str(getattr(error, "reason", "") or error or type(error).__name__)
        else:
            _tag_of(path).unlink(missing_ok=True)
            return part_of(path)
        attempts = 1 if _size(part_of(path)) > before else attempts + 1
        if attempts < ATTEMPTS:
            time.sleep(pause * attempts)
    raise DownloadError(f"{url}: {reason}; run the same command again to resume")


def _continue(url: str, path: Path, progress: Progress) -> None:
    """One request for what is missing; returns when the file is whole."""
    part, tag = part_of(path), _tag_of(path)
    have = _size(part) if tag.exists() else 0
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag.read_text(encoding="utf-8")}
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have and error.headers.get("Content-Range") == f"bytes */{have}":
            return
        if error.code == 416 and have:
            _forget(path)  # longer than the site's file: begin anew
            raise _BrokenOffError("the site's file has changed since the download began") from None
        raise
    with response:
        start = _start(response, have)
        length = response.headers.get("Content-Length")
        whole = start + int(length) if length and length.isdigit() else None
        _check_room(path, None if whole is None else whole - start)
        with open(part, "r+b" if start else "wb") as file:
            file.seek(start)
            if not start:
                _write_tag(tag, response)  # behind the emptying: a tag never stands beside another version's bytes
            while block := _read(response):
                file.write(block)
                progress(path.name, file.tell(), whole)
            come = file.tell()
            file.flush()
            os.fsync(file.fileno())
    if whole is not None and come < whole:
        raise _BrokenOffError(f"the connection was closed after {come:,} of {whole:,} bytes")


def _read(response: http.client.HTTPResponse) -> bytes:
    """Whatever goes wrong here is the connection's fault, not the disk's."""
    try:
        return response.read(BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOffError(str(error) or type(error).__name__) from None


def _start(response: http.client.HTTPResponse, have: int) -> int:
    """Where the bytes that come belong: behind those that are there, or at the start of the file."""
    if response.status != 206:
        return 0
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if not found or int(found[1]) != have:
        raise DownloadError(f"{response.url} sent a different part of the file than asked for")
    return have


def _write_tag(tag: Path, response: http.client.HTTPResponse) -> None:
    """Weak tags do not promise the same bytes; without a strong one or a date nothing can be resumed."""
    etag = response.headers.get("ETag", "")
    value = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
    if value:
        tag.write_text(value, encoding="utf-8")
    else:
        tag.unlink(missing_ok=True)


def _check_room(path: Path, wanted: int | None) -> None:
    """Better before than after an hour."""
    free = shutil.disk_usage(path.parent).free
    if wanted is not None and wanted > free:
        raise OSError(errno.ENOSPC, f"{wanted:,} bytes are needed, {free:,} are free")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _cannot_write(path: Path, error: OSError) -> InputError:
    why = os.strerror(errno.ENOSPC) if error.errno == errno.ENOSPC else ""
    details = error.strerror if error.strerror != why else ""
    return InputError(f"cannot write {part_of(path)}: {': '.join(filter(None, (why, details))) or error}")
