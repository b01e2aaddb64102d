"""Which layers, heads, pairs and pieces a view is asked for: checked once, with errors that name what there is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tui_transformer.errors import UsageError

_WHOLE = re.compile(r"[0-9]{1,9}")


def layer(number: int, layers: int) -> int:
    """A layer as people count, from 1 → from 0. Raises UsageError that names the valid range."""
    return _from_one("layer", number, layers, "the model")


def head(number: int, heads: int) -> int:
    """A head as people count, from 1 → from 0. Raises UsageError that names the valid range."""
    return _from_one("head", number, heads, "each layer")


def step(number: int, steps: int) -> int:
    """A step of a decoding as people count, from 1 → from 0. Raises UsageError that names the valid range."""
    return _from_one("step", number, steps, "the decoding")


def kind(name: str, kinds: Sequence[str]) -> str:
    """One of a few names. Raises UsageError that lists them."""
    if name not in kinds:
        raise UsageError(f"unknown kind {name!r}: it must be one of {', '.join(kinds)}")
    return name


def within(name: str, number: int, low: int, high: int) -> int:
    """A number between two others, both allowed. Raises UsageError that names the range."""
    if not low <= number <= high:
        raise UsageError(f"{name} {number}: it must be from {low} to {high}")
    return number


def numbers(name: str, text: str, low: int, high: int) -> tuple[int, ...]:
    """Such as 0,8,32: each once, in the order given. Raises UsageError that names the range."""
    parts = [part.strip() for part in text.split(",")]
    if not all(_WHOLE.fullmatch(part) for part in parts):
        raise UsageError(f"{name} {text!r}: write whole numbers from {low} to {high}, separated by commas")
    return tuple(dict.fromkeys(within(name, int(part), low, high) for part in parts))


def piece(wanted: str, pieces: Sequence[str]) -> int:
    """The place, from 0, of a piece given as written, without its ▁, or by its number from 1.

    The first one, if there are several. Raises UsageError that lists the pieces.
    """
    plain = [one.removeprefix("▁") for one in pieces]
    for candidates in (pieces, plain):
        if wanted in candidates:
            return list(candidates).index(wanted)
    if _WHOLE.fullmatch(wanted) and 1 <= int(wanted) <= len(pieces):
        return int(wanted) - 1
    from tui_transformer.render.labels import visible

    listed = " ".join(f"{number}:{visible(one)}" for number, one in enumerate(pieces, 1))
    raise UsageError(f"no piece {visible(wanted)!r} in the sentence, which has {listed}")


def _from_one(name: str, number: int, count: int, owner: str) -> int:
    if not 1 <= number <= count:
        there_are = f"{name} 1 only" if count == 1 else f"{name}s 1 to {count}"
        raise UsageError(f"{name} {number}: {owner} has {there_are}")
    return number - 1
