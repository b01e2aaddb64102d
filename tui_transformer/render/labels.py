"""Pieces, words and numbers as text that keeps a grid aligned: never markup, never wider than it says.

Widths are those of `rich.cells.cell_len`: two cells for CJK and emoji, none for a combining mark.
"""

from __future__ import annotations

import json
import re
import unicodedata

from rich.cells import cell_len, split_graphemes

__all__ = [
    "beginning",
    "cell_len",
    "clip",
    "duration",
    "fit",
    "fraction",
    "graphemes",
    "isolated",
    "megabytes",
    "plain",
    "quoted",
    "short",
    "visible",
]

ELLIPSIS = "…"
INVISIBLE = "¤"
"""Stands for a character that has no picture: a joiner, a change of direction, an unassigned one."""
_CONTROL_PICTURES = 0x2400  # ␀ ␁ … ␟, one for each control character of ASCII
_ISOLATE, _END_OF_ISOLATE = "\u2066", "\u2069"
_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_RIGHT_TO_LEFT = frozenset(("R", "AL", "AN"))


def visible(text: str) -> str:
    """The text with nothing in it that moves, hides or turns what stands beside it.

    Control characters get their pictures (␊), characters without a picture become ¤, a combining mark at the
    beginning gets a circle to stand on. Emoji lose their joiners: terminals disagree about joined ones.
    """
    shown = "".join(_shown(character) for character in _VARIATION.sub("", text))
    return "◌" + shown if shown and unicodedata.category(shown[0]).startswith("M") else shown


def _shown(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    if code == 0x7F:
        return "␡"
    category = unicodedata.category(character)
    if category in ("Zl", "Zp"):
        return "␤"
    if category.startswith("C"):
        return INVISIBLE
    if category == "Zs":
        return " "
    # Letters that fill no cell, such as Hangul fillers, would not be seen either.
    return character if cell_len(character) or category.startswith("M") else INVISIBLE


def graphemes(text: str) -> list[str]:
    """What a reader takes for one character each."""
    spans, _ = split_graphemes(text)
    return [text[start:stop] for start, stop, _ in spans]


def clip(text: str, width: int) -> str:
    """`visible` text in at most so many cells; what does not fit ends with …."""
    shown = visible(text)
    if cell_len(shown) <= width:
        return shown
    return beginning(shown, width - 1) + ELLIPSIS if width > 0 else ""


def beginning(text: str, width: int) -> str:
    """As much of the `visible` text as fits so many cells, without a sign that there is more."""
    kept = ""
    for grapheme in graphemes(visible(text)):
        if cell_len(kept + grapheme) > width:
            break
        kept += grapheme
    return kept


def fit(text: str, width: int, align: str = "left") -> str:
    """`visible` text in exactly so many cells; `align` is left, right or center.

    Right-to-left letters are isolated, so that they turn around within their own cells only.
    """
    kept = clip(text, width)
    room = max(0, width - cell_len(kept))
    before = {"left": 0, "right": room, "center": room // 2}[align]
    return " " * before + "".join(isolated(graphemes(kept))) + " " * (room - before)


def isolated(letters: list[str]) -> list[str]:
    """Graphemes of one label; right-to-left ones are told apart from what stands before and behind them."""
    if not any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for letter in letters for character in letter):
        return letters
    inner = [*letters]
    inner[0] = _ISOLATE + inner[0]
    inner[-1] += _END_OF_ISOLATE
    return inner


def quoted(text: str) -> str:
    """A piece or word in quotation marks, for sentences."""
    return f'"{visible(text)}"'


def fraction(value: float, signed: bool = False, digits: int = 2) -> str:
    """So many decimals without the zero: .71, 1.0, and with `signed` one cell more, for the sign: -.84."""
    text = f"{abs(value):.{digits}f}"
    short = text[1:] if text.startswith("0") else text[: digits + 1]
    if not signed:
        return short
    return ("-" if value < 0 and short.strip(".0") else " ") + short


def short(value: float) -> str:
    """A positive number for a sentence: two decimals, none from a thousand on, and powers of ten for a huge one."""
    return f"{value:.2f}" if value < 1000 else f"{value:,.0f}" if value < 1e6 else f"{value:.1e}"


def megabytes(size: int) -> str:
    """Bytes as people say them."""
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"


def duration(seconds: float) -> str:
    """The two largest units that matter: "45 s", "12 min", "1 h 12 min", "2 d 3 h"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, days = minutes // 60, minutes // 1440
    if not hours:
        return f"{minutes} min"
    return f"{days} d {hours % 24} h" if days else f"{hours} h {minutes % 60:02} min"


def plain(value: object) -> str:
    """A value in a column of a table: six digits, no line end and no tab; empty for None and for what is no number."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return json.dumps(value)
    return f"{value:.6g}" if isinstance(value, float) else re.sub(r"[\t\r\n]", " ", str(value))
