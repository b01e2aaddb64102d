"""The Model screen: the tree, the card, another model in the place of this one, two models side by side."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tui_transformer.bundle import MANIFEST
from tui_transformer.tui.app import TtxApp
from tui_transformer.tui.sitting import Sitting
from tui_transformer.tui.views.model import ModelView
from tui_transformer.tui.views.model_compare import ComparePage
from tui_transformer.tui.views.model_parts import PartsTree
from tui_transformer.tui.views.model_switch import ModelList, ModelsPage

from .conftest import SIZES, at_rest, settled, until

App = Callable[..., TtxApp]
TEXT = "Tom called Mary's bluff."


def view(app: TtxApp) -> ModelView:
    return app.query_one(ModelView)


async def opened(pilot: Pilot[None]) -> PartsTree:
    app = pilot.app
    assert isinstance(app, TtxApp)
    await settled(pilot)
    await until(pilot, lambda: app.query(PartsTree) and app.query_one(PartsTree).node)
    return app.query_one(PartsTree)


async def in_the_tree(pilot: Pilot[None]) -> None:
    await opened(pilot)
    await pilot.press("down", "down", "enter", "down", "right", "down", "right", "down")
    await at_rest(pilot)


@pytest.fixture(autouse=True)
def no_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only what a test puts there is installed, wherever the tests run."""
    from tui_transformer import catalogue

    monkeypatch.setattr(catalogue, "model_folders", lambda: iter([tmp_path / "models"]))


@pytest.fixture
def copied(bundle_folder: Path, tmp_path: Path) -> Path:
    """The same model under another name."""
    folder = tmp_path / "models" / "other"
    shutil.copytree(bundle_folder, folder)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(json.dumps(manifest | {"name": "other"}), encoding="utf-8")
    return folder


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_pictures(scripted: App, colours: str, size: tuple[int, int], snap_compare: Any) -> None:
    assert snap_compare(scripted(screen="model"), terminal_size=size, run_before=in_the_tree)


def test_card_picture(scripted: App, snap_compare: Any) -> None:
    async def card(pilot: Pilot[None]) -> None:
        await opened(pilot)
        await pilot.press("c")
        await at_rest(pilot)

    assert snap_compare(scripted(screen="model"), terminal_size=(80, 24), run_before=card)


def test_compare_picture(scripted: App, bundle_folder: Path, snap_compare: Any) -> None:
    async def compared(pilot: Pilot[None]) -> None:
        await opened(pilot)
        page = pilot.app.query_one(ComparePage)
        page.compare_with(str(bundle_folder))
        await pilot.press("d")
        await until(pilot, page.picture)
        page.query_one(Input).value = "tiny"
        await at_rest(pilot)

    assert snap_compare(scripted(screen="model"), terminal_size=(120, 40), run_before=compared)


def test_keys_walk_through_the_tree(at_work: App) -> None:
    async def walking() -> None:
        app = at_work(TEXT, Sitting(text=TEXT, screen="model"))
        async with app.run_test() as pilot:
            tree = await opened(pilot)
            for key, there in [
                ("down", ("source embedding",)), ("j", ("encoder",)), ("right", ("encoder",)),
                ("right", ("encoder", "layer 1")), ("enter", ("encoder", "layer 1")),
                ("l", ("encoder", "layer 1", "self-attention")), ("left", ("encoder", "layer 1")),
                ("h", ("encoder", "layer 1")), ("h", ("encoder",)), ("k", ("source embedding",)),
                ("up", ()), ("end", ("positions",)), ("home", ()), ("pagedown", ("positions",)), ("pageup", ()),
            ]:  # fmt: skip
                await pilot.press(key)
                assert tree.here[1:] == there, key
            picture = view(app).picture()
            assert picture
            assert picture.values["parameters"] == 133_939

    asyncio.run(walking())


