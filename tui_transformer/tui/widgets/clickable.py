"""A picture whose parts can be clicked: it says which part is under the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from textual.message import Message

from tui_transformer.tui.picture_view import PictureView

if TYPE_CHECKING:
    from textual.events import Click


@runtime_checkable
class Parted(Protocol):
    """A renderable that knows what it draws where."""

    def at(self, x: int, y: int, width: int) -> Any | None:
        """What is drawn at a cell when it is drawn so many cells wide; None for nothing."""
        ...


class ClickableView(PictureView):
    """Posts what is clicked of a picture that knows its parts."""

    class Clicked(Message):
        """A part was clicked; `chain` counts quick clicks."""

        def __init__(self, view: ClickableView, part: Any, chain: int) -> None:
            super().__init__()
            self.view, self.part, self.chain = view, part, chain

        @property
        def control(self) -> ClickableView:
            """The picture."""
            return self.view

    def on_click(self, event: Click) -> None:
        """Say what is there."""
        offset, picture = event.get_content_offset(self), cast(object, self.renderable)
        if offset is None or not isinstance(picture, Parted):
            return
        x, y = self.scroll_offset
        part = picture.at(offset.x + x, offset.y + y, self.virtual_size.width)
        if part is not None:
            self.post_message(self.Clicked(self, part, event.chain))
