"""The screen of embeddings: the numbers of `ttx inspect embeddings` on a map that one can walk about on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from textual.widgets import Input, OptionList

from tui_transformer.embedding import Embedding
from tui_transformer.render.views.neighbours import neighbours_picture
from tui_transformer.tui.app import TtxApp
from tui_transformer.tui.engine import ModelEngine
from tui_transformer.tui.sitting import Sitting
from tui_transformer.tui.views.embeddings import EmbeddingsView
from tui_transformer.tui.views.embeddings_parts import Neighbours, PieceMap
from tui_transformer.tui.views.embeddings_reader import NEAR
from tui_transformer.tui.widgets.ask import AskScreen

from .conftest import SIZES, at_rest, piloted, settled

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui_transformer.probes import TextSide
    from tui_transformer.render.views.map import Map
    from tui_transformer.translator import Translator

SENTENCE = "Don't buy that."
NAMES = {" ": "space", "-": "minus", "+": "plus", ":": "colon", ".": "full_stop"}


async def known(pilot: Pilot[None], *keys: str) -> EmbeddingsView:
    """Press keys as soon as all is known, and wait until what they ask for is there."""
    for press in ([], keys):
        await pilot.press(*press)
        for _ in range(1000):
            await settled(pilot)
            view = next(iter(pilot.app.screen_stack[0].query(EmbeddingsView)), None)
            if view and not view.computing:
                break
    assert view
    await pilot.pause()
    return view


def typed(text: str) -> list[str]:
    return [NAMES.get(letter, letter) for letter in text]


def drawn(view: EmbeddingsView) -> Map:
    return view.query_one(PieceMap).renderable  # type: ignore[return-value]


def piece(view: EmbeddingsView) -> str:
    """The piece at the cursor, which is marked on the map."""
    assert view.ground
    assert view.cursor is not None
    assert view.plot
    shown = drawn(view)
    assert shown.cursor is not None
    assert view.plot.mapped.ids[shown.cursor] == view.cursor
    return view.ground.embedding.pieces[view.cursor]


@pytest.fixture
def running(at_work: Callable[..., TtxApp]) -> TtxApp:
    return at_work(sitting=Sitting(text=SENTENCE, screen="embeddings"))


@pytest.fixture
def source(translator: Translator) -> Embedding:
    return Embedding(translator, "source")


async def quiet(pilot: Pilot[None]) -> None:
    """For `run_before`."""
    await at_rest(pilot)
    await known(pilot)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_pictures(scripted: Callable[..., TtxApp], colours: str, size: tuple[int, int], snap_compare: Any) -> None:
    assert snap_compare(scripted(screen="embeddings"), terminal_size=size, run_before=quiet)


def test_a_search(scripted: Callable[..., TtxApp], colours: str, snap_compare: Any) -> None:
    async def searching(pilot: Pilot[None]) -> None:
        await quiet(pilot)
        await known(pilot, "slash", *"th", "down")
        pilot.app.screen.query_one(Input).cursor_blink = False
        await pilot.pause()

    assert snap_compare(scripted(screen="embeddings"), terminal_size=SIZES[0], run_before=searching)


def test_among_the_neighbours(scripted: Callable[..., TtxApp], colours: str, snap_compare: Any) -> None:
    async def going(pilot: Pilot[None]) -> None:
        await quiet(pilot)
        await known(pilot, "x", *typed("Tom:Mary"), "enter")
        await known(pilot, "z", "enter", "down", "down")

    assert snap_compare(scripted(screen="embeddings"), terminal_size=SIZES[0], run_before=going)


@pytest.mark.parametrize("side", ["source", "target"])
@piloted
async def test_numbers_are_those_of_the_command_line(running: TtxApp, translator: Translator, side: TextSide) -> None:
    expected = Embedding(translator, side)
    async with running.run_test() as pilot:
        view = await known(pilot, *["t"] * (side == "target"))
        assert view.ground
        assert view.plot
        common = expected.common(300)
        assert view.ground.common == common
        projection = expected.projection(common)
        np.testing.assert_array_equal(view.ground.projection.places, projection.places)
        # Whatever else is on the map, the commonest words stay where `ttx inspect embeddings --map` has them.
        places = dict(zip(view.plot.mapped.ids, view.plot.mapped.projection.places.tolist(), strict=True))
        np.testing.assert_allclose([places[i] for i in common], projection.places)
        said = [step.chosen.id for step in running.live.steps]
        sentence = running.live.encoded.ids if side == "source" and running.live.encoded else said
        assert set(sentence) <= places.keys()
        assert view.said == frozenset(sentence)
        near = expected.neighbours([(1, view.cursor or 0)], NEAR)
        await known(pilot, "enter")
        picture = view.picture()
        assert picture
        assert picture.to_json() == neighbours_picture(near).to_json()
        await known(pilot, "escape")
        picture = view.picture()
        assert picture
        assert picture.values["pieces"][0]["id"] == view.plot.mapped.ids[0]
        assert picture.says[-1] == neighbours_picture(near).says[-1]


@piloted
async def test_arrows_go_to_what_is_seen_there(running: TtxApp) -> None:
    async with running.run_test() as pilot:
        view = await known(pilot)
        assert view.plot
        places = dict(zip(view.plot.mapped.ids, view.plot.mapped.projection.places, strict=True))
        for keys, axis, sign in [(("left", "h"), 0, -1), (("right", "l"), 0, 1), (("up", "k"), 1, 1),
                                 (("down", "j"), 1, -1)]:  # fmt: skip
            for key in keys:
                before = view.cursor
                view = await known(pilot, key)
                assert before is not None
                assert view.cursor is not None
                assert view.cursor == before or (places[view.cursor] - places[before])[axis] * sign > 0
                assert view.found
                assert [i for _, _, i in view.found.terms] == [view.cursor]
        await pilot.press(*["left"] * 60)
        view = await known(pilot)
        assert places[view.cursor or 0][0] == min(place[0] for place in places.values())


@piloted
async def test_search_finds_a_piece_that_is_not_on_the_map(running: TtxApp, source: Embedding) -> None:
    async with running.run_test() as pilot:
        view = await known(pilot)
        assert view.plot
        missing = next(i for i in range(300, source.vocabulary.size) if i not in view.plot.mapped.ids)
        await pilot.press("slash", *str(missing))
        await pilot.pause()
        assert isinstance(running.screen, AskScreen)
        options = running.screen.query_one(OptionList)
        assert str(options.get_option_at_index(0).prompt).endswith(f"  {missing}")
        view = await known(pilot, "enter")
        assert view.cursor == missing
        assert piece(view) == source.pieces[missing]
        assert view.found
        assert view.found.neighbours == source.neighbours([(1, missing)], NEAR).neighbours
        before = view.cursor
        await known(pilot, "slash", "a", "escape")
        assert view.cursor == before
        await pilot.press("slash", *typed("Tom"))
        await known(pilot, "down", "up", "enter")
        assert piece(view) == "▁Tom"


@piloted
async def test_a_sum_of_pieces(running: TtxApp, source: Embedding) -> None:
    async with running.run_test() as pilot:
        view = await known(pilot, "a", *typed("Tom Mary"), "enter")
        assert isinstance(running.screen, AskScreen)
        assert "there must be + or -" in str(running.screen.query_one("#wrong").render())
        view = await known(pilot, *["backspace"] * 8, *typed("Tom - that + Mary"), "enter")
        expected = source.neighbours(source.terms("Tom - that + Mary"), NEAR)
        assert view.found == expected
        assert view.cursor == expected.neighbours[0].id
        assert view.plot
        assert {i for _, i in view.terms} <= set(view.plot.mapped.ids)
        assert str(view.query_one(Neighbours).border_title).startswith("nearest to ▁Tom − ▁that + ▁Mary")


@piloted
async def test_axes_that_have_a_meaning(running: TtxApp, source: Embedding) -> None:
    async with running.run_test() as pilot:
        view = await known(pilot, "x", *typed("Tom:Tom"), "enter")
        assert "it must go from one piece to another" in str(running.screen.query_one("#wrong").render())
        view = await known(pilot, *["backspace"] * 7, *typed("Tom:Mary .:that"), "enter")
        assert view.plot
        poles = [source.poles("Tom:Mary"), source.poles(".:that")]
        assert view.plot.axes == "x: Tom → Mary · y: . → that"
        expected = source.projection(source.common(300), poles)
        assert view.ground
        np.testing.assert_array_equal(view.ground.projection.places, expected.places)
        assert drawn(view).zeros == 2
        assert view.place()["axes"] == "Tom:Mary .:that"
        view = await known(pilot, "x", *["backspace"] * 15, "enter")
        assert view.plot.axes.startswith("x: component 1, ")


@piloted
async def test_the_window(running: TtxApp) -> None:
    async with running.run_test() as pilot:
        view = await known(pilot, "z", "z")
        assert view.window
        low, high = view.window
        assert view.plot
        everything = view.plot.everything
        np.testing.assert_allclose(high - low, (everything[1] - everything[0]) / 1.5**2)
        for keys, axis, sign in [(("shift+left", "H"), 0, -1), (("shift+right", "L"), 0, 1), (("shift+up", "K"), 1, 1),
                                 (("shift+down", "J"), 1, -1)]:  # fmt: skip
            for key in keys:
                before = view.window
                await pilot.press(key)
                moved = np.zeros(2)
                moved[axis] = sign / 4
                np.testing.assert_allclose(view.window[0] - before[0], moved * (high - low))
        await pilot.press("Z")
        np.testing.assert_allclose(view.window[1] - view.window[0], (high - low) * 1.5)
        await pilot.press("Z", "Z")
        assert view.window is None
        await pilot.press("z", "home")
        assert view.window is None
        view.query_one(PieceMap).post_message(PieceMap.Zoomed(1.5))
        await pilot.pause()
        assert view.window is not None


@piloted
async def test_neighbours_are_gone_to(running: TtxApp) -> None:
    async with running.run_test() as pilot:
        view = await known(pilot, "enter", "down", "j", "up", "k", "down")
        near = view.query_one(Neighbours)
        assert (near.has_focus, near.cursor) == (True, 1)
        assert view.found
        wanted = view.found.neighbours[1].id
        view = await known(pilot, "enter")
        assert (view.cursor, view.has_focus, near.cursor) == (wanted, True, 0)
        await known(pilot, "enter")
        assert near.has_focus
        await known(pilot, "left")
        assert view.has_focus


@piloted
async def test_the_mouse_reaches_everything(running: TtxApp) -> None:
    async with running.run_test(size=(100, 30)) as pilot:
        view = await known(pilot)
        pieces = view.query_one(PieceMap)
        assert view.plot
        # A label that is drawn, and the piece it belongs to.
        labels = drawn(view)._labelled(pieces.scrollable_content_region.width)
        place, (start, line) = next((i, at) for i, at in labels.items() if i != drawn(view).cursor)
        assert drawn(view).lines
        await pilot.click(PieceMap, offset=(start + 2, (drawn(view).lines or 0) - line))
        await known(pilot)
        assert view.cursor == view.plot.mapped.ids[place]
        assert view.found
        wanted = view.found.neighbours[2].id
        await pilot.click(Neighbours, offset=(4, 3))
        await known(pilot)
        assert view.cursor == wanted
        await pilot.click("#embeddings-choices", offset=(12, 0))
        await known(pilot)
        assert view.side == "target"
        for x in (25, 50, 60):
            await pilot.click("#embeddings-choices", offset=(x, 0))
            await pilot.pause()
            assert isinstance(running.screen, AskScreen)
            await pilot.press("escape")
            await pilot.pause()


@piloted
async def test_pieces_of_the_translation_come_with_the_moment(running: TtxApp) -> None:
    async with running.run_test() as pilot:
        view = await known(pilot, "t", "less_than_sign", "full_stop", "full_stop")
        said = [step.chosen.id for step in running.live.steps]
        assert view.said == frozenset(said[:2])
        before = drawn(view).places
        view = await known(pilot, "greater_than_sign")
        assert view.said == frozenset(said)
        np.testing.assert_array_equal(drawn(view).places, before)


@piloted
async def test_one_comes_back_to_where_one_was(running: TtxApp, source: Embedding) -> None:
    kept = {"side": "target", "axes": "", "piece": "▁nicht"}
    running.sitting.places["embeddings"] = kept
    async with running.run_test() as pilot:
        view = await known(pilot)
        assert view.place() == kept
        running.notify = lambda *said, **_: told.append(said[0])  # type: ignore[method-assign]
        told: list[str] = []
        view.take({"side": "source", "axes": "nobody:Tom", "piece": "no piece of this"})
        running.draw_soon()
        view = await known(pilot)
        view = await known(pilot)
        assert view.place()["axes"] == ""
        assert view.cursor is not None
        assert view.cursor < source.vocabulary.size
        assert "no piece 'nobody'" in told[0]
        found = {title: run for title, _, run in view.commands()}
        found["Go to ▁that"]()
        assert piece(view) == "▁that"


@piloted
async def test_a_replay_says_why_there_is_nothing(scripted: Callable[..., TtxApp]) -> None:
    app = scripted(screen="embeddings")
    load = app._load

    def without_model() -> Any:
        engine = load()
        engine.__class__ = engine.__class__.__mro__[1]
        return engine

    app._load = without_model
    async with app.run_test() as pilot:
        view = await known(pilot, "left", "enter", "escape", "slash", "a", "x", "z", "t", "t")
        assert view.picture() is None
        assert str(view.query_one(PieceMap).renderable) == "this is a replay: there is no model to ask"


@piloted
async def test_what_was_asked_of_another_model_is_forgotten(running: TtxApp, translator: Translator) -> None:
    """Ids are those of a vocabulary: another model knows other pieces by them, or none."""
    async with running.run_test() as pilot:
        view = await known(pilot)
        view.more, view.cursor, view.terms = (10**6,), 10**6, ((1, 10**6),)
        running.change_engine(ModelEngine(translator))
        view = await known(pilot)
        assert view.cursor is not None
        assert view.cursor < translator.source.size
        assert (view.more, view.terms) == ((), ((1, view.cursor),))
