"""Downloads become sets: files of `source<TAB>target<TAB>corpus`, as recipes read them."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from tui_transformer.errors import InputError
from tui_transformer.whole_file import whole_file

from .clean import Cleaner, Pair, Sides, key, tidy
from .formats import pairs
from .lock import digest
from .table import HELD_OUT, Part, Set

Line = tuple[str, ...]


@dataclass(slots=True)
class Built:
    """A set that has been written: how many pairs of each corpus, how many were left out and why."""

    path: Path
    used: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    as_published: bool | None = None
    """Whether it is, byte for byte, what the published scores were measured on; None where nothing was."""

    def __str__(self) -> str:
        corpora = ", ".join(f"{name} {count:,}" for name, count in self.used.items() if name)
        said = [f"{self.used.total():,} pairs" + (f" ({corpora})" if corpora else "")]
        if self.left_out:
            said.append("left out: " + ", ".join(f"{why} {count:,}" for why, count in self.left_out.most_common()))
        if self.as_published is not None:
            said.append(
                "the very text that published scores were measured on"
                if self.as_published
                else "NOT the text that published scores were measured on"
            )
        return f"{self.path}: {'; '.join(said)}"


def build(one: Set, downloads: Path, out: Path) -> Built:
    """Write a set, all of it or nothing; those that it must stay apart from are there already. Raises InputError."""
    built = Built(out / one.file)
    try:
        built.path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(built.path) as file:
            _write(file, _lines(one, downloads, out, built), packed=built.path.suffix == ".gz")
    except OSError as error:
        raise InputError(f"cannot write {built.path}: {error.strerror}") from None
    if one.sha256:
        built.as_published = digest(built.path, "sha256") == one.sha256
    return built


def _write(file: BinaryIO, lines: Iterator[Line], packed: bool) -> None:
    """The same lines give the same bytes, packed or not."""
    with gzip.GzipFile("", "wb", fileobj=file, mtime=0) if packed else file as raw:
        for line in lines:
            raw.write(("\t".join(line) + "\n").encode())


def _lines(one: Set, downloads: Path, out: Path, built: Built) -> Iterator[Line]:
    if one.held_out:
        yield from _held_out(one, downloads, built)
        return
    cleaner = Cleaner(_known(one, out)) if one.apart_from else None
    for part in one.parts:
        found = pairs(part, downloads)
        for pair in cleaner.clean(found) if cleaner else map(_tidied, found):
            built.used[part.corpus] += 1
            yield _line(pair, part)
    if cleaner:
        built.left_out = cleaner.left_out


def _held_out(one: Set, downloads: Path, built: Built) -> Iterator[Line]:
    """The pairs of the list, in its order, as far as the site still has them."""
    keys = (HELD_OUT / one.held_out).read_text(encoding="ascii").split()
    wanted = set(keys)
    lines = {}
    for part in one.parts:
        for pair in map(_tidied, pairs(part, downloads)):
            if (name := key(pair)) in wanted:
                lines[name] = _line(pair, part)
    for name in keys:
        if name in lines:
            built.used[""] += 1
            yield lines[name]
        else:
            built.left_out["no longer at the site"] += 1


def _line(pair: Pair, part: Part) -> Line:
    return (*pair, part.corpus) if part.corpus else pair


def _tidied(pair: Pair) -> Pair:
    return tidy(pair[0]), tidy(pair[1])


def _known(one: Set, out: Path) -> Sides:
    known = Sides()
    for name in one.apart_from:
        for line in (out / name).read_text(encoding="utf-8").split("\n"):
            if line:
                source, target, *_ = line.split("\t")
                known.add((source, target))
    return known
