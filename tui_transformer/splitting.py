"""Cutting a line that is longer than the model's sentences, at the best place there is."""

from __future__ import annotations

import re
from collections.abc import Callable

# Best first: after a sentence, after a clause, after a word. Each keeps its white space with the part before.
_BOUNDARIES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<=[.!?…。！？])[\"'”’»)\]]*\s+",
        r"(?<=[;:,–—，；：])\s+",
        r"\s+",
    )
)


def split_line(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Cut text into few parts that each `fits`, at sentence ends, else clause ends, else words, else anywhere.

    Nothing is lost: the parts joined are the text. A single character that does not fit stays whole.
    """
    if len(text) <= 1 or fits(text):
        return [text]
    for boundary in _BOUNDARIES:
        places = [match.end() for match in boundary.finditer(text) if 0 < match.end() < len(text)]
        if places:
            break
    else:
        places = [len(text) // 2]
    return _pack([text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)], fits)


def _pack(parts: list[str], fits: Callable[[str], bool]) -> list[str]:
    """Join neighbours again while they fit together; cut further what is still too long alone."""
    packed: list[str] = []
    for part in parts:
        if packed and fits(packed[-1] + part):
            packed[-1] += part
        else:
            packed += split_line(part, fits)
    return packed
