"""Real lines to translate: what both engines get, in the form in which neither has more to do than the other."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from tui_transformer.bundle import Bundle
from tui_transformer.pieces import SPACE_MARK
from tui_transformer.translator import Translator


def read_lines(path: Path, bundle: Bundle, count: int) -> list[str]:
    """The first `count` sources of a file of TSV pairs, or lines of any text, that ttx translates as one sentence.

    It would translate others sentence by sentence, CTranslate2 would not: such lines are left out.
    """
    translator, lines = Translator(bundle, "cpu"), list[str]()
    options = translator.source.options
    for row in path.read_text(encoding="utf-8").splitlines():
        line = unicodedata.normalize("NFC", row.split("\t")[0].strip())
        line = line.lower() if options.lowercase else line
        line = "".join("0" if c.isdecimal() else c for c in line) if options.zero_digits else line
        if SPACE_MARK not in line and [part.whole for part in translator.split(line) if part.ids] == [line]:
            lines.append(line)
        if len(lines) == count:
            break
    return lines


def spread(lines: Sequence[str], count: int) -> list[str]:
    """`count` lines, evenly from all of them."""
    step = max(1.0, len(lines) / count)
    return [lines[int(i * step)] for i in range(min(count, len(lines)))]


def parts(lines: Sequence[str], count: int) -> list[list[str]]:
    """All lines in `count` parts that are alike: every count-th line each."""
    return [list(lines[start::count]) for start in range(count)]
