"""What keys do that belong to no screen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, TextArea

from tui_transformer.errors import BundleError, UsageError
from tui_transformer.heads import Head
from tui_transformer.translator import Options, Translator
from tui_transformer.tui.app import TtxApp
from tui_transformer.tui.engine import ModelEngine
from tui_transformer.tui.help import HelpScreen
from tui_transformer.tui.jump import JumpScreen
from tui_transformer.tui.keys import SHELL, keymap
from tui_transformer.tui.lines import StatusLine
from tui_transformer.tui.saving import SaveScreen
from tui_transformer.tui.sitting import Sitting, load_sitting, save_sitting
from tui_transformer.tui.views.translate import Candidates, SourceEditor, TargetPieces, TranslateView

from .conftest import settled

App = Callable[..., TtxApp]


def run(test: Any) -> None:
    asyncio.run(test)


def text_of(app: TtxApp) -> str:
    return app.query_one(SourceEditor).text


def test_what_is_typed_is_translated(at_work: App, translator: Translator) -> None:
    async def typing() -> None:
        app = at_work("")
        async with app.run_test() as pilot:
            await pilot.press(*"Good night.")
            await settled(pilot)
            assert app.live.text == translator.translate_line("Good night.")
            assert app.live.request.text == text_of(app) == "Good night."

    run(typing())


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

    run(moving())


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

    run(playing())


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

    run(switching())


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

    run(branching())


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

    run(clicking())


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

    run(switching())


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

    run(walking())


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

    run(opening())


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

    run(asking())


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

    run(searching())


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

    run(jumping())


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

    run(saving())
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

    run(saving())


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

    run(copying())


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

    run(editing())


def test_earlier_texts(at_work: App) -> None:
    async def remembering() -> None:
        app = at_work(sitting=Sitting(text="Good night.", history=["a", "b", "Good night."]))
        async with app.run_test() as pilot:
            await settled(pilot)
            for key, text in [("ctrl+up", "b"), ("ctrl+up", "a"), ("ctrl+up", "a"), ("ctrl+down", "b")]:
                await pilot.press(key)
                await settled(pilot)
                assert text_of(app) == app.live.request.text == text

    run(remembering())


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

    run(first())
    run(second())


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

    run(leaving())


def nowhere() -> Any:
    """A model that cannot be loaded."""
    raise BundleError("no model 'x'")


def test_a_model_that_is_not_there_is_said_and_nothing_is_lost() -> None:
    async def failing() -> None:
        app = TtxApp(nowhere, Sitting(text="Good night."))
        async with app.run_test() as pilot:
            await pilot.pause(0.2)
            assert any("no model 'x'" in notification.message for notification in app._notifications)
            await pilot.press(*" Sleep well.")
            assert text_of(app) == "Good night. Sleep well."

    run(failing())


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

    run(pressing())
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

    run(listening())


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

    run(replaying(asyncio.run(recording())))


def test_the_last_edit_wins(at_work: App, translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    """1,000 random edits while decoding: what is shown in the end is the translation of what stands there."""
    import random

    from tui_transformer.tui import conductor

    monkeypatch.setattr(conductor, "DEBOUNCE_SECONDS", 0.001)
    words = ["Tom", "called", "Mary's", "bluff.", "Good", "night.", "Mary", "has", "a", "flower", "in", "her", "hair."]
    draw = random.Random(5)

    async def editing() -> None:
        app = at_work("")
        shown: list[tuple[int, str]] = []
        async with app.run_test() as pilot:
            editor = app.query_one(SourceEditor)
            for number in range(1000):
                if draw.random() < 0.3 and editor.text:
                    cut = draw.randrange(len(editor.text))
                    editor.text = editor.text[:cut]
                else:
                    editor.text = f"{editor.text} {draw.choice(words)}".strip()[-80:]
                if draw.random() < 0.3:
                    await asyncio.sleep(draw.choice([0, 0, 0.001, 0.005, 0.02]))
                if app.live.encoded is not None and app.live.run:
                    # Whatever is shown belongs to one request, and none is older than what was shown before.
                    shown.append((app.live.run, app.live.encoded.text))
                    assert app.live.encoded.text in app.live.request.text + " "
                if number % 250 == 249:
                    await settled(pilot)
                    assert app.live.request.text == editor.text
                    assert app.live.text == next(translator.translate([editor.text], Options()))
            await settled(pilot)
            assert app.live.text == next(translator.translate([editor.text], Options()))
            runs = [run for run, _ in shown]
            assert runs == sorted(runs)
            assert len(set(runs)) > 20

    run(editing())


def test_a_model_that_is_not_there_is_not_awaited_for_ever() -> None:
    async def failing() -> None:
        app = TtxApp(nowhere, Sitting(text="Good night."))
        async with app.run_test() as pilot:
            await pilot.pause(0.2)
            await pilot.press(*" Sleep.")
            await pilot.pause(0.3)
            assert "no model: choose one" in str(app.query_one(StatusLine).content)
            assert not app.busy

    run(failing())


def test_a_branch_of_an_older_text_never_replaces_the_newer_one(at_work: App) -> None:
    async def branching() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("escape", "less_than_sign", "full_stop")
            other = app.live.steps[0].candidates[1].id
            app.query_one(TranslateView).set_text("Good night.")
            app.edit("Good night.")
            app.take_branch(other)
            assert app.asked.request.text == "Good night."
            await settled(pilot)
            assert app.live.request.text == text_of(app) == "Good night."
            assert app.live.request.prefix == ()

    run(branching())


def test_what_one_model_decoded_is_never_asked_of_another(at_work: App, translator: Translator) -> None:
    async def switching() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("escape", "less_than_sign", "full_stop")
            app.take_branch(app.live.steps[0].candidates[1].id)
            await settled(pilot)
            app.change_engine(ModelEngine(translator))
            # Before anything has come of the new one: nothing is left to take a branch from, or to go back to.
            assert (app.live.steps, app.live.request.prefix, app.other) == ([], (), None)
            app.query_one(TranslateView).on_candidates_taken()
            app.action_other_branch()
            app.action_again()
            await settled(pilot)
            assert app.live.request.prefix == ()

    run(switching())


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

    run(writing())


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

    run(restoring())


def test_half_a_character_in_a_session_is_replaced(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text('{"text": "a \\ud800 b"}', encoding="utf-8")
    assert load_sitting(kept).text == "a \ufffd\ufffd\ufffd b"
