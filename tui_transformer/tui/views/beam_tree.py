"""The tree of hypotheses as a widget: it scrolls both ways, and only what is seen is drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui_transformer.tui.picture_view import colours_of

if TYPE_CHECKING:
    from textual.events import Click

    from tui_transformer.analysis.hypotheses import Node
    from tui_transformer.render.branches import Branches, Seen


class BeamTree(ScrollView, can_focus=True):
    """A column a step below a line of their numbers, which stays when one scrolls down. One node is the cursor."""

    SAYS = "The hypotheses of the search, one column for each step. Arrows walk from piece to piece."

    DEFAULT_CSS = """
    BeamTree {
        height: 1fr;
        min-height: 5;
        border: round $panel-lighten-2;
        border-title-color: $text-muted;
        border-subtitle-color: $text-muted;
        background: $background;
        padding: 0 1;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 1;
        /* Where one has scrolled to must not depend on when the bar comes. */
        scrollbar-gutter: stable;
    }
    BeamTree:focus {
        border: round $primary;
        border-title-color: $primary;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "walk('back')", "Piece before", show=False, id="beam.before"),
        Binding("right,l", "walk('on')", "Piece behind", show=False, id="beam.behind"),
        Binding("up,k", "walk('up')", "Hypothesis above", show=False, id="beam.above"),
        Binding("down,j", "walk('down')", "Hypothesis below", show=False, id="beam.below"),
        Binding("home,g", "walk('start')", "To the start", show=False, id="beam.start"),
        Binding("end,G", "walk('best')", "To the end of the best", show=False, id="beam.best"),
        Binding("enter", "open", "Go on from here", id="beam.open"),
        Binding("t", "moment", "Its moment", id="beam.moment"),
    ]

    class Moved(Message):
        """Another node is looked at; None: whatever is best."""

        def __init__(self, node: Node | None) -> None:
            super().__init__()
            self.node = node

    class Opened(Message):
        """The node that is looked at shall be gone on from; there is none if there is no tree."""

    class Timed(Message):
        """The moment after so many steps of the beam is wanted."""

        def __init__(self, steps: int) -> None:
            super().__init__()
            self.steps = steps

    _branches: Branches | None = None
    _seen: Seen | None = None
    _shown_at: tuple[int, ...] | None = None
    """The steps and the cursor that have been scrolled to."""

    _why: tuple[str, ...] = ()

    def say(self, why: str) -> None:
        """There is no tree: write why."""
        self._why = tuple(why.split("\n"))
        self.show(None, None)

    def show(self, branches: Branches | None, seen: Seen | None, following: bool = True) -> None:
        """Draw this much of a tree; `following`, nobody has moved the cursor: it goes with the newest step."""
        self._branches, self._seen = branches, seen
        if branches is None or seen is None or seen.cursor is None:
            self._shown_at = None
            self.virtual_size = Size(0, 0)
        else:
            self.virtual_size = Size(branches.width, len(branches.rows) + 1)
            place = seen.steps, *branches.cells_of(seen.cursor), branches.row_of(seen.cursor)
            if place != self._shown_at:
                newest = following or self._shown_at is None or seen.steps != self._shown_at[0]
                self._shown_at = place
                self._bring(newest)
                # Scroll bars that come with it limit what can be scrolled to, once they are there.
                self.call_after_refresh(self._bring, newest)
        self.refresh()

    def on_resize(self) -> None:
        """The newest step and the cursor stay in sight."""
        self._shown_at = None
        self.show(self._branches, self._seen)

    def _bring(self, newest: bool) -> None:
        """The cursor into sight, and the newest step if that is wanted."""
        if self._branches and self._seen and self._seen.cursor:
            if newest:
                self._follow(self._branches, self._seen.steps)
            self._reveal(self._seen.cursor, self._branches)

    def _follow(self, branches: Branches, steps: int) -> None:
        """The newest step at the right: what led there is seen, and not what is still empty."""
        right = branches.left_of(steps + 1)
        self.scroll_to(
            x=max(0, right - self.scrollable_content_region.width), animate=False, force=True, immediate=True
        )

    def _reveal(self, node: Node, branches: Branches) -> None:
        left, cells = branches.cells_of(node)
        # One line more: the numbers lie above the first line that is scrolled to.
        region = Region(left, branches.row_of(node), cells + 4, 2)
        self.scroll_to_region(region, animate=False, force=True, immediate=True)

    def render_line(self, y: int) -> Strip:
        """The numbers of the steps, or a line of the tree."""
        left, top = self.scroll_offset
        width = self.size.width
        if self._branches is None or self._seen is None:
            line = self._why[y] if y < len(self._why) else ""
            return Strip([Segment(line)]).adjust_cell_length(width).apply_style(self.rich_style)
        if top + y > len(self._branches.rows):
            return Strip.blank(width, self.rich_style)
        drawn = self._branches.line(top + y - 1, self._seen) if y else self._branches.header(self._seen)
        segments = list(drawn) if colours_of(self) else [_plain(segment) for segment in drawn]
        return Strip(segments).crop_extend(left, left + width, self.rich_style).apply_style(self.rich_style)

    # -- walking ---------------------------------------------------------------------------------------

    def action_walk(self, where: str) -> None:
        """Look at another node."""
        branches, seen = self._branches, self._seen
        if branches is None or seen is None or seen.cursor is None:
            return
        node = seen.cursor
        if where == "back":
            self._look(node.parent or node)
        elif where == "on":
            self._look(branches.on(node, seen) or node)
        elif where in ("up", "down"):
            self._look(branches.beside(node, 1 if where == "down" else -1, seen.steps))
        else:
            self._look(branches.hypotheses.root if where == "start" else None)

    def _look(self, node: Node | None) -> None:
        if self._branches and self._seen:
            # The next key may come before the screen has heard of this one.
            best = self._branches.hypotheses.best(self._seen.steps)
            self._seen = replace(self._seen, cursor=node or best)
        self.post_message(self.Moved(node))

    def action_open(self) -> None:
        """Go on from the node."""
        self.post_message(self.Opened())

    def action_moment(self) -> None:
        """The moment in which the node was the newest."""
        if self._branches and self._seen and self._seen.cursor:
            self.post_message(self.Timed(self._seen.cursor.step - self._branches.hypotheses.root.step))

    def on_click(self, event: Click) -> None:
        """Look at the node under the mouse; a second click goes on from it. A click on a number goes to the moment."""
        offset = event.get_content_offset(self)
        if offset is None or self._branches is None or self._seen is None:
            return
        x, y = offset.x + self.scroll_offset.x, offset.y + self.scroll_offset.y - 1
        if offset.y == 0:
            self.post_message(self.Timed(self._branches.column_at(x)))
        elif node := self._branches.at(x, y, self._seen.steps):
            self._look(node)
            if event.chain == 2:
                self.action_open()


def _plain(segment: Segment) -> Segment:
    """Without colour; only the cursor stays reversed."""
    from tui_transformer.render.branches import CURSOR

    return segment if segment.style == CURSOR else Segment(segment.text)
