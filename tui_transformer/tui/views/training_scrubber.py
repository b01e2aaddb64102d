"""The evaluations of a run in a line: which one is looked at, and what it measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.message import Message
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.events import Click

    from tui_transformer.training_log import TrainingLog

LEFT, MOST_CELLS = 3, 60


class Scrubber(Static):
    """A click goes to an evaluation."""

    DEFAULT_CSS = "Scrubber { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    class Chosen(Message):
        """An evaluation was clicked, from 0."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    _log: TrainingLog | None = None
    _at: int | None = None
    _playing = False

    def tell(self, log: TrainingLog | None, at: int | None, playing: bool) -> None:
        """Show where one is."""
        self._log, self._at, self._playing = log, at, playing
        self.update(self._line())

    def on_resize(self) -> None:
        """The line is as long as there is room."""
        self.update(self._line())

    def on_click(self, event: Click) -> None:
        """Go to the evaluation under the mouse."""
        if self._log and self._at is not None:
            there, cells = len(self._log.evaluations), self._cells
            if LEFT <= event.x < LEFT + cells:
                self.post_message(self.Chosen(round((event.x - LEFT) / max(1, cells - 1) * (there - 1))))

    @property
    def _cells(self) -> int:
        return min(MOST_CELLS, max(4, self.size.width // 4))

    def _line(self) -> Text:
        from tui_transformer.render.views.evaluation import evaluation_line

        if self._log is None or self._at is None:
            said = "no run is open: write its folder below (f goes there)" if self._log is None else "no evaluation yet"
            return Text(f"   {said}", style="dim")
        there, cells = len(self._log.evaluations), self._cells
        place = round(self._at / max(1, there - 1) * (cells - 1))
        line = Text(f" {'▶' if self._playing else '‖'} ")
        line.append("━" * place).append("●", "bold").append("─" * (cells - 1 - place), "dim")
        return line.append(f"  {evaluation_line(self._log, self._at)}")
