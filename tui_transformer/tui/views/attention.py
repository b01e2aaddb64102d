"""The screen of heads: all of a kind as thumbnails that fill while decoding, or one or several of them large."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from tui_transformer.heads import Head
from tui_transformer.probes import KINDS
from tui_transformer.render.labels import clip
from tui_transformer.render.views.attention import NAMES, captions
from tui_transformer.tui.widgets.choices import ChoiceLine
from tui_transformer.tui.widgets.head_grid import HeadGrid, Heads
from tui_transformer.tui.widgets.matrix import MatrixView

from . import attention_words as words
from .attention_large import LargeHead
from .attention_moment import Known, Moment, Place
from .attention_place import COMBINED, ORDERS, Ranking, Standing, orders_of
from .attention_work import PreparingView

if TYPE_CHECKING:
    from tui_transformer.probes import Kind
    from tui_transformer.render.picture import Picture


class AttentionView(PreparingView):
    """Every head at a glance; enter shows one large."""

    NAME = "attention"
    TITLE = "Attention"
    HELP: ClassVar[str] = words.HELP
    DEFAULT_CSS = """
    AttentionView #attention-says { height: 2; padding: 0 1; }
    .-wide AttentionView LargeHead PictureView { width: 48; }
    .-narrow AttentionView LargeHead { layout: vertical; }
    .-narrow AttentionView LargeHead PictureView { width: 1fr; height: 6; }
    .-narrow.-short AttentionView LargeHead PictureView { height: 5; }
    .-short AttentionView HeadGrid, .-short AttentionView HeadGrid:focus { border: none; }
    """
    SCOPED_CSS: ClassVar[bool] = False
    """So that the classes of the screen count, which say how large it is."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "kind", "Kind", id="attention.kind"),
        Binding("n", "order", "Order", id="attention.order"),
        Binding("w", "words", "Words", id="attention.words"),
        Binding("p", "special", "Special pieces", show=False, id="attention.special"),
        Binding("m", "mark", "Mark", show=False, id="attention.mark"),
        Binding("c", "combine", "Combine", show=False, id="attention.combine"),
        Binding("x", "switch", "Head off", id="attention.switch"),
        Binding("shift+left,H", "other_head(0, -1)", "Head before", show=False, id="attention.head-before"),
        Binding("shift+right,L", "other_head(0, 1)", "Next head", show=False, id="attention.head-behind"),
        Binding("shift+up,K", "other_head(-1, 0)", "Layer before", show=False, id="attention.layer-before"),
        Binding("shift+down,J", "other_head(1, 0)", "Next layer", show=False, id="attention.layer-behind"),
    ]  # fmt: skip

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.standing = Standing()
        self.ranking = Ranking()
        self._shapes: dict[Kind, Place] = {}

    def compose(self) -> ComposeResult:
        """What to look at; all heads, or one; what there is to say."""
        yield ChoiceLine(id="attention-choices")
        yield HeadGrid(self.go_to_head, id="attention-heads")
        yield LargeHead(self.go_to_cell, id="attention-large")
        yield Static(id="attention-says", markup=False)

    def on_mount(self) -> None:
        """All heads or one."""
        self._arrange()

    def _arrange(self) -> None:
        large = self.standing.large
        self.query_one(HeadGrid).display, self.query_one(LargeHead).display = not large, large

    def entered(self) -> None:
        """Keys move the cursor."""
        self.query_one(MatrixView if self.standing.large else HeadGrid).focus()

    # -- what is drawn ---------------------------------------------------------------------------------

    def show(self) -> None:
        """Prepare the moment and draw it."""
        self.compare()
        known, kind = Known.of(self.fold, self.moment), self.standing.kind
        if known is not None:
            layers, heads = self._shapes[kind] = known.shape(kind) or self._shapes.get(kind, (0, 0))
            if layers:
                self.standing.fit(layers, heads)
            frame = self.query_one(HeadGrid).frame_for(layers, heads)
            whole = self.fold.finished is not None and self.moment >= len(self.live.steps)
            self.want(known, Moment(self.live.run, self.moment, len(known.written), whole, self.standing.look, frame))
        else:
            self.forget()
        self._draw_prepared()

    def _draw_prepared(self) -> None:
        standing, prepared = self.standing, self.prepared
        self.query_one(ChoiceLine).tell(words.choices(standing, words.is_off(standing, self.live)))
        lines = [words.head_line(prepared, standing)]
        if standing.large:
            matrix = self.query_one(LargeHead).tell(prepared, standing)
            lines.insert(0, words.row_line(prepared, matrix, standing.cell[0]))
        else:
            self._draw_all()
        if loss := words.loss_line(self.loss, self.live):
            lines[1:] = [loss]
        says = self.query_one("#attention-says", Static)
        # One sentence may take both lines, two have one each.
        says.update("\n".join([clip(line, says.content_size.width) for line in lines] if len(lines) > 1 else lines))

    def _draw_all(self) -> None:
        prepared, standing, kind = self.prepared, self.standing, self.standing.kind
        layers, heads = self._shapes.get(kind, (0, 0))
        stats = prepared.stats if prepared else None
        over = (prepared.moment.run, standing.look) if prepared and prepared.moment.whole else None
        order = self.ranking.of(layers, heads, standing, stats, over)
        by = None if standing.order == ORDERS[0] else standing.order
        off = frozenset((one.layer, one.head) for one in self.live.request.off if one.kind == kind)
        grid = self.query_one(HeadGrid)
        grid.border_title = NAMES[kind] + words.size(prepared)
        grid.tell(Heads(order, max(1, heads), by is None, prepared.levels if prepared else {},
                        captions(stats, by) if stats else {},
                        standing.marking(), off), standing.place)  # fmt: skip

    # -- what is asked ---------------------------------------------------------------------------------

    def look_at(self, kind: Kind) -> None:
        """Another kind of attention."""
        self.standing.look, self.standing.locked = replace(self.standing.look, kind=kind), False
        self.show()

    def order_by(self, order: str) -> None:
        """The heads in another order."""
        self.standing.order = order
        self.show()

    def go_to_head(self, place: Place) -> None:
        """The cursor on a head."""
        self.standing.place = place
        if self.standing.large:
            self.standing.combine = None
        self.show()

    def go_to_cell(self, cell: Place) -> None:
        """The cursor of the large picture on a cell."""
        self.standing.cell = cell
        self.show()

    def open(self, large: bool) -> None:
        """One head large, or all."""
        self.standing.large = large
        if not large:
            self.standing.combine, self.standing.locked = None, False
        self._arrange()
        self.query_one(LargeHead).open() if large else self.query_one(HeadGrid).focus()
        self.show()

    def action_kind(self) -> None:
        """The next kind."""
        self.look_at(KINDS[(KINDS.index(self.standing.kind) + 1) % len(KINDS)])

    def action_order(self) -> None:
        """The next order."""
        orders = orders_of(self.standing.kind)
        at = orders.index(self.standing.order) if self.standing.order in orders else 0
        self.order_by(orders[(at + 1) % len(orders)])

    def action_words(self) -> None:
        """Words, or pieces."""
        self.standing.look = replace(self.standing.look, words=not self.standing.look.words)
        self.show()

    def action_special(self) -> None:
        """With special pieces, or without."""
        self.standing.look = replace(self.standing.look, special=not self.standing.look.special)
        self.show()

    def action_mark(self) -> None:
        """The head under the cursor is one of those that are combined, or not any more."""
        self.standing.marked[self.standing.kind] ^= {self.standing.place}
        self.show()

    def action_combine(self) -> None:
        """Several heads as one picture: their mean, their maximum; then one head again."""
        standing = self.standing
        standing.combine = COMBINED[(COMBINED.index(standing.combine) + 1) % len(COMBINED)]
        if not standing.large:
            self.open(large=True)
        self.show()

    def action_switch(self) -> None:
        """The head under the cursor off, or on again."""
        self.ttx.switch_head(Head(self.standing.kind, *self.standing.place))

    def action_other_head(self, layers: int, heads: int) -> None:
        """So many layers and heads further."""
        layer, head = self.standing.place
        most = self._shapes.get(self.standing.kind, (1, 1))
        self.go_to_head((max(0, min(layer + layers, most[0] - 1)), max(0, min(head + heads, most[1] - 1))))

    def action_back(self) -> None:
        """All heads."""
        self.open(large=False)

    # -- what widgets say ------------------------------------------------------------------------------

    def on_head_grid_opened(self) -> None:
        """One head large."""
        self.open(large=True)

    def on_head_grid_framed(self) -> None:
        """There is more or less room."""
        self.show()

    def on_large_head_resized(self) -> None:
        """There is more or less room."""
        self.show()

    def on_matrix_view_locked(self) -> None:
        """The cell stays, or follows."""
        self.standing.locked = not self.standing.locked
        self.show()

    def on_matrix_view_left(self) -> None:
        """All heads."""
        self.open(large=False)

    def on_choice_line_chosen(self, message: ChoiceLine.Chosen) -> None:
        """A word was clicked."""
        name, _, kind = message.name.partition(":")
        if name == "kind":
            self.look_at(next(one for one in KINDS if one == kind))
        else:
            getattr(self, f"action_{name}")()

    # -- saved, named, remembered ----------------------------------------------------------------------

    def picture(self) -> Picture | None:
        """The heads that are shown, as `ttx inspect attention` draws them."""
        picture = words.picture(self.prepared, self.standing, self.ranking.order, self.live)
        loss = words.loss_line(self.loss, self.live)
        return picture.noting((loss,)) if picture and loss else picture

    def commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """Kinds, orders, and every head."""
        for kind in KINDS:
            yield f"Show {NAMES[kind]}", "another kind of attention", partial(self.look_at, kind)
        for order in orders_of(self.standing.kind):
            yield f"Heads by {order}", "the order of the heads", partial(self.order_by, order)
        layers, heads = self._shapes.get(self.standing.kind, (0, 0))
        for layer in range(layers):
            for head in range(heads):
                title = f"Go to layer {layer + 1} head {head + 1}"
                yield title, NAMES[self.standing.kind], partial(self.go_to_head, (layer, head))

    def place(self) -> dict[str, Any]:
        """What is looked at."""
        return self.standing.as_json()

    def take(self, place: dict[str, Any]) -> None:
        """Look at it again."""
        self.standing = Standing.of_json(place)
        self._arrange()
