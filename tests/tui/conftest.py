"""The application on scripted events: no picture of it needs a model, and none depends on the machine."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui_transformer.tui.app import TtxApp
    from tui_transformer.tui.sitting import Sitting

TRACES = Path(__file__).parents[1] / "data" / "traces"
REST_SECONDS = 60.0
"""Only a busy machine ever needs so many."""
SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A terminal with all colours, and nobody's own settings."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TTX_SESSION", str(tmp_path / "session.json"))


@pytest.fixture(params=["colour", "no-colour"])
def colours(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Once in colour, once as NO_COLOR asks."""
    if request.param == "no-colour":
        monkeypatch.setenv("NO_COLOR", "1")
    return str(request.param)


@pytest.fixture
def scripted(bundle_folder: Path) -> Callable[..., TtxApp]:
    """`scripted(trace="a", screen="attention")`: the application on the events of a kept trace.

    Views that ask for more than a decoding get it from the tiny model.
    """

    def make(trace: str = "a", screen: str = "translate", sitting: Sitting | None = None) -> TtxApp:
        from tui_transformer.traces import as_recording, load_trace
        from tui_transformer.translator import Translator
        from tui_transformer.tui.app import TtxApp
        from tui_transformer.tui.engine import Facts, ReplayEngine
        from tui_transformer.tui.sitting import Sitting

        path = TRACES / f"{trace}.trace"
        kept = as_recording(load_trace(path), path)

        class Scripted(ReplayEngine):
            """The events of a trace, and the tiny model beside them."""

            @property
            def translator(self) -> Translator:
                return Translator.load(str(bundle_folder), "cpu")

        def load() -> Scripted:
            engine = Scripted(kept, path)
            engine.facts = Facts("models/tiny", ("en", "de"), "fp32", "cpu", replay=True)
            engine.text = None  # the editor can be written in
            return engine

        sitting = sitting or Sitting()
        sitting.text, sitting.screen = sitting.text or kept.reading.encoded.text, screen
        sitting.mode = "beam" if kept.searches else "greedy"
        return TtxApp(load, sitting)

    return make


@pytest.fixture
def at_work(bundle_folder: Path) -> Callable[..., TtxApp]:
    """`at_work("Good night.")`: the application with the tiny model."""

    def make(text: str = "Tom called Mary's bluff.", sitting: Sitting | None = None, **more: Any) -> TtxApp:
        from tui_transformer.translator import Translator
        from tui_transformer.tui.app import TtxApp
        from tui_transformer.tui.engine import ModelEngine
        from tui_transformer.tui.sitting import Sitting

        sitting = sitting or Sitting(text=text)
        return TtxApp(lambda: ModelEngine(Translator.load(str(bundle_folder), "cpu")), sitting, **more)

    return make


async def settled(pilot: Pilot[None]) -> None:
    """Wait until all that was asked for is there and drawn."""
    from tui_transformer.tui.app import TtxApp

    app = pilot.app
    assert isinstance(app, TtxApp)
    deadline = time.monotonic() + REST_SECONDS
    while time.monotonic() < deadline:
        await pilot.pause(0.01)
        if app.engine and app.settled:
            # Once more, so that layout and pictures follow.
            await pilot.pause()
            return
    raise AssertionError("the application does not come to rest")


async def at_rest(pilot: Pilot[None]) -> None:
    """For `run_before` of a snapshot: at rest, and the editor's cursor does not blink."""
    from textual.widgets import TextArea

    for area in pilot.app.query(TextArea):
        area.cursor_blink = False
    await settled(pilot)
    # Keys at the bottom and scroll bars follow a moment later.
    alike, before = 0, ""
    for _ in range(200):
        now = pilot.app.export_screenshot()
        alike, before = (alike + 1, before) if now == before else (0, now)
        if alike == 3:
            return
        await pilot.pause(0.05)
    raise AssertionError("the screen does not come to rest")


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    """Wait for what a thread brings."""
    deadline = time.monotonic() + REST_SECONDS
    while time.monotonic() < deadline:
        await pilot.pause(0.01)
        if condition():
            await settled(pilot)
            return
    raise AssertionError("it did not happen")


def piloted(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that has a loop of its own."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(test(*arguments, **named))

    return run


def watch(
    app: TtxApp, work: Callable[[TtxApp, Pilot[None]], Awaitable[None]], size: tuple[int, int] = (120, 40)
) -> None:
    """Do this work on the application, as soon as it is at rest."""

    async def all_of_it() -> None:
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await work(app, pilot)

    asyncio.run(all_of_it())


def text_of(app: TtxApp) -> str:
    """What stands in the editor."""
    from tui_transformer.tui.views.translate import SourceEditor

    return app.query_one(SourceEditor).text
