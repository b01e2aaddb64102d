"""The shell of `ttx tui`: the screens, and what keys do that have nothing to do with decoding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widgets import Footer

from .conductor import Conductor
from .keys import SHELL
from .lines import StatusLine, TabLine
from .sitting import Sitting
from .themes import THEMES
from .view import View
from .views import TABS

if TYPE_CHECKING:
    from .engine import Engine


class TtxApp(Conductor):
    """The application. `keymap` gives other keys to bindings, by their ids."""

    TITLE = "ttx"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*SHELL]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012

    def __init__(
        self, load: Callable[[], Engine], sitting: Sitting | None = None, keymap: dict[str, str] | None = None
    ) -> None:
        super().__init__(load, sitting)
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self.sitting.theme if self.sitting.theme in self.available_themes else THEMES[0].name
        self.set_keymap(keymap or {})

    def compose(self) -> ComposeResult:
        """Two lines, the screen in front, the keys."""
        yield StatusLine(id="status")
        yield TabLine(id="tabs")
        with Container(id="views"):
            yield TABS[0].open()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Draw first, load then."""
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        self.start()
        self.front.take(self.sitting.places.get(self.front.NAME, {}))
        if self.sitting.screen in {tab.name for tab in TABS}:
            await self.action_open(self.sitting.screen)
        self.draw_soon()

    def draw(self) -> None:
        """Show the moment on the screen in front."""
        facts = self.engine.facts if self.engine else None
        self.query_one(StatusLine).tell(facts, self.live, self.playback, self.busy, self.rate)
        self.front.show()

    # -- screens ---------------------------------------------------------------------------------------

    @property
    def front(self) -> View:
        """The screen in front."""
        return next(view for view in self.query(View) if view.display)

    async def action_open(self, name: str) -> None:
        """Bring a screen to the front; made now if it was never opened."""
        tab = next(tab for tab in TABS if tab.name == name)
        front = self.front
        if name == front.NAME:
            return
        found = [view for view in self.query(View) if name == view.NAME]
        front.display = False
        if found:
            found[0].display = True
        else:
            view = tab.open()
            await self.query_one("#views").mount(view)
            view.take(self.sitting.places.get(name, {}))
        self.query_one(TabLine).tell(name)
        self.front.entered()
        self.draw_soon()

    async def action_screen(self, by: int) -> None:
        """The screen so many tabs further."""
        names = [tab.name for tab in TABS]
        await self.action_open(names[(names.index(self.front.NAME) + by) % len(names)])

    async def on_tab_line_chosen(self, message: TabLine.Chosen) -> None:
        """A tab was clicked."""
        await self.action_open(message.name)

    def action_leave(self) -> None:
        """Out of the editor, to the screen's own widget."""
        self.set_focus(None)
        self.front.entered()
