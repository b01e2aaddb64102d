"""A line of words that can be clicked: what is chosen stands out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.events import Click


@dataclass(frozen=True, slots=True)
class Choice:
    """A word, a shorter one for narrow screens, and whether it is chosen now. `name` is told when it is clicked."""

    name: str
    text: str
    short: str
    chosen: bool = False


class ChoiceLine(Static):
    """Says `Chosen` with the name of what was clicked. Where all does not fit, the short words stand."""

    DEFAULT_CSS = "ChoiceLine { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    class Chosen(Message):
        """A word was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    choices: tuple[Choice, ...] = ()

    def tell(self, choices: Sequence[Choice]) -> None:
        """Offer these."""
        if tuple(choices) != self.choices:
            self.choices = tuple(choices)
            self._draw()

    def on_resize(self) -> None:
        """Short words or long ones."""
        self._draw()

    def _draw(self) -> None:
        self.update(Content.assemble(" ", *(
            Content.styled(f" {text} ", "bold reverse" if choice.chosen else "$text-muted")
            for choice, text in zip(self.choices, self._texts(), strict=True)
        )))  # fmt: skip

    def _texts(self) -> list[str]:
        whole = [choice.text for choice in self.choices]
        fits = sum(len(text) + 2 for text in whole) < self.size.width
        return whole if fits else [choice.short for choice in self.choices]

    def on_click(self, event: Click) -> None:
        """Which one it was."""
        at = 1
        for choice, text in zip(self.choices, self._texts(), strict=True):
            end = at + len(text) + 2
            if at <= event.x < end:
                self.post_message(self.Chosen(choice.name))
            at = end
