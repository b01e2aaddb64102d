"""Downloads: resumed, checked, whole or not there."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.corpora import fetch as fetching
from scripts.corpora.fetch import DownloadError, fetch, part_of
from scripts.corpora.lock import LOCK, Lock
from scripts.corpora.table import Download
from tui_transformer.errors import InputError

from .conftest import Site

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()
Get = Callable[..., Path]


@pytest.fixture
def get(site: Site, tmp_path: Path) -> Get:
    site.files["file.bin"] = CONTENT

    def run(*names: str, **checksums: str) -> Path:
        urls = tuple(site.url(name) for name in names or ("file.bin",))
        return fetch(Download("file.bin", urls, "", "", **checksums), tmp_path, Lock(tmp_path), lambda *_: None, 0)

    return run


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole_and_is_not_asked_for_again(get: Get, site: Site, tmp_path: Path) -> None:
    assert get(sha256=SHA256).read_bytes() == CONTENT
    assert get(sha256=SHA256) == tmp_path / "file.bin"
    assert site.asked == [("/file.bin", None)]
    assert names(tmp_path) == ["file.bin"]


def test_a_broken_connection_is_resumed_where_it_broke_off(get: Get, site: Site) -> None:
    site.cuts = [3000, 2000]
    assert get(sha256=SHA256).read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked] == [None, "bytes=3000-", "bytes=5000-"]


def test_the_next_run_goes_on_where_this_one_stopped(get: Get, site: Site, tmp_path: Path) -> None:
    site.cuts = [4000, *[0] * fetching.ATTEMPTS]
    with pytest.raises(DownloadError, match=r"^[^\n]*after 4,000 of 10,240 bytes[^\n]*to resume$"):
        get()
    assert part_of(tmp_path / "file.bin").read_bytes() == CONTENT[:4000]
    site.asked, site.cuts = [], []
    assert get().read_bytes() == CONTENT
    assert site.asked == [("/file.bin", "bytes=4000-")]


@pytest.mark.parametrize("change", ["another version", "no ranges", "no tag"])
def test_a_beginning_that_does_not_belong_to_the_rest_is_dropped(get: Get, site: Site, change: str) -> None:
    site.cuts = [4000, *[0] * fetching.ATTEMPTS]
    site.tag = "" if change == "no tag" else site.tag
    with pytest.raises(DownloadError):
        get()
    site.cuts, site.ranges = [], change != "no ranges"
    site.tag = '"two"' if change == "another version" else site.tag
    site.files["file.bin"] = CONTENT[::-1]
    if change == "no ranges":
        site.tag = '"two"'
    assert get().read_bytes() == CONTENT[::-1]


def test_a_beginning_that_is_all_there_is_needs_nothing_more(get: Get, site: Site, tmp_path: Path) -> None:
    part_of(tmp_path / "file.bin").write_bytes(CONTENT)
    (tmp_path / "file.bin.part.tag").write_text(site.tag)
    assert get(sha256=SHA256).read_bytes() == CONTENT
    assert names(tmp_path) == ["file.bin"]


def test_a_beginning_longer_than_the_file_is_dropped(get: Get, site: Site, tmp_path: Path) -> None:
    part_of(tmp_path / "file.bin").write_bytes(CONTENT + b"more")
    (tmp_path / "file.bin.part.tag").write_text(site.tag)
    assert get(sha256=SHA256).read_bytes() == CONTENT


def test_a_site_that_is_busy_is_asked_again(get: Get, site: Site) -> None:
    site.statuses = [503, 429]
    assert get().read_bytes() == CONTENT
    assert len(site.asked) == 3


def test_a_file_that_is_not_there_is_not_asked_for_twice(get: Get, site: Site, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"^http://[^\n]*/gone: 404 [^\n]*$"):
        get("gone")
    assert len(site.asked) == 1
    assert names(tmp_path) == []


def test_the_next_address_is_tried(get: Get) -> None:
    assert get("gone", "file.bin").read_bytes() == CONTENT


def test_nobody_answers(tmp_path: Path) -> None:
    download = Download("x", ("http://127.0.0.1:9/x",), "", "")
    with pytest.raises(DownloadError, match=r"^http://127\.0\.0\.1:9/x: [^\n]+$"):
        fetch(download, tmp_path, Lock(tmp_path), lambda *_: None, 0)


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_wrong_checksum_leaves_nothing_behind(get: Get, tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError, match=r"^[^\n]*gave another file: its [^\n]* should be 00$"):
        get(**{kind: "00"})
    assert names(tmp_path) == []


def test_a_right_md5_will_do(get: Get) -> None:
    assert get(md5=hashlib.md5(CONTENT).hexdigest()).read_bytes() == CONTENT


def test_what_came_first_is_remembered(site: Site, tmp_path: Path) -> None:
    download = Download("file.bin", (site.url("file.bin"),), "", "")
    site.files["file.bin"] = CONTENT
    lock = Lock(tmp_path)
    fetch(download, tmp_path, lock, lambda *_: None, 0).unlink()
    lock.save()
    site.files["file.bin"], site.tag = b"something else", '"two"'
    with pytest.raises(InputError, match=rf"at the first download it was {SHA256}"):
        fetch(download, tmp_path, Lock(tmp_path), lambda *_: None, 0)
    assert names(tmp_path) == [LOCK]


def test_a_file_that_was_changed_here_is_not_used(get: Get, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(b"mine")
    with pytest.raises(InputError, match="delete it to download it again"):
        get(sha256=SHA256)
    assert (tmp_path / "file.bin").read_bytes() == b"mine"


def test_a_disk_that_is_too_small_is_found_before_the_download(
    get: Get, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = fetching.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(InputError, match=r"No space left on device: 10,240 bytes are needed, 1,000 are free$"):
        get()
    assert names(tmp_path) == []


def test_a_disk_that_fills_up_keeps_what_has_come(
    get: Get, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(fetching.os, "fsync", full)
        with pytest.raises(InputError, match=r"^cannot write [^\n]*file\.bin\.part: No space left on device$"):
            get()
    assert part_of(tmp_path / "file.bin").exists()
    assert get(sha256=SHA256).read_bytes() == CONTENT


def test_checksums_that_cannot_be_read_are_no_checksums(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("[1]")
    with pytest.raises(InputError, match="is damaged"):
        Lock(tmp_path)
