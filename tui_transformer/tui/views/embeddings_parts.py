"""The two parts of the screen of embeddings: the map, and the neighbours beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.events import MouseScrollDown, MouseScrollUp
from textual.message import Message

from tui_transformer.tui.widgets.clickable import ClickableView

if TYPE_CHECKING:
    from tui_transformer.render.views.neighbours import Found

ZOOM = 1.5
"""So many times nearer, a step."""


class PieceMap(ClickableView, can_focus=False):
    """Pieces at their places. The wheel zooms, a click goes to a piece."""

    # It is drawn for the room there is: bars would be those of another size.
    DEFAULT_CSS = "PieceMap { overflow: hidden; }"

    class Zoomed(Message):
        """The wheel was turned: so many times nearer."""

        def __init__(self, by: float) -> None:
            super().__init__()
            self.by = by

    def _on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.post_message(self.Zoomed(ZOOM))

    def _on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.post_message(self.Zoomed(1 / ZOOM))


class Neighbours(ClickableView, inherit_bindings=False):
    """The pieces that point the same way, by cosine. Up and down choose one, enter goes there."""

    SAYS = "The pieces whose rows point the same way, with the cosine. Up and down choose one, enter goes there."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Neighbour before", show=False, id="embeddings.neighbour-before"),
        Binding("down,j", "move(1)", "Next neighbour", show=False, id="embeddings.neighbour-behind"),
        Binding("enter", "take", "Go there", id="embeddings.take"),
        Binding("left,h", "app.leave", "Back to the map", show=False, id="embeddings.back"),
    ]

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.cursor = 0
        self._found: Found | None = None

    def tell(self, found: Found | None) -> None:
        """List these, the nearest first."""
        if found is not self._found:
            self._found, self.cursor = found, 0
            self.scroll_home(animate=False)
        self._list()

    def _list(self) -> None:
        from tui_transformer.render.views.neighbours import neighbour_bars

        self.show(neighbour_bars(self._found, self.cursor if self.has_focus else None) if self._found else None)

    def on_focus(self) -> None:
        """The cursor is seen while it can be moved."""
        self._list()

    def on_blur(self) -> None:
        """No cursor."""
        self._list()

    def action_move(self, by: int) -> None:
        """Another neighbour."""
        if self._found:
            self.cursor = max(0, min(self.cursor + by, len(self._found.neighbours) - 1))
            self._list()
            self.scroll_to(y=self.cursor - self.scrollable_content_region.height // 2, animate=False)

    def action_take(self) -> None:
        """Go to this one."""
        if self._found:
            self.post_message(self.Clicked(self, self.cursor, 1))
