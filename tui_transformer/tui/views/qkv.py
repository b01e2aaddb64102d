"""Scaled dot-product attention of one token in one head, number by number; and what masks do to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui_transformer.errors import TtxError
from tui_transformer.probes import KINDS
from tui_transformer.tui.view import View
from tui_transformer.tui.widgets.choices import ChoiceLine
from tui_transformer.tui.widgets.clickable import ClickableView
from tui_transformer.tui.widgets.sections import Sections

from .qkv_head import PADDINGS, Chosen, asking, heads_and_masks, heads_of, kinds_and_layers

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tui_transformer.render.picture import Picture
    from tui_transformer.traces import Inside
    from tui_transformer.tui.engine import Engine
    from tui_transformer.tui.live import Request

Number = Literal["layer", "head"]


class Asking(ClickableView, can_focus=False):
    """The pieces that ask; a click chooses one."""

    DEFAULT_CSS = "Asking { overflow-x: hidden; }"

    def on_mount(self) -> None:
        """One line of text needs no frame."""
        self.styles.border = ("none", "black")
        self.styles.padding = (0, 2)


def _key(name: str, keys: str, action: str, description: str, shown: bool = False) -> Binding:
    return Binding(keys, action, description, show=shown, id=f"qkv.{name}")


class QkvView(View, can_focus=True):
    """One token in one head: its query, the keys, scores, weights, values and their sum."""

    NAME = "qkv"
    TITLE = "Q·K·V"
    HELP: ClassVar[str] = (
        "softmax(QKᵀ / √d_k) V for one token in one head, with every number: its query, the keys, their products, the "
        "weights, the values, and what the head answers. Left and right choose the token that asks, up and down the "
        "layer, H and L (or shift with left and right) the head, t the kind of attention; all of them can be clicked. "
        "In the decoder the token that asks is the newest one of the moment: moving it moves the moment. n and N go "
        "from section to section. The numbers are those of `ttx inspect qkv`.\n\n"
        "m shows what attention may see: p pads the sentence to a longer width, a shows what the weights would be "
        "without the mask, which is what would leak from the future, or from padding."
    )
    DEFAULT_CSS = """
    QkvView #qkv-tokens { height: auto; min-height: 1; max-height: 3; }
    QkvView #qkv-sections { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        _key("token-before", "left,h", "token(-1)", "Token before"),
        _key("token-behind", "right,l", "token(1)", "Next token"),
        _key("layer-before", "up,k", "number('layer', -1)", "Layer before"),
        _key("layer-behind", "down,j", "number('layer', 1)", "Next layer"),
        _key("head-before", "shift+left,H", "number('head', -1)", "Head before"),
        _key("head-behind", "shift+right,L", "number('head', 1)", "Next head"),
        _key("kind", "t", "kind", "Kind", shown=True),
        _key("masks", "m", "masks", "Masks", shown=True),
        _key("padding", "p", "padding", "Padding", shown=True),
        _key("unmasked", "a", "unmasked", "Without the mask", shown=True),
        _key("section-behind", "n", "scroll('go', 1)", "Next section"),
        _key("section-before", "N", "scroll('go', -1)", "Section before"),
        _key("line-up", "shift+up,K", "scroll('lines', -1)", "Scroll up"),
        _key("line-down", "shift+down,J", "scroll('lines', 1)", "Scroll down"),
        _key("page-up", "pageup", "scroll('pages', -1)", "Page up"),
        _key("page-down", "pagedown", "scroll('pages', 1)", "Page down"),
        _key("top", "home,g", "scroll('lines', -100000)", "To the top"),
        _key("bottom", "end,G", "scroll('lines', 100000)", "To the bottom"),
    ]

    class Looked(Message):
        """What happens inside is known, or why it cannot be."""

        def __init__(self, run: int, width: int, found: Inside | str) -> None:
            super().__init__()
            self.run, self.width, self.found = run, width, found

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.chosen = Chosen()
        self._run = -1
        self._found: dict[int, Inside | str | None] = {}
        """What is known of the run, by the width it is padded to; None while it is computed."""
        self._drawn: object = None

    def compose(self) -> ComposeResult:
        """What to choose from, who asks, what happens."""
        yield ChoiceLine(id="qkv-layers")
        yield ChoiceLine(id="qkv-heads")
        yield Asking(id="qkv-tokens")
        yield Sections(id="qkv-sections")

    def entered(self) -> None:
        """Keys belong to the screen as a whole."""
        self.focus()

    # -- what is looked at -----------------------------------------------------------------------------

    @property
    def computing(self) -> bool:
        """Whether something that was asked for is not known yet."""
        return None in self._found.values()

    @property
    def inside(self) -> Inside | str | None:
        """What happens in the sentence as it is padded now; a sentence if that cannot be known, None if not yet."""
        return self._found.get(self._width)

    @property
    def _width(self) -> int:
        padded = self.chosen.masks and self.chosen.padding
        return len(self.live.source) + self.chosen.padding if padded else 0

    def _look(self) -> None:
        """Compute what is not known, once all is decoded."""
        live, width, engine = self.live, self._width, self.ttx.engine
        if live.run != self._run:
            self._run, self._found = live.run, {}
        finished = live.reading.finished
        if finished and engine and width not in self._found:
            self._found[width] = None
            self._probe(engine, live.run, live.request, finished.ids, width)

    # Not exclusive: what is cancelled would never be known, and late results are dropped.
    @work(thread=True, group="qkv")
    def _probe(self, engine: Engine, run: int, request: Request, target: tuple[int, ...], width: int) -> None:
        found: Inside | str
        try:
            found = engine.inside(request, target, width)
        except TtxError as error:
            found = str(error)
        self.post_message(self.Looked(run, width, found))

    def on_qkv_view_looked(self, message: Looked) -> None:
        """Draw it, unless another sentence is shown by now."""
        if message.run == self._run:
            self._found[message.width] = message.found
            self.ttx.draw_soon()

    # -- what is drawn ---------------------------------------------------------------------------------

    def show(self) -> None:
        """Draw the moment."""
        from tui_transformer.render.flow import Flow, Token

        self._look()
        live, chosen = self.live, self.chosen
        place = chosen.place(live, self.moment)
        state = (live.run, len(live.steps), self.ttx.busy, chosen, place, id(self.inside), self.size)
        if state == self._drawn:
            return
        self._drawn = state
        self.query_one("#qkv-layers", ChoiceLine).tell(kinds_and_layers(chosen, live))
        self.query_one("#qkv-heads", ChoiceLine).tell(heads_and_masks(chosen, live))
        tokens = [Token(piece) for piece in asking(chosen.kind, live)]
        self.query_one(Asking).show(Flow(tokens, place if tokens else None, lines=2 + (self.size.height > 40)))
        picture, sections = self.picture(), self.query_one(Sections)
        sections.border_title = picture.title.removeprefix("Q·K·V · ") if picture else self.TITLE
        sections.border_subtitle = picture.says[2 if chosen.masks else 0] if picture else ""
        sections.show(self._body(picture))

    def _body(self, picture: Picture | None) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        if picture is None:
            waiting = "computing …" if self.ttx.busy or self.computing else "there is nothing decoded yet"
            return Text(self.inside if isinstance(self.inside, str) else waiting, style="dim")
        return Group(picture.body, Text(), picture.words())

    def picture(self) -> Picture | None:
        """The attention of the token, or the masks."""
        inside = self.inside
        if inside is None or isinstance(inside, str):
            return None
        return self.chosen.picture(inside, self.live, self.moment)

    # -- keys and clicks -------------------------------------------------------------------------------

    def choose(self, **changes: Any) -> None:
        """Look at something else, such as layer=3."""
        self.chosen = replace(self.chosen, **changes)
        self.refresh_bindings()
        self.show()

    def action_token(self, by: int) -> None:
        """Another token asks."""
        self._ask(self.chosen.place(self.live, self.moment) + by)

    def _ask(self, place: int) -> None:
        count = len(asking(self.chosen.kind, self.live))
        place = max(0, min(place, count - 1))
        if self.chosen.kind == "encoder":
            self.choose(token=place)
        elif count:
            self.ttx.go_to(place + 1)

    def action_number(self, what: Number, by: int) -> None:
        """Another layer or head."""
        which, there = self.chosen.which(self.live), heads_of(self.chosen.kind, self.live)
        if which and there:
            most = there[what == "head"] - 1
            self.choose(**{what: max(0, min(getattr(which, what) + by, most))})

    def action_kind(self) -> None:
        """Encoder, decoder, encoder–decoder."""
        self.choose(kind=KINDS[(KINDS.index(self.chosen.kind) + 1) % len(KINDS)])

    def action_masks(self) -> None:
        """The masks, or the attention."""
        self.choose(masks=not self.chosen.masks)
        self.query_one(Sections).scroll_home(animate=False)

    def action_padding(self) -> None:
        """Pad the sentence further, and not at all again."""
        self.choose(padding=PADDINGS[(PADDINGS.index(self.chosen.padding) + 1) % len(PADDINGS)])

    def action_unmasked(self) -> None:
        """What would leak, or not."""
        self.choose(unmasked=not self.chosen.unmasked)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Padding and leaks belong to the masks."""
        return self.chosen.masks or action not in ("padding", "unmasked")

    def action_scroll(self, what: Literal["go", "lines", "pages"], by: int) -> None:
        """To another section, line or page."""
        getattr(self.query_one(Sections), what)(by)

    @on(Asking.Clicked)
    def token_clicked(self, message: Asking.Clicked) -> None:
        """Another token asks."""
        self._ask(message.part)

    def on_choice_line_chosen(self, message: ChoiceLine.Chosen) -> None:
        """Kind, layer, head, or how masks are shown."""
        what, _, value = message.name.partition(":")
        if value:
            self.choose(**{what: value if what == "kind" else int(value)})
        else:
            {"masks": self.action_masks, "padding": self.action_padding, "unmasked": self.action_unmasked}[what]()

    def commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """Every kind of attention, and every head of the kind shown."""
        for kind in KINDS:
            yield f"Q·K·V: {kind} attention", "Show this kind", partial(self.choose, kind=kind)
        layers, heads = heads_of(self.chosen.kind, self.live) or (0, 0)
        for layer in range(layers):
            for head in range(heads):
                title = f"Go to layer {layer + 1} head {head + 1}"
                yield title, f"Q·K·V, {self.chosen.kind} attention", partial(self.choose, layer=layer, head=head)

    def place(self) -> dict[str, Any]:
        """What is chosen."""
        return asdict(self.chosen)

    def take(self, place: dict[str, Any]) -> None:
        """Choose it again."""
        self.chosen = Chosen.of(place)
