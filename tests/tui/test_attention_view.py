"""The screen of heads."""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tui_transformer.ablation import ablate
from tui_transformer.heads import Head
from tui_transformer.tui.app import TtxApp
from tui_transformer.tui.picture_view import PictureView
from tui_transformer.tui.views import attention_work
from tui_transformer.tui.views.attention import AttentionView
from tui_transformer.tui.widgets.choices import ChoiceLine
from tui_transformer.tui.widgets.head_grid import HeadGrid
from tui_transformer.tui.widgets.matrix import MatrixView

from .conftest import SIZES, at_rest, settled

Scripted = Callable[..., TtxApp]
STEPS = 8


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that awaits, as pytest can run it."""

    @functools.wraps(test)
    def run(*given: Any, **named: Any) -> None:
        asyncio.run(test(*given, **named))

    return run


def view_of(app: TtxApp) -> AttentionView:
    view = app.front
    assert isinstance(view, AttentionView)
    return view


async def opened(pilot: Pilot[None]) -> AttentionView:
    await settled(pilot)
    await pilot.pause()
    assert isinstance(pilot.app, TtxApp)
    return view_of(pilot.app)


def grid_text(view: AttentionView) -> str:
    grid = view.query_one(HeadGrid)
    return "\n".join(grid.render_line(y).text for y in range(grid.size.height))


def said(view: AttentionView) -> str:
    return str(view.query_one("#attention-says", Static).content)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_all_heads(scripted: Scripted, colours: str, size: tuple[int, int], snap_compare: Any) -> None:
    assert snap_compare(scripted(screen="attention"), terminal_size=size, run_before=at_rest)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_one_head(scripted: Scripted, colours: str, size: tuple[int, int], snap_compare: Any) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await at_rest(pilot)
        await pilot.press("right", "down", "enter", "comma", "comma", "enter", "left")
        await settled(pilot)

    assert snap_compare(scripted(screen="attention"), terminal_size=size, run_before=before)


@in_a_loop
async def test_the_cursor_walks_over_the_heads(scripted: Scripted) -> None:
    async with scripted(screen="attention").run_test(size=(80, 24)) as pilot:
        view = await opened(pilot)
        for key, place in [
            ("right", (0, 1)), ("l", (0, 2)), ("down", (1, 2)), ("j", (1, 2)), ("left", (1, 1)), ("h", (1, 0)),
            ("up", (0, 0)), ("k", (0, 0)), ("G", (1, 3)), ("g", (0, 0)), ("end", (1, 3)), ("home", (0, 0)),
            ("L", (0, 1)), ("J", (1, 1)), ("H", (1, 0)), ("K", (0, 0)), ("shift+right", (0, 1)), ("shift+down", (1, 1)),
            ("shift+left", (1, 0)), ("shift+up", (0, 0)),
        ]:  # fmt: skip
            await pilot.press(key)
            assert view.standing.place == place, key


@in_a_loop
async def test_rows_fill_with_the_moment_and_nothing_else_moves(scripted: Scripted) -> None:
    async with scripted(screen="attention").run_test(size=(80, 24)) as pilot:
        view = await opened(pilot)
        heights = []
        for moment in range(STEPS + 1):
            pilot.app.go_to(moment)  # type: ignore[attr-defined]
            await settled(pilot)
            assert view.prepared
            assert view.prepared.shown == moment
            heights.append(view.query_one(HeadGrid).virtual_size)
            assert grid_text(view).count("H1") == 2
        assert len(set(heights)) == 1


@in_a_loop
async def test_kinds_words_specials_and_orders(scripted: Scripted) -> None:
    async with scripted(screen="attention").run_test(size=(120, 40)) as pilot:
        view = await opened(pilot)
        kinds = []
        for _ in range(3):
            kinds.append(view.standing.kind)
            assert view.prepared
            assert view.prepared.moment.look.kind == view.standing.kind
            await pilot.press("t")
        assert sorted(kinds) == ["cross", "decoder", "encoder"]
        pieces = view.prepared.columns.labels
        await pilot.press("w")
        assert len(view.prepared.columns.labels) < len(pieces)
        await pilot.press("p")
        assert "</s>" not in view.prepared.columns.labels
        await pilot.press("n")
        assert view.standing.order == "entropy"
        assert view.prepared.stats
        entropies = [view.prepared.stats.entropy[place] for place in view.ranking.order]
        assert entropies == sorted(entropies)
        assert "ent " in grid_text(view)
        assert "L2 H" in grid_text(view)


@in_a_loop
async def test_one_head_large_has_its_values(scripted: Scripted) -> None:
    async with scripted(screen="attention").run_test(size=(120, 40)) as pilot:
        view = await opened(pilot)
        await pilot.press("right", "enter")
        matrix, steps = view.query_one(MatrixView), view.live.steps
        assert matrix.has_focus
        wanted = np.stack([step.cross_attention[0, 1] for step in steps])
        assert np.allclose(matrix.matrix.weights, wanted)
        await pilot.press("down", "right", "l", "j")
        assert view.standing.cell == (2, 2)
        assert f'row 3 "au" col 3 "on" {wanted[2, 2]:.4f}' in str(matrix.border_subtitle)
        assert said(view).startswith('"au" reads ')
        assert view.query_one("#attention-row", PictureView).renderable is not None
        await pilot.press("up", "left", "k", "h")
        assert view.standing.cell == (0, 0)
        await pilot.press("end", "pagedown", "home")
        assert view.standing.cell == (7, 0)
        await pilot.press("escape")
        assert view.query_one(HeadGrid).has_focus
        assert not view.query_one("#attention-large").display


@in_a_loop
async def test_the_cell_follows_unless_it_is_locked(scripted: Scripted) -> None:
    async with scripted(screen="attention").run_test(size=(120, 40)) as pilot:
        view = await opened(pilot)
        await pilot.press("enter", "comma", "comma")
        await settled(pilot)
        assert view.standing.cell[0] == STEPS - 3
        await pilot.press("enter", "comma")
        await settled(pilot)
        assert view.standing.cell[0] == STEPS - 3
        assert "locked" in str(view.query_one(MatrixView).border_subtitle)
        assert "not yet" in str(view.query_one(MatrixView).border_subtitle)
        await pilot.press("enter", "full_stop")
        await settled(pilot)
        assert view.standing.cell[0] == STEPS - 3
        await pilot.press("full_stop")
        await settled(pilot)
        assert view.standing.cell[0] == STEPS - 2


@in_a_loop
async def test_marked_heads_are_combined(scripted: Scripted) -> None:
    async with scripted(screen="attention").run_test(size=(120, 40)) as pilot:
        view = await opened(pilot)
        await pilot.press("m", "down", "m", "right", "c")
        matrix = view.query_one(MatrixView)
        steps = view.live.steps
        both = np.stack([[step.cross_attention[layer, 0] for step in steps] for layer in (0, 1)])
        assert np.allclose(matrix.matrix.weights, both.mean(axis=0))
        assert str(matrix.border_title).startswith("mean of 2 heads")
        await pilot.press("c")
        assert np.allclose(matrix.matrix.weights, both.max(axis=0))
        await pilot.press("c")
        assert str(matrix.border_title).startswith("L2 H2")
        await pilot.press("escape", "left", "m")
        assert view.standing.marking() == {(0, 0)}


@in_a_loop
async def test_a_head_off_is_crossed_out_and_its_loss_told(at_work: Scripted) -> None:
    text = "Tom called Mary's bluff."
    app = at_work(text)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await app.action_open("attention")
        view = await opened(pilot)
        before = view.live.reading.finished
        await pilot.press("down", "x")
        await settled(pilot)
        await app.workers.wait_for_complete()
        await settled(pilot)
        assert app.live.request.off == {Head("cross", 1, 0)}
        assert "╳╳╳" in grid_text(view)
        assert app.engine
        assert before
        translator = app.engine.translator
        wanted = ablate(translator, translator.split(text)[0], [Head("cross", 1, 0)], target=before.ids)
        assert view.loss
        assert math.isclose(view.loss.result.loss, wanted.loss, abs_tol=1e-5)
        assert said(view).splitlines()[1].startswith("off cross:2:1 · log p ")
        picture = view.picture()
        assert picture
        assert picture.says[-1] == said(view).splitlines()[1]
        await pilot.press("X")
        await settled(pilot)
        assert "╳" not in grid_text(view)
        assert view.loss is None
        assert "off" not in said(view)


@in_a_loop
async def test_a_replay_says_that_it_has_no_heads_to_switch(scripted: Scripted) -> None:
    async with scripted(screen="attention").run_test(size=(80, 24), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("x")
        await settled(pilot)
        assert any("replay" in note.message for note in pilot.app._notifications)


@in_a_loop
async def test_the_mouse_can_do_it_all(scripted: Scripted) -> None:
    async with scripted(screen="attention").run_test(size=(120, 40)) as pilot:
        view = await opened(pilot)
        grid = view.query_one(HeadGrid)
        x, y = 4 + grid.frame.width + 3, grid.frame.lines + 5
        await pilot.click(HeadGrid, offset=(x, y))
        assert view.standing.place == (1, 1)
        await pilot.double_click(HeadGrid, offset=(x, y))
        await pilot.pause()
        assert view.standing.large
        matrix = view.query_one(MatrixView)
        await pilot.click(MatrixView, offset=(1 + 17 + 1, 1 + matrix._head + matrix._tall))
        await pilot.pause()
        assert view.standing.cell == (1, 0)
        await pilot.double_click(MatrixView, offset=(1 + 17 + 1, 1 + matrix._head + matrix._tall))
        await pilot.pause()
        assert view.standing.locked
        line = view.query_one(ChoiceLine)
        for name, done in [
            ("words", lambda: view.standing.look.words),
            ("special", lambda: not view.standing.look.special),
            ("mark", lambda: view.standing.marking() == {(1, 1)}),
            ("combine", lambda: view.standing.combine == "mean"),
            ("back", lambda: not view.standing.large),
            ("order", lambda: view.standing.order == "entropy"),
            ("kind:encoder", lambda: view.standing.kind == "encoder"),
        ]:
            texts = line._texts()
            number = [choice.name for choice in line.choices].index(name)
            await pilot.click(ChoiceLine, offset=(1 + sum(len(text) + 2 for text in texts[:number]) + 1, 0))
            await pilot.pause()
            assert done(), name


@in_a_loop
async def test_much_is_prepared_by_a_thread_and_ends_up_the_same(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scripted(screen="attention").run_test(size=(80, 24)) as pilot:
        view = await opened(pilot)
        whole = view.prepared
        monkeypatch.setattr(attention_work, "QUICK", 0)
        for moment in (1, 4, 2, STEPS):
            pilot.app.go_to(moment)  # type: ignore[attr-defined]
            await pilot.pause()
        await settled(pilot)
        for _ in range(200):
            await pilot.pause(0.01)
            if view.prepared and view.prepared.shown == STEPS and view.prepared.stats:
                break
        assert whole
        assert view.prepared
        assert all(np.array_equal(view.prepared.levels[place], drawn) for place, drawn in whole.levels.items())


@in_a_loop
async def test_commands_places_and_pictures(scripted: Scripted) -> None:
    async with scripted(screen="attention").run_test(size=(80, 24)) as pilot:
        view = await opened(pilot)
        commands = {title: run for title, _, run in view.commands()}
        commands["Go to layer 2 head 3"]()
        assert view.standing.place == (1, 2)
        commands["Show encoder self-attention"]()
        assert view.standing.kind == "encoder"
        commands["Heads by entropy"]()
        assert view.standing.order == "entropy"
        every = view.picture()
        assert every
        assert "8 heads" in every.title
        await pilot.press("enter")
        one = view.picture()
        assert one
        assert "L2 H3" in one.title
        kept = view.place()
        view.take({})
        view.take(kept)
        assert view.place() == kept
        await pilot.resize_terminal(120, 40)
        await settled(pilot)
        assert view.place() == kept


@in_a_loop
async def test_without_a_text_there_are_no_heads(at_work: Scripted) -> None:
    app = at_work("Tom called Mary's bluff.")
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await app.action_open("attention")
        view = await opened(pilot)
        assert view.picture()
        app._put("")
        await settled(pilot)
        assert view.picture() is None
        await pilot.press("Y")
        assert not app.clipboard
        app._put("Good night.")
        await settled(pilot)
        assert view.prepared
        assert view.prepared.moment.run == app.live.run


@in_a_loop
async def test_keys_that_come_fast_mean_the_head_that_the_cursor_has_reached(scripted: Scripted) -> None:
    async with scripted(screen="attention").run_test(size=(120, 40)) as pilot:
        view = await opened(pilot)
        view.query_one(HeadGrid).action_move(1, 0)
        view.query_one(HeadGrid).action_move(1, 0)
        view.action_mark()
        assert view.standing.marking() == {(0, 2)}
        await pilot.press("enter")
        view.query_one(MatrixView).action_move(1, 0)
        view.query_one(MatrixView).action_move(1, 1)
        assert view.standing.cell == (2, 1)


def test_a_picture_of_another_size_is_never_taken_for_one_of_this(scripted: Scripted) -> None:
    async def framing() -> None:
        app = scripted(screen="attention")
        async with app.run_test(size=(200, 60)) as pilot:
            await settled(pilot)
            grid = app.query_one(HeadGrid)
            assert grid._drawn
            # The border goes, or a scroll bar comes: there is more or less room before any message says so.
            grid.styles.border = ("none", "black")
            for size in [(200, 60), (40, 10), (200, 60), (120, 40)]:
                await pilot.resize_terminal(*size)
                for y in range(grid.size.height):
                    grid.render_line(y)
            assert all(len(lines) == frame.lines for (_, frame), lines in grid._drawn.items())

    asyncio.run(framing())
