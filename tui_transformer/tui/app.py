"""The shell of `ttx tui`: the screens, and what keys do that have nothing to do with decoding."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult, SuspendNotSupported
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.events import Event, Key
from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Input, Static

from tui_transformer.errors import TtxError

from .conductor import Conductor
from .keys import FIRST, SHELL
from .lines import StatusLine, TabLine
from .palette import TtxCommands
from .sitting import Sitting
from .themes import THEMES
from .view import View, Views
from .views import TABS
from .views.translate import SourceEditor, TranslateView

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from .engine import Engine
    from .profile import Profile

SPOKEN_SECONDS = 0.15
NO_MODEL = "no model: choose one on the Model screen"


class TtxApp(Conductor):
    """The application. `keymap` gives other keys to bindings, by their ids; `keep` takes what is to be remembered.

    Models that are chosen later compute on the `device` as well.
    """

    TITLE = "ttx"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*SHELL]
    COMMANDS = App.COMMANDS | {TtxCommands}
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012

    def __init__(
        self,
        load: Callable[[], Engine],
        sitting: Sitting | None = None,
        keymap: dict[str, str] | None = None,
        record: Path | None = None,
        keep: Callable[[Sitting], None] | None = None,
        profile: Profile | None = None,
        device: str = "auto",
    ) -> None:
        super().__init__(load, sitting, record)
        self._keep, self._profile, self.device = keep, profile, device
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self.sitting.theme if self.sitting.theme in self.available_themes else THEMES[0].name
        self.set_keymap(keymap or {})

    def compose(self) -> ComposeResult:
        """Two lines, the screen in front, the keys."""
        yield StatusLine(id="status")
        yield TabLine(id="tabs")
        with Views(id="views"):
            yield TABS[0].open()
        with VerticalScroll(id="speech"):
            yield Static(id="spoken")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Draw first, load then."""
        # A machine that shuts down, or a window that is closed: nothing typed is lost.
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hung_up)
        self.call_after_refresh(self._begin)

    def on_views_resized(self) -> None:
        """What is shown may depend on the room there is."""
        self.call_after_refresh(self.draw_soon)

    def _hung_up(self) -> None:
        """There is no terminal any more that could be left in order."""
        self.remembered()
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGHUP)

    async def _begin(self) -> None:
        self.start()
        self._speak()
        self.front.take(self.sitting.places.get(self.front.NAME, {}))
        if self.sitting.screen in {tab.name for tab in TABS}:
            await self.action_open(self.sitting.screen)
        self.draw_soon()

    def draw(self) -> None:
        """Show the moment on the screen in front."""
        if self._profile:
            self._profile.drawing()
        facts = self.engine.facts if self.engine else None
        model = facts or (NO_MODEL if self.no_model else None)
        self.shell.query_one(StatusLine).tell(model, self.live, self.playback, self.busy, self.rate)
        # A screen that is just being made draws itself as soon as it has its parts.
        if self.front.is_mounted:
            self.front.show()
        self._say()

    def _say(self) -> None:
        """Say what is on screen, if that is wanted."""
        if self.sitting.spoken and self.screen_stack and self.front.is_mounted:
            picture = self.front.picture()
            said = [picture.title, "", *picture.says] if picture else ["nothing to tell yet"]
            self.shell.query_one("#spoken", Static).update(Text("\n".join(said)))

    async def on_event(self, event: Event) -> None:
        """Textual's own, and a clock for keys."""
        if self._profile and isinstance(event, Key):
            self._profile.key()
        await super().on_event(event)
        if self.sitting.spoken and isinstance(event, Key):
            # Cursors are the screens' own: what a key has moved them to is said as soon as it is there.
            self.later(SPOKEN_SECONDS, self._say)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that come first are for the screens, not for what is above them; inline there is one screen only."""
        if self.is_inline and action in ("open", "screen"):
            return False
        # None, not False: the palette is above them as well, and still offers what they do.
        return None if action in FIRST and len(self.screen_stack) > 1 else super().check_action(action, parameters)

    def post_display_hook(self) -> None:
        """Something has been painted."""
        if self._profile:
            self._profile.painted()

    # -- screens ---------------------------------------------------------------------------------------

    @property
    def shell(self) -> Screen[object]:
        """The screen below whatever has been put above it: help, the palette, a question."""
        return self.screen_stack[0]

    @property
    def front(self) -> View:
        """The screen in front."""
        return next(view for view in self.shell.query(View) if view.display)

    async def action_open(self, name: str) -> None:
        """Bring a screen to the front; made now if it was never opened. A few lines (inline) have room for one only."""
        tab = next(tab for tab in TABS if tab.name == name)
        front = self.front
        if name == front.NAME or self.is_inline:
            return
        found = [view for view in self.shell.query(View) if name == view.NAME]
        front.display = False
        if found:
            found[0].display = True
        else:
            view = tab.open()
            await self.shell.query_one("#views").mount(view)
            view.take(self.sitting.places.get(name, {}))
        self.shell.query_one(TabLine).tell(name)
        self.front.entered()
        self.draw_soon()
        # Sizes are known a moment later, and some pictures are made for them.
        self.call_after_refresh(self.draw_soon)

    async def action_screen(self, by: int) -> None:
        """The screen so many tabs further."""
        names = [tab.name for tab in TABS]
        await self.action_open(names[(names.index(self.front.NAME) + by) % len(names)])

    async def on_tab_line_chosen(self, message: TabLine.Chosen) -> None:
        """A tab was clicked."""
        await self.action_open(message.name)

    # -- writing ---------------------------------------------------------------------------------------

    async def action_write(self) -> None:
        """Into the editor."""
        await self.action_open("translate")
        self.shell.query_one(TranslateView).write()

    def action_leave(self) -> None:
        """Out of the editor, to the screen's own widget; from a line that asks for a path, to what is around it."""
        self.front.entered()
        # The focus follows later, and so does the question where it went.
        self.call_later(self._out_of_the_line)

    def _out_of_the_line(self) -> None:
        if isinstance(self.focused, Input):
            around = [one for one in self.screen.focus_chain if self.front in one.ancestors]
            self.set_focus(next((one for one in around if not isinstance(one, Input)), None))

    async def action_editor(self) -> None:
        """The text in $EDITOR, and what became of it back."""
        from .editor import edited

        text = self.asked.request.text
        if self._refused():
            return
        try:
            with self.suspend():
                text = edited(text)
        except SuspendNotSupported:
            self.notify("there is no terminal here for an editor", severity="error")
        except TtxError as error:
            self.notify(str(error), severity="error", timeout=8)
        self._put(text)

    def action_history(self, by: int) -> None:
        """An earlier or a later text."""
        if self._refused():
            return
        history = self.sitting.history
        text = self.asked.request.text.strip()
        place = history.index(text) if text in history else len(history)
        if 0 <= place + by < len(history):
            self._put(history[place + by])
        else:
            self.notify("there is no " + ("earlier text" if by < 0 else "later one"), timeout=2)

    def _refused(self) -> bool:
        if self.fixed:
            self.notify("this is a replay: its text cannot be changed", severity="warning", timeout=3)
        return self.fixed

    def show_only(self, text: str) -> None:
        """A replay's text, which cannot be changed."""
        self._put(text)
        editor = self.shell.query_one(SourceEditor)
        editor.read_only, editor.border_title = True, "source · a replay, it cannot be changed"

    def change_engine(self, engine: Engine) -> None:
        """Another model from now on; after a replay the text can be changed again."""
        editor = self.query_one(SourceEditor)
        editor.read_only, editor.border_title = engine.text is not None, "source"
        super().change_engine(engine)

    def _put(self, text: str) -> None:
        self.shell.query_one(TranslateView).set_text(text)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,  # noqa: ARG002
    ) -> None:
        """As Textual's; but never as markup, because what is said may be somebody's text or path."""
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=False)

    # -- taking away -----------------------------------------------------------------------------------

    def action_copy_translation(self) -> None:
        """The translation of the whole text, or as much of it as there is."""
        finished = self.live.reading.finished
        text = self.live.text if self.live.text is not None else finished.text if finished else ""
        self._copy(text, "the translation")

    def action_copy_table(self) -> None:
        """The values of the screen in front, tab-separated."""
        picture = self.front.picture()
        self._copy("\n".join(picture.table.lines()) if picture else "", "the values, tab-separated")

    def _copy(self, text: str, what: str) -> None:
        if not text:
            self.notify("there is nothing to copy yet", severity="warning", timeout=3)
            return
        self.copy_to_clipboard(text)
        self.notify(f"copied {what}", timeout=2)

    def action_save(self) -> None:
        """The picture of the screen in front, as a file."""
        from .saving import SaveScreen, keep

        picture = self.front.picture()
        if picture is None:
            self.notify("there is nothing to save yet", severity="warning", timeout=3)
            return

        def named(path: Path | None) -> None:
            try:
                if path:
                    keep(self, picture, path)
            except TtxError as error:
                self.notify(str(error), severity="error", timeout=8)

        self.push_screen(SaveScreen(f"ttx-{self.front.NAME}.svg"), named)

    # -- finding one's way -----------------------------------------------------------------------------

    def action_help(self) -> None:
        """About the screen in front, the focused thing and the keys."""
        from .help import HelpScreen, keys_of

        self.push_screen(HelpScreen(self.front, self.focused, keys_of(self.screen)))

    def action_jump_mode(self) -> None:
        """A letter at every place that can be gone to."""
        from .jump import JumpScreen

        tabs = self.shell.query_one(TabLine)
        places: list[tuple[Offset, Widget | str]] = []
        if tabs.display:
            places += [(Offset(at, tabs.region.y), name) for at, name in tabs.places()]
        places += [(widget.region.offset, widget) for widget in self.shell.focus_chain if widget.region]

        async def gone(target: Widget | str | None) -> None:
            if isinstance(target, str):
                await self.action_open(target)
            elif target:
                target.focus()

        self.push_screen(JumpScreen(places), gone)

    def action_screen_reader(self) -> None:
        """Sentences instead of pictures, and back."""
        self.sitting.spoken = not self.sitting.spoken
        self._speak()
        self.draw_soon()

    def _speak(self) -> None:
        self.shell.set_class(self.sitting.spoken, "-spoken")

    # -- leaving ---------------------------------------------------------------------------------------

    def remembered(self) -> None:
        """Keep the sitting: whatever happens next, nothing typed is lost."""
        if self._keep:
            try:
                self._keep(self.sitting_now())
            except OSError as error:
                self._keep = None
                self.notify(f"the session cannot be kept: {error.strerror}", severity="warning", timeout=8)

    def exit(self, *args: Any, **options: Any) -> None:
        """Keep the sitting, then leave."""
        self.remembered()
        super().exit(*args, **options)

    def sitting_now(self) -> Sitting:
        """Where one is now, to go on from another time."""
        request, sitting = self.asked.request, self.sitting
        sitting.text, sitting.mode, sitting.sentence = request.text, request.mode, request.sentence
        sitting.prefix, sitting.off = list(request.prefix), sorted(map(str, request.off))
        sitting.model = self.engine.facts.name if self.engine else sitting.model
        sitting.screen, sitting.theme = sitting.screen if self.is_inline else self.front.NAME, self.theme
        sitting.places |= {view.NAME: view.place() for view in self.shell.query(View)}
        return sitting
