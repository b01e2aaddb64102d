"""What the screen of embeddings knows: axes, pieces at their places, neighbours; all of it found in threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import work
from textual.message import Message

from tui_transformer.errors import TtxError
from tui_transformer.probes import TextSide
from tui_transformer.tui.view import View

if TYPE_CHECKING:
    from tui_transformer.embedding import Embedding
    from tui_transformer.render.views.map import Window
    from tui_transformer.render.views.neighbours import Found
    from tui_transformer.tui.engine import Engine

    from .embeddings_map import Ground, Plot

NEAR = 20
"""So many neighbours are listed."""
MOST_MORE = 40
"""Pieces that were looked for and stay on the map."""

Terms = tuple[tuple[int, int], ...]
"""Signs and ids."""


@dataclass(frozen=True)
class Wanted:
    """Whose embedding is to be seen, on which axes, as they are written."""

    engine: Engine
    side: TextSide
    axes: str


class EmbeddingsReader(View):
    """Knows what is to be drawn; `EmbeddingsView` draws it."""

    class Grounded(Message):
        """The embedding is read and its axes are known, or why they cannot be."""

        def __init__(self, wanted: Wanted, ground: Ground | str) -> None:
            super().__init__()
            self.wanted, self.ground = wanted, ground

    class Near(Message):
        """The neighbours of what was asked for."""

        def __init__(self, embedding: Embedding, terms: Terms, found: Found) -> None:
            super().__init__()
            self.asked, self.found = (embedding, terms), found

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.side: TextSide = "source"
        self.axes = ""
        self.cursor: int | None = None
        """The id of a piece."""
        self.kept: str | None = None
        """The piece of a former session, until the vocabulary is known; ids are another model's."""
        self.terms: Terms = ()
        """What the neighbours are asked of: the piece at the cursor, or a sum."""
        self.more: tuple[int, ...] = ()
        """Pieces that were looked for."""
        self.window: Window | None = None
        self.plot: Plot | None = None
        self.found: Found | None = None
        self.refused = ""
        """Why there is nothing to be seen."""
        self._ground: Ground | None = None
        self._wanted: Wanted | None = None
        self._known: Wanted | None = None
        self._laid: object = None
        self._asked: tuple[Embedding, Terms] | None = None
        self._answered: tuple[Embedding, Terms] | None = None

    @property
    def computing(self) -> bool:
        """Whether something that was asked for is not known yet."""
        return self._wanted is None or self._known != self._wanted or self._asked != self._answered

    @property
    def ground(self) -> Ground | None:
        """The axes and the commonest words, if they are known."""
        return self._ground

    @property
    def pieces(self) -> tuple[int, ...]:
        """The ids of the sentence on this side, as far as it is decoded."""
        if self.side == "target":
            return tuple(step.chosen.id for step in self.live.steps)
        return self.live.encoded.ids if self.live.encoded else ()

    @property
    def said(self) -> frozenset[int]:
        """Those of them that there are at the moment that is shown."""
        return frozenset(self.pieces[: self.moment] if self.side == "target" else self.pieces)

    def know(self) -> None:
        """Read what is not known, and put in its place what is."""
        engine = self.ttx.engine
        wanted = Wanted(engine, self.side, self.axes) if engine else None
        if wanted and wanted != self._wanted:
            before, self._wanted = self._wanted, wanted
            if before and before.engine is not wanted.engine:
                # Ids are those of a model's vocabulary.
                self.more, self.cursor, self.terms, self.found, self.window = (), None, (), None, None
            same = before and (before.engine, before.side) == (wanted.engine, wanted.side)
            self._ground = self._ground if same else None
            self._read(wanted, self._ground.embedding if self._ground else None)
        self.lay()

    def lay(self) -> None:
        """Put pieces in their places, and ask for the neighbours of the cursor."""
        ground = self._ground
        if ground is None:
            self.plot = self._laid = None
            return
        if self.kept is not None:
            self._find_kept(ground.embedding.pieces)
        laid = ground, tuple(dict.fromkeys((*self.pieces, *self.more)))
        if laid != self._laid:
            self._laid, self.plot = laid, ground.plot(laid[1])
        assert self.plot is not None
        if self.cursor is None or self.cursor not in self.plot.mapped.ids:
            self.cursor, self.terms = self.plot.mapped.ids[0], ()
        self.terms = self.terms or ((1, self.cursor),)
        if self._asked != (ground.embedding, self.terms):
            self._asked = ground.embedding, self.terms
            self._find(*self._asked)

    def _find_kept(self, pieces: tuple[str, ...]) -> None:
        """Where one was; a piece that this vocabulary has not is left out."""
        if self.kept in pieces:
            self.cursor = pieces.index(self.kept)
            self.more = (self.cursor,)
        self.kept = None

    def point(self, piece: int) -> None:
        """The cursor to a piece, which comes onto the map if it is not there."""
        if self.plot and piece not in self.plot.mapped.ids:
            self.more = (piece, *self.more)[:MOST_MORE]
        self.cursor = piece
        self.lay()
        if self.plot:
            self.window = self.plot.showing(self.window, piece)

    @work(thread=True, exclusive=True, group="embeddings")
    def _read(self, wanted: Wanted, embedding: Embedding | None) -> None:
        from tui_transformer.embedding import Embedding

        from .embeddings_map import Ground

        try:
            embedding = embedding or Embedding(wanted.engine.translator, wanted.side)
            self.post_message(self.Grounded(wanted, Ground.of(embedding, wanted.axes)))
        except TtxError as error:
            self.post_message(self.Grounded(wanted, str(error)))

    def on_embeddings_reader_grounded(self, message: Grounded) -> None:
        """Draw it, unless something else is wanted by now. Axes that are not there are given up."""
        if message.wanted != self._wanted:
            return
        self._known, self.refused = message.wanted, ""
        if not isinstance(message.ground, str):
            self._ground, self.window = message.ground, None
        elif self.axes:
            self.notify(message.ground, severity="error", timeout=8)
            self.axes = ""
        else:
            self.refused = message.ground
        self.ttx.draw_soon()

    # Not exclusive: what is cancelled would never be answered, and late answers are dropped.
    @work(thread=True, group="neighbours")
    def _find(self, embedding: Embedding, terms: Terms) -> None:
        self.post_message(self.Near(embedding, terms, embedding.neighbours(terms, NEAR)))

    def on_embeddings_reader_near(self, message: Near) -> None:
        """List them, unless something else was asked by now. The answer of a sum gets the cursor."""
        if message.asked != self._asked:
            return
        self._answered, self.found = message.asked, message.found
        if len(self.terms) > 1 and message.found.neighbours:
            self.point(message.found.neighbours[0].id)
        self.ttx.draw_soon()
