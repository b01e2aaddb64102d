"""Which rows of an embedding point the same way, and arithmetic with them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .cosine import unit

Floats = npt.NDArray[np.float64]

_SIGNS = {"+": 1, "-": -1, "−": -1}


def cosines_to(table: npt.NDArray[np.floating], vector: npt.NDArray[np.floating]) -> Floats:
    """The cosine between each row of a table (V, D) and a vector (D,): (V,), −1…1."""
    found: Floats = np.clip(unit(table) @ unit(vector), -1, 1)
    return found


def nearest(
    table: npt.NDArray[np.floating], vector: npt.NDArray[np.floating], count: int, without: Sequence[int] = ()
) -> list[tuple[int, float]]:
    """The rows of a table (V, D) with the largest cosine to a vector (D,), and that cosine, the nearest first.

    At most `count`, and none of those `without`; of equal ones the one with the lower id comes first.
    """
    found = cosines_to(table, vector)
    order = [int(i) for i in np.argsort(-found, kind="stable")[: count + len(without)] if i not in without]
    return [(i, float(found[i])) for i in order[:count]]


def combined(table: npt.NDArray[np.floating], terms: Sequence[tuple[int, int]]) -> Floats:
    """The sum of signed rows (sign, id), each of length 1 (Mikolov, Yih and Zweig 2013): (D,)."""
    signs, ids = zip(*terms, strict=True)
    total: Floats = np.array(signs, np.float64) @ unit(table[list(ids)])
    return total


def parse_terms(text: str) -> list[tuple[int, str]]:
    """Such as "king - man + woman" → [(1, "king"), (−1, "man"), (1, "woman")].

    Signs stand apart from the words. Raises ValueError, told to a person.
    """
    words = text.split()
    terms, sign = list[tuple[int, str]](), int(bool(words) and words[0] not in _SIGNS)
    for word in words:
        if word in _SIGNS:
            if sign:
                raise ValueError(f"{text!r}: between two signs there must be a piece")
            sign = _SIGNS[word]
        elif not sign:
            raise ValueError(f"{text!r}: between {terms[-1][1]!r} and {word!r} there must be + or -")
        else:
            terms.append((sign, word))
            sign = 0
    if sign or not terms:
        raise ValueError(f"{text!r}: write pieces with + or - between them, such as 'king - man + woman'")
    return terms
