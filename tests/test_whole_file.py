"""A file is there whole or not at all, wherever it is to be."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from tui_transformer.whole_file import whole_file


def test_nothing_changes_until_it_is_done(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError), whole_file(path) as file:  # noqa: PT012
        file.write(b"after")
        raise ZeroDivisionError
    assert path.read_text() == "before"
    with whole_file(path) as file:
        file.write(b"after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "place" / "file")
    for text in ("one", "two"):
        with whole_file(tmp_path / "link") as file:
            file.write(text.encode())
        assert (tmp_path / "place" / "file").read_text() == text
    assert (tmp_path / "link").is_symlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_stays_one(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with whole_file(pipe) as file:
        file.write(b"through")
    reader.join()
    assert read == ["through"]
    assert pipe.is_fifo()


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="open files have no names here")
def test_a_pipe_without_a_name_of_its_own(tmp_path: Path) -> None:
    """What /dev/stdout leads to in `ttx … | cat` is no path."""
    reading, writing = os.pipe()
    with open(reading, "rb") as reader:
        with open(writing, "wb"), whole_file(Path(f"/dev/fd/{writing}")) as file:
            file.write(b"through")
        assert reader.read() == b"through"


def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    with whole_file(tmp_path / ("a" * 255)) as file:
        file.write(b"x")
    for bad in (tmp_path / ("a" * 256), tmp_path / "none" / "file", tmp_path / ("a" * 255) / "file", tmp_path):
        with pytest.raises(OSError, match=str(tmp_path)), whole_file(bad) as file:
            file.write(b"x")
    assert [one.name for one in tmp_path.iterdir()] == ["a" * 255]
