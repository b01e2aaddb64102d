"""A model card: the Markdown that people wrote about a model."""

from __future__ import annotations

from rich.markdown import Markdown

from tui_transformer.render.labels import visible
from tui_transformer.render.picture import Picture, Table

VIEW = "card"


def card_picture(model: str, text: str) -> Picture:
    """The card as it is read, with the addresses of its links."""
    lines = text.splitlines()
    # A card comes with a model from anywhere: nothing in it may move the cursor or hide.
    shown = "\n".join(visible(line.expandtabs(4)) for line in lines)
    body = Markdown(shown, hyperlinks=False)
    rows = [(number, line) for number, line in enumerate(lines, 1)]
    return Picture(VIEW, f"model card · {model}", body, (), {"model": model, "text": text},
                   Table(("line", "text"), rows))  # fmt: skip
