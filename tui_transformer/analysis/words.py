"""From pieces to words: attention among pieces becomes attention among words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_SPACE_MARK = "▁"
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The words of a text and which pieces they are made of.

    `shares` (W, P): how much of a piece belongs to a word, by bytes; of every piece that is 1 in all. A piece
    that is nothing but space belongs to the word behind it, or to the last one. No words: no rows.
    """

    words: tuple[str, ...]
    shares: Floats

    @classmethod
    def of(cls, pieces: Sequence[str]) -> Words:
        """Of pieces as SentencePiece writes them, the end not among them."""
        parts = [_bytes_of(piece) for piece in pieces]
        text = b"".join(parts).decode(errors="surrogateescape")
        spans = [_in_bytes(text, *match.span()) for match in _WORD.finditer(text)]
        words = tuple(match.group().encode(errors="surrogateescape").decode(errors="replace")
                      for match in _WORD.finditer(text))  # fmt: skip
        shares = np.zeros((len(spans), len(parts)))
        place = 0
        for p, part in enumerate(parts) if spans else ():
            overlaps = [max(0, min(stop, place + len(part)) - max(start, place)) for start, stop in spans]
            behind = next((w for w, (start, _) in enumerate(spans) if start >= place), len(spans) - 1)
            shares[:, p] = np.array(overlaps) / sum(overlaps) if any(overlaps) else np.eye(len(spans))[behind]
            place += len(part)
        return cls(words, shares)


def merge(attention: npt.NDArray[np.floating], target: Words, source: Words) -> Floats:
    """Attention among pieces (T+1, S+1), ends last, becomes attention among words (Tw+1, Sw+1), ends last."""
    return merge_by(attention, with_special(target.shares, 0, 1), with_special(source.shares, 0, 1))


def merge_by(attention: npt.NDArray[np.floating], rows: Floats, columns: Floats) -> Floats:
    """Attention among pieces (…, R, C) by the shares of words in them, (Wr, R) and (Wc, C) → (…, Wr, Wc).

    A word attends as its pieces do on average and is attended to as much as all its pieces together (Clark
    et al. 2019, 4.1): a row that summed to 1 still does.
    """
    merged: Floats = (rows / rows.sum(axis=1, keepdims=True)) @ attention @ columns.T
    return merged


def with_special(shares: Floats, before: int, behind: int) -> Floats:
    """Shares (W, P) with so many special pieces before and behind the text, each a word of its own."""
    words, pieces = shares.shape
    extended = np.zeros((before + words + behind, before + pieces + behind))
    extended[:before, :before] = np.eye(before)
    extended[before : before + words, before : before + pieces] = shares
    extended[before + words :, before + pieces :] = np.eye(behind)
    return extended


def _bytes_of(piece: str) -> bytes:
    if byte := _BYTE.fullmatch(piece):
        return bytes([int(byte.group(1), 16)])
    return piece.replace(_SPACE_MARK, " ").encode()


def _in_bytes(text: str, start: int, stop: int) -> tuple[int, int]:
    before = len(text[:start].encode(errors="surrogateescape"))
    return before, before + len(text[start:stop].encode(errors="surrogateescape"))
