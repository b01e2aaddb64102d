"""The heat map of the Positions screen: as much of it as there is room for, around a cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from tui_transformer.tui.picture_view import PictureView, colours_of

if TYPE_CHECKING:
    from textual.events import Click, MouseScrollDown, MouseScrollLeft, MouseScrollRight, MouseScrollUp, Resize

    from tui_transformer.render.views.position_map import PositionMap

    from .positions_state import PositionsState

PAGE = 16
WHEEL = 2


class EncodingMap(PictureView):
    """Arrows, the wheel and clicks move the cursor; the part that is shown follows."""

    SAYS = "The positional encoding. Arrows, the wheel and clicks move the cursor."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1,0)", "Position before", show=False, id="positions.before"),
        Binding("down,j", "move(1,0)", "Position behind", show=False, id="positions.behind"),
        Binding("left,h", "move(0,-1)", "Dimension before", show=False, id="positions.left"),
        Binding("right,l", "move(0,1)", "Dimension behind", show=False, id="positions.right"),
        Binding("pageup", f"move(-{PAGE},0)", "Back a page", show=False, id="positions.page-before"),
        Binding("pagedown", f"move({PAGE},0)", "On a page", show=False, id="positions.page-behind"),
        Binding("shift+left,H", f"move(0,-{PAGE})", "Far left", show=False, id="positions.far-left"),
        Binding("shift+right,L", f"move(0,{PAGE})", "Far right", show=False, id="positions.far-right"),
        Binding("home,g", "move(-9999,0)", "First position", show=False, id="positions.first"),
        Binding("end,G", "move(9999,0)", "Last position", show=False, id="positions.last"),
    ]

    class Moved(Message):
        """Another cell is looked at."""

        def __init__(self, position: int, dimension: int) -> None:
            super().__init__()
            self.position, self.dimension = position, dimension

    # It is drawn for the room there is: bars would be those of another size.
    DEFAULT_CSS = "EncodingMap { overflow: hidden; }"

    _state: PositionsState | None = None
    _top = _left = 0
    _map: PositionMap | None = None

    def tell(self, state: PositionsState) -> None:
        """Draw the part around the cursor."""
        from tui_transformer.render.views.position_map import PositionMap, kept_in_view

        self._state = state
        width, lines = self.scrollable_content_region.size
        if width < 1 or lines < 2:
            return
        shown, (position, dimension) = state.shown, state.cursor
        per_line = 2 if colours_of(self) else 1
        draft = PositionMap(shown, state.table, state.cursor, lines, offset=state.k, whole=state.whole)
        top = kept_in_view(self._top, position, (lines - 1) * per_line, state.count)
        # With two positions in a line, each stays in its half of it.
        self._top = min(top + top % per_line, state.count - 1) if per_line == 2 else top
        self._left = kept_in_view(self._left, dimension, max(1, width - draft.gutter), state.dimensions)
        self._map = PositionMap(shown, state.table, state.cursor, lines, self._top, self._left, state.k, state.whole)
        self.show(self._map)

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        """Another part has room."""
        if self._state:
            self.tell(self._state)

    def action_move(self, positions: int, dimensions: int) -> None:
        """So far from the cell that is looked at."""
        if self._state:
            position, dimension = self._state.cursor
            # At once: the next key may come before the screen has heard of this one.
            self._state.go(position + positions, dimension + dimensions)
            self.post_message(self.Moved(*self._state.cursor))

    def on_click(self, event: Click) -> None:
        """Look at the cell under the mouse."""
        offset = event.get_content_offset(self)
        if offset is not None and self._map is not None:
            width = self.scrollable_content_region.width
            found = self._map.at(offset.x, offset.y, width, colours_of(self) is not None)
            if found:
                self.post_message(self.Moved(*found))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Later positions."""
        event.stop()
        self.action_move(WHEEL, 0)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Earlier positions."""
        event.stop()
        self.action_move(-WHEEL, 0)

    def on_mouse_scroll_left(self, event: MouseScrollLeft) -> None:
        """Lower dimensions."""
        event.stop()
        self.action_move(0, -WHEEL)

    def on_mouse_scroll_right(self, event: MouseScrollRight) -> None:
        """Higher dimensions."""
        event.stop()
        self.action_move(0, WHEEL)
