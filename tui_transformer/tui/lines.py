"""The two lines at the top of every screen: what is going on, and which screen it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from .views import TABS

if TYPE_CHECKING:
    from textual.events import Click

    from .engine import Facts
    from .live import Live, Playback


class StatusLine(Static):
    """Which model, on what, how fast, where in the decoding, and how likely it is."""

    def tell(self, facts: Facts | str | None, live: Live, playback: Playback, busy: bool, rate: float) -> None:
        """Show how things stand; no `facts` are awaited ones. `rate` is in tokens a second, 0 if it is not known."""
        left = Text(" ttx  ", style="bold").append(str(facts) if facts else "loading the model …", style="not bold")
        right = Text(_state(live, playback, busy, rate) + " ")
        room = self.size.width - left.cell_len - right.cell_len
        if room < 1:
            left.truncate(max(0, self.size.width - right.cell_len - 1), overflow="ellipsis")
            room = max(0, self.size.width - left.cell_len - right.cell_len)
        self.update(Text.assemble(left, " " * room, right, no_wrap=True))


def _state(live: Live, playback: Playback, busy: bool, rate: float) -> str:
    steps, shown = live.steps, live.steps[: playback.moment]
    mark = "▶" if playback.playing else "‖"
    speed = (
        f"{playback.pace:g} tok/s" if playback.pace and playback.playing else f"{rate:,.0f} tok/s" if rate else "live"
    )
    parts = [f"{mark} {'…' if busy else speed}", f"token {len(shown)}/{len(steps)}"]
    if shown:
        from .live import log_probability

        parts.append(f"log p {log_probability([step.chosen for step in shown]):.2f}".replace("-", "−"))
    if live.request.off:
        parts.insert(0, f"{len(live.request.off)} head{'s' * (len(live.request.off) > 1)} off")
    if len(live.sentences) > 1:
        parts.insert(0, f"sentence {live.request.sentence + 1}/{len(live.sentences)}")
    return "   ".join([live.request.mode + (f" {live.request.beam}" * (live.request.mode == "beam")), *parts])


class TabLine(Static):
    """The names of the screens, with the keys that open them; a click opens one too."""

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    front = "translate"

    def tell(self, front: str) -> None:
        """Which screen is in front."""
        self.front = front
        self.update(Content.assemble(" ", *(self._tab(number, short) for number, short in self._labels())))

    def on_resize(self) -> None:
        """Titles are shortened where they do not fit."""
        self.tell(self.front)

    def on_click(self, event: Click) -> None:
        """Open the tab under the mouse."""
        for at, end, name in self._spans():
            if at <= event.x < end:
                self.post_message(self.Chosen(name))

    def places(self) -> list[tuple[int, str]]:
        """The column and the name of each tab."""
        return [(at, name) for at, _, name in self._spans()]

    def _spans(self) -> list[tuple[int, int, str]]:
        """Where each tab begins and ends, and its name."""
        found, at = [], 1
        for number, title in self._labels():
            end = at + len(str(number)) + len(title) + 3
            found.append((at, end, TABS[number - 1].name))
            at = end
        return found

    def _labels(self) -> list[tuple[int, str]]:
        whole = [(number, tab.title) for number, tab in enumerate(TABS, 1)]
        if sum(len(title) + 4 for _, title in whole) < self.size.width:
            return whole
        return [(number, title[:5] if TABS[number - 1].name != self.front else title) for number, title in whole]

    def _tab(self, number: int, title: str) -> Content:
        chosen = TABS[number - 1].name == self.front
        style = "bold reverse" if chosen else "$text-muted"
        return Content.styled(f" {number} {title} ", style)
