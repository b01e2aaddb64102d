"""Bytes become lines, however they come, and nothing is added or lost."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.cli.textio import LineReader, write_lines
from tui_transformer.errors import InputError

contents = st.lists(
    st.sampled_from([b"\n", b"\r\n", b"\r", b"\xff", b"\xc3", b"\xa4", b"\x00", BOM_UTF8]) | st.binary(max_size=5)
)


@given(contents.map(b"".join), st.lists(st.integers(0, 60)))
def test_lines_do_not_depend_on_how_they_arrive(content: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    reader = LineReader("a pipe", [content[a:b] for a, b in pairwise(edges)])
    lines = content.removeprefix(BOM_UTF8).split(b"\n")
    expected = lines if lines[-1] else lines[:-1]
    assert list(reader) == [line.decode(errors="replace") for line in expected]
    damaged = [number for number, line in enumerate(expected, 1) if line.decode(errors="ignore").encode() != line]
    assert (reader.damaged, reader.first_damaged) == (len(damaged), next(iter(damaged), 0))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=5)))
def test_an_argument_is_a_line_or_several(arguments: list[str]) -> None:
    expected = [line for argument in arguments for line in argument.split("\n")]
    assert list(LineReader.of_arguments(arguments)) == expected


def test_a_line_is_there_as_soon_as_its_end_is() -> None:
    asked: list[bytes] = []

    def chunks() -> Iterator[bytes]:
        for chunk in (b"one\ntw", b"o\nthree"):
            asked.append(chunk)
            yield chunk

    lines = iter(LineReader("a pipe", chunks()))
    assert (next(lines), len(asked)) == ("one", 1)
    assert (next(lines), len(asked)) == ("two", 2)
    assert list(lines) == ["three"]


def test_a_file_is_read_again_byte_for_byte(tmp_path: Path) -> None:
    lines = ["", " ä\r", "\ufeffü", "😀" * 40_000, "\x00", "last"]
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes("\n".join(lines).encode())
    write_lines(LineReader.of_file(source), copy, LineReader.of_arguments([]))
    assert copy.read_bytes() == source.read_bytes() + b"\n"


def test_each_line_is_written_at_once(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def lines() -> Iterator[str]:
        for count in range(3):
            assert out.read_text() == "x\n" * count
            yield "x"

    write_lines(lines(), out, LineReader.of_arguments([]))
    assert out.read_text() == "x\n" * 3


def test_a_file_is_emptied_by_the_first_line_or_by_none(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("precious\n")

    def broken() -> Iterator[str]:
        raise InputError("cannot be read")
        yield ""

    with pytest.raises(InputError, match="cannot be read"):
        write_lines(broken(), out, LineReader.of_arguments([]))
    assert out.read_text() == "precious\n"
    write_lines(iter(["x"]), out, LineReader.of_arguments([]))
    assert out.read_text() == "x\n"
    write_lines(iter([]), out, LineReader.of_arguments([]))
    assert out.read_text() == ""


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be opened there")
def test_an_error_while_reading_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        list(LineReader.of_file(tmp_path))
    with pytest.raises(InputError, match="cannot read"):
        LineReader.of_file(tmp_path / "nowhere")
