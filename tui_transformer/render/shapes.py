"""Block elements, braille and light box lines as shapes, so that a picture has no seams and needs no font for them."""

from __future__ import annotations

from functools import cache

from .braille import EMPTY

Rectangle = tuple[float, float, float, float]
"""x, y, width and height as shares of a cell, from its upper left corner."""

_SHADES = {"░": 0.25, "▒": 0.5, "▓": 0.75}
_HALVES = {"▀": (0, 0, 1, 0.5), "▐": (0.5, 0, 0.5, 1), "█": (0, 0, 1, 1)}
_LOWER = "▁▂▃▄▅▆▇"
_LEFT = "▏▎▍▌▋▊▉"
# Which of the arms up, down, left, right a line has.
_LINES = {
    "─": "lr", "│": "ud", "╭": "dr", "╮": "dl", "╰": "ur", "╯": "ul", "┌": "dr", "┐": "dl", "└": "ur", "┘": "ul",
    "├": "udr", "┤": "udl", "┬": "dlr", "┴": "ulr", "┼": "udlr", "╴": "l", "╶": "r",
}  # fmt: skip
_ARMS = {
    "u": (0.44, 0, 0.12, 0.53),
    "d": (0.44, 0.47, 0.12, 0.53),
    "l": (0, 0.47, 0.56, 0.06),
    "r": (0.44, 0.47, 0.56, 0.06),
}
_DOT_WIDTH, _DOT_HEIGHT = 0.26, 0.13


@cache
def shape(character: str) -> tuple[tuple[Rectangle, ...], float] | None:
    """What a character is drawn of, and how opaque; None for one that needs a font."""
    if character in _SHADES:
        return ((0, 0, 1, 1),), _SHADES[character]
    if character in _HALVES:
        return (_HALVES[character],), 1
    if character in _LOWER:
        height = (_LOWER.index(character) + 1) / 8
        return ((0, 1 - height, 1, height),), 1
    if character in _LEFT:
        return ((0, 0, (_LEFT.index(character) + 1) / 8, 1),), 1
    if character in _LINES:
        return tuple(_ARMS[arm] for arm in _LINES[character]), 1
    if EMPTY <= ord(character) < EMPTY + 256:
        return tuple(_dots(ord(character) - EMPTY)), 1
    return None


def _dots(bits: int) -> list[Rectangle]:
    """Unicode numbers the dots down the left column, then down the right one, and the bottom row last."""
    places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
    return [
        (column / 2 + 0.25 - _DOT_WIDTH / 2, row / 4 + 0.125 - _DOT_HEIGHT / 2, _DOT_WIDTH, _DOT_HEIGHT)
        for bit, (column, row) in enumerate(places)
        if bits >> bit & 1
    ]
