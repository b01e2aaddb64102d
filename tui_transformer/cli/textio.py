"""Lines in, lines out, byte for byte: what `ttx` reads from files and pipes and writes to them."""

from __future__ import annotations

import os
import stat
import sys
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from tui_transformer.errors import InputError

CHUNK = 1 << 16


class LineReader:
    """The lines of a file, of standard input or of arguments, without their line end; the last line needs none.

    A byte order mark before the first, which some editors write, is not part of it.
    Bytes that are not UTF-8 become U+FFFD; `damaged` counts such lines, `first_damaged` is the first one's
    number, from 1.
    """

    def __init__(self, name: str, chunks: Iterable[bytes], descriptor: int | None = None) -> None:
        """`name` is for messages, `descriptor` the open file the chunks come from, if any."""
        self.name = name
        self.damaged = 0
        self.first_damaged = 0
        self._chunks = chunks
        self._descriptor = descriptor

    @classmethod
    def of_file(cls, path: Path | None = None) -> LineReader:
        """None is standard input. Raises InputError if the file cannot be opened."""
        name = str(path) if path else "standard input"
        try:
            descriptor = os.open(path, os.O_RDONLY) if path else sys.stdin.fileno()
        except OSError as error:
            raise InputError(f"cannot read {name}: {error.strerror}") from None
        return cls(name, _read(descriptor, name), descriptor)

    @classmethod
    def of_arguments(cls, texts: Iterable[str]) -> LineReader:
        """Each argument is a line, or several if it contains line ends."""
        return cls("the arguments", (os.fsencode(text) + b"\n" for text in texts))

    def __iter__(self) -> Iterator[str]:
        """Each line as soon as it is there. Raises InputError if reading fails."""
        rest, number = b"", 0
        for chunk in self._chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                number += 1
                yield self._decode(line if number > 1 else line.removeprefix(BOM_UTF8), number)
        if rest := rest if number else rest.removeprefix(BOM_UTF8):
            yield self._decode(rest, number + 1)

    def _decode(self, line: bytes, number: int) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            self.damaged += 1
            self.first_damaged = self.first_damaged or number
            return line.decode(errors="replace")

    def is_same_file(self, path: Path | None) -> bool:
        """Whether `path`, or standard output (None), is the very file that is read."""
        if self._descriptor is None or (path and not path.exists()):
            return False
        written = path.stat() if path else os.fstat(sys.stdout.fileno())
        # A terminal or a device is read and written at once, and so is a file that the shell has just emptied.
        apart = path is None and (not stat.S_ISREG(written.st_mode) or not written.st_size)
        return not apart and os.path.samestat(os.fstat(self._descriptor), written)


def _read(descriptor: int, name: str) -> Iterator[bytes]:
    """Straight from the descriptor: lines arrive as soon as they are written, and a thread waiting for
    input holds no lock that would delay the end of the program.
    """
    try:
        while chunk := os.read(descriptor, CHUNK):
            yield chunk
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}") from None


def write_lines(lines: Iterable[str], path: Path | None, reader: LineReader) -> None:
    """Write each line as soon as it comes, to a file or to standard output (None).

    A file that is there keeps its content until there is a first line, or none at all. Raises InputError if writing
    fails or the file is the one being read; BrokenPipeError if the reader has gone.
    """
    name = path or "standard output"
    if reader.is_same_file(path):
        harm = "writing it would destroy it" if path else "what is written would be read again"
        raise InputError(f"{name} is also the input: {harm}")
    try:
        with open(path, "ab") if path else _standard_output() as out:
            waiting = iter(lines)
            first = next(waiting, None)
            if path and path.is_file():
                out.truncate(0)
            for line in chain([] if first is None else [first], waiting):
                out.write(line.encode(errors="replace") + b"\n")
                out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"cannot write {name}: {error.strerror}") from None


def _standard_output() -> BinaryIO:
    return open(os.dup(sys.stdout.fileno()), "wb")
