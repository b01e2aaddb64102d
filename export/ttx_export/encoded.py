"""Parallel text as arrays of piece ids: encoded once, four bytes per id, without what does not fit."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tui_transformer.errors import RecipeError
from tui_transformer.tokenizer import Tokenizer

from .corpus import Pair, ReadReport
from .recipe import Data

Ids = npt.NDArray[np.int32]
ENCODED_AT_ONCE = 8192
Encode = Callable[[Iterable[str]], list[list[int]]]


@dataclass(frozen=True, slots=True)
class Sequences:
    """Many id sequences in one flat array: sequence i is `flat[offsets[i]:offsets[i + 1]]`."""

    flat: Ids
    offsets: npt.NDArray[np.int64]

    @classmethod
    def of(cls, sequences: Iterable[Sequence[int]]) -> Sequences:
        """Pack lists of ids."""
        packer = _Packer()
        for ids in sequences:
            packer.add(ids)
        return packer.packed()

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
    """Pairs of sequences, each without start and end, and which corpus (index into `names`) a pair is of.

    With BPE-dropout or made-up names the whole text is here several times, each time with other pieces or names:
    draw i is `ends[i - 1]:ends[i]`.
    """

    source: Sequences
    target: Sequences
    corpus: npt.NDArray[np.int16]
    names: tuple[str, ...]
    ends: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.source)

    def members(self, epoch: int) -> npt.NDArray[np.int64]:
        """The pairs that an epoch may see, counted from 0: all, or one draw after the other."""
        if not self.ends:
            return np.arange(len(self))
        draw = epoch % len(self.ends)
        return np.arange(self.ends[draw - 1] if draw else 0, self.ends[draw])


class _Packer:
    """Sequences being collected: four bytes per id, not an object each."""

    def __init__(self) -> None:
        self._flat, self._ends = array("i"), array("q", [0])

    def add(self, ids: Sequence[int]) -> None:
        self._flat.extend(ids)
        self._ends.append(len(self._flat))

    def packed(self) -> Sequences:
        return Sequences(np.array(self._flat, np.int32), np.array(self._ends, np.int64))


def encode_corpus(
    pairs: Iterable[Pair],
    source: Tokenizer,
    target: Tokenizer,
    data: Data,
    report: ReadReport,
    what: str = "this text",
) -> EncodedCorpus:
    """Encode pairs and leave out those too long or too unequal for the recipe, counted in `report`.

    The pairs may be a stream: they are encoded in chunks, on all cores. Raises RecipeError, naming `what` this
    text is, if nothing is left.
    """
    packer = CorpusPacker(source.encode_all, target.encode_all, data)
    packer.read(pairs, report)
    return packer.packed(report, what)


class CorpusPacker:
    """An encoded corpus being built. `source` and `target` encode a side."""

    def __init__(self, source: Encode, target: Encode, data: Data) -> None:
        self.source, self.target, self.data = source, target, data
        self._names: dict[str, int] = {}
        self._lefts, self._rights, self._corpora, self._ends = _Packer(), _Packer(), array("h"), list[int]()

    def __len__(self) -> int:
        return len(self._corpora)

    def read(self, pairs: Iterable[Pair], report: ReadReport) -> None:
        """Encode pairs, in chunks, and keep those that fit."""
        stream = iter(pairs)
        while some := list(itertools.islice(stream, ENCODED_AT_ONCE)):
            sides = (self.source(pair.source for pair in some), self.target(pair.target for pair in some))
            for pair, left, right in zip(some, *sides, strict=True):
                if reason := _unfit(len(left), len(right), self.data):
                    report.left_out[reason] += 1
                    continue
                report.used[pair.corpus] += 1
                self._lefts.add(left)
                self._rights.add(right)
                self._corpora.append(self._names.setdefault(pair.corpus, len(self._names)))

    def end_draw(self) -> None:
        """What was read since the last call, or from the beginning, is one draw of the whole text."""
        self._ends.append(len(self))

    def packed(self, report: ReadReport, what: str) -> EncodedCorpus:
        """Everything that was kept. Raises RecipeError, naming `what` this text is, if that is nothing."""
        if not len(self):
            raise RecipeError(f"no pair of {what} can be used; left out: {report.reasons}")
        corpora, names, ends = np.array(self._corpora, np.int16), tuple(self._names), tuple(self._ends)
        return EncodedCorpus(self._lefts.packed(), self._rights.packed(), corpora, names, ends)


def _unfit(left: int, right: int, data: Data) -> str:
    """Why a pair with these numbers of pieces is left out; empty if it is not."""
    short, long = sorted((left, right))
    if long + 1 > data.max_length:
        return "too long"
    return "unequal lengths" if long > data.max_ratio * short + 5 else ""
