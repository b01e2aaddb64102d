"""Parallel text as it is read: which pairs there are, which of them a recipe takes, and why others are left out.

Files are TSV, `source<TAB>target[<TAB>corpus]`, UTF-8, plain or gzipped.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import random
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from tui_transformer.errors import RecipeError
from tui_transformer.source import readable

from .recipe import Recipe

READING = 2
"""Increased when the same files are read differently than before, so that text prepared earlier is not used."""
STRANGE = 5
"""How many corpora missing from the recipe are named."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One sentence, its translation, and the corpus they come from ("" where the file names none)."""

    source: str
    target: str
    corpus: str = ""


@dataclass(slots=True)
class ReadReport:
    """How many lines were used, why the others were not, and how many were changed as the recipe asks for."""

    used: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        used = ", ".join(f"{name or 'unnamed'} {count:,}" for name, count in self.used.most_common())
        changed = ", ".join(f"{what} {count:,}" for what, count in sorted(self.changed.items()))
        return f"{sum(self.used.values()):,} pairs ({used}); left out: {self.reasons}{changed and f'; {changed}'}"

    @property
    def reasons(self) -> str:
        """Why lines were left out, most frequent first."""
        return ", ".join(f"{reason} {count:,}" for reason, count in self.left_out.most_common()) or "none"


def read_pairs(path: Path, report: ReadReport | None = None) -> Iterator[Pair]:
    """The pairs of one file; lines that are not pairs are counted in `report` and skipped.

    Raises RecipeError if the file cannot be read.
    """
    report = report or ReadReport()
    open_file = gzip.open if path.suffix == ".gz" else open
    try:
        with open_file(path, "rt", encoding="utf-8-sig", errors="replace", newline="\n") as lines:
            for line in lines:
                columns = [column.strip() for column in line.rstrip("\r\n").split("\t")]
                if len(columns) < 2 or not (columns[0] and columns[1]):
                    report.left_out["no pair"] += 1
                elif "\ufffd" in line:
                    report.left_out["not UTF-8"] += 1
                else:
                    yield Pair(columns[0], columns[1], columns[2] if len(columns) > 2 else "")
    except (OSError, EOFError, zlib.error) as error:
        raise RecipeError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def set_name(file: Path) -> str:
    """What a set of pairs is called: its file's name without .tsv and .gz."""
    return file.name.removesuffix(".gz").removesuffix(".tsv")


def training_pairs(recipe: Recipe, folder: Path, report: ReadReport | None = None) -> Iterator[Pair]:
    """The pairs of the recipe's training files, one after the other, as it wants them spelt. Lazy.

    They are composed (NFC), like everything a model gets to read.

    Raises RecipeError, at the end, if a corpus is not named in a recipe that names some.
    """
    return _respelled(composed(_of_known_corpora(recipe, folder, report)), recipe.data.respelled, report)


def composed(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """The pairs with both sides as a model reads them. Lazy."""
    for pair in pairs:
        yield Pair(readable(pair.source), readable(pair.target), pair.corpus)


def _of_known_corpora(recipe: Recipe, folder: Path, report: ReadReport | None) -> Iterator[Pair]:
    """The pairs as they stand in the files.

    If the recipe names no corpora, the third column is not one: it may well be another source on each line.
    """
    known = {corpus.name: corpus.weight for corpus in recipe.data.corpora}
    strange: set[str] = set()
    for name in recipe.data.train:
        for pair in read_pairs(folder / name, report):
            if not known:
                yield Pair(pair.source, pair.target)
            elif pair.corpus not in known:
                strange.add(pair.corpus or "one without a name")
            elif known[pair.corpus] > 0:
                yield pair
    if strange:
        named = ", ".join(sorted(strange)[:STRANGE])
        more = f" and {len(strange) - STRANGE:,} more" if len(strange) > STRANGE else ""
        raise RecipeError(f"the recipe does not mention these corpora: {named}{more}")


def _respelled(pairs: Iterable[Pair], changes: Mapping[str, str], report: ReadReport | None) -> Iterator[Pair]:
    """The pairs as the recipe wants their targets written; those with nothing left are dropped. Lazy."""
    if not changes:
        yield from pairs
        return
    patterns, changed = [(re.compile(pattern), other) for pattern, other in changes.items()], 0
    for pair in pairs:
        target = pair.target
        for pattern, other in patterns:
            target = pattern.sub(other, target)
        target = " ".join(target.splitlines()).strip()
        changed += target != pair.target
        if target:
            yield replace(pair, target=target)
        elif report:
            report.left_out["no pair"] += 1
    if report:
        report.changed["respelled"] = changed


def vocabulary_pairs(recipe: Recipe, pairs: Iterable[Pair]) -> Iterator[tuple[str, str]]:
    """The text a vocabulary is learnt from: every corpus as often as an epoch of training sees it. Lazy."""
    weights = {corpus.name: corpus.weight for corpus in recipe.data.corpora}
    chance = random.Random(recipe.training.seed)
    for pair in pairs:
        weight = weights.get(pair.corpus, 1.0)
        times = int(weight) + (chance.random() < weight % 1)
        yield from itertools.repeat((pair.source, pair.target), times)


def fingerprints(files: Iterable[str], folder: Path) -> dict[str, str]:
    """The SHA-256 of each file, by its name. Raises RecipeError if one cannot be read."""
    found = {}
    for name in files:
        try:
            with open(folder / name, "rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise RecipeError(f"cannot read {folder / name}: {error.strerror}") from None
    return found


def content_hash(recipe: Recipe, folder: Path, given: bytes = b"", read: Mapping[str, str] | None = None) -> str:
    """Changes when the training text, its cleaning or the vocabulary would change.

    `given` stands for vocabularies that are not learnt from the text, `read` are the files' fingerprints if they are
    known: large files take a while. Raises RecipeError if a file cannot be read.
    """
    data = {
        option.name: value
        for option in fields(recipe.data)
        # Options not asked for do not count, so a new option leaves prepared text valid.
        if option.name != "later" and (value := getattr(recipe.data, option.name)) != _default(option)
    }
    digest = hashlib.sha256(repr((READING, data, recipe.vocabulary, recipe.training.seed)).encode())
    if recipe.vocabulary.kind == "bpemb" or recipe.data.leave_out:
        digest.update(f"{recipe.source} {recipe.target}".encode())
    digest.update(given)
    read = fingerprints(recipe.data.train, folder) if read is None else read
    for name in recipe.data.train:
        digest.update(bytes.fromhex(read[name]))
    return digest.hexdigest()


def _default(option: Field[Any]) -> Any:
    return option.default if option.default_factory is MISSING else option.default_factory()
