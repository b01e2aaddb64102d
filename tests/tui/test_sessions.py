"""What is left of a sitting is there in the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tui_transformer.heads import Head
from tui_transformer.tui.app import TtxApp
from tui_transformer.tui.sitting import Sitting, load_sitting, save_sitting

from .conftest import settled, text_of

App = Callable[..., TtxApp]


def test_earlier_texts(at_work: App) -> None:
    async def remembering() -> None:
        app = at_work(sitting=Sitting(text="Good night.", history=["a", "b", "Good night."]))
        async with app.run_test() as pilot:
            await settled(pilot)
            for key, text in [("ctrl+up", "b"), ("ctrl+up", "a"), ("ctrl+up", "a"), ("ctrl+down", "b")]:
                await pilot.press(key)
                await settled(pilot)
                assert text_of(app) == app.live.request.text == text

    asyncio.run(remembering())


def test_inline_there_is_one_screen(at_work: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TtxApp, "is_inline", True)

    async def watching() -> None:
        app = at_work(sitting=Sitting(text="Good night.", screen="beam"))
        async with app.run_test() as pilot:
            await settled(pilot)
            assert app.front.NAME == "translate"
            await pilot.press("escape", "2", "ctrl+pagedown")
            await settled(pilot)
            assert app.front.NAME == "translate"
            # The next sitting that is not inline goes on where the one before was.
            assert app.sitting_now().screen == "beam"

    asyncio.run(watching())


def test_the_next_sitting_goes_on_where_this_one_ended(at_work: App, tmp_path: Path) -> None:
    path = tmp_path / "session.json"

    async def first() -> None:
        app = at_work(keep=lambda sitting: save_sitting(sitting, path))
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("escape", "b", "less_than_sign")
            await settled(pilot)
            app.go_to(2)
            app.take_branch(app.live.steps[1].candidates[2].id)
            await settled(pilot)
            app.ask(replace(app.asked.request, off=frozenset({Head("cross", 0, 0)})))
            await settled(pilot)
            await pilot.press("q")

    async def second() -> None:
        app = at_work(sitting=load_sitting(path))
        async with app.run_test() as pilot:
            await settled(pilot)
            request = app.live.request
            assert (request.text, request.mode) == ("Tom called Mary's bluff.", "greedy")
            assert len(request.prefix) == 2
            assert request.off == {Head("cross", 0, 0)}

    asyncio.run(first())
    asyncio.run(second())


def test_a_session_that_cannot_be_kept_ends_nothing(at_work: App, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    async def leaving() -> None:
        app = at_work(keep=lambda sitting: save_sitting(sitting, tmp_path / "file" / "session.json"))
        async with app.run_test() as pilot:
            await settled(pilot)
            app.remembered()
            await pilot.pause()
            assert any("cannot be kept" in notification.message for notification in app._notifications)
            await pilot.press("escape", "q")

    asyncio.run(leaving())


def test_a_session_of_another_time_breaks_nothing(at_work: App) -> None:
    async def restoring() -> None:
        sitting = Sitting(
            text="Good night.", model="data/tiny", sentence=-7, prefix=[999_999, -5], off=["encoder:99:1", "x"]
        )
        app = at_work(sitting=sitting)
        async with app.run_test() as pilot:
            await settled(pilot)
            assert app.engine
            assert app.engine.facts.name == "data/tiny"
            assert (app.live.request.sentence, app.live.request.prefix) == (0, ())
            assert app.live.text

    asyncio.run(restoring())
