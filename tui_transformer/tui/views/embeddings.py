"""A map of a side's embedding: pieces by name, their neighbours, arithmetic with them, axes that have a meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from tui_transformer.probes import TEXT_SIDES, TextSide
from tui_transformer.tui.widgets.ask import AskScreen, Question
from tui_transformer.tui.widgets.choices import Choice, ChoiceLine

from .embeddings_parts import ZOOM, Neighbours, PieceMap
from .embeddings_reader import EmbeddingsReader

if TYPE_CHECKING:
    from tui_transformer.render.picture import Picture

    from .embeddings_map import Look

MATCHES = 12


def _key(name: str, keys: str, action: str, description: str, shown: bool = False) -> Binding:
    return Binding(keys, action, description, show=shown, id=f"embeddings.{name}")


class EmbeddingsView(EmbeddingsReader, can_focus=True):
    """Pieces at their places; arrows go from one to the next in that direction."""

    NAME = "embeddings"
    TITLE = "Embeddings"
    HELP: ClassVar[str] = (
        "Every piece of the vocabulary is a row of numbers. The map shows the 300 commonest words and the pieces of "
        "the sentence (•) in two dimensions: along the directions in which the words differ most, or along axes that "
        "you name (x), such as bad:good. Arrows go to the nearest piece in their direction; beside the map are the "
        "pieces whose rows point the same way (◦ on the map), with the cosine: enter goes among them, enter again to "
        "one of them, escape back.\n\n"
        "/ finds a piece by what you type, a adds and takes away, such as king - man + woman, t is for the target's "
        "side. z and Z zoom, shift with an arrow (or H J K L) moves the window, home shows everything. The numbers "
        "are those of `ttx inspect embeddings`."
    )
    DEFAULT_CSS = """
    EmbeddingsView Horizontal { height: 1fr; }
    EmbeddingsView PieceMap { width: 1fr; height: 1fr; }
    EmbeddingsView Neighbours { width: 30; height: 1fr; }
    .-normal EmbeddingsView Neighbours { width: 40; }
    .-wide EmbeddingsView Neighbours { width: 60; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        _key("left", "left,h", "go(-1, 0)", "To the left"),
        _key("right", "right,l", "go(1, 0)", "To the right"),
        _key("up", "up,k", "go(0, 1)", "Up"),
        _key("down", "down,j", "go(0, -1)", "Down"),
        _key("neighbours", "enter", "neighbours", "Neighbours", shown=True),
        _key("search", "slash", "search", "Search", shown=True),
        _key("analogy", "a", "analogy", "Analogy", shown=True),
        _key("axes", "x", "axes", "Axes", shown=True),
        _key("side", "t", "side", "Side", shown=True),
        _key("nearer", "z", "zoom(1)", "Zoom in", shown=True),
        _key("wider", "Z", "zoom(-1)", "Zoom out"),
        _key("all", "home", "everything", "Show everything"),
        _key("pan-left", "shift+left,H", "pan(-1, 0)", "Window to the left"),
        _key("pan-right", "shift+right,L", "pan(1, 0)", "Window to the right"),
        _key("pan-up", "shift+up,K", "pan(0, 1)", "Window up"),
        _key("pan-down", "shift+down,J", "pan(0, -1)", "Window down"),
    ]

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._drawn: object = None

    def compose(self) -> ComposeResult:
        """What to choose from, the map, the neighbours."""
        yield ChoiceLine(id="embeddings-choices")
        with Horizontal():
            yield PieceMap(id="embeddings-map")
            yield Neighbours(id="embeddings-near")

    def entered(self) -> None:
        """Arrows move on the map."""
        self.focus()

    def on_resize(self) -> None:
        """The map is as large as there is room."""
        self.call_after_refresh(self.ttx.draw_soon)

    # -- what is drawn ---------------------------------------------------------------------------------

    def show(self) -> None:
        """Draw the map and the neighbours."""
        self.know()
        window = tuple(float(one) for corner in self.window or () for one in corner)
        state = (self.plot, self.cursor, self.found, window, self.said, self._why, self.axes, self.size)
        if state != self._drawn:
            self._drawn = state
            self._draw_all()

    def _draw_all(self) -> None:
        from rich.text import Text

        self.query_one(ChoiceLine).tell(self._choices())
        pieces, near, plot = self.query_one(PieceMap), self.query_one(Neighbours), self.plot
        if plot is None or self.cursor is None:
            pieces.show(Text(self._why, style="dim"))
            near.tell(None)
            return
        pieces.show(plot.drawn(self._look, self.cursor, self.said, self.found))
        pieces.border_title, pieces.border_subtitle = plot.title, plot.axes
        near.tell(self.found)
        near.border_title = f"nearest to {self.found.asked}" if self.found else "nearest"
        near.border_subtitle = f"id {self.cursor}"

    @property
    def _why(self) -> str:
        """Why there is no map."""
        return self.refused or self.no_model or "reading the embedding …"

    @property
    def _look(self) -> Look:
        from .embeddings_map import Look

        region = self.query_one(PieceMap).scrollable_content_region
        # A line below says how many labels have no room.
        return Look(self.window, max(1, region.width), max(1, region.height - 1))

    def _choices(self) -> list[Choice]:
        sides = [Choice(f"side:{side}", side, side, side == self.side) for side in TEXT_SIDES]
        axes = self.axes or "principal components"
        return [
            *sides, Choice("axes", f"axes: {axes}", f"axes: {self.axes}" if self.axes else "axes", bool(self.axes)),
            Choice("search", "search", "search"), Choice("analogy", "analogy", "analogy"),
            Choice("everything", "everything", "all", self.window is None),
        ]  # fmt: skip

    def picture(self) -> Picture | None:
        """The map, or the neighbours while the cursor is among them."""
        from tui_transformer.render.views.map import map_picture
        from tui_transformer.render.views.neighbours import neighbours_picture

        near = neighbours_picture(self.found) if self.found and self.found.neighbours else None
        if near and self.query_one(Neighbours).has_focus:
            return near
        return map_picture(self.plot.mapped).noting(near.says if near else ()) if self.plot else None

    # -- going about -----------------------------------------------------------------------------------

    def go_to(self, piece: int) -> None:
        """Look at the piece with this id, and at its neighbours."""
        self.point(piece)
        self.terms = ((1, piece),)
        self.show()

    def action_go(self, x: int, y: int) -> None:
        """To the nearest piece in a direction."""
        if self.plot and self.cursor is not None:
            self.go_to(self.plot.beside(self._look, self.cursor, (x, y)))

    def action_neighbours(self) -> None:
        """Among the neighbours."""
        self.query_one(Neighbours).focus()

    def action_side(self, side: TextSide | None = None) -> None:
        """The other side's embedding."""
        side = side or TEXT_SIDES[1 - TEXT_SIDES.index(self.side)]
        if side != self.side:
            # Pieces and axes belong to a side's vocabulary.
            self.side, self.axes, self.more, self.cursor, self.terms = side, "", (), None, ()
            self.found, self.window = None, None
            self.show()

    def action_zoom(self, by: int) -> None:
        """Nearer to the piece at the cursor, or further away."""
        self._zoom(ZOOM**by)

    def _zoom(self, by: float) -> None:
        if self.plot and self.cursor is not None:
            self.window = self.plot.zoomed(self.window, by, self.cursor)
            self.show()

    def action_pan(self, x: int, y: int) -> None:
        """Move the window."""
        if self.plot:
            self.window = self.plot.panned(self.window, (x, y))
            self.show()

    def action_everything(self) -> None:
        """The whole map."""
        self.window = None
        self.show()

    # -- questions -------------------------------------------------------------------------------------

    def action_search(self) -> None:
        """Find a piece by what is typed."""
        from tui_transformer.analysis.matching import best_matches
        from tui_transformer.render.labels import visible

        if ground := self.ground:
            pieces = ground.embedding.pieces

            def matches(typed: str) -> list[tuple[str, str]]:
                found = best_matches(pieces, typed, MATCHES) if typed.strip() else ground.common[:MATCHES]
                return [(f"{visible(pieces[i])}  {i}", str(i)) for i in found]

            self._ask(Question(f"Find a piece of the {self.side}", matches=matches), lambda i: self.go_to(int(i)))

    def action_analogy(self) -> None:
        """Add and take away."""
        if ground := self.ground:
            question = Question(
                f"Pieces of the {self.side}, added and taken away", example="king - man + woman",
                check=ground.embedding.terms,
            )  # fmt: skip
            self._ask(question, self._sum)

    def _sum(self, written: str) -> None:
        if self.ground:
            self.terms = tuple(self.ground.embedding.terms(written))
            for _, piece in self.terms:
                self.point(piece)
            self.show()

    def action_axes(self) -> None:
        """Axes that have a meaning, or principal components again."""
        from .embeddings_map import parse_axes

        if ground := self.ground:
            question = Question(
                "One or two axes FROM:TO, such as bad:good man:woman; nothing for principal components", self.axes,
                "bad:good", check=partial(parse_axes, ground.embedding),
            )  # fmt: skip
            self._ask(question, self._turn)

    def _turn(self, written: str) -> None:
        self.axes = " ".join(written.split())
        self.show()

    def _ask(self, question: Question, then: Callable[[str], object]) -> None:
        def answered(answer: str | None) -> None:
            if answer is not None:
                then(answer)

        self.app.push_screen(AskScreen(question), answered)

    # -- the mouse, the palette, the session -----------------------------------------------------------

    @on(PieceMap.Clicked, "#embeddings-map")
    def piece_clicked(self, message: PieceMap.Clicked) -> None:
        """Go there."""
        if self.plot:
            self.focus()
            self.go_to(self.plot.mapped.ids[message.part])

    @on(Neighbours.Clicked, "#embeddings-near")
    def neighbour_taken(self, message: Neighbours.Clicked) -> None:
        """Go there."""
        if self.found:
            self.focus()
            self.go_to(self.found.neighbours[message.part].id)

    def on_piece_map_zoomed(self, message: PieceMap.Zoomed) -> None:
        """The wheel was turned."""
        self._zoom(message.by)

    async def on_choice_line_chosen(self, message: ChoiceLine.Chosen) -> None:
        """A side, or a question."""
        what, _, side = message.name.partition(":")
        if side:
            self.action_side(side)  # type: ignore[arg-type]
        else:
            await self.run_action(what)

    def commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """The pieces of the sentence."""
        if self.ground:
            names = self.ground.embedding.pieces
            for piece in dict.fromkeys(self.pieces):
                yield f"Go to {names[piece]}", f"Embeddings, {self.side}", partial(self.go_to, piece)

    def place(self) -> dict[str, Any]:
        """Side, axes and piece."""
        piece = self.kept
        if self.ground and self.cursor is not None:
            piece = self.ground.embedding.pieces[self.cursor]
        return {"side": self.side, "axes": self.axes, "piece": piece}

    def take(self, place: dict[str, Any]) -> None:
        """Go there again; the piece when the map is drawn."""
        side, axes, piece = place.get("side"), place.get("axes"), place.get("piece")
        if side in TEXT_SIDES and isinstance(axes, str):
            self.side, self.axes = side, axes
            self.kept = piece if isinstance(piece, str) else None
