"""How the attention of a run's first sample formed: a trace of it was kept at each evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui_transformer.errors import TtxError
from tui_transformer.tui.widgets.choices import Choice, ChoiceLine

from .training_pages import RunPage, RunPicture

if TYPE_CHECKING:
    from tui_transformer.analysis.alignment import Heads
    from tui_transformer.events import Trace
    from tui_transformer.probes import Kind
    from tui_transformer.render.picture import Picture

KINDS: dict[Kind, tuple[str, str]] = {
    "encoder": ("encoder self", "enc"), "decoder": ("masked decoder self", "dec"),
    "cross": ("encoder–decoder", "cross"),
}  # fmt: skip
LAYOUTS = {"one": ("one", "one"), "all": ("all heads", "all"), "run": ("over the run", "run")}


class WatchedPicture(RunPicture):
    """Up and down choose the head."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "head(-1)", "Head before", show=False, id="training.head-before"),
        Binding("down,j", "head(1)", "Next head", show=False, id="training.head-behind"),
        Binding("n", "kind", "Next kind", id="training.kind"),
        Binding("v", "layout", "One, all, over the run", id="training.layout"),
    ]  # fmt: skip

    @dataclass
    class Asked(Message):
        """One of head, kind and layout is to change, by so many."""

        what: str
        by: int = 1

    def action_head(self, by: int) -> None:
        """Another head."""
        self.post_message(self.Asked("head", by))

    def action_kind(self) -> None:
        """The next kind of attention."""
        self.post_message(self.Asked("kind"))

    def action_layout(self) -> None:
        """One head, all of them, or one over the run."""
        self.post_message(self.Asked("layout"))


