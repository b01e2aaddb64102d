"""The tour on a terminal: one screen at a time, by single keys."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tui_transformer.render.labels import beginning
from tui_transformer.tour.walk import Walk

from .keyboard import keyboard

if TYPE_CHECKING:
    from rich.console import Console

    from .tour import Guide

PATIENCE = 0.8
"""Seconds until half a number counts as a whole one, and until a changed size of the terminal is seen."""


def walk(guide: Guide) -> None:
    """Show the tour until its end or the user leaves it; the terminal is then as it was."""
    from rich.console import Console

    from tui_transformer.tour.stops import STOPS

    console = Console(highlight=False)
    place = Walk(len(STOPS))
    console.set_alt_screen(True)
    console.show_cursor(False)
    try:
        with keyboard() as read:
            drawn = None
            while not place.over:
                size = shutil.get_terminal_size()
                if drawn != (place.at, place.top, place.typed, size):
                    _draw(console, guide, place, size.columns, size.lines)
                    drawn = (place.at, place.top, place.typed, size)
                keys = read(PATIENCE)
                for key in keys:
                    place.press(key)
                if not keys:
                    place.pause()
    except KeyboardInterrupt:
        pass  # stopping early is not an error
    finally:
        console.show_cursor(True)
        console.set_alt_screen(False)


def _draw(console: Console, guide: Guide, place: Walk, columns: int, rows: int) -> None:
    """The part of the screen that is looked at, and what one can do in the last row."""
    _bottom(console, f" {place.at + 1}/{place.stops}  …", columns, rows)
    lines = guide.lines(place.at, columns)
    place.seen(len(lines), rows - 1)
    shown = lines[place.top : place.top + place.room]
    shown += [""] * (place.room - len(shown))
    console.file.write("".join(f"\x1b[{row};1H{line}\x1b[0m\x1b[K" for row, line in enumerate(shown, 1)))
    _bottom(console, _keys(place), columns, rows)


def _keys(place: Walk) -> str:
    more = "↓ more · " if place.top < place.last_top else ""
    typed = f"{place.typed}_" if place.typed else f"1–{place.stops} go to"
    # Where it is narrow the end is cut off.
    return f" {place.at + 1}/{place.stops}  {more}space on · q leave · b back · ↑↓ scroll · {typed}"


def _bottom(console: Console, text: str, columns: int, rows: int) -> None:
    # The last cell stays empty: some terminals would scroll.
    console.file.write(f"\x1b[{rows};1H\x1b[7m{beginning(text, columns - 1)}\x1b[0m\x1b[K")
    console.file.flush()
