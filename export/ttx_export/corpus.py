"""Parallel text becomes arrays of piece ids: read, checked, encoded once, and kept.

Files are TSV, `source<TAB>target[<TAB>corpus]`, UTF-8, plain or gzipped.
"""

from __future__ import annotations

import gzip
import hashlib
import random
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tui_transformer.errors import RecipeError
from tui_transformer.tokenizer import Tokenizer

from .recipe import Data, Recipe

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Pair:
    """One sentence, its translation, and the corpus they come from ("" where the file names none)."""

    source: str
    target: str
    corpus: str = ""


@dataclass(slots=True)
class ReadReport:
    """How many lines were used, and why the others were not."""

    used: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        used = ", ".join(f"{name or 'unnamed'} {count:,}" for name, count in self.used.most_common())
        return f"{sum(self.used.values()):,} pairs ({used}); left out: {self.reasons}"

    @property
    def reasons(self) -> str:
        """Why lines were left out, most frequent first."""
        return ", ".join(f"{reason} {count:,}" for reason, count in self.left_out.most_common()) or "none"


def read_pairs(path: Path, report: ReadReport | None = None) -> Iterator[Pair]:
    """The pairs of one file; lines that are none are counted in `report` and skipped.

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


@dataclass(frozen=True, slots=True)
class Sequences:
    """Many id sequences in one flat array: sequence i is `flat[offsets[i]:offsets[i + 1]]`."""

    flat: Ids
    offsets: npt.NDArray[np.int64]

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]]) -> Sequences:
        """Pack lists of ids."""
        lengths = np.fromiter((len(s) for s in sequences), np.int64, len(sequences))
        flat = np.fromiter((i for s in sequences for i in s), np.int32, int(lengths.sum()))
        return cls(flat, np.concatenate([[0], np.cumsum(lengths)]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> Ids:
        return self.flat[self.offsets[index] : self.offsets[index + 1]]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Pieces of each sequence, (N,)."""
        return np.diff(self.offsets)


@dataclass(frozen=True, slots=True)
class EncodedCorpus:
    """Pairs of sequences, each without start and end, and which corpus (index into `names`) a pair is of."""

    source: Sequences
    target: Sequences
    corpus: npt.NDArray[np.int16]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.source)


def encode_corpus(
    pairs: Sequence[Pair],
    source: Tokenizer,
    target: Tokenizer,
    data: Data,
    report: ReadReport,
    what: str = "this text",
) -> EncodedCorpus:
    """Encode pairs and leave out those too long or too unequal for the recipe, counted in `report`.

    Raises RecipeError, naming `what` this text is, if nothing is left.
    """
    names: dict[str, int] = {}
    kept: list[tuple[list[int], list[int], int]] = []
    for pair in pairs:
        left, right = source.encode(pair.source), target.encode(pair.target)
        short, long = sorted((len(left), len(right)))
        if long + 1 > data.max_length:
            report.left_out["too long"] += 1
        elif long > data.max_ratio * short + 5:
            report.left_out["unequal lengths"] += 1
        else:
            report.used[pair.corpus] += 1
            kept.append((left, right, names.setdefault(pair.corpus, len(names))))
    if not kept:
        raise RecipeError(f"no pair of {what} can be used; left out: {report.reasons}")
    lefts, rights, corpora = zip(*kept, strict=True)
    return EncodedCorpus(Sequences.of(lefts), Sequences.of(rights), np.array(corpora, np.int16), tuple(names))


def training_pairs(recipe: Recipe, folder: Path, report: ReadReport) -> list[Pair]:
    """All pairs of the recipe's training files. Raises RecipeError if a corpus is not named in the recipe."""
    pairs = [pair for name in recipe.data.train for pair in read_pairs(folder / name, report)]
    if recipe.data.corpora:
        known = {corpus.name for corpus in recipe.data.corpora}
        if strange := sorted({pair.corpus for pair in pairs} - known):
            raise RecipeError(f"the recipe says nothing of these corpora: {', '.join(strange)}")
        wanted = {corpus.name for corpus in recipe.data.corpora if corpus.weight > 0}
        pairs = [pair for pair in pairs if pair.corpus in wanted]
    return pairs


def vocabulary_pairs(recipe: Recipe, pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    """The text a vocabulary is learnt from: every corpus as often as an epoch of training sees it."""
    weights = {corpus.name: corpus.weight for corpus in recipe.data.corpora}
    chance = random.Random(recipe.training.seed)
    repeated = []
    for pair in pairs:
        weight = weights.get(pair.corpus, 1.0)
        times = int(weight) + (chance.random() < weight % 1)
        repeated += [(pair.source, pair.target)] * times
    return repeated


def content_hash(recipe: Recipe, folder: Path) -> str:
    """Changes when the training text, its cleaning or the vocabulary would change.

    Raises RecipeError if a file cannot be read.
    """
    text = replace(recipe.data, later=())
    digest = hashlib.sha256(repr((text, recipe.vocabulary, recipe.training.seed)).encode())
    if recipe.vocabulary.kind == "bpemb":
        digest.update(f"{recipe.source} {recipe.target}".encode())
    for name in recipe.data.train:
        try:
            with open(folder / name, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise RecipeError(f"cannot read {folder / name}: {error.strerror}") from None
    return digest.hexdigest()