def test_the_mouse_does_the_same(at_work: App) -> None:
    async def clicking() -> None:
        app = at_work(TEXT, Sitting(text=TEXT, screen="model"))
        async with app.run_test() as pilot:
            tree = await opened(pilot)
            await pilot.click(PartsTree, offset=(12, 4))
            assert tree.here == ("Transformer", "encoder")
            assert ("Transformer", "encoder") not in tree.opened
            await pilot.click(PartsTree, offset=(4, 4))
            assert ("Transformer", "encoder") in tree.opened
            await pilot.click(PartsTree, offset=(12, 5), times=2)
            assert ("Transformer", "encoder", "layer 1") in tree.opened
            await pilot.click(".pages", offset=(20, 0))
            assert view(app).chosen.NAME == "card"

    asyncio.run(clicking())


def test_every_page_has_its_key(at_work: App, copied: Path) -> None:
    async def paging() -> None:
        app = at_work(TEXT, Sitting(text=TEXT, screen="model"))
        async with app.run_test() as pilot:
            await opened(pilot)
            for key, name in [("c", "card"), ("m", "models"), ("a", "parts")]:
                await pilot.press(key)
                assert name == view(app).chosen.NAME
            await until(pilot, lambda: app.query_one(ModelList).option_count)
            await pilot.press("c")
            await until(pilot, lambda: (read := view(app).picture()) and "text" in read.values)
            card = view(app).picture()
            assert card
            assert card.values["text"].startswith("# tiny")
            assert view(app).place()["page"] == "card"
            commands = {title: callback for title, _, callback in view(app).commands()}
            assert commands.keys() >= {"Model: Card", "Model: Compare", "Model: use other (fp32)"}
            commands["Model: decoder › layer 2 › cross-attention"]()
            tree = app.query_one(PartsTree)
            assert view(app).chosen.NAME == "parts"
            assert tree.here == ("Transformer", "decoder", "layer 2", "cross-attention")
            assert tree.node
            assert tree.node.part.note == "4 heads of 12"
            await pilot.press("c")
            commands["Model: Compare"]()
            assert view(app).chosen.NAME == "compare"

    asyncio.run(paging())


def test_one_is_where_one_was(at_work: App) -> None:
    async def again() -> None:
        place = {"page": "parts", "parts": {"here": ["Transformer", "decoder", "layer 2"],
                 "opened": [["Transformer"], ["Transformer", "decoder"]]},
                 "models": {"paths": 3}, "card": 1}  # fmt: skip
        app = at_work(TEXT, Sitting(text=TEXT, screen="model", places={"model": place}))
        async with app.run_test() as pilot:
            tree = await opened(pilot)
            assert tree.node
            assert tree.node.names == ("Transformer", "decoder", "layer 2")
            assert view(app).place()["parts"] == place["parts"]

    asyncio.run(again())


def test_another_model_takes_its_place(at_work: App, copied: Path) -> None:
    async def switching() -> None:
        app = at_work(TEXT, Sitting(text=TEXT, screen="model"))
        async with app.run_test() as pilot:
            await opened(pilot)
            before, run = app.engine, app.asked.run
            await pilot.press("m")
            listed = app.query_one(ModelList)
            await until(pilot, lambda: listed.option_count)
            await pilot.press("enter")
            await until(pilot, lambda: app.engine is not before)
            assert app.engine
            assert app.engine.facts.name == "models/other"
            assert app.asked.run == run + 1
            await until(pilot, lambda: app.live.text == "Tom zwang Mary, Farbe zu bekennen.")
            await pilot.press("a")
            await until(pilot, lambda: "other" in str(app.query_one(PartsTree).border_title))

    asyncio.run(switching())


def test_a_model_that_cannot_be_had_changes_nothing(at_work: App, copied: Path) -> None:
    async def failing() -> None:
        (copied / "source.spm").unlink()
        app = at_work(TEXT, Sitting(text=TEXT, screen="model"))
        async with app.run_test(notifications=True) as pilot:
            await opened(pilot)
            before = app.engine
            await pilot.press("m", "f")
            app.query_one("#model-path", Input).value = str(copied)
            await pilot.press("enter")
            await until(pilot, lambda: app._notifications)
            (said,) = [one.message for one in app._notifications]
            assert said == f"the model {copied} lacks its file 'source.spm'"
            assert app.engine is before
            assert app.query_one("#model-path", Input).value == str(copied)

    asyncio.run(failing())


