"""The model at work and another one, on the sentence that is being translated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from tui_transformer.errors import TtxError
from tui_transformer.tui.paging import Page
from tui_transformer.tui.paths import typed_path
from tui_transformer.tui.picture_view import PictureView

if TYPE_CHECKING:
    from tui_transformer.events import Trace
    from tui_transformer.render.picture import Picture
    from tui_transformer.translator import Translator
    from tui_transformer.tui.engine import Engine


class Question(NamedTuple):
    """What is compared: the model at work, the name or folder of the other one, the sentence."""

    engine: Engine
    other: str
    text: str


@dataclass
class Answered(Message):
    """What each makes of the sentence by itself, and how they differ; `error` says what cannot be done."""

    question: Question
    sides: tuple[tuple[str, Trace], ...] = ()
    picture: Picture | None = None
    error: str = ""


class ComparePage(Page):
    """Both translations side by side, then step by step what the other model finds likelier."""

    NAME = "compare"
    TITLE = "Compare"
    KEY = "d"
    SCOPED_CSS = False
    DEFAULT_CSS = """
    #other-model { border: round $panel-lighten-2; height: 3; background: $background; }
    #other-model:focus { border: round $primary; }
    #both { height: auto; }
    #both PictureView { width: 1fr; height: 5; overflow-x: hidden; scrollbar-gutter: stable; }
    .-tall #both PictureView { height: 8; }
    #difference { height: 1fr; scrollbar-gutter: stable; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f", "other_model", "Another model", id="model.other")]

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._other = ""
        self._loaded: tuple[str, Translator] | None = None
        self._asked: Question | None = None
        self._answer: Answered | None = None

    def compose(self) -> ComposeResult:
        """Which model, both translations, the difference."""
        yield Input(placeholder="the folder of a bundle, or the name of a model", id="other-model")
        with Horizontal(id="both"):
            yield PictureView(id="side-a")
            yield PictureView(id="side-b")
        yield PictureView(id="difference")

    def on_mount(self) -> None:
        """Say what is where."""
        self.query_one(Input).border_title = "B, the model to compare with (f)"
        self.query_one("#side-a", PictureView).border_title = "A"
        self.query_one("#side-b", PictureView).border_title = "B"
        self.query_one("#difference", PictureView).border_title = "difference"

    def entered(self) -> None:
        """Say which model, if none was said yet."""
        if self._other:
            self.query_one("#difference", PictureView).focus()
        else:
            self.query_one(Input).focus()

    def action_other_model(self) -> None:
        """Write which one."""
        self.query_one(Input).focus()

    def compare_with(self, model: str) -> None:
        """Compare with a model, by name or folder."""
        self._other, self._asked = model, None
        self.query_one(Input).value = model
        self.show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Compare with this one."""
        self.compare_with(event.value.strip())
        self.entered()

    def show(self) -> None:
        """Compare once for each sentence and pair of models, as soon as the sentence is translated."""
        encoded, engine = self.ttx.live.encoded, self.ttx.engine
        if not self._other or engine is None or encoded is None or self.ttx.busy:
            return
        question = Question(engine, self._other, encoded.text)
        if question != self._asked:
            self._asked = question
            self.query_one("#difference", PictureView).border_subtitle = "computing …"
            self._ask(question)

    @work(thread=True, exclusive=True, group="model-comparing")
    def _ask(self, question: Question) -> None:
        from tui_transformer.comparing import compare_models, greedily, named
        from tui_transformer.render.views.difference import difference_picture

        sides: tuple[tuple[str, Trace], ...] = ()
        try:
            a, b = question.engine.translator, self._translator(question)
            sides = tuple((named(one), greedily(one, question.text)) for one in (a, b))
            picture = difference_picture(compare_models(a, b, question.text))
        except TtxError as error:
            self.post_message(Answered(question, sides, error=str(error)))
        else:
            self.post_message(Answered(question, sides, picture))

    def _translator(self, question: Question) -> Translator:
        """The other model, loaded once."""
        from tui_transformer.translator import Translator

        if self._loaded and self._loaded[0] == question.other:
            return self._loaded[1]
        device = question.engine.facts.device
        other = Translator.load(str(typed_path(question.other)), device)  # type: ignore[arg-type]
        self._loaded = question.other, other
        return other

    def on_answered(self, answer: Answered) -> None:
        """Show it, unless something else has been asked meanwhile."""
        from rich.console import Group
        from rich.text import Text

        from tui_transformer.render.views.watch import target_flow

        if answer.question != self._asked:
            return
        self._answer = answer
        view = self.query_one("#difference", PictureView)
        view.border_subtitle = ""
        if answer.error and not answer.sides:
            self.notify(answer.error, title="ttx", severity="error", timeout=8)
        for name, (model, trace) in zip(("a", "b"), answer.sides, strict=False):
            side = self.query_one(f"#side-{name}", PictureView)
            side.border_title = f"{name.upper()} · {model}"
            side.show(target_flow(trace.steps, len(trace.steps)))
        picture = answer.picture
        view.border_title = picture.title if picture else "difference"
        view.show(Group(picture.body, Text(), picture.words()) if picture else Text(answer.error))
        view.scroll_home(animate=False)

    def picture(self) -> Picture | None:
        """The difference, as `ttx diff` shows it."""
        return self._answer.picture if self._answer else None

    def place(self) -> dict[str, Any]:
        """The other model."""
        return {"other": self._other}

    def take(self, place: dict[str, Any]) -> None:
        """Compare with it again."""
        if isinstance(other := place.get("other"), str) and other:
            self.compare_with(other)
