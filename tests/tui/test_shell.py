"""What keys do that belong to no screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Input, Static, TextArea

from tui_transformer.errors import UsageError
from tui_transformer.heads import Head
from tui_transformer.translator import Translator
from tui_transformer.tui.app import TtxApp
from tui_transformer.tui.help import HelpScreen
from tui_transformer.tui.jump import JumpScreen
from tui_transformer.tui.keys import SHELL, keymap
from tui_transformer.tui.lines import TabLine
from tui_transformer.tui.saving import SaveScreen
from tui_transformer.tui.sitting import Sitting
from tui_transformer.tui.views.beam_tree import BeamTree
from tui_transformer.tui.views.embeddings import EmbeddingsView
from tui_transformer.tui.views.model_switch import ModelList
from tui_transformer.tui.views.positions_map import EncodingMap
from tui_transformer.tui.views.translate import Candidates, SourceEditor, TargetPieces
from tui_transformer.tui.widgets.head_grid import HeadGrid

from .conftest import settled, text_of, until

App = Callable[..., TtxApp]


def test_what_is_typed_is_translated(at_work: App, translator: Translator) -> None:
    async def typing() -> None:
        app = at_work("")
        async with app.run_test() as pilot:
            await pilot.press(*"Good night.")
            await settled(pilot)
            assert app.live.text == translator.translate_line("Good night.")
            assert app.live.request.text == text_of(app) == "Good night."

    asyncio.run(typing())


def test_keys_move_the_moment(at_work: App) -> None:
    async def moving() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            there = len(app.live.steps)
            assert app.playback.moment == there
            await pilot.press("escape")
            for key, moment in [
                ("comma", there - 1), ("comma", there - 2), ("full_stop", there - 1), ("less_than_sign", 0),
                ("comma", 0), ("full_stop", 1), ("greater_than_sign", there), ("full_stop", there),
                ("left", there - 1), ("h", there - 2), ("right", there - 1), ("l", there), ("home", 0), ("end", there),
            ]:  # fmt: skip
                await pilot.press(key)
                assert app.playback.moment == moment, key
            await pilot.press("space")
            assert app.playback.playing
            await settled(pilot)
            assert app.playback.moment == there

    asyncio.run(moving())


def test_the_speed_is_kept(at_work: App) -> None:
    async def playing() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("escape", "minus", "minus")
            assert app.playback.speed == 8.0
            await pilot.press("plus")
            assert app.playback.speed == 16.0
            assert app.sitting_now().speed == 16.0
            await pilot.press(*["minus"] * 9)
            assert app.playback.speed == 1.0
            await pilot.press("space")
            assert app.playback.playing
            assert app.playback.moment < len(app.live.steps)
            await pilot.press("space")
            assert not app.playback.playing

    asyncio.run(playing())


def test_b_goes_through_the_modes(at_work: App, translator: Translator) -> None:
    async def switching() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("escape")
            modes = [app.live.request.mode]
            for _ in range(3):
                await pilot.press("b")
                await settled(pilot)
                modes.append(app.live.request.mode)
            assert modes == ["beam", "greedy", "sample", "beam"]
            await pilot.press("b", "b")
            await settled(pilot)
            seed = app.live.request.seed
            await pilot.press("r")
            await settled(pilot)
            assert app.live.request.seed == seed + 1

    asyncio.run(switching())


def test_another_candidate_is_a_branch_and_o_goes_back(at_work: App) -> None:
    async def branching() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            before = app.live
            await pilot.press("escape", "less_than_sign", "full_stop", "full_stop")
            app.query_one(Candidates).focus()
            await pilot.press("down", "enter")
            await settled(pilot)
            taken = before.steps[1].candidates[1]
            assert [step.chosen.id for step in app.live.steps[:2]] == [before.steps[0].chosen.id, taken.id]
            assert app.other is before
            assert str(app.query_one(TargetPieces).border_subtitle).startswith("other branch")
            await pilot.press("o")
            await settled(pilot)
            assert app.live.text == before.text
            await pilot.press("o")
            await settled(pilot)
            assert app.live.steps[1].chosen.id == taken.id

    asyncio.run(branching())


def test_a_mouse_can_do_it_too(at_work: App) -> None:
    async def clicking() -> None:
        app = at_work()
        async with app.run_test(size=(120, 40)) as pilot:
            await settled(pilot)
            await pilot.click(TargetPieces, offset=(3, 1))
            await settled(pilot)
            assert app.playback.moment == 1
            await pilot.click(Candidates, offset=(3, 2))
            await pilot.click(Candidates, offset=(3, 2), times=2)
            await settled(pilot)
            assert app.other is not None
            assert app.live.request.prefix

    asyncio.run(clicking())


def test_a_head_is_switched_off_and_all_on_again(at_work: App) -> None:
    async def switching() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            before = app.live.reading.finished
            for head in range(4):
                app.switch_head(Head("cross", 1, head))
            await settled(pilot)
            assert len(app.live.request.off) == 4
            assert app.live.reading.finished != before
            await pilot.press("escape", "X")
            await settled(pilot)
            assert not app.live.request.off
            assert app.live.reading.finished == before

    asyncio.run(switching())


def test_sentences_of_a_text_one_by_one(at_work: App) -> None:
    async def walking() -> None:
        app = at_work("Good night. Tom called Mary's bluff.")
        async with app.run_test() as pilot:
            await settled(pilot)
            whole = app.live.text
            assert app.live.encoded is not None
            assert app.live.encoded.text == "Good night. "
            await pilot.press("escape", "right_square_bracket")
            await settled(pilot)
            assert app.live.encoded.text == "Tom called Mary's bluff."
            assert app.live.text == whole
            await pilot.press("right_square_bracket")
            await pilot.press("left_square_bracket")
            await settled(pilot)
            assert app.live.encoded.text == "Good night. "

    asyncio.run(walking())


def test_every_tab_has_a_key_and_a_place_for_the_mouse(at_work: App) -> None:
    async def opening() -> None:
        app = at_work()
        async with app.run_test(size=(120, 40)) as pilot:
            await settled(pilot)
            await pilot.press("escape")
            names = ["translate", "attention", "beam", "positions", "qkv", "embeddings", "model", "training"]
            for number, name in enumerate(names, 1):
                await pilot.press(str(number))
                await pilot.pause()
                assert name == app.front.NAME
            await pilot.press("ctrl+pagedown")
            await pilot.pause()
            assert app.front.NAME == "translate"
            await pilot.press("ctrl+pageup")
            await pilot.pause()
            assert app.front.NAME == "training"
            await pilot.click("#tabs", offset=(20, 0))
            await pilot.pause()
            assert app.front.NAME == "attention"
            await pilot.press("i")
            await pilot.pause()
            assert app.front.NAME == "translate"
            assert isinstance(app.focused, SourceEditor)

    asyncio.run(opening())


def test_a_click_beside_words_chooses_none_of_them(at_work: App) -> None:
    async def clicking() -> None:
        app = at_work()
        async with app.run_test(size=(200, 40)) as pilot:
            await settled(pilot)
            for x in (0, 150, 199):
                await pilot.click("#tabs", offset=(x, 0))
                await settled(pilot)
                assert app.front.NAME == "translate"
            last = app.query_one(TabLine).places()[-1][0] + len(" 8 Training ") - 1
            await pilot.click("#tabs", offset=(last, 0))
            await settled(pilot)
            assert app.front.NAME == "training"
            await pilot.press("escape", "6")
            await settled(pilot)
            view = app.query_one(EmbeddingsView)
            view.action_side("target")
            for x in (0, 190):
                await pilot.click("#embeddings-choices", offset=(x, 0))
                assert view.side == "target"
            await pilot.click("#embeddings-choices", offset=(1, 0))
            assert view.side == "source"

    asyncio.run(clicking())


def test_help_is_about_what_is_in_front(at_work: App) -> None:
    async def asking() -> None:
        app = at_work()
        async with app.run_test(size=(100, 40)) as pilot:
            await settled(pilot)
            await pilot.press("escape", "question_mark")
            assert isinstance(app.screen, HelpScreen)
            await pilot.press("escape", "f1")
            assert isinstance(app.screen, HelpScreen)
            await pilot.press("escape")
            assert app.front.NAME == "translate"

    asyncio.run(asking())


def test_help_says_of_what_has_the_focus_what_it_has_to_say(at_work: App) -> None:
    async def asking() -> None:
        app = at_work()
        async with app.run_test(size=(100, 40)) as pilot:
            await settled(pilot)
            for keys, here in [
                ("1", TargetPieces.SAYS), ("2", HeadGrid.SAYS), ("3", BeamTree.SAYS), ("4", EncodingMap.SAYS),
                ("5", ""), ("7m", ModelList.SAYS), ("7mf", ""),
            ]:  # fmt: skip
                await pilot.press("escape", *keys)
                await settled(pilot)
                await pilot.press("f1")
                told = [str(one.content) for one in app.screen.query(Static)]
                assert [one.removeprefix("Here: ").strip() for one in told if one.startswith("Here")] == [here][
                    : bool(here)
                ]
                await pilot.press("escape")

    asyncio.run(asking())


def test_the_palette_knows_every_key_of_the_shell(at_work: App) -> None:
    async def searching() -> None:
        from tui_transformer.tui.palette import TtxCommands

        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("escape")
            await pilot.pause()
            offered = {title for title, _, _ in TtxCommands(app.screen)._commands()}
            assert {binding.description for binding in SHELL} <= offered
            await pilot.press("ctrl+p", *"greedy")
            await pilot.pause(0.3)
            await pilot.press("enter")
            await pilot.pause(0.1)
            await settled(pilot)
            assert app.live.request.mode == "greedy"

    asyncio.run(searching())


def test_jump_mode(at_work: App) -> None:
    async def jumping() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("ctrl+g")
            assert isinstance(app.screen, JumpScreen)
            await pilot.press("escape")
            assert not isinstance(app.screen, JumpScreen)
            # a–h are the tabs, then the editor.
            await pilot.press("ctrl+g", "k")
            await pilot.pause()
            assert isinstance(app.focused, TargetPieces)
            await pilot.press("ctrl+g", "i")
            await pilot.pause()
            assert isinstance(app.focused, SourceEditor)

    asyncio.run(jumping())


def test_nothing_acts_through_a_dialog(at_work: App) -> None:
    async def asking() -> None:
        app = at_work(sitting=Sitting(text="Good night.", history=["a", "Good night."]))
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("escape", "s")
            for key in ("ctrl+up", "alt+up", "ctrl+pagedown", "ctrl+g"):
                await pilot.press(key)
                await settled(pilot)
                assert isinstance(app.screen, SaveScreen)
                assert (text_of(app), app.front.NAME) == ("Good night.", "translate")
            await pilot.press("escape", "ctrl+g", "ctrl+g")
            assert len(app.screen_stack) == 1
            # The palette is above the screens too, and does what those keys do when it is gone.
            await pilot.press("ctrl+p", *"earlier")
            await pilot.pause(0.3)
            await pilot.press("enter")
            await pilot.pause(0.1)
            await settled(pilot)
            assert text_of(app) == "a"

    asyncio.run(asking())


def test_the_editor_of_ones_own(at_work: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui_transformer.errors import InputError
    from tui_transformer.tui.editor import edited

    script = tmp_path / "ed.sh"
    script.write_text("#!/bin/sh\nprintf 'Good night.\\n' > \"$1\"\n")
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))
    assert edited("before") == "Good night."
    monkeypatch.setenv("VISUAL", str(tmp_path / "none"))
    with pytest.raises(InputError, match="cannot run"):
        edited("before")
    monkeypatch.setenv("VISUAL", "false")
    with pytest.raises(InputError, match="exit code 1"):
        edited("before")

    async def editing() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("escape", "e")
            await pilot.pause()
            # There is no terminal here: that is said, and the text stays.
            assert text_of(app) == "Tom called Mary's bluff."
            assert any("no terminal" in notification.message for notification in app._notifications)

    asyncio.run(editing())


def test_other_keys(at_work: App) -> None:
    async def pressing() -> None:
        app = at_work(keymap=keymap(["mode=f9", "play=p,space"]))
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("escape", "b")
            assert app.asked.request.mode == "beam"
            await pilot.press("f9")
            assert app.asked.request.mode == "greedy"
            await settled(pilot)
            await pilot.press("p")
            assert app.playback.playing

    asyncio.run(pressing())
    for wrong in ("play", "play=", "=p", "nothing=p"):
        with pytest.raises(UsageError, match="--key"):
            keymap([wrong])


def test_sentences_instead_of_pictures(at_work: App) -> None:
    async def listening() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("f4")
            await settled(pilot)
            await pilot.pause(0.1)
            spoken = str(app.query_one("#spoken").render())  # type: ignore[attr-defined]
            assert "log-probability" in spoken
            assert not any(pieces.display and pieces.region for pieces in app.query(TargetPieces))
            assert isinstance(app.query_one(SourceEditor), TextArea)
            await pilot.press("escape", "2")
            await settled(pilot)
            assert app.front.size.height == 0
            await pilot.press("enter")
            for _ in range(100):
                await pilot.pause(0.05)
                if " L1 H1 " in str(app.query_one("#spoken").render()):  # type: ignore[attr-defined]
                    break
            else:
                raise AssertionError("the head that was opened is not said")
            await pilot.press("f4")
            assert not app.sitting_now().spoken

    asyncio.run(listening())


def test_what_threads_find_is_said_as_soon_as_it_is_there(at_work: App) -> None:
    async def listening() -> None:
        app = at_work(sitting=Sitting(text="Good night.", spoken=True))
        async with app.run_test() as pilot:
            await settled(pilot)
            for screen in ("qkv", "model"):
                await app.action_open(screen)
                await until(pilot, lambda: "nothing to tell" not in str(app.query_one("#spoken", Static).content))
                picture = app.front.picture()
                assert picture
                assert picture.title in str(app.query_one("#spoken", Static).content)

    asyncio.run(listening())


def test_what_is_written_in_can_be_seen_beside_sentences(at_work: App) -> None:
    async def writing() -> None:
        app = at_work(sitting=Sitting(text="Good night.", spoken=True))
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            for keys, seen in [("8f", Input), ("7m", ModelList), ("7mf", Input), ("7ad", Input)]:
                await pilot.press("escape", *keys)
                await settled(pilot)
                assert isinstance(app.focused, seen), keys
                # Its border, and a line in it.
                assert app.focused.region.height >= 3, keys
                assert app.focused.region in app.query_one("#views").region, keys

    asyncio.run(writing())


def test_brackets_in_a_text_are_brackets(at_work: App) -> None:
    async def writing() -> None:
        text = "[/die] Good night. [red]Tom[/b] [ \x1b[31m"
        app = at_work(text, Sitting(text=text, mode="greedy"))
        async with app.run_test(notifications=True) as pilot:
            await settled(pilot)
            target = app.query_one(TargetPieces)
            target.border_subtitle = "[/die] [b]"
            assert target._border_subtitle
            assert target._border_subtitle.plain == "[/die] [b]"
            app.notify("no model [/x] [b]")
            await pilot.pause()
            for key in "12345678":
                await pilot.press("escape", key)
                await settled(pilot)
            assert app.is_running

    asyncio.run(writing())
