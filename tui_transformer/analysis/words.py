"""From pieces to words: attention among pieces becomes attention among words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tui_transformer.pieces import bytes_of, in_bytes

Floats = npt.NDArray[np.float64]

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
        parts = [bytes_of(piece) for piece in pieces]
        text = b"".join(parts).decode(errors="surrogateescape")
        spans = [in_bytes(text, *match.span()) for match in _WORD.finditer(text)]
        words = tuple(match.group().encode(errors="surrogateescape").decode(errors="replace")
                      for match in _WORD.finditer(text))  # fmt: skip
        shares = np.zeros((len(spans), len(parts)))
        place, first = 0, 0
        for p, part in enumerate(parts) if spans else ():
            # Words that ended before this piece have no part in it, nor in any behind it.
            first = next((w for w in range(first, len(spans)) if spans[w][1] > place), len(spans) - 1)
            w, stop = first, place + len(part)
            while w < len(spans) and spans[w][0] < stop:
                shares[w, p] = max(0, min(spans[w][1], stop) - max(spans[w][0], place))
                w += 1
            shares[:, p] /= shares[:, p].sum() or 1
            if not shares[:, p].any():
                shares[first, p] = 1
            place = stop
        return cls(words, shares)


def merge(attention: npt.NDArray[np.floating], target: Words, source: Words) -> Floats:
    """Attention among pieces (T+1, S+1), ends last, becomes attention among words (Tw+1, Sw+1), ends last."""
    return merge_by(attention, with_special(target.shares, 0, 1), with_special(source.shares, 0, 1))


def merge_by(attention: npt.NDArray[np.floating], rows: Floats, columns: Floats) -> Floats:
    """Attention among pieces (…, R, C) by the shares of words in them, (Wr, R) and (Wc, C) → (…, Wr, Wc).

    A word attends as its pieces do on average and is attended to as much as all its pieces together (Clark
    et al. 2019, 4.1): a row that summed to 1 still does.
    """
    merged = _added(_added(attention, rows, -2), columns, -1)
    mean: Floats = merged / rows.sum(axis=1, keepdims=True)
    return mean


def _added(attention: npt.NDArray[np.floating], shares: Floats, axis: int) -> Floats:
    """The sums of what belongs to each word along the rows (axis −2) or columns (−1) of (…, R, C)."""
    words = shares.argmax(axis=0)
    if (shares.max(axis=0) == 1).all() and (np.diff(words) >= 0).all():
        # No piece is shared by two words, so that words are runs of pieces, and adding is all there is to do.
        starts = np.searchsorted(words, np.arange(len(shares)))
        added: Floats = np.add.reduceat(attention, starts, axis=axis, dtype=np.float64)
        return added
    product: Floats = shares @ attention if axis == -2 else attention @ shares.T
    return product


def with_special(shares: Floats, before: int, behind: int) -> Floats:
    """Shares (W, P) with so many special pieces before and behind the text, each a word of its own."""
    words, pieces = shares.shape
    extended = np.zeros((before + words + behind, before + pieces + behind))
    extended[:before, :before] = np.eye(before)
    extended[before : before + words, before : before + pieces] = shares
    extended[before + words :, before + pieces :] = np.eye(behind)
    return extended
