"""Edits, branches and models that overtake each other, or are not there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.timer import Timer

from tui_transformer.errors import BundleError
from tui_transformer.traces import Recording, as_recording, load_trace
from tui_transformer.translator import Options, Translator
from tui_transformer.tui.app import TtxApp
from tui_transformer.tui.engine import ModelEngine, ReplayEngine
from tui_transformer.tui.lines import StatusLine
from tui_transformer.tui.sitting import Sitting
from tui_transformer.tui.views.translate import SourceEditor, TranslateView

from .conftest import TRACES, settled, text_of

App = Callable[..., TtxApp]


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

    asyncio.run(editing())


async def take_a_branch(pilot: Pilot[None], app: TtxApp) -> None:
    """Go on with another first piece than the likeliest, and wait for what comes of it."""
    await settled(pilot)
    await pilot.press("escape", "less_than_sign", "full_stop")
    app.take_branch(app.live.steps[0].candidates[1].id)
    await settled(pilot)


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

    asyncio.run(branching())


def test_a_busy_machine_does_not_stop_the_drawing_for_good(at_work: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual's own one-shot timers never go off if the process sleeps between their start and their first wait."""
    run = Timer._run

    async def late(timer: Timer) -> None:
        if timer._repeat != 0:
            await run(timer)

    async def drawing() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            monkeypatch.setattr(Timer, "_run", late)
            await pilot.press("escape", "comma")
            await settled(pilot)
            assert 0 < app.playback.moment < len(app.live.steps)
            assert f"{app.playback.moment}/{len(app.live.steps)}" in str(app.query_one(StatusLine).content)

    asyncio.run(drawing())


@pytest.mark.parametrize("key", ["b", "x"])
def test_a_branch_outlives_another_mode_and_a_head_that_is_off(at_work: App, key: str) -> None:
    async def branching() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await take_a_branch(pilot, app)
            prefix, before, other = app.live.request.prefix, app.live.request, app.other
            await pilot.press("2", key)
            await settled(pilot)
            assert app.live.request != before
            assert app.live.request.prefix == prefix
            assert app.other is other

    asyncio.run(branching())


def test_nothing_is_not_played(at_work: App) -> None:
    async def playing() -> None:
        app = at_work("")
        async with app.run_test() as pilot:
            await settled(pilot)
            await pilot.press("escape", "space")
            await settled(pilot)
            assert not app.playback.playing

    asyncio.run(playing())


def test_what_one_model_decoded_is_never_asked_of_another(at_work: App, translator: Translator) -> None:
    async def switching() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await take_a_branch(pilot, app)
            app.change_engine(ModelEngine(translator))
            # Before anything has come of the new one: nothing is left to take a branch from, or to go back to.
            assert (app.live.steps, app.live.request.prefix, app.other) == ([], (), None)
            app.query_one(TranslateView).on_candidates_taken()
            app.action_other_branch()
            app.action_again()
            await settled(pilot)
            assert app.live.request.prefix == ()

    asyncio.run(switching())


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

    asyncio.run(failing())


def test_a_model_that_is_not_there_is_not_awaited_for_ever() -> None:
    async def failing() -> None:
        app = TtxApp(nowhere, Sitting(text="Good night."))
        async with app.run_test() as pilot:
            await pilot.pause(0.2)
            await pilot.press(*" Sleep.")
            await pilot.pause(0.3)
            assert "no model: choose one" in str(app.query_one(StatusLine).content)
            assert not app.busy

    asyncio.run(failing())


def test_another_model_searches_with_its_own_beam(at_work: App, translator: Translator) -> None:
    async def changing() -> None:
        app = at_work()
        async with app.run_test() as pilot:
            await settled(pilot)
            for wanted, own in ((4, 4), (7, 2), (7, 5)):
                assert app.engine
                if wanted != app.asked.request.beam:
                    app.ask(replace(app.asked.request, beam=wanted))
                    await settled(pilot)
                engine = ModelEngine(translator)
                engine.beam = own
                app.change_engine(engine)
                await settled(pilot)
                assert app.live.request.beam == (own if wanted == 4 else wanted)

    asyncio.run(changing())


def test_a_sentence_that_another_model_does_not_have(at_work: App) -> None:
    async def fewer() -> None:
        app = at_work("Good night. Good night.")
        async with app.run_test() as pilot:
            await settled(pilot)
            app.ask(replace(app.asked.request, sentence=7))
            await settled(pilot)
            assert app.live.request.sentence == 1

    asyncio.run(fewer())


def test_a_replay_is_what_it_is(tmp_path: Path) -> None:
    """Its text cannot be changed, by no key, and it is decoded as it was."""
    recording = as_recording(load_trace(TRACES / "a.trace"), tmp_path)
    odd = replace(recording.reading.encoded, text="Tom\u2028called.")
    greedy = Recording((), replace(recording.reading, encoded=odd, beam_steps=()))

    async def replaying() -> None:
        app = TtxApp(lambda: ReplayEngine(greedy, tmp_path), Sitting(history=["Good night."]))
        async with app.run_test() as pilot:
            await settled(pilot)
            assert app.live.request.mode == "greedy"
            steps = len(app.live.steps)
            assert steps == len(greedy.reading.steps) > 0
            for key in ("b", "ctrl+up", "e", "r"):
                await pilot.press("escape", key)
                await settled(pilot)
                assert (len(app.live.steps), app.live.request.mode) == (steps, "greedy")
            said = [notification.message for notification in app._notifications]
            assert sum("its text cannot be changed" in one for one in said) == 2

    asyncio.run(replaying())


def test_a_branch_that_is_refused_is_no_other_branch(tmp_path: Path) -> None:
    async def branching() -> None:
        app = TtxApp(lambda: ReplayEngine(as_recording(load_trace(TRACES / "a.trace"), tmp_path), tmp_path))
        async with app.run_test() as pilot:
            await settled(pilot)
            app.branch_off((50,))
            await settled(pilot)
            assert app.other is None
            assert app.live.steps

    asyncio.run(branching())
