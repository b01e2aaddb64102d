"""The fourth screen: the positional encoding as a heat map, as clocks that turn, as a rotation, by distance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui_transformer.errors import UsageError
from tui_transformer.tui.view import View
from tui_transformer.tui.widgets.knobs import Knobs, Part, knob

from .positions_map import EncodingMap
from .positions_panels import EncodingPanels
from .positions_state import COUNTS, DIMENSIONS, PANELS, PositionsState

if TYPE_CHECKING:
    from textual.timer import Timer

    from tui_transformer.render.picture import Picture
    from tui_transformer.tui.engine import Engine

FRAMES, POSITIONS_A_FRAME = 12, 1 / 3
"""Of the clocks: frames a second, and how far each turns them."""
TITLES = {"rings": "clocks", "rotation": "rotation", "products": "dot product"}


class PositionsView(View):
    """The heat map above; below it the clocks, the rotation and the dot products, or one of them."""

    NAME = "positions"
    TITLE = "Positions"
    HELP: ClassVar[str] = (
        "What tells the model where a piece stands: each row is a position, each column a dimension of the encoding "
        "that is added to the piece's embedding. Dimensions come in pairs of a sine and a cosine (s8, c8), and each "
        "pair turns at a pace of its own, fast at first and ever more slowly. At first this is the encoding of the "
        "model that is loaded, and the rows are the pieces of the sentence.\n\n"
        "The clocks show pairs as points on a circle: p lets them turn from position to position. The rotation R(k) "
        "turns every position into the one that is k further, whatever position that is: its residual, the largest "
        "|PE(p+k) − R(k)·PE(p)|, is rounding only. So the dot product of two positions depends on their distance "
        "alone.\n\n"
        "Arrows move the cursor (▸; ▹ is k further). d and D change the dimensions, n and N the number of positions, "
        "t and T the offset k, c the layout, z shows the whole map at once, u goes back to the model's own encoding. "
        "Where there is room for one picture below, v shows the next."
    )
    DEFAULT_CSS = """
    #encoding {
        height: 1fr;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "turn", "Turn clocks", id="positions.turn"),
        Binding("d", "dimensions(1)", "Dimensions", id="positions.more-dimensions"),
        Binding("D", "dimensions(-1)", "Fewer dimensions", show=False, id="positions.fewer-dimensions"),
        Binding("n", "count(1)", "Positions", id="positions.more"),
        Binding("N", "count(-1)", "Fewer positions", show=False, id="positions.fewer"),
        Binding("t", "offset(1)", "k", id="positions.further"),
        Binding("T", "offset(-1)", "Smaller k", show=False, id="positions.nearer"),
        Binding("c", "layout", "Layout", id="positions.layout"),
        Binding("z", "whole", "Whole", id="positions.whole"),
        Binding("v", "panel", "Picture", id="positions.panel"),
        Binding("u", "as_model", "As the model", show=False, id="positions.as-model"),
    ]

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._state = PositionsState()
        self._engine: Engine | None = None
        self._clock: Timer | None = None
        self._turning = False

    def compose(self) -> ComposeResult:
        """What can be set, the heat map, and three pictures below."""
        yield Knobs(id="positions-knobs")
        yield EncodingMap(id="encoding")
        yield EncodingPanels()

    def on_mount(self) -> None:
        """The clocks stand still."""
        self._clock = self.set_interval(1 / FRAMES, self._tick, pause=True)

    def entered(self) -> None:
        """Into the map; the clocks go on if they were turning."""
        self.query_one(EncodingMap).focus()
        if self._turning and self._clock:
            self._clock.resume()

    # -- what is drawn ---------------------------------------------------------------------------------

    def show(self) -> None:
        """Draw all of it."""
        self._ask_model()
        self._state.pieces = self.live.source
        self._tell()
        self._show_map()
        self.query_one(EncodingPanels).tell(self._state)

    def _ask_model(self) -> None:
        """Its sizes, once."""
        engine = self.ttx.engine
        if engine is None or engine is self._engine:
            return
        self._engine = engine
        try:
            architecture = engine.translator.bundle.manifest.architecture
        except UsageError:
            return  # a replay has no model: what is shown needs none
        self._state.adopt(architecture.d_model, architecture.positional_layout)

    def _tell(self) -> None:
        state = self._state
        self.query_one(Knobs).tell([
            *knob(f"d_model {state.dimensions}", "dimensions"), *knob(f"length {state.count}", "count"),
            *knob(f"k {state.k}", "offset"), Part(f" {state.layout} ", "layout"),
            Part(" ‖ pause " if self._turning else " ▶ turn ", "turn"),
            Part(" whole " if state.whole else " exact ", "whole"),
            *([Part(f" {TITLES[state.panel]} ", "panel")] if self._narrow else []),
        ])  # fmt: skip

    @property
    def _narrow(self) -> bool:
        return self.screen.has_class("-narrow")

    def _show_map(self) -> None:
        from tui_transformer.render.views.position_map import cell_says

        view, state = self.query_one(EncodingMap), self._state
        view.tell(state)
        view.border_title = cell_says(state.shown, state.table, *state.cursor)

    # -- what is done ----------------------------------------------------------------------------------

    def action_turn(self) -> None:
        """The clocks turn, or stand still at the position where they are."""
        self._turning = not self._turning
        self._state.go(*self._state.cursor)
        if self._clock:
            self._clock.resume() if self._turning else self._clock.pause()
        self.show()

    def _tick(self) -> None:
        if not self.display and self._clock:
            self._clock.pause()
            return
        before = self._state.cursor
        self._state.turn_on(POSITIONS_A_FRAME)
        self.query_one(EncodingPanels).turn_clocks()
        if self._state.cursor != before:
            self._show_map()

    def action_dimensions(self, by: int) -> None:
        """More or fewer dimensions."""
        self._state.resize(dimensions=by)
        self.show()

    def action_count(self, by: int) -> None:
        """More or fewer positions."""
        self._state.resize(count=by)
        self.show()

    def action_offset(self, by: int) -> None:
        """A larger or a smaller k."""
        self._state.further(by)
        self.show()

    def action_layout(self) -> None:
        """Sines and cosines in turn, or in halves."""
        self._state.other_layout()
        self.show()

    def action_whole(self) -> None:
        """The whole map pooled into the room there is, or the values one by one."""
        self._state.whole = not self._state.whole
        self.show()

    def action_panel(self) -> None:
        """The next picture below the map, where there is room for one only."""
        if not self._narrow:
            self.notify("all three pictures are shown already", timeout=2)
            return
        self._open(PANELS[(PANELS.index(self._state.panel) + 1) % len(PANELS)])

    def _open(self, panel: str) -> None:
        self._state.panel = next(one for one in PANELS if one == panel)
        self.show()

    def action_as_model(self) -> None:
        """The encoding that the model has."""
        self._state.as_model()
        self.show()

    def on_encoding_map_moved(self, message: EncodingMap.Moved) -> None:
        """Look at another cell."""
        self._state.go(message.position, message.dimension)
        self.show()

    def on_knobs_turned(self, message: Knobs.Turned) -> None:
        """The mouse does what keys do."""
        self.call_later(self.run_action, message.action)

    # -- what is taken away and kept -------------------------------------------------------------------

    def picture(self) -> Picture:
        """The map with the dot products, the clocks where they stand, the rotation."""
        from tui_transformer.render.views.position_map import together
        from tui_transformer.render.views.positions import heat_map_picture, rings_picture
        from tui_transformer.render.views.rotation import rotation_picture

        state, pairs = self._state, self._state.pairs(3)
        turn = self.query_one(EncodingPanels).rotation()
        return together([
            heat_map_picture(state.shown), rings_picture(state.shown, pairs, state.cursor[0]),
            rotation_picture(state.shown, state.k, pairs, turn),
        ])  # fmt: skip

    def commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """Any size, any picture."""
        for size in DIMENSIONS:
            yield f"{size} dimensions", "Show the encoding with this d_model", partial(self._set, "dimensions", size)
        for count in COUNTS:
            yield f"{count} positions", "Show so many positions", partial(self._set, "count", count)
        for panel in PANELS:
            yield f"Show the {TITLES[panel]}", "Below the heat map", partial(self._open, panel)

    def _set(self, name: str, size: int) -> None:
        self._state.take({name: size, "own": self._state.own or name == "dimensions"})
        self.show()

    def place(self) -> dict[str, Any]:
        """All that can be set, and the cursor."""
        return self._state.place()

    def take(self, place: dict[str, Any]) -> None:
        """Go back there."""
        self._state.take(place)
