"""The hypotheses that have chosen the end, as a list to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message

from tui_transformer.tui.picture_view import PictureView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.events import Click

    from tui_transformer.events import EndedHypothesis


class Ranking(PictureView):
    """Best score first. Up and down look at one, a click too."""

    SAYS = "The finished hypotheses, best score first. Up and down, or a click, choose which one is shown."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Better one", show=False, id="beam.better"),
        Binding("down,j", "move(1)", "Worse one", show=False, id="beam.worse"),
    ]

    class Moved(Message):
        """Another one is looked at: so many further, or `place` from the top."""

        def __init__(self, by: int = 0, place: int | None = None) -> None:
            super().__init__()
            self.by, self.place = by, place

    _told: tuple[int, int, int] | None = None

    def tell(self, ended: Sequence[EndedHypothesis], place: int) -> None:
        """Show these, and the one at a place as looked at; −1 for none of them."""
        from tui_transformer.render.views.beam import ranking

        told = len(ended), place, hash(tuple(one.ids for one in ended))
        if told == self._told:
            return
        self._told = told
        self.show(ranking(ended, place) if ended else None)
        if place >= 0:
            # One line more: with the first one the heads stay in sight.
            self.scroll_to_region(Region(0, place, 1, 2), animate=False, force=True, immediate=True)

    def action_move(self, by: int) -> None:
        """Look at another one."""
        self.post_message(self.Moved(by))

    def on_click(self, event: Click) -> None:
        """Look at the one under the mouse; its heads stand above them."""
        offset = event.get_content_offset(self)
        if offset is not None and offset.y + self.scroll_offset.y > 0:
            self.post_message(self.Moved(place=offset.y + self.scroll_offset.y - 1))
