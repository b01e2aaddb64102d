"""All heads of a kind as thumbnails, with a cursor: only the lines that are seen are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui_transformer.render.labels import fit
from tui_transformer.render.palette import ACCENT, QUIET, STRONG
from tui_transformer.render.thumbnails import Frame
from tui_transformer.tui.picture_view import colours_of

if TYPE_CHECKING:
    from textual.events import Click

    from tui_transformer.render.palette import Levels

Place = tuple[int, int]

GUTTER = 4
LEAST_WIDTH, LEAST_LINES = 8, 4
HERE = STRONG + Style(reverse=True)


@dataclass(frozen=True, slots=True)
class Heads:
    """What is shown: the heads in their `order`, with pictures (`levels`) and captions as far as they are known.

    `per_line` heads stand beside one another if they fit, as many as a layer has; `layered` says that lines are layers.
    """

    order: tuple[Place, ...] = ()
    per_line: int = 1
    layered: bool = True
    levels: Mapping[Place, Levels] = field(default_factory=dict)
    captions: Mapping[Place, Sequence[str]] = field(default_factory=dict)
    marked: frozenset[Place] = frozenset()
    off: frozenset[Place] = frozenset()


class HeadGrid(ScrollView, can_focus=True):
    """Thumbnails in bands: a name, the picture, a caption. Says `Opened` and `Framed`; `moved` is told at once."""

    SAYS = "All heads of this kind of attention. Arrows move from head to head, enter shows one large."

    DEFAULT_CSS = """
    HeadGrid {
        border: round $panel-lighten-2;
        border-title-color: $text-muted;
        border-subtitle-color: $text-muted;
        background: $background;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
        /* How large the pictures are must not depend on when the bar comes: it is always there. */
        overflow-y: scroll;
        height: 1fr;
    }
    HeadGrid:focus {
        border: round $primary;
        border-title-color: $primary;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1, 0)", "Head to the left", show=False, id="attention.left"),
        Binding("right,l", "move(1, 0)", "Head to the right", show=False, id="attention.right"),
        Binding("up,k", "move(0, -1)", "Head above", show=False, id="attention.up"),
        Binding("down,j", "move(0, 1)", "Head below", show=False, id="attention.down"),
        Binding("home,g", "move(-9999, 0)", "First head", show=False, id="attention.first"),
        Binding("end,G", "move(9999, 0)", "Last head", show=False, id="attention.last"),
        Binding("enter", "open", "Large", id="attention.open"),
    ]  # fmt: skip

    class Opened(Message):
        """The head under the cursor is to be shown large."""

    class Framed(Message):
        """Pictures have to have another size."""

    def __init__(self, moved: Callable[[Place], None], id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        # No message: the next key may come before it, and would mean the head that the cursor has left.
        self._moved = moved
        self.heads = Heads()
        self.cursor: Place = (0, 0)
        self._drawn: dict[tuple[Place, Frame], list[list[Segment]]] = {}

    # -- what is told ----------------------------------------------------------------------------------

    def tell(self, heads: Heads, cursor: Place) -> None:
        """Show these."""
        if heads.levels is not self.heads.levels or heads.off != self.heads.off:
            self._drawn.clear()
        moved = cursor != self.cursor or heads.order != self.heads.order
        self.heads, self.cursor = heads, cursor
        self.virtual_size = Size(self.scrollable_content_region.width, self._bands() * self._band_height())
        if moved:
            self.scroll_to_cursor()
        self.refresh()

    def frame_for(self, layers: int, heads: int) -> Frame:
        """How large the pictures of so many heads are here: all layers at once if that is possible."""
        width, height = self.scrollable_content_region.size
        per_line = self._per_line(heads)
        cells = max(1, (width - GUTTER) // per_line - 1)
        bands = max(1, layers * -(-heads // per_line))
        lines = max(LEAST_LINES, min(height // bands - 2, -(-cells // 2)))
        return Frame(lines, cells, colours_of(self) is not None)

    def _per_line(self, heads: int) -> int:
        """As many as stand beside one another, and equally many in each line."""
        room = self.scrollable_content_region.width - GUTTER
        fitting = max(1, min(heads, room // (LEAST_WIDTH + 1)))
        return -(-max(1, heads) // -(-max(1, heads) // fitting))

    @property
    def frame(self) -> Frame:
        """The size of the pictures that are shown."""
        heads = max(1, self.heads.per_line)
        return self.frame_for(-(-len(self.heads.order) // heads), heads)

    def on_resize(self) -> None:
        """Pictures follow the room there is."""
        self._drawn.clear()
        self.post_message(self.Framed())

    # -- where things are ------------------------------------------------------------------------------

    def _bands(self) -> int:
        return -(-len(self.heads.order) // self._per_line(self.heads.per_line))

    def _band_height(self) -> int:
        return self.frame.lines + 2

    def _band(self, number: int) -> tuple[Place, ...]:
        count = self._per_line(self.heads.per_line)
        return self.heads.order[number * count : (number + 1) * count]

    def at(self, x: int, y: int) -> Place | None:
        """The head that is drawn at a cell of the whole."""
        number = (x - GUTTER) // (self.frame.width + 1)
        band = self._band(y // self._band_height())
        return band[number] if 0 <= number < len(band) and x >= GUTTER else None

    def scroll_to_cursor(self) -> None:
        """Bring the cursor's band into sight."""
        if self.cursor in self.heads.order:
            band = self.heads.order.index(self.cursor) // self._per_line(self.heads.per_line)
            height = self._band_height()
            self.scroll_to_region(Region(0, band * height, 1, height), animate=False, immediate=True)

    # -- drawing ---------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """A line of names, of pictures or of captions."""
        band, line = divmod(y + self.scroll_offset.y, self._band_height())
        frame, places = self.frame, self._band(band)
        segments = [Segment(self._gutter(places, line), STRONG)]
        for place in places:
            segments.append(self._edge(place, frame))
            segments += self._cells(place, line, frame)
        strip = Strip(segments)
        return strip.crop_extend(0, self.size.width, self.rich_style).apply_style(self.rich_style)

    def _gutter(self, places: tuple[Place, ...], line: int) -> str:
        named = self.heads.layered and line == 0 and places and places[0][1] == 0
        return fit(f"L{places[0][0] + 1}" if named else "", GUTTER - 1)

    def _edge(self, place: Place, frame: Frame) -> Segment:
        if place == self.cursor:
            return Segment("┃", ACCENT)
        return Segment(" ") if frame.colours else Segment("│", QUIET)

    def _cells(self, place: Place, line: int, frame: Frame) -> list[Segment]:
        here = place == self.cursor
        if line == 0:
            return [Segment(fit(self._title(place), frame.width), HERE if here else STRONG)]
        if line > frame.lines:
            return [Segment(fit(self._caption(place, frame.width), frame.width), HERE if here else QUIET)]
        # The frame belongs to the key: a border or a scroll bar can come before the news of another size.
        if (place, frame) not in self._drawn:
            self._drawn[place, frame] = self._picture(place, frame)
        return self._drawn[place, frame][line - 1]

    def _picture(self, place: Place, frame: Frame) -> list[list[Segment]]:
        if place in self.heads.off:
            return frame.crossed()
        drawn = self.heads.levels.get(place)
        fits = drawn is not None and drawn.shape[0] <= frame.rows and drawn.shape[1] <= frame.width
        # While the size changes, pictures of the old one may be too large.
        return frame.draw(drawn) if drawn is not None and fits else [[Segment(" " * frame.width)]] * frame.lines

    def _caption(self, place: Place, width: int) -> str:
        """As many of its parts as fit."""
        said = ""
        for part in self.heads.captions.get(place, ()):
            if said and len(said) + 1 + len(part) > width:
                break
            said = f"{said} {part}".strip()
        return said

    def _title(self, place: Place) -> str:
        layer, head = place
        name = f"H{head + 1}" if self.heads.layered else f"L{layer + 1} H{head + 1}"
        return name + " ●" * (place in self.heads.marked) + " ╳" * (place in self.heads.off)

    # -- keys and mouse --------------------------------------------------------------------------------

    def action_move(self, across: int, down: int) -> None:
        """To another head of the grid."""
        order = self.heads.order
        if order:
            at = order.index(self.cursor) if self.cursor in order else 0
            to = at + across + down * self._per_line(self.heads.per_line)
            if down and not 0 <= to < len(order):
                return
            self._moved(order[max(0, min(to, len(order) - 1))])

    def action_open(self) -> None:
        """Show it large."""
        self.post_message(self.Opened())

    def on_click(self, event: Click) -> None:
        """To the head under the mouse; a second click opens it."""
        offset = event.get_content_offset(self)
        place = self.at(offset.x, offset.y + self.scroll_offset.y) if offset else None
        if place is not None:
            self._moved(place)
            if event.chain == 2:
                self.action_open()
