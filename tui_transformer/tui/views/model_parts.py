"""The architecture as a tree to walk about in, and the part under the cursor closely."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message

from tui_transformer.errors import TtxError
from tui_transformer.tui.paging import Page, PagedView
from tui_transformer.tui.picture_view import PictureView

if TYPE_CHECKING:
    from textual.events import Click

    from tui_transformer.analysis.storage import Node
    from tui_transformer.render.picture import Picture
    from tui_transformer.render.views.anatomy import Row
    from tui_transformer.tui.engine import Engine

HEADER_LINES = 1


class PartsTree(PictureView):
    """The tree. Up and down walk, right and left open and close, enter does either; so does the mouse."""

    SAYS = "The parts of the model. Up and down walk, right opens a part and left closes it; enter does either."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "walk(-1)", "Part before", show=False, id="model.part-before"),
        Binding("down,j", "walk(1)", "Next part", show=False, id="model.part-behind"),
        Binding("pageup", "walk(-10)", show=False),
        Binding("pagedown", "walk(10)", show=False),
        Binding("home", "walk(-1000)", show=False),
        Binding("end", "walk(1000)", show=False),
        Binding("left,h", "close_part", "Close it", show=False, id="model.close"),
        Binding("right,l", "open_part", "Open it", show=False, id="model.open"),
        Binding("enter", "toggle_part", "Open or close", id="model.toggle"),
    ]  # fmt: skip

    class Moved(Message):
        """The cursor is on another part, or another part is open."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.whole: Node | None = None
        self._rows: list[Row] = []
        self.opened: set[tuple[str, ...]] = {("Transformer",)}
        self.here: tuple[str, ...] = ("Transformer",)

    def grow(self, whole: Node | None) -> None:
        """Show this model."""
        self.whole = whole
        self.draw_tree()

    @property
    def cursor(self) -> int:
        """The row one is on."""
        return next((number for number, row in enumerate(self._rows) if row.node.names == self.here), 0)

    @property
    def node(self) -> Node | None:
        """The part one is on."""
        return self._rows[self.cursor].node if self._rows else None

    def draw_tree(self) -> None:
        """The rows that are open, and the cursor in sight."""
        from tui_transformer.render.views.anatomy import tree, tree_rows

        self._rows = list(tree_rows(self.whole, self.opened)) if self.whole else []
        self.show(tree(self._rows, self.cursor) if self._rows else None)
        line = self.cursor + HEADER_LINES if self.cursor else 0
        self.scroll_to_region(Region(self.scroll_offset.x, line, 1, 1), animate=False, force=True)

    def go_to(self, names: tuple[str, ...]) -> None:
        """Look at a part, opening what it is in."""
        self.opened.update(names[:length] for length in range(1, len(names)))
        self.here = names
        self._moved()

    def _moved(self) -> None:
        self.draw_tree()
        self.post_message(self.Moved())

    def action_walk(self, by: int) -> None:
        """So many rows on or back."""
        if self._rows:
            self.here = self._rows[max(0, min(self.cursor + by, len(self._rows) - 1))].node.names
            self._moved()

    def action_open_part(self) -> None:
        """Show what it is made of; if that is shown, go there."""
        if not self._rows or self._rows[self.cursor].opened is None:
            return
        if self._rows[self.cursor].opened:
            self.action_walk(1)
        else:
            self.action_toggle_part()

    def action_close_part(self) -> None:
        """Show no more what it is made of; if it has no parts, go to what it is a part of."""
        if self._rows and self._rows[self.cursor].opened:
            self.action_toggle_part()
        elif len(self.here) > 1:
            self.here = self.here[:-1]
            self._moved()

    def action_toggle_part(self) -> None:
        """Show what it is made of, or no more."""
        if self._rows and self._rows[self.cursor].opened is not None:
            self.opened ^= {self._rows[self.cursor].node.names}
            self._moved()

    def on_click(self, event: Click) -> None:
        """Look at the part under the mouse; its mark, or a second click, opens or closes it."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        row = offset.y + self.scroll_offset.y - HEADER_LINES
        if not 0 <= row < len(self._rows):
            return
        self.here = self._rows[row].node.names
        on_mark = offset.x + self.scroll_offset.x - 2 * self._rows[row].depth in (0, 1)
        if on_mark or event.chain == 2:
            self.action_toggle_part()
        else:
            self._moved()


class PartsPage(Page):
    """The tree and, below or beside it, the part one is on."""

    NAME = "parts"
    TITLE = "Architecture"
    KEY = "a"
    SCOPED_CSS = False
    DEFAULT_CSS = """
    #tree, #part, #card-text { scrollbar-gutter: stable; }
    #tree { height: 1fr; }
    #part { height: 10; }
    .-tall #part { height: 1fr; }
    .-tall #tree { height: 2fr; }
    """

    @dataclass
    class Grown(Message):
        """The tree of an engine's model; `error` says why it does not tell what is stored where."""

        engine: Engine
        whole: Node
        error: str = ""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._engine: Engine | None = None
        self._model = ""

    def compose(self) -> ComposeResult:
        """The tree, and the part."""
        yield PartsTree(id="tree")
        yield PictureView(id="part")

    def on_mount(self) -> None:
        """Say what is where."""
        self.query_one("#part", PictureView).border_title = "the part"

    def entered(self) -> None:
        """Walk about at once."""
        self.query_one(PartsTree).focus()

    def show(self) -> None:
        """Once for each model."""
        engine = self.ttx.engine
        if engine is None or engine is self._engine:
            return
        self._engine = engine
        tree = self.query_one(PartsTree)
        tree.border_title = "architecture"
        try:
            manifest = engine.translator.bundle.manifest
        except TtxError as error:
            tree.grow(None)
            tree.border_title = str(error)
        else:
            self._model = f"{manifest.name} ({manifest.precision})"
            self._grow(engine)

    @work(thread=True, exclusive=True, group="model-parts")
    def _grow(self, engine: Engine) -> None:
        from tui_transformer.analysis.storage import anatomy, weights

        bundle = engine.translator.bundle
        try:
            whole = anatomy(bundle.manifest.architecture, weights(bundle))
        except TtxError as error:
            self.post_message(self.Grown(engine, anatomy(bundle.manifest.architecture), str(error)))
        else:
            self.post_message(self.Grown(engine, whole))

    def on_parts_page_grown(self, message: Grown) -> None:
        """Show the tree, unless there is another model by now."""
        from tui_transformer.render.labels import megabytes

        if message.engine is not self._engine:
            return
        if message.error:
            self.notify(message.error, title="ttx", severity="error", timeout=8)
        whole, tree = message.whole, self.query_one(PartsTree)
        tree.border_title = f"{self._model} · {whole.part.count:,} parameters · {megabytes(round(whole.bytes))}"
        tree.grow(whole)
        self.on_parts_tree_moved()
        # There is something to read aloud now.
        self.ttx.draw_soon()

    def on_parts_tree_moved(self) -> None:
        """Show the part one is on."""
        picture = self.picture()
        part = self.query_one("#part", PictureView)
        part.show(picture.body if picture else None)
        part.scroll_home(animate=False)

    def picture(self) -> Picture | None:
        """The part one is on; for the whole model, what `ttx inspect model` shows."""
        from tui_transformer.render.views.anatomy import node_picture

        node = self.query_one(PartsTree).node
        return node_picture(node, self._model) if node else None

    def commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """Every part that has parts."""
        from tui_transformer.render.views.anatomy import meaning

        whole = self.query_one(PartsTree).whole
        for node in whole.walk() if whole else ():
            if node.nodes:
                yield f"Model: {' › '.join(node.names[1:] or node.names)}", meaning(node), partial(self._go_to, node)

    def _go_to(self, node: Node) -> None:
        view = next(one for one in self.ancestors if isinstance(one, PagedView))
        view.action_page(self.NAME)
        self.query_one(PartsTree).go_to(node.names)

    def place(self) -> dict[str, Any]:
        """The part one is on, and what is open."""
        tree = self.query_one(PartsTree)
        return {"here": list(tree.here), "opened": sorted(map(list, tree.opened))}

    def take(self, place: dict[str, Any]) -> None:
        """Open the tree as it was."""
        tree = self.query_one(PartsTree)
        if isinstance(here := place.get("here"), list):
            tree.here = tuple(map(str, here))
        if isinstance(opened := place.get("opened"), list):
            tree.opened = {tuple(map(str, names)) for names in opened if isinstance(names, list)}
        tree.draw_tree()
