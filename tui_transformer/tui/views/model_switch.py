"""The models there are: put another one in the place of this one, or compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from rich.markup import escape
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui_transformer.errors import TtxError
from tui_transformer.tui.paging import Page
from tui_transformer.tui.paths import typed_path

if TYPE_CHECKING:
    from tui_transformer.environment import Model
    from tui_transformer.tui.engine import Engine

MOST_PATHS = 8


class ModelList(OptionList):
    """Every model by its folder. Enter (or a click) uses it, d compares with it."""

    SAYS = "The models that are installed. Enter, or a click, uses one; d compares with it."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "cursor_up", "Model before", show=False, id="model.before"),
        Binding("j", "cursor_down", "Next model", show=False, id="model.behind"),
        Binding("enter", "select", "Use this model", id="model.use"),
        Binding("d", "against", "Compare with it", id="model.against"),
    ]  # fmt: skip

    @dataclass
    class Against(Message):
        """The model at work is to be compared with the one in this folder."""

        path: str

    def action_against(self) -> None:
        """Compare with the model one is on."""
        option = self.highlighted_option
        if option and option.id:
            self.post_message(self.Against(option.id))


class ModelsPage(Page):
    """Installed models, others that were used by their path, and a line for another path."""

    NAME = "models"
    TITLE = "Models"
    KEY = "m"
    DEFAULT_CSS = """
    ModelList { height: 1fr; border: round $panel-lighten-2; background: $background; padding: 0 1; }
    ModelList:focus { border: round $primary; }
    #model-path { border: round $panel-lighten-2; height: 3; background: $background; }
    #model-path:focus { border: round $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f", "path", "From a folder", id="model.path")]

    @dataclass
    class Found(Message):
        """These models are there."""

        models: list[Model]

    @dataclass
    class Loaded(Message):
        """An engine that was asked for, by the number of the question; what was wrong if there is none."""

        asked: int
        path: str
        engine: Engine | None
        error: str = ""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._asked = 0
        self._paths: list[str] = []
        self._models: list[Model] = []
        self._drawn: Engine | None = None

    def compose(self) -> ComposeResult:
        """The list, and the line."""
        yield ModelList(id="model-list", markup=False)
        yield Input(placeholder="the folder of a bundle, or the name of a model", id="model-path")

    def on_mount(self) -> None:
        """Look what there is."""
        self.query_one(ModelList).border_title = "models"
        self.query_one(Input).border_title = "another one (f)"
        self._look()

    def entered(self) -> None:
        """Choose at once; what has been installed meanwhile is found."""
        self._look()
        self.query_one(ModelList).focus()

    def action_path(self) -> None:
        """Write the folder of a bundle."""
        self.query_one(Input).focus()

    def show(self) -> None:
        """Mark the model at work."""
        if self.ttx.engine is not self._drawn:
            self._draw()

    @work(thread=True, exclusive=True, group="model-list")
    def _look(self) -> None:
        from tui_transformer import environment

        installed = environment.models()
        known = {_folder(model.path) for model in installed}
        # One that is not there any more has no folder: it is listed under what was asked for.
        others = (replace(environment.model(path), path=path) for path in self._paths if _folder(path) not in known)
        self.post_message(self.Found([*installed, *others]))

    def on_models_page_found(self, message: Found) -> None:
        """List them."""
        self._models = message.models
        self._draw()

    def _draw(self) -> None:
        listed = self.query_one(ModelList)
        self._drawn = self.ttx.engine
        here = self._path_at_work()
        at = listed.highlighted
        listed.clear_options()
        listed.add_options([Option(_line(model, _folder(model.path) == here), id=model.path) for model in self._models])
        if self._models:
            listed.highlighted = min(at or 0, len(self._models) - 1)

    def _path_at_work(self) -> str:
        try:
            return _folder(self.ttx.engine.translator.bundle.path) if self.ttx.engine else ""
        except TtxError:
            return ""

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Use this one."""
        self.use(event.option.id or "")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Use the one at this path."""
        if event.value.strip():
            self.use(event.value.strip())

    def use(self, model: str) -> None:
        """Put a model, by name or folder, in the place of the one at work. Until it is there, that one goes on."""
        self._asked += 1
        self.query_one(ModelList).border_subtitle = escape(f"loading {model} …")
        self._load(self._asked, model, self.ttx.device)

    @work(thread=True, exclusive=True, group="model-loading")
    def _load(self, asked: int, model: str, device: str) -> None:
        from tui_transformer.translator import Translator
        from tui_transformer.tui.engine import ModelEngine

        try:
            translator = Translator.load(str(typed_path(model)), device)  # type: ignore[arg-type]
        except TtxError as error:
            self.post_message(self.Loaded(asked, model, None, str(error)))
        else:
            self.post_message(self.Loaded(asked, _folder(translator.bundle.path), ModelEngine(translator)))

    def on_models_page_loaded(self, message: Loaded) -> None:
        """The model is there: the whole application goes on with it. Or it cannot be had: all stays as it is."""
        if message.asked != self._asked:
            return
        self.query_one(ModelList).border_subtitle = ""
        if message.engine is None:
            self.notify(message.error, title="ttx", severity="error", timeout=8)
            return
        self.query_one(Input).value = ""
        self.remember(message.path)
        self.ttx.change_engine(message.engine)
        self.notify(f"now with {message.engine.facts}", timeout=3)
        self.entered()

    def remember(self, path: str) -> None:
        """A model that is not installed stays in the list."""
        if path not in {_folder(model.path) for model in self._models}:
            self._paths = [*self._paths, path][-MOST_PATHS:]

    def commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """Every model that can be used."""
        for model in self._models:
            if not model.error:
                yield f"Model: use {model.name} ({model.precision})", model.path, partial(self.use, model.path)

    def place(self) -> dict[str, Any]:
        """The paths that were used."""
        return {"paths": self._paths}

    def take(self, place: dict[str, Any]) -> None:
        """Find them again."""
        if isinstance(paths := place.get("paths"), list):
            self._paths = list(dict.fromkeys(_folder(str(path)) for path in paths))
            self._look()


def _folder(path: str | Path) -> str:
    """The same for all ways to name it."""
    return str(Path(path).absolute())


def _line(model: Model, at_work: bool) -> Text:
    """Such as: ● en-de  en → de  int8  18.3 MB  folder."""
    from tui_transformer.render.labels import fit, megabytes, visible

    mark = "● " if at_work else "  "
    if model.error:
        return Text(f"{mark}{visible(model.error)}", style="dim")
    languages = f"{model.source_language} → {model.target_language}"
    cells = (
        fit(PurePath(model.name).name, 20),
        fit(languages, 9),
        fit(model.precision, 5),
        fit(megabytes(model.bytes), 9, "right"),
    )
    line = Text(mark + " ".join(cells), style="bold" if at_work else "")
    return line.append(f"\n  {visible(model.path)}", "not bold dim")
