"""`sources.toml` as values: what is downloaded from where and on what terms, and what is made of it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_transformer.errors import UsageError

SOURCES = Path(__file__).with_name("sources.toml")
HELD_OUT = Path(__file__).with_name("held_out")


@dataclass(frozen=True, slots=True)
class Download:
    """One file of a site. `urls` are tried in order; `sha256` and `md5` are checked where they are known."""

    file: str
    urls: tuple[str, ...]
    licence: str
    attribution: str
    sha256: str = ""
    md5: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Pairs that a set takes from downloads: files in them whose names fit `members`, read as `format`.

    `languages` are those of the source and the target, as the site writes them; `first` so many pairs at most.
    """

    format: str
    downloads: tuple[str, ...]
    members: tuple[str, ...]
    corpus: str = ""
    languages: tuple[str, str] = ("", "")
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Set:
    """One file of pairs.

    `held_out` names a list of keys (`clean.key`): the set is these pairs, in this order. `apart_from` are sets with
    which this one shares no sentence; such a set is cleaned, any other one left as it was published. `sha256` is
    that of the file with which the published scores were measured.
    """

    file: str
    parts: tuple[Part, ...]
    held_out: str = ""
    apart_from: tuple[str, ...] = ()
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Everything there is, by file name."""

    downloads: dict[str, Download]
    sets: dict[str, Set]

    def needed_sets(self, files: tuple[str, ...]) -> list[Set]:
        """These sets (all if none is named) behind those from which they must stay apart. Raises UsageError."""
        if strange := [file for file in files if file not in self.sets]:
            raise UsageError(f"no set {strange[0]!r}; there are: {', '.join(self.sets)}")
        found: dict[str, Set] = {}
        for file in files or tuple(self.sets):
            for name in (*self.sets[file].apart_from, file):
                found[name] = self.sets[name]
        return list(found.values())

    def needed_downloads(self, sets: list[Set]) -> list[Download]:
        """What these sets are made of."""
        names = dict.fromkeys(name for one in sets for part in one.parts for name in part.downloads)
        return [self.downloads[name] for name in names]


def read_table(path: Path = SOURCES) -> Table:
    """Read and check a table. Raises UsageError."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        downloads = {one["file"]: _download(one) for one in content["download"]}
        sets = {one["file"]: _set(one) for one in content["set"]}
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is not a table of sources: {error}") from None
    for one in sets.values():
        missing = {name for part in one.parts for name in part.downloads} - downloads.keys()
        missing |= set(one.apart_from) - sets.keys()
        if missing:
            raise UsageError(f"{path}: {one.file} needs {', '.join(sorted(missing))}, which the table does not define")
    return Table(downloads, sets)


def _download(content: dict[str, Any]) -> Download:
    urls = tuple(content.pop("urls"))
    if strange := [url for url in urls if not url.startswith(("https://", "http://"))]:
        raise ValueError(f"{strange[0]!r} is not a web address")
    return Download(urls=urls, **content)


def _set(content: dict[str, Any]) -> Set:
    parts = tuple(_part(part) for part in content.pop("part"))
    return Set(parts=parts, apart_from=tuple(content.pop("apart_from", ())), **content)


def _part(content: dict[str, Any]) -> Part:
    source, target = content.pop("languages", ("", ""))
    downloads, members = tuple(content.pop("downloads")), tuple(content.pop("members"))
    return Part(downloads=downloads, members=members, languages=(source, target), **content)