def test_a_folder_that_was_used_stays_in_the_list(at_work: App, bundle_folder: Path) -> None:
    async def using() -> None:
        app = at_work(TEXT, Sitting(text=TEXT, screen="model"))
        async with app.run_test() as pilot:
            await opened(pilot)
            before = app.engine
            app.query_one(ModelsPage).use(str(bundle_folder))
            await until(pilot, lambda: app.engine is not before)
            assert view(app).place()["models"] == {"paths": [str(bundle_folder)]}
            await until(pilot, lambda: app.query_one(ModelList).option_count == 1)

    asyncio.run(using())


def test_two_models_on_the_sentence(at_work: App, copied: Path) -> None:
    async def comparing() -> None:
        app = at_work(TEXT, Sitting(text=TEXT, screen="model"))
        async with app.run_test() as pilot:
            await opened(pilot)
            await pilot.press("m")
            listed, page = app.query_one(ModelList), app.query_one(ComparePage)
            await until(pilot, lambda: listed.option_count)
            await pilot.press("d")
            assert view(app).chosen is page
            await until(pilot, page.picture)
            picture = page.picture()
            assert picture
            assert [picture.values[side]["target"] for side in "ab"] == ["Tom zwang Mary, Farbe zu bekennen."] * 2
            assert max(step["divergence"] for step in picture.values["steps"]) < 1e-6
            app.edit("Good night.")
            await until(pilot, lambda: page.picture() is not picture)
            again = page.picture()
            assert again
            assert again.values["a"]["text"] == "Good night."

    asyncio.run(comparing())


def test_what_cannot_be_compared_stands_there(at_work: App, tmp_path: Path) -> None:
    async def comparing() -> None:
        app = at_work(TEXT, Sitting(text=TEXT, screen="model"))
        async with app.run_test(notifications=True) as pilot:
            await opened(pilot)
            await pilot.press("d")
            assert app.focused is app.query_one("#other-model")
            await pilot.press(*"nothing", "enter")
            await until(pilot, lambda: app._notifications)
            assert "no model 'nothing'" in next(iter(app._notifications)).message
            assert app.query_one(ComparePage).picture() is None
            # The line for the path keeps nobody: screens can be opened again.
            await pilot.press("escape", "1")
            assert app.front.NAME == "translate"

    asyncio.run(comparing())


@pytest.mark.parametrize("line", ["#model-path", "#other-model"])
@pytest.mark.parametrize("path", ["~nobody-of-this-name/x", "/" + "x" * 300])
def test_a_path_that_can_be_none_is_told(at_work: App, line: str, path: str) -> None:
    async def typing() -> None:
        app = at_work(TEXT, Sitting(text=TEXT, screen="model"))
        async with app.run_test(notifications=True) as pilot:
            await opened(pilot)
            await pilot.press("m" if line == "#model-path" else "d", "f")
            app.query_one(line, Input).value = path
            await pilot.press("enter")
            await until(pilot, lambda: app._notifications)
            assert path[:20] in next(iter(app._notifications)).message

    asyncio.run(typing())


def test_a_session_that_names_a_model_twice(at_work: App, tmp_path: Path) -> None:
    async def restoring() -> None:
        paths = [str(tmp_path / "a"), str(tmp_path / "a"), "nobody-a", "nobody-b"]
        place = {"page": "models", "models": {"paths": paths}}
        app = at_work(TEXT, Sitting(text=TEXT, screen="model", places={"model": place}))
        async with app.run_test() as pilot:
            await settled(pilot)
            await until(pilot, lambda: app.query(ModelList) and app.query_one(ModelList).option_count == 3)

    asyncio.run(restoring())
