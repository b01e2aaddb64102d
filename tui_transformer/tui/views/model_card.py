"""The model card of the bundle in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from tui_transformer.errors import TtxError
from tui_transformer.tui.paging import Page
from tui_transformer.tui.picture_view import PictureView

if TYPE_CHECKING:
    from tui_transformer.render.picture import Picture
    from tui_transformer.tui.engine import Engine


class CardPage(Page):
    """README.md of the bundle, as Markdown."""

    NAME = "card"
    TITLE = "Card"
    KEY = "c"

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._engine: Engine | None = None
        self._picture: Picture | None = None

    def compose(self) -> ComposeResult:
        """The card, which scrolls."""
        yield PictureView(id="card-text")

    def entered(self) -> None:
        """Keys scroll it."""
        self.query_one(PictureView).focus()

    def show(self) -> None:
        """Once for each model."""
        engine = self.ttx.engine
        if engine is None or engine is self._engine:
            return
        self._engine = engine
        view = self.query_one(PictureView)
        view.border_title = "model card"
        try:
            self._picture = card_of(engine)
        except TtxError as error:
            self._picture, view.border_title = None, str(error)
        view.show(self._picture.body if self._picture else None)
        view.scroll_home(animate=False)

    def picture(self) -> Picture | None:
        """The card."""
        return self._picture


def card_of(engine: Engine) -> Picture:
    """Of the model at work. Raises UsageError if there is none."""
    from tui_transformer.bundle import CARD
    from tui_transformer.render.views.card import card_picture

    bundle = engine.translator.bundle
    try:
        text = bundle.file(CARD).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = f"This model has no card: there is no {CARD} in its folder."
    return card_picture(bundle.manifest.name, text)
