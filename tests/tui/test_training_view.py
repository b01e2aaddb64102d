"""The Training screen: a run that is over, a run that goes on, and the evaluations in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tui_transformer.tui.app import TtxApp
from tui_transformer.tui.sitting import Sitting
from tui_transformer.tui.views import training
from tui_transformer.tui.views.training import TrainingView
from tui_transformer.tui.views.training_pages import CurvesPicture, RunPicture
from tui_transformer.tui.views.training_watched import WatchedPage

from .conftest import SIZES, at_rest, settled, until

App = Callable[..., TtxApp]
RUN = Path(__file__).parents[1] / "data" / "run"


def sitting(run: Path = RUN, **place: Any) -> Sitting:
    return Sitting(places={"training": {"run": str(run), **place}})


def view(app: TtxApp) -> TrainingView:
    return app.query_one(TrainingView)


async def opened(pilot: Pilot[None]) -> TrainingView:
    app = pilot.app
    assert isinstance(app, TtxApp)
    await settled(pilot)
    await until(pilot, lambda: app.query(TrainingView) and view(app).run_log)
    await until(pilot, lambda: isinstance(app.focused, RunPicture))
    return view(app)


async def attention(pilot: Pilot[None]) -> None:
    there = await opened(pilot)
    await pilot.press("a")
    await until(pilot, there.query_one(WatchedPage).picture)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_pictures(scripted: App, colours: str, size: tuple[int, int], snap_compare: Any) -> None:
    async def curves(pilot: Pilot[None]) -> None:
        await opened(pilot)
        await pilot.press("left", "left")
        await at_rest(pilot)

    assert snap_compare(scripted(screen="training", sitting=sitting()), terminal_size=size, run_before=curves)


@pytest.mark.parametrize("layout", ["one", "all", "run"])
def test_attention_pictures(scripted: App, layout: str, snap_compare: Any) -> None:
    place = {"watched": {"layout": layout, "kind": "cross", "head": 5}}

    async def watched(pilot: Pilot[None]) -> None:
        await attention(pilot)
        await at_rest(pilot)

    app = scripted(screen="training", sitting=sitting(**place))
    assert snap_compare(app, terminal_size=(100, 30), run_before=watched)


def test_samples_picture(scripted: App, snap_compare: Any) -> None:
    async def samples(pilot: Pilot[None]) -> None:
        await opened(pilot)
        await pilot.press("t", "home", "right")
        await at_rest(pilot)

    app = scripted(screen="training", sitting=sitting())
    assert snap_compare(app, terminal_size=(80, 24), run_before=samples)


def test_a_run_is_opened_by_its_path(at_work: App) -> None:
    async def opening() -> None:
        app = at_work(sitting=Sitting(text="Good night.", screen="training"))
        async with app.run_test(notifications=True) as pilot:
            await settled(pilot)
            await until(pilot, lambda: app.query(TrainingView))
            assert app.focused is app.query_one("#run-path")
            await pilot.press("escape", "t")
            assert view(app).chosen.NAME == "samples"
            await pilot.press("c", "f", *"/nowhere", "enter")
            await until(pilot, lambda: app._notifications)
            assert "is not a run folder of ttx train" in next(iter(app._notifications)).message
            app.query_one("#run-path", Input).value = str(RUN)
            await pilot.press("enter")
            await opened(pilot)
            assert isinstance(app.focused, CurvesPicture)
            assert not app.query_one("#run-path").display
            await pilot.press("f")
            assert app.query_one("#run-path").display
            app.query_one("#run-path", Input).value = "/nowhere"
            await pilot.press("enter")
            await until(pilot, lambda: len(app._notifications) == 2)
            assert view(app).run_log
            await pilot.press("escape")
            assert isinstance(app.focused, CurvesPicture)
            assert not app.query_one("#run-path").display
            assert view(app).place()["run"] == str(RUN / "metrics.jsonl")

    asyncio.run(opening())


@pytest.mark.parametrize(("kept", "at"), [(2, 2), (99, 5), (None, 5), ("2", 5), (-1, 5)])
def test_the_evaluation_comes_back_with_its_run(at_work: App, kept: object, at: int) -> None:
    async def coming_back() -> None:
        start = sitting(at=kept)
        start.screen = "training"
        app = at_work(sitting=start)
        async with app.run_test() as pilot:
            there = await opened(pilot)
            assert there.at == at
            there.open_run(RUN)
            await until(pilot, lambda: there.at == 5)

    asyncio.run(coming_back())


def test_keys_and_mouse_go_through_the_evaluations(at_work: App) -> None:
    async def going() -> None:
        start = sitting()
        start.screen = "training"
        app = at_work(sitting=start)
        async with app.run_test() as pilot:
            there = await opened(pilot)
            assert there.at == 5
            for key, at in [("left", 4), ("h", 3), ("right", 4), ("l", 5), ("right", 5), ("home", 0), ("left", 0),
                            ("t", 0), ("right", 1), ("end", 5), ("home", 0)]:  # fmt: skip
                await pilot.press(key)
                assert there.at == at, key
            picture = there.picture()
            assert picture
            assert "bekkkkkkkkk" in picture.says[0]
            await pilot.press("c")
            await pilot.click("#scrubber", offset=(3, 0))
            assert there.at == 0
            await pilot.click("#scrubber", offset=(22, 0))
            assert there.at == 5
            await pilot.click(CurvesPicture, offset=(25, 6))
            assert there.at == 0 or there.run_log.evaluations[there.at].step < 360  # type: ignore[union-attr]
            curves = there.picture()
            assert curves
            assert curves.values["evaluations"][5]["step"] == 720

    asyncio.run(going())


def test_a_run_can_be_played(at_work: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "PLAY_SECONDS", 0.05)
    seen = []
    go_to = TrainingView.go_to
    monkeypatch.setattr(TrainingView, "go_to", lambda self, place: (seen.append(place), go_to(self, place)))

    async def playing() -> None:
        start = sitting()
        start.screen = "training"
        app = at_work(sitting=start)
        async with app.run_test() as pilot:
            there = await opened(pilot)
            await pilot.press("p")
            await until(pilot, lambda: not there.playing)
            assert seen == [0, 1, 2, 3, 4, 5]
            assert there.at == 5
            await pilot.press("home")
            # From here on it never comes to the end.
            monkeypatch.setattr(TrainingView, "go_to", lambda self, place: None)
            await pilot.press("p")
            assert there.playing
            await pilot.press("p")
            assert not there.playing

    asyncio.run(playing())


def test_attention_is_what_was_kept(at_work: App) -> None:
    async def watching() -> None:
        start = sitting()
        start.screen = "training"
        app = at_work(sitting=start)
        async with app.run_test(size=(100, 30)) as pilot:
            there = await opened(pilot)
            await attention(pilot)
            page = there.query_one(WatchedPage)
            for key, title in [
                ("down", "encoder–decoder attention · L1 H1"), ("j", "L1 H2"), ("k", "L1 H1"),
                ("up", "mean of 4 heads"),
                ("up", "L2 H4"), ("n", "encoder self-attention · L2 H4"), ("n", "masked decoder self-attention"),
                ("n", "encoder–decoder attention"), ("v", "8 heads"), ("v", "L2 H4 · over the run"), ("v", "L2 H4 · "),
            ]:  # fmt: skip
                await pilot.press(key)
                picture = page.picture()
                assert picture
                assert title in picture.title, key
            assert page.place() == {"kind": "cross", "layout": "one", "head": 8}
            await pilot.click("ChoiceLine.watched", offset=(5, 0))
            assert page.place()["kind"] == "encoder"
            # This evaluation's trace has been lost.
            await pilot.press("left")
            assert page.picture() is None
            assert "cannot read" in str(page._trace())
            await pilot.press("left")
            assert page.picture()

    asyncio.run(watching())


def test_what_a_run_still_writes_appears(at_work: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "POLL_SECONDS", 0.02)
    lines = (RUN / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    run = tmp_path / "run"
    run.mkdir()
    metrics = run / "metrics.jsonl"
    metrics.write_bytes(b"".join(lines[:3]))

    def write(more: bytes) -> None:
        with open(metrics, "ab") as file:
            file.write(more)

    async def following() -> None:
        start = sitting(run)
        start.screen = "training"
        app = at_work(sitting=start)
        async with app.run_test() as pilot:
            there = await opened(pilot)
            assert there.run_log
            assert there.at is None
            write(b"".join(lines[3:8]))
            await until(pilot, lambda: there.at == 0)
            write(b"".join(lines[8:17]) + lines[17][:30])
            await until(pilot, lambda: there.at == 2)
            await pilot.press("home")
            write(lines[17][30:] + b"".join(lines[18:]))
            await until(pilot, lambda: there.run_log and there.run_log.ended)
            assert there.at == 0
            assert there.run_log.broken == 0
            # Behind another screen nothing is read.
            reads = []
            monkeypatch.setattr(TrainingView, "_read", lambda *asked: reads.append(asked))
            await pilot.press("7")
            await settled(pilot)
            write(lines[-1])
            await pilot.pause(0.2)
            assert not reads
            await pilot.press("8")
            await until(pilot, lambda: reads)

    asyncio.run(following())


def test_a_run_without_samples_is_fine(at_work: App, tmp_path: Path) -> None:
    lines = (RUN / "metrics.jsonl").read_text(encoding="utf-8").replace("watched/", "../watched/")
    (tmp_path / "metrics.jsonl").write_text(lines, encoding="utf-8")

    async def opening() -> None:
        start = sitting(tmp_path / "metrics.jsonl")
        start.screen = "training"
        app = at_work(sitting=start)
        async with app.run_test() as pilot:
            there = await opened(pilot)
            page = there.query_one(WatchedPage)
            await pilot.press("a")
            await until(pilot, lambda: page._traces)
            assert page.picture() is None
            assert "not in the run folder" in str(page._trace())

    asyncio.run(opening())


@pytest.mark.parametrize("path", ["~nobody-of-this-name/x", "/" + "x" * 300])
def test_a_path_that_can_be_none_is_told(at_work: App, path: str) -> None:
    async def typing() -> None:
        app = at_work(sitting=Sitting(screen="training"))
        async with app.run_test(notifications=True) as pilot:
            await settled(pilot)
            app.query_one("#run-path", Input).focus()
            app.query_one("#run-path", Input).value = path
            await pilot.press("enter")
            await until(pilot, lambda: app._notifications)
            assert path[:20] in next(iter(app._notifications)).message

    asyncio.run(typing())
