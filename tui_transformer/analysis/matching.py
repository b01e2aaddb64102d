"""Pieces by what somebody types, the likeliest first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from tui_transformer.pieces import SPACE_MARK


def best_matches(pieces: Sequence[str], typed: str, count: int) -> list[int]:
    """The ids of at most `count` pieces that match, the best first; the first ones if nothing is typed.

    The piece itself comes first, then what begins like it, what contains it, and what begins like it for a while. Of
    equal ones those with the same capital letters, those that begin a word, and the shorter ones are first. A number
    finds the piece with that id too.
    """
    wanted = typed.strip().removeprefix(SPACE_MARK)
    if not wanted:
        return list(range(min(count, len(pieces))))
    folded, ranked = wanted.casefold(), []
    for number, piece in enumerate(pieces):
        plain = piece.removeprefix(SPACE_MARK)
        distance = 0 if str(number) == wanted else _distance(plain.casefold(), folded)
        if distance is not None:
            ranked.append((distance, plain != wanted, not piece.startswith(SPACE_MARK), len(plain), number))
    return [number for *_, number in sorted(ranked)[:count]]


def _distance(piece: str, wanted: str) -> int | None:
    """0 for the same, 1 if it begins like that, 2 if it contains it, then how little of the beginning is the same."""
    if wanted in piece:
        return 0 if piece == wanted else 1 if piece.startswith(wanted) else 2
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(piece, wanted, strict=False)))
    return 3 + len(wanted) - same if same else None
