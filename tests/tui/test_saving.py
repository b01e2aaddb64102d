"""Pictures, values and recordings that leave the application."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Input, Label

from tui_transformer.errors import InputError
from tui_transformer.translator import Translator
from tui_transformer.tui.app import TtxApp
from tui_transformer.tui.editor import edited
from tui_transformer.tui.saving import SaveScreen
from tui_transformer.tui.sitting import Sitting
from tui_transformer.tui.views.translate import Candidates, SourceEditor

from .conftest import settled, text_of

App = Callable[..., TtxApp]


@pytest.mark.parametrize("suffix", ["svg", "html", "txt", "tsv", "json"])
def test_the_picture_is_saved(at_work: App, tmp_path: Path, suffix: str) -> None:
    async def saving() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("escape", "s")
            assert isinstance(app.screen, SaveScreen)
            app.screen.query_one(Input).value = str(tmp_path / f"new.{suffix}")
            await pilot.press("enter")
            await pilot.pause()
            assert not isinstance(app.screen, SaveScreen)

    asyncio.run(saving())
    content = (tmp_path / f"new.{suffix}").read_text(encoding="utf-8")
    assert "zwang" in content or "▁z" in content
    if suffix == "json":
        assert json.loads(content)["view"] == "decode"


def test_a_name_that_is_taken_or_will_not_do(at_work: App, tmp_path: Path) -> None:
    async def saving() -> None:
        app = at_work()
        (tmp_path / "old.txt").write_text("mine")
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("escape", "s")
            name = app.screen.query_one(Input)
            name.value = str(tmp_path / "new.doc")
            await pilot.press("enter")
            assert isinstance(app.screen, SaveScreen)
            name.value = str(tmp_path / "old.txt")
            await pilot.press("enter")
            assert (tmp_path / "old.txt").read_text() == "mine"
            await pilot.press("enter")
            await pilot.pause()
            assert (tmp_path / "old.txt").read_text() != "mine"
            # What cannot be written is said, and nothing ends.
            await pilot.press("s")
            app.screen.query_one(Input).value = str(tmp_path / "none" / "new.txt")
            await pilot.press("enter")
            await pilot.pause()
            assert any("cannot write" in notification.message for notification in app._notifications)
            await pilot.press("s", "escape")
            assert not isinstance(app.screen, SaveScreen)

    asyncio.run(saving())


def test_copying(at_work: App, translator: Translator) -> None:
    async def copying() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("escape", "y")
            assert app.clipboard == translator.translate_line("Tom called Mary's bluff.")
            await pilot.press("Y")
            header, *rows = app.clipboard.split("\n")
            assert "\t" in header
            assert len(rows) >= len(app.live.steps)

    asyncio.run(copying())


def test_a_decoding_is_recorded_and_replayed(at_work: App, tmp_path: Path) -> None:
    from tui_transformer.traces import as_recording, load_trace
    from tui_transformer.tui.engine import ReplayEngine

    path = tmp_path / "kept.trace"

    async def recording() -> str | None:
        app = at_work(record=path)
        async with app.run_test() as pilot:
            await settled(pilot)
            return app.live.text

    async def replaying(text: str | None) -> None:
        app = TtxApp(lambda: ReplayEngine(as_recording(load_trace(path), path), path), Sitting(text="other"))
        async with app.run_test() as pilot:
            await settled(pilot)
            assert "it cannot be changed" in str(app.query_one(SourceEditor).border_title)
            assert (app.live.text, text_of(app)) == (text, "Tom called Mary's bluff.")
            await pilot.press("escape", "comma")
            app.query_one(Candidates).focus()
            await pilot.press("down", "enter")
            await settled(pilot)
            assert any("replay" in notification.message for notification in app._notifications)

    asyncio.run(replaying(asyncio.run(recording())))


def test_a_long_path_that_is_taken_is_told_whole(at_work: App, tmp_path: Path) -> None:
    async def saving() -> None:
        app = at_work()
        path = tmp_path / ("long-" * 30 + "name.txt")
        path.write_text("mine")
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            await pilot.press("escape", "s")
            app.screen.query_one(Input).value = str(path)
            await pilot.press("enter")
            await pilot.pause()
            warning = app.screen.query_one("#warning", Label)
            lines = [strip.text.strip() for strip in warning.render_lines(warning.size.region)]
            said = "".join(lines)
            assert lines[0].startswith("there is such a file: enter again to overwrite")
            assert said.endswith("name.txt")
            assert warning.region in app.screen.query_one("#save").region

    asyncio.run(saving())


@pytest.mark.parametrize("name", ["~nobody-of-this-name/x.svg", "x" * 300 + ".svg"])
def test_a_name_that_can_be_none_is_told(at_work: App, name: str) -> None:
    async def saving() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("escape", "s")
            app.screen.query_one(Input).value = name
            await pilot.press("enter")
            await pilot.pause()
            assert isinstance(app.screen, SaveScreen)
            assert name[:20] in str(app.screen.query_one("#warning", Label).content)

    asyncio.run(saving())


@pytest.mark.parametrize(
    ("editor", "said"), [('vi "x', "cannot run the editor 'vi \"x'"), ("rm", "left no text behind"), ("   ", "")]
)
def test_editors_that_cannot_be(monkeypatch: pytest.MonkeyPatch, editor: str, said: str) -> None:
    monkeypatch.setenv("VISUAL", editor)
    monkeypatch.setenv("EDITOR", "true")
    if not said:
        assert edited("a text") == "a text"
        return
    with pytest.raises(InputError, match=re.escape(said)):
        edited("a text")
