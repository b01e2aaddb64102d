"""The three pictures below the heat map: clocks, rotation, dot products. Where it is narrow one of them is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message

from tui_transformer.render.labels import cell_len
from tui_transformer.tui.picture_view import PictureView

from .positions_state import PositionsState, turned_by

if TYPE_CHECKING:
    from textual.events import Resize

    from tui_transformer.render.views.positions import Positions
    from tui_transformer.render.views.rotation import Turned

TWO_ROWS = 18
"""From so many lines on there are two rows of clocks."""
BLOCK_COLUMNS, BLOCK_LINES = 25, 5
STRIP_LINES = 3
_CORNERS = 6
"""Cells of a border that no title can have."""


class Panel(PictureView):
    """How much is drawn depends on the room: with another size, all is drawn anew."""

    def on_resize(self, event: Resize) -> None:
        """It has been laid out, for the first time or in a window of another size."""
        super().on_resize(event)
        if isinstance(self.parent, EncodingPanels):
            self.parent.draw()


class EncodingPanels(Horizontal):
    """Draws what the state says; a large rotation is computed by a thread meanwhile."""

    SCOPED_CSS = False  # it asks for the classes that the app's size gives the screen
    DEFAULT_CSS = """
    EncodingPanels {
        height: 11;
    }
    .-tall EncodingPanels {
        height: 14;
    }
    .-wide.-tall EncodingPanels {
        height: 22;
    }
    #clocks {
        width: 2fr;
    }
    #rotation, #products {
        width: 1fr;
    }
    .-narrow EncodingPanels PictureView {
        display: none;
    }
    .-narrow EncodingPanels.-rings #clocks, .-narrow EncodingPanels.-rotation #rotation,
    .-narrow EncodingPanels.-products #products {
        display: block;
    }
    """

    class Computed(Message):
        """A rotation is there."""

        def __init__(self, key: tuple[object, ...], turn: Turned) -> None:
            super().__init__()
            self.key, self.turn = key, turn

    _state = PositionsState()
    _turn: tuple[tuple[object, ...], Turned] | None = None
    """The newest rotation, and of what it is one."""
    _computing: tuple[object, ...] | None = None

    def compose(self) -> ComposeResult:
        """Side by side."""
        yield Panel(id="clocks")
        yield Panel(id="rotation")
        yield Panel(id="products")

    def on_resize(self) -> None:
        """How much is drawn depends on the room, which the pictures get a moment later."""
        self.call_after_refresh(lambda: self.tell(self._state))

    def tell(self, state: PositionsState) -> None:
        """Draw all."""
        self._state = state
        self.set_classes(f"-{state.panel}")
        self.draw()

    def draw(self) -> None:
        """Draw what has room: those that have none yet, or no longer, are left as they are."""
        self.turn_clocks()
        self._show_rotation()
        self._show_products()

    def turn_clocks(self) -> None:
        """Draw the clocks only."""
        from tui_transformer.render.views.positions import RING_COLUMNS, RING_GAP, RING_LINES, rings

        view, state = self.query_one("#clocks", PictureView), self._state
        width, height = _room(view)
        if not height:
            return
        rows = 2 if height >= TWO_ROWS else 1
        pairs = state.pairs(rows * max(1, (width + RING_GAP) // (RING_COLUMNS + RING_GAP)))
        view.show(rings(state.shown, pairs, state.position, max(3, min(RING_LINES, height // rows - 3))))
        view.border_title = f"clocks at position {state.cursor[0]}"

    def _show_rotation(self) -> None:
        from tui_transformer.render.views.rotation import rotation_body

        view, state = self.query_one("#rotation", PictureView), self._state
        width, height = _room(view)
        if not height:
            return
        turn = self.rotation()
        across = max(1, width // BLOCK_COLUMNS)
        pairs = state.pairs(max(1, min(3, across * (height // BLOCK_LINES))))
        left = height - BLOCK_LINES * -(-len(pairs) // across)
        shown = state.shown if left >= STRIP_LINES else replace(state.shown, pieces=())
        view.show(rotation_body(shown, turn, pairs) if turn else None)
        found = f"residual {turn.residual:.1e}" if turn else "computing …"
        view.border_title = _fitting(view, f"k = {state.k} · {found}", found)
        size = f"|PE(p+{state.k})−R({state.k})·PE(p)|"
        view.border_subtitle = _fitting(view, f"max {size}", size, f"of R({state.k})·PE(p)")

    def rotation(self) -> Turned | None:
        """The rotation by k; None while it is being computed."""
        key = self._state.rotation
        if self._turn is None or self._turn[0] != key:
            if not self._state.heavy:
                self._turn = key, turned_by(self._state.shown, self._state.k)
            elif self._computing != key:
                self._computing = key
                self._compute(key, self._state.shown, self._state.k)
        return self._turn[1] if self._turn and self._turn[0] == key else None

    @work(thread=True, exclusive=True, group="positions")
    def _compute(self, key: tuple[object, ...], shown: Positions, k: int) -> None:
        self.post_message(self.Computed(key, turned_by(shown, k)))

    def on_encoding_panels_computed(self, message: Computed) -> None:
        """Show it, unless it comes too late."""
        message.stop()
        if message.key == self._computing:
            self._computing, self._turn = None, (message.key, message.turn)
            self._show_rotation()

    def _show_products(self) -> None:
        from tui_transformer.render.views.positions import curve, dot_products

        view, state = self.query_one("#products", PictureView), self._state
        width, height = _room(view)
        if not height:
            return
        products = dot_products(state.shown)
        view.show(curve(products, width, height, state.k))
        product = f"{products[state.k]:.2f}"
        view.border_title = _fitting(view, f"dot product at {state.k}: {product}", f"product {product}")
        distances = f"distance 0–{state.count - 1}"
        view.border_subtitle = _fitting(view, f"{distances}, {products.min():.2f} to 1", distances)


def _fitting(view: PictureView, *titles: str) -> str:
    """The first title that the border has room for, or the last."""
    room = view.outer_size.width - _CORNERS
    return next((title for title in titles if cell_len(title) <= room), titles[-1])


def _room(view: PictureView) -> tuple[int, int]:
    """Columns and lines; none where it is not shown."""
    return (view.size.width, view.size.height) if view.display else (0, 0)
