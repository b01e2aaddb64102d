"""`python scripts/download_corpora.py`: what is said and asked on the way."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tui_transformer.errors import InputError, TtxError, UsageError

from .build import build
from .fetch import fetch, part_of
from .lock import Lock
from .table import SOURCES, Download, Set, read_table

INTERRUPTED = 130
DOWNLOADS = "downloads"
EPILOG = """Exit codes: 0 done · 1 a site gives no answer, or a wrong one · 2 wrong usage, or licences not \
accepted · 5 a file cannot be written, has a wrong checksum or cannot be unpacked · 130 interrupted. What has \
been downloaded is kept: the same command resumes."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def run(arguments: Sequence[str] | None = None) -> int:
    """The whole command; returns its exit code. Mistakes are told in one line on stderr."""
    try:
        _run(_options(arguments))
    except TtxError as error:
        _say(f"download_corpora: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("download_corpora: interrupted; the same command resumes")
        return INTERRUPTED
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog="download_corpora.py",
        description="Download the text of the published models and write it as recipes read it: "
        "source<TAB>target<TAB>corpus. Licences are shown first.",
        epilog=EPILOG,
    )
    parser.add_argument("sets", nargs="*", metavar="SET", help="such as en-de/train.tsv.gz; all if none is given")
    parser.add_argument("--out", type=Path, default=Path("data"), help="the data folder (default: data)")
    parser.add_argument("--downloads", type=Path, help=f"where downloads are kept (default: OUT/{DOWNLOADS})")
    parser.add_argument("--yes", action="store_true", help="accept the licences without being asked")
    parser.add_argument("--list", action="store_true", help="show sets, sources and licences, and exit")
    parser.add_argument("--sources", type=Path, default=SOURCES, help="another table of sources")
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> None:
    table = read_table(options.sources)
    sets = table.needed_sets(tuple(options.sets))
    needed = table.needed_downloads(sets)
    licences = _licences(sets, needed)
    if options.list:
        print(licences)
        return
    _say(licences)
    if not options.yes:
        _ask()
    folder: Path = options.downloads or options.out / DOWNLOADS
    _download(needed, folder)
    for one in sets:
        built = build(one, folder, options.out)
        _say(str(built))
        print(built.path)


def _licences(sets: Sequence[Set], needed: Sequence[Download]) -> str:
    """Every download with its terms, its origin and what it is for."""
    lines = []
    for download in needed:
        users = [one.file for one in sets if any(download.file in part.downloads for part in one.parts)]
        lines += [f"{download.file}: {download.licence}", f"    {download.attribution}"]
        lines += [f"    for {', '.join(users)}", f"    from {download.urls[0]}"]
    return "\n".join(lines)


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked to accept these licences: give --yes")
    _say("Download them and accept their licences? [y/N] ", end="")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("the licences were not accepted; nothing was downloaded")


def _download(needed: Sequence[Download], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror}") from None
    lock = Lock(folder)
    for number, download in enumerate(needed, 1):
        path = folder / download.file
        there = "is there" if path.exists() else "goes on" if part_of(path).exists() else "is downloaded"
        _say(f"{number}/{len(needed)} {download.file} {there}")
        fetch(download, folder, lock, _progress)
        lock.save()


def _progress(name: str, come: int, whole: int | None) -> None:
    """One line that is written over and over; nothing where nobody looks."""
    if sys.stderr.isatty():
        share = f" of {whole / 1e6:,.1f} MB, {come / whole:.0%}" if whole else " MB"
        _say(f"\r    {name}: {come / 1e6:,.1f}{share}", end="\n" if come == whole else "")


def _say(text: str, end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)
