"""A training run, finished or going on: its curves, its samples, and how attention formed in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from tui_transformer.errors import TtxError
from tui_transformer.tui.paging import Page, PagedView, page_keys
from tui_transformer.tui.paths import typed_path

from .training_pages import CurvesPage, RunPage, SamplesPage
from .training_scrubber import Scrubber
from .training_watched import WatchedPage

if TYPE_CHECKING:
    from textual.events import DescendantBlur
    from textual.timer import Timer

    from tui_transformer.training_log import LogReader, TrainingLog

POLL_SECONDS = 1.0
PLAY_SECONDS = 0.3


class TrainingView(PagedView):
    """Follows the metrics of a run while it is in front; all pages look at one evaluation."""

    NAME = "training"
    TITLE = "Training"
    PAGES: ClassVar[tuple[type[Page], ...]] = (CurvesPage, SamplesPage, WatchedPage)
    HELP: ClassVar[str] = (
        "How a model was, or is being, trained. f opens a run: the folder of ttx train, or its metrics.jsonl. What a "
        "run still writes appears by itself, while this screen is in front.\n\n"
        "Left and right go through the evaluations, home and end to the first and the newest, p plays them all; a "
        "click on the line above or on the curves goes to one. The curves show the loss (perplexity on the right), "
        "the learning rate and BLEU. The samples are what the model made of a few sentences by then, with all that it "
        "made of them before. The attention is that of the first sample: up and down choose the head, n the kind, v "
        "one head large, all of them, or one at all evaluations."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *page_keys("training", PAGES),
        Binding("f", "file", "Open a run", id="training.file"),
        Binding("p", "play_run", "Play the run", id="training.play"),
        Binding("left,h", "evaluation(-1)", "Evaluation before", show=False, id="training.before"),
        Binding("right,l", "evaluation(1)", "Next evaluation", show=False, id="training.behind"),
        Binding("home", "evaluation(-1000000)", "First evaluation", show=False, id="training.first"),
        Binding("end", "evaluation(1000000)", "Newest evaluation", show=False, id="training.newest"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    #run-path { display: none; border: round $panel-lighten-2; height: 3; background: $background; }
    #run-path.-asking { display: block; }
    #run-path:focus { border: round $primary; }
    """

    @dataclass
    class Read(Message):
        """What is known of a run by now, and its bytes, by the number of the run; or why nothing is."""

        asked: int
        reader: LogReader
        log: TrainingLog | None
        size: int = -1
        error: str = ""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.run_log: TrainingLog | None = None
        self.folder: Path | None = None
        self._reader: LogReader | None = None
        self._asked, self._reading, self._bytes = 0, False, 0
        self._at: int | None = None
        self._kept_at: int | None = None
        self.playing = False
        self._clock: Timer | None = None
        self._player: Timer | None = None

    def above(self) -> ComposeResult:
        """The line of evaluations, and the path of the run while it is being written."""
        yield Scrubber(id="scrubber")
        yield Input(placeholder="a run folder of ttx train, or its metrics.jsonl", id="run-path", classes="-asking")

    def on_mount(self) -> None:
        """Look after the run now and then."""
        super().on_mount()
        self.query_one(Input).border_title = "run"
        self._clock = self.set_interval(POLL_SECONDS, self.look)
        self._player = self.set_interval(PLAY_SECONDS, self._play, pause=True)

    def on_show(self) -> None:
        """In front: follow the run."""
        if self._clock:
            self._clock.resume()
            self.look()

    def on_hide(self) -> None:
        """Behind another screen: nothing is read."""
        if self._clock:
            self._clock.pause()
        self._pause()

    def entered(self) -> None:
        """Ask which run, if none is open; while one is being opened, wait."""
        if self._reader is not None:
            super().entered()
        elif not self._reading:
            self.query_one(Input).focus()

    # -- the run ---------------------------------------------------------------------------------------

    def action_file(self) -> None:
        """Write which run."""
        asked = self.query_one(Input)
        asked.add_class("-asking")
        asked.focus()

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        """The line for the path is there only while it is used, or if there is nothing else."""
        if isinstance(event.widget, Input):
            event.widget.set_class(self._reader is None, "-asking")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Open this run."""
        if event.value.strip():
            try:
                self.open_run(typed_path(event.value))
            except TtxError as error:
                self.notify(str(error), severity="error", timeout=8)

    def open_run(self, run: Path) -> None:
        """Follow a run: its folder, or its metrics file. If it cannot be read, what was open stays."""
        from tui_transformer.training_log import LogReader

        self._asked += 1
        self._reading, self._kept_at = True, None
        self._read(self._asked, LogReader(run))

    def look(self) -> None:
        """Read on, if the run has written more."""
        reader = self._reader
        if reader is None or self._reading or not self.display:
            return
        if size_of(reader) != self._bytes:
            self._reading = True
            self._read(self._asked, reader)

    @work(thread=True, group="training-reading")
    def _read(self, asked: int, reader: LogReader) -> None:
        size = size_of(reader)
        try:
            self.post_message(self.Read(asked, reader, reader.read(), size))
        except TtxError as error:
            self.post_message(self.Read(asked, reader, None, size, str(error)))

    def on_training_view_read(self, message: Read) -> None:
        """Show what is known by now."""
        if message.asked != self._asked:
            return
        self._reading = False
        if message.log is None:
            self.notify(message.error, title="ttx", severity="error", timeout=8)
            if self._reader is None and self.display:
                self.entered()
        elif message.reader is not self._reader:
            self._open(message.reader)
        if message.reader is self._reader:
            # What cannot be read is told once, not every second.
            self._bytes = message.size
            self.run_log = message.log or self.run_log
            self.show()

    def _open(self, reader: LogReader) -> None:
        """Another run than before."""
        self._reader, self._at, self.folder = reader, self._kept_at, reader.path.parent
        self._kept_at = None
        asked = self.query_one(Input)
        asked.value = str(reader.path)
        asked.remove_class("-asking")
        for page in self.pages:
            if isinstance(page, RunPage):
                page.opened()
        here = self.app.focused
        if self.display and (here is None or here is asked or self not in here.ancestors):
            self.entered()

    # -- the evaluation that is looked at --------------------------------------------------------------

    @property
    def at(self) -> int | None:
        """Which evaluation is looked at, from 0; None while there is none."""
        there = len(self.run_log.evaluations) if self.run_log else 0
        return None if not there else there - 1 if self._at is None else min(self._at, there - 1)

    def go_to(self, place: int) -> None:
        """Look at an evaluation; at the newest, stay with the newest."""
        there = len(self.run_log.evaluations) if self.run_log else 0
        if there:
            place = max(0, min(place, there - 1))
            self._at = None if place == there - 1 else place
            self.show()

    def action_evaluation(self, by: int) -> None:
        """So many evaluations on or back."""
        if self.at is not None:
            self.go_to(self.at + by)

    def on_scrubber_chosen(self, message: Scrubber.Chosen) -> None:
        """An evaluation was clicked."""
        self.go_to(message.place)

    def action_play_run(self) -> None:
        """Go through all evaluations, one after the other; from the newest, from the first one on."""
        if self.playing:
            self._pause()
        elif self._player and self.at is not None:
            if self._at is None:
                self.go_to(0)
            self.playing = True
            self._player.resume()
            self._scrub()

    def _pause(self) -> None:
        self.playing = False
        if self._player:
            self._player.pause()
        self._scrub()

    def _play(self) -> None:
        self.action_evaluation(1)
        if self._at is None:
            self._pause()

    # -- what is drawn ---------------------------------------------------------------------------------

    def show(self) -> None:
        """Draw what is seen."""
        self._scrub()
        super().show()

    def _scrub(self) -> None:
        self.query_one(Scrubber).tell(self.run_log, self.at, self.playing)

    def commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """Opening a run and playing it, besides the pages."""
        yield "Training: open a run", "A run folder or its metrics.jsonl (f)", self.action_file
        yield "Training: play the run", "Go through its evaluations (p)", self.action_play_run
        yield from super().commands()

    def place(self) -> dict[str, Any]:
        """The run and the evaluation."""
        run = {"run": str(self._reader.path.absolute())} if self._reader else {}
        return {**super().place(), **run, "at": self._at}

    def take(self, place: dict[str, Any]) -> None:
        """Open the run again, at the evaluation that was looked at."""
        super().take(place)
        if isinstance(run := place.get("run"), str):
            self.query_one(Input).value = run
            self.open_run(Path(run))
            self._kept_at = at if isinstance(at := place.get("at"), int) and at >= 0 else None


def size_of(reader: LogReader) -> int:
    """The bytes of a run's metrics; -1 if they are not there, which the reader tells in words."""
    try:
        return reader.path.stat().st_size
    except OSError:
        return -1
