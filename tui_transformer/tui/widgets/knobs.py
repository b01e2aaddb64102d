"""A line of what can be set, with parts that can be clicked: the mouse's way to what keys do as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from tui_transformer.render.palette import ACCENT


@dataclass(frozen=True, slots=True)
class Part:
    """Text; a click on it does the `action` of the screen, if there is one."""

    text: str
    action: str = ""


def knob(text: str, action: str) -> tuple[Part, Part, Part]:
    """‹ text ›: the arrows turn it down and up by `action(by)`."""
    return Part(" ‹", f"{action}(-1)"), Part(f" {text} "), Part("› ", f"{action}(1)")


class Knobs(Static):
    """One line; what does not fit is cut."""

    DEFAULT_CSS = """
    Knobs {
        height: 1;
        padding: 0 1;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    class Turned(Message):
        """A part was clicked."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    _parts: Sequence[Part] = ()

    def tell(self, parts: Sequence[Part]) -> None:
        """Show these."""
        self._parts = parts
        line = Text()
        for part in parts:
            line.append(part.text, ACCENT if part.action else "")
        self.update(line)

    def on_click(self, event: Click) -> None:
        """Do what stands under the mouse."""
        offset = event.get_content_offset(self)
        right = 0
        for part in self._parts:
            right += len(part.text)
            if offset is not None and offset.x < right:
                if part.action:
                    self.post_message(self.Turned(part.action))
                return
