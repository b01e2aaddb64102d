"""Windows that become smaller or larger, and narrow ones: everything is drawn for the room that there is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tui_transformer.tui.app import TtxApp
from tui_transformer.tui.views import TABS
from tui_transformer.tui.views.training_scrubber import Scrubber
from tui_transformer.tui.widgets.choices import ChoiceLine
from tui_transformer.tui.widgets.knobs import Knobs

from .conftest import at_rest, until, watch

App = Callable[..., TtxApp]
LARGE, SMALL = (160, 50), (80, 24)


def lines(app: TtxApp) -> list[str]:
    return ["".join(segment.text for segment in strip).rstrip() for strip in app.screen._compositor.render_strips()]


@pytest.mark.parametrize(("screen", "line"), [("positions", Knobs), ("training", Scrubber), ("embeddings", ChoiceLine)])
def test_a_line_that_has_no_room_says_that_it_goes_on(scripted: App, screen: str, line: type[Static]) -> None:
    async def narrow(app: TtxApp, pilot: Pilot[None]) -> None:
        await at_rest(pilot)
        drawn = app.query(line).first().render_line(0).text
        assert drawn.rstrip().endswith("…")
        assert len(drawn.rstrip()) >= len(drawn) - 1

    watch(scripted(screen=screen), narrow, (36, 24))


@pytest.mark.parametrize("screen", [tab.name for tab in TABS if tab.name != "training"])
@pytest.mark.parametrize(("before", "after"), [(LARGE, SMALL), (SMALL, LARGE)], ids=["smaller", "larger"])
def test_a_window_that_changes_shows_what_a_new_one_does(
    scripted: App, screen: str, before: tuple[int, int], after: tuple[int, int]
) -> None:
    shown = []

    async def new(app: TtxApp, pilot: Pilot[None]) -> None:
        await at_rest(pilot)
        shown.append(lines(app))

    async def changed(app: TtxApp, pilot: Pilot[None]) -> None:
        await at_rest(pilot)
        await pilot.resize_terminal(*after)
        # On a busy machine the news of it is long in coming. What is not alike in the end is told line by line.
        with suppress(AssertionError):
            await until(pilot, lambda: lines(app) == shown[0])
        await new(app, pilot)

    watch(scripted(screen=screen), new, after)
    watch(scripted(screen=screen), changed, before)
    assert shown[0] == shown[1]