class WatchedPage(RunPage):
    """The attention of the watched sentence at the evaluation that is looked at."""

    NAME = "watched"
    TITLE = "Attention"
    KEY = "a"

    @dataclass
    class Loaded(Message):
        """Traces by their files within the run's folder; a text instead says why there is none."""

        folder: Path
        traces: dict[str, Trace | str]

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._kind: Kind = "cross"
        self._layout = "one"
        self._head = 0
        self._traces: dict[str, Trace | str] = {}
        self._loading = False
        self._drawn: object = None

    def compose(self) -> ComposeResult:
        """What can be chosen, and the picture."""
        yield ChoiceLine(classes="watched")
        yield WatchedPicture(id="watched")

    def opened(self) -> None:
        """Nothing of the old run is shown."""
        self._traces, self._loading, self._drawn = {}, False, None

    # -- what is chosen --------------------------------------------------------------------------------

    def on_watched_picture_asked(self, message: WatchedPicture.Asked) -> None:
        """Another head, kind or layout."""
        if message.what == "kind":
            self._kind = _next(list(KINDS), self._kind)
        elif message.what == "layout":
            self._layout = _next(list(LAYOUTS), self._layout)
        else:
            self._head += message.by
        self.show()

    def on_choice_line_chosen(self, message: ChoiceLine.Chosen) -> None:
        """The same with the mouse."""
        message.stop()
        if message.name in ("before", "behind"):
            self._head += 1 if message.name == "behind" else -1
        elif message.name in LAYOUTS:
            self._layout = message.name
        else:
            self._kind = next((kind for kind in KINDS if kind == message.name), self._kind)
        self.show()

    def _choices(self, head: str) -> list[Choice]:
        return [
            *(Choice(kind, *texts, chosen=kind == self._kind) for kind, texts in KINDS.items()),
            Choice("", "·", "·"),
            *(Choice(name, *texts, chosen=name == self._layout) for name, texts in LAYOUTS.items()),
            Choice("", "·", "·"), Choice("before", "◂", "◂"), Choice("", head, head), Choice("behind", "▸", "▸"),
        ]  # fmt: skip

    # -- the traces ------------------------------------------------------------------------------------

    def _files(self) -> list[str]:
        """Of all evaluations that kept one, in order."""
        log = self.view.run_log
        return [one.watched for one in log.evaluations if one.watched] if log else []

    def _load_missing(self) -> None:
        missing = [file for file in self._files() if file not in self._traces]
        if missing and not self._loading and self.view.folder:
            self._loading = True
            self._load(self.view.folder, missing)

    @work(thread=True, group="training-watched")
    def _load(self, folder: Path, files: list[str]) -> None:
        from tui_transformer.traces import as_decoding, load_trace

        found: dict[str, Trace | str] = {}
        for file in files:
            try:
                path = inside(folder, file)
                found[file] = as_decoding(load_trace(path), path)
            except TtxError as error:
                found[file] = str(error)
        self.post_message(self.Loaded(folder, found))

    def on_watched_page_loaded(self, message: Loaded) -> None:
        """They are there."""
        if message.folder == self.view.folder:
            self._loading = False
            self._traces |= message.traces
            self.show()

    def _trace(self) -> Trace | str:
        """That of the evaluation that is looked at; or a sentence that says why there is none."""
        log, at = self.view.run_log, self.view.at
        if log is None or at is None:
            return "no evaluation yet" if log else ""
        file = log.evaluations[at].watched
        if not file:
            return ("This evaluation kept no attention: the recipe has no samples, or an older version of ttx train "
                    "made the run.")  # fmt: skip
        return self._traces.get(file, "loading …")

    # -- what is drawn ---------------------------------------------------------------------------------

    def show(self) -> None:
        """Anew if another evaluation, head, kind or layout is wanted."""
        from rich.text import Text

        self._load_missing()
        view, trace = self.query_one(WatchedPicture), self._trace()
        wanted = (trace if isinstance(trace, str) else id(trace), self._kind, self._layout, self._head,
                  len(self._traces) if self._layout == "run" else 0)  # fmt: skip
        if wanted == self._drawn:
            return
        self._drawn = wanted
        picture = self.picture()
        view.border_title = picture.title if picture else "attention of the watched sentence"
        view.show(picture.body if picture else Text(str(trace) if isinstance(trace, str) else "", style="dim"))
        self.query_one(ChoiceLine).tell(self._choices(self._chosen(trace)[1] if not isinstance(trace, str) else ""))

    def _chosen(self, trace: Trace) -> tuple[Heads, str]:
        """The heads, and what they are called: at first the mean of those above the first layer, then each."""
        from tui_transformer.analysis.alignment import default_heads

        layers, heads = self._shape(trace)
        self._head %= 1 + layers * heads
        if self._head == 0:
            chosen = default_heads(layers, heads)
            return chosen, f"mean of {len(chosen)} heads"
        layer, head = divmod(self._head - 1, heads)
        return ((layer, head),), f"L{layer + 1} H{head + 1}"

    def _shape(self, trace: Trace) -> tuple[int, int]:
        if self._kind == "encoder":
            layers, heads = trace.encoded.attention.shape[:2]
        else:
            layers, heads = trace.steps[0].cross_attention.shape[:2]
        return layers, heads

    def picture(self) -> Picture | None:
        """What is chosen."""
        from itertools import product

        from tui_transformer.analysis.maps import Attention
        from tui_transformer.render.views.attention import Shown, head_picture, heads_picture

        trace = self._trace()
        if isinstance(trace, str):
            return None
        if self._layout == "run":
            return self._over_the_run(trace)
        heads, _ = self._chosen(trace)
        layers, count = self._shape(trace)
        everything = tuple(product(range(layers), range(count)))
        shown = Shown(Attention.of(trace, self._kind), everything if self._layout == "all" else heads,
                      trace.encoded.text, trace.finished.text)  # fmt: skip
        return heads_picture(shown) if self._layout == "all" else head_picture(shown)

    def _over_the_run(self, trace: Trace) -> Picture:
        from tui_transformer.analysis.maps import Attention
        from tui_transformer.render.views.evaluation import formation_picture

        heads, name = self._chosen(trace)
        log = self.view.run_log
        assert log
        maps = []
        for one in log.evaluations:
            kept = self._traces.get(one.watched)
            if kept is not None and not isinstance(kept, str):
                whole = Attention.of(kept, self._kind)
                maps.append((f"{one.step:,}", whole, whole.combined(heads)))
        return formation_picture(name, maps)

    def place(self) -> dict[str, Any]:
        """What is chosen."""
        return {"kind": self._kind, "layout": self._layout, "head": self._head}

    def take(self, place: dict[str, Any]) -> None:
        """Choose it again."""
        self._kind = next((kind for kind in KINDS if kind == place.get("kind")), self._kind)
        self._layout = next((name for name in LAYOUTS if name == place.get("layout")), self._layout)
        self._head = place["head"] if isinstance(place.get("head"), int) else self._head


def inside(folder: Path, file: str) -> Path:
    """A file that the metrics name. Raises InputError if it is not within the run's folder."""
    from tui_transformer.errors import InputError

    path = (folder / file).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InputError(f"the metrics name {file!r}, which is not in the run folder")
    return path


def _next(all_of_them: list[Any], now: Any) -> Any:
    return all_of_them[(all_of_them.index(now) + 1) % len(all_of_them)]
