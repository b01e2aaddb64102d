"""The third screen: the tree of a beam search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tui_transformer.errors import InputError
from tui_transformer.events import BeamStep
from tui_transformer.render.picture import drawn
from tui_transformer.tui.app import NO_MODEL, TtxApp
from tui_transformer.tui.engine import Engine
from tui_transformer.tui.sitting import Sitting
from tui_transformer.tui.views.beam import BeamView
from tui_transformer.tui.views.beam_ranking import Ranking
from tui_transformer.tui.views.beam_tree import BeamTree
from tui_transformer.tui.views.embeddings import EmbeddingsView
from tui_transformer.tui.views.embeddings_parts import PieceMap
from tui_transformer.tui.widgets.knobs import Knobs

from .conftest import SIZES, at_rest, piloted, settled, watch

App = Callable[..., TtxApp]


def looked_at(app: TtxApp) -> str:
    """What is written of the hypothesis that is looked at."""
    view = app.query_one(BeamView)
    return drawn(view.query_one("#hypothesis")._renderable, 200, None)  # type: ignore[attr-defined]


def seen(app: TtxApp) -> Any:
    return app.query_one(BeamTree)._seen


def told(app: TtxApp) -> str:
    return "".join(part.text for part in app.query_one(BeamView).query_one(Knobs)._parts)


async def from_the_start(pilot: Pilot[None]) -> None:
    """At rest, and scrolled to the beginning: how far one is taken along depends on when the scroll bars come."""
    await at_rest(pilot)
    for tree in pilot.app.query(BeamTree):
        tree.scroll_to(x=0, y=0, animate=False, force=True, immediate=True)
    await at_rest(pilot)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_pictures(scripted: App, colours: str, size: tuple[int, int], snap_compare: object) -> None:
    app = scripted("beam", "beam")
    assert snap_compare(app, terminal_size=size, run_before=from_the_start)  # type: ignore[operator]


def test_half_of_a_search(scripted: App, snap_compare: object) -> None:
    async def half(pilot: Pilot[None]) -> None:
        await from_the_start(pilot)
        await pilot.press(*["comma"] * 6, "down", "v")
        await from_the_start(pilot)

    assert snap_compare(scripted("beam", "beam"), terminal_size=(80, 24), run_before=half)  # type: ignore[operator]


def test_greedy_has_no_tree(scripted: App, snap_compare: object) -> None:
    assert snap_compare(scripted("a", "beam"), terminal_size=(80, 24), run_before=from_the_start)  # type: ignore[operator]


def test_what_is_missing_is_said(at_work: App) -> None:
    async def waiting(app: TtxApp, pilot: Pilot[None]) -> None:
        await app.action_open("beam")
        app._put("")
        await settled(pilot)
        assert "no text" in app.query_one(BeamView)._why()
        app._put("Good night.")
        await settled(pilot)
        assert seen(app)

    watch(at_work(), waiting)


@piloted
async def test_without_a_model_nothing_is_waited_for() -> None:
    def load() -> Engine:
        raise InputError("there is no such model")

    app = TtxApp(load, Sitting(text="Good night.", screen="embeddings"))
    async with app.run_test(notifications=True) as pilot:
        await drawn_without_a_model(pilot)
        embeddings = app.query_one(EmbeddingsView).query_one(PieceMap)
        assert str(embeddings.renderable) == NO_MODEL
        await app.action_open("beam")
        await drawn_without_a_model(pilot)
        assert app.query_one(BeamView)._why() == NO_MODEL


async def drawn_without_a_model(pilot: Pilot[None]) -> None:
    """At rest, though there is no engine."""
    assert isinstance(pilot.app, TtxApp)
    for _ in range(500):
        await pilot.pause(0.02)
        if pilot.app.no_model and pilot.app.settled:
            return
    raise AssertionError("the application does not come to rest")


def test_the_tree_follows_the_moment(scripted: App) -> None:
    async def following(app: TtxApp, pilot: Pilot[None]) -> None:
        assert seen(app).steps == len(app.live.search.beam_steps) == 14
        assert "step 14 of 14 · 4 left over" in told(app)
        for key, steps in [("less_than_sign", 0), ("full_stop", 1), ("full_stop", 2), ("greater_than_sign", 14)]:
            await pilot.press(key)
            await settled(pilot)
            assert seen(app).steps == steps
        await pilot.press("comma")
        await settled(pilot)
        step = app.live.search.beam_steps[app.playback.moment - 1]
        assert seen(app).steps == len(app.live.steps) - 1 == step.position + 1
        assert f"step {seen(app).steps} of 14 · 4 alive" in told(app)

    watch(scripted("beam", "beam"), following)


def test_keys_walk_about(scripted: App) -> None:
    async def walking(app: TtxApp, pilot: Pilot[None]) -> None:
        best = seen(app).cursor
        assert best.ended
        assert best.ended.text == app.live.search.finished.text  # type: ignore[union-attr]
        assert "chose the end at step 13: rank 1 of 4" in looked_at(app)
        for key in ("left", "h"):
            before = seen(app).cursor
            await pilot.press(key)
            assert seen(app).cursor is before.parent
        for key in ("right", "l"):
            before = seen(app).cursor
            await pilot.press(key)
            assert seen(app).cursor.parent is before
        assert seen(app).cursor is best
        for key, way in [("down", 1), ("j", 1), ("k", -1), ("up", -1)]:
            tree = app.query_one(BeamTree)
            before = tree._branches.row_of(seen(app).cursor)  # type: ignore[union-attr]
            await pilot.press(key)
            assert (tree._branches.row_of(seen(app).cursor) - before) * way > 0  # type: ignore[union-attr]
        for key in ("home", "g"):
            await pilot.press("end", key)
            assert seen(app).cursor.parent is None
        # Keys that come faster than the screen draws are not lost.
        app.query_one(BeamTree).action_walk("best")
        for _ in range(3):
            app.query_one(BeamTree).action_walk("back")
        await pilot.pause()
        assert seen(app).cursor is best.path()[-4]
        for key in ("end", "G"):
            await pilot.press("home", key)
            assert seen(app).cursor is best

    watch(scripted("beam", "beam"), walking)


def test_a_cursor_that_is_not_born_yet_shows_what_it_came_from(scripted: App) -> None:
    async def back(app: TtxApp, pilot: Pilot[None]) -> None:
        await pilot.press("left", "left")
        pinned = seen(app).cursor
        await pilot.press("less_than_sign", "full_stop", "full_stop")
        await settled(pilot)
        assert seen(app).cursor is pinned.path()[1]
        await pilot.press("greater_than_sign")
        await settled(pilot)
        assert seen(app).cursor is pinned

    watch(scripted("beam", "beam"), back)


def test_numbers_of_a_hypothesis_are_those_of_the_search(scripted: App) -> None:
    async def reading(app: TtxApp, pilot: Pilot[None]) -> None:
        ended = sorted((one for step in app.live.search.beam_steps for one in step.ended), key=lambda one: -one.score)
        for rank, one in enumerate(ended, 1):
            text = looked_at(app)
            assert one.text in text
            assert f"log p {one.log_probability:.2f}" in text
            divisor = one.log_probability / one.score
            assert f"score {one.score:.2f} = {one.log_probability:.2f} / {divisor:.2f}" in text
            assert f"((5 + {len(one.ids) + 1}) / 6)^0.6" in text
            assert f"rank {rank} of {len(ended)}" in text
            await pilot.press("n")
        await pilot.press("N")
        assert f"rank {len(ended) - 1} of" in looked_at(app)
        dropped = next(node for node in seen(app).cursor.path()[0].parent.nodes() if node.pruned is not None)
        app.query_one(BeamView)._look(dropped)
        step: BeamStep = app.live.search.beam_steps[dropped.pruned]
        assert f"pruned at step {dropped.pruned + 1}: the 4 likeliest were others" in looked_at(app)
        for live in step.live:
            assert f'"{live.piece}" {live.log_probability:.2f}' in looked_at(app)

    watch(scripted("beam", "beam"), reading)


def test_the_ranking_is_walked_and_clicked(scripted: App) -> None:
    async def choosing(app: TtxApp, pilot: Pilot[None]) -> None:
        await pilot.press("v")
        assert isinstance(app.focused, Ranking)
        for key, rank in [("down", 2), ("j", 3), ("up", 2), ("k", 1), ("k", 1)]:
            await pilot.press(key)
            assert f"rank {rank} of 4" in looked_at(app)
        await pilot.click(Ranking, offset=(6, 4))
        assert "rank 3 of 4" in looked_at(app)
        await pilot.click(Ranking, offset=(6, 8))
        assert "rank 3 of 4" in looked_at(app)
        await pilot.press("v")
        assert isinstance(app.focused, BeamTree)

    watch(scripted("beam", "beam"), choosing)


def test_clicks_in_the_tree(scripted: App) -> None:
    async def clicking(app: TtxApp, pilot: Pilot[None]) -> None:
        tree = app.query_one(BeamTree)
        await pilot.press("home")
        branches = tree._branches
        assert branches
        node = branches.hypotheses.rows[2][1]
        left, _ = branches.cells_of(node)
        # Two cells of border and padding, one line of border and one of numbers.
        await pilot.click(BeamTree, offset=(left + 2, branches.row_of(node) + 2))
        assert seen(app).cursor is node
        await pilot.press("t")
        await settled(pilot)
        assert app.playback.moment == 3
        left, _ = branches.cells_of(branches.hypotheses.rows[4][0])
        await pilot.click(BeamTree, offset=(left + 2, 1))
        await settled(pilot)
        assert app.playback.moment == 5

    watch(scripted("beam", "beam"), clicking)


def test_the_beam_gets_wider_and_narrower(at_work: App) -> None:
    async def turning(app: TtxApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "3")
        for key, width in [("w", 5), ("w", 6), ("W", 5), ("W", 4), ("W", 3), ("W", 2), ("W", 2)]:
            await pilot.press(key)
            await settled(pilot)
            assert app.live.request.beam == width
            assert len(app.live.search.beam_steps[0].live) == width
            assert f"beam {width}" in told(app)
        knobs = app.query_one(BeamView).query_one(Knobs)
        await pilot.click(knobs, offset=(11, 0))
        await settled(pilot)
        assert app.live.request.beam == 3
        await pilot.click(knobs, offset=(2, 0))
        await settled(pilot)
        assert app.live.request.beam == 2

    watch(at_work("Give me that."), turning)


@pytest.mark.parametrize("way", ["key", "click"])
@pytest.mark.parametrize("mode", ["greedy", "sample"])
def test_from_greedy_and_sampling_to_a_beam(at_work: App, mode: str, way: str) -> None:
    async def switching(app: TtxApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "3")
        await settled(pilot)
        tree = app.query_one(BeamTree)
        assert "there is no tree" in tree.render_line(1).text
        assert ("greedy" if mode == "greedy" else "sampling") in tree.render_line(0).text
        if way == "key":
            await pilot.press("enter")
        else:
            await pilot.click(app.query_one(BeamView).query_one(Knobs), offset=(14, 0))
        await settled(pilot)
        assert app.live.request.mode == "beam"
        assert seen(app).steps == len(app.live.search.beam_steps) > 0

    watch(at_work(sitting=Sitting(text="Give me that.", mode=mode)), switching)


def test_one_goes_on_from_a_piece_and_back(at_work: App) -> None:
    async def going_on(app: TtxApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "3")
        await settled(pilot)
        was = app.live.reading.finished
        await pilot.press("home", "enter")
        assert app.live.request.prefix == ()
        node = app.query_one(BeamTree)._branches.hypotheses.rows[1][2]  # type: ignore[union-attr]
        way = tuple(one.id for one in node.path())
        app.query_one(BeamView)._look(node)
        await pilot.press("enter")
        await settled(pilot)
        assert app.live.request.prefix == way
        assert app.live.reading.finished.ids[:2] == way  # type: ignore[union-attr]
        assert app.query_one(BeamTree)._branches.start == " ".join(one.piece for one in node.path())  # type: ignore[union-attr]
        # The moments of what was forced come before the first step of the beam.
        await pilot.press("less_than_sign", "full_stop", "full_stop", "full_stop")
        await settled(pilot)
        assert seen(app).steps == 1
        await pilot.press("o")
        await settled(pilot)
        assert app.live.reading.finished == was

    watch(at_work("Give me that."), going_on)


def test_a_replay_says_that_it_cannot_search(scripted: App) -> None:
    async def asking(app: TtxApp, pilot: Pilot[None]) -> None:
        run = app.live.run
        await pilot.press("w")
        await settled(pilot)
        assert app.live.run == run
        assert any("this is a replay" in note.message for note in app._notifications)

    watch(scripted("beam", "beam"), asking)


def test_what_is_saved_is_what_is_seen(scripted: App) -> None:
    async def saving(app: TtxApp, pilot: Pilot[None]) -> None:
        view = app.query_one(BeamView)
        picture = view.picture()
        assert picture
        assert picture.values["translation"] == app.live.search.finished.text  # type: ignore[union-attr]
        assert len(picture.values["ended"]) == 4
        await pilot.press(*["comma"] * 8)
        await settled(pilot)
        part = view.picture()
        assert part
        assert part.title.startswith("decode · beam 4 · 5 steps so far")
        assert any("The search goes on" in sentence for sentence in part.says)
        assert len(part.table.rows) == 20
        assert "left over" not in drawn(part.body, 80, None)
        await pilot.press("less_than_sign")
        await settled(pilot)
        assert view.picture() is None

    watch(scripted("beam", "beam"), saving)


def test_the_place_is_kept(scripted: App) -> None:
    kept: dict[str, Any] = {}

    async def leaving(app: TtxApp, pilot: Pilot[None]) -> None:
        await pilot.press("left", "left", "down")
        kept.update(app.query_one(BeamView).place())
        kept["text"] = looked_at(app)

    async def coming_back(app: TtxApp, pilot: Pilot[None]) -> None:
        assert looked_at(app) == kept["text"]

    watch(scripted("beam", "beam"), leaving)
    watch(scripted("beam", "beam", Sitting(places={"beam": {"at": kept["at"]}})), coming_back)
    watch(scripted("beam", "beam", Sitting(places={"beam": {"at": "nowhere"}})), lambda app, pilot: pilot.pause())


def test_commands_lead_to_any_beam_and_any_end(scripted: App) -> None:
    async def commanding(app: TtxApp, pilot: Pilot[None]) -> None:
        found = {title: run for title, _, run in app.query_one(BeamView).commands()}
        assert "Beam of 64" in found
        third = next(title for title in found if title.startswith("Hypothesis 3"))
        found[third]()
        assert "rank 3 of 4" in looked_at(app)

    watch(scripted("beam", "beam"), commanding)
