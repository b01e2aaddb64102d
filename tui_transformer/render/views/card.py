"""A model card: the Markdown that people wrote about a model."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Markdown
from rich.segment import Segment
from rich.style import Style
from rich.theme import Theme

from tui_transformer.render.labels import visible
from tui_transformer.render.palette import ACCENT, QUIET, STRONG, has_colour
from tui_transformer.render.picture import Picture, Table

VIEW = "card"
_THEME = Theme({
    **{f"markdown.h{level}": ACCENT for level in range(1, 7)},
    "markdown.table.header": STRONG, "markdown.table.border": QUIET, "markdown.code": STRONG,
    "markdown.link": Style(underline=True), "markdown.link_url": QUIET, "markdown.item.bullet": ACCENT,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Card:
    """Markdown in our own colours, or in none."""

    text: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        with console.use_theme(_THEME):
            drawn = list(console.render(Markdown(self.text, hyperlinks=False), options))
        yield from drawn if has_colour(console) else Segment.remove_color(drawn)


def card_picture(model: str, text: str) -> Picture:
    """The card as it is read, with the addresses of its links."""
    lines = text.splitlines()
    # A card comes with a model from anywhere: nothing in it may move the cursor or hide.
    body = Card("\n".join(visible(line.expandtabs(4)) for line in lines))
    rows = [(number, line) for number, line in enumerate(lines, 1)]
    return Picture(VIEW, f"model card · {model}", body, (), {"model": model, "text": text},
                   Table(("line", "text"), rows))  # fmt: skip
