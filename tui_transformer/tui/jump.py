"""Jump mode: every place that can be gone to shows a letter; that letter goes there."""

from __future__ import annotations

from string import ascii_lowercase
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Click, Key
from textual.geometry import Offset
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

Place = tuple[Offset, Widget | str]
"""Where the letter stands, and the widget to focus or the screen to open."""


class JumpScreen(ModalScreen[Widget | str | None]):
    """Letters over the screen below; any other key leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Leave")]

    def __init__(self, places: list[Place]) -> None:
        super().__init__()
        self._places = dict(zip(ascii_lowercase, places, strict=False))

    def compose(self) -> ComposeResult:
        """The letters."""
        for letter, (offset, _) in self._places.items():
            mark = Static(Text(f" {letter} "), classes="jump")
            mark.styles.offset = (offset.x, offset.y)
            yield mark

    def on_key(self, event: Key) -> None:
        """There, or back."""
        event.stop()
        place = self._places.get(event.key)
        self.dismiss(place[1] if place else None)

    def on_click(self, event: Click) -> None:
        """A click on a letter does the same."""
        found = [target for offset, target in self._places.values()
                 if offset.y == event.screen_y and offset.x <= event.screen_x < offset.x + 3]  # fmt: skip
        self.dismiss(found[0] if found else None)
