"""The fourth screen: positional encodings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.events import MouseScrollDown, MouseScrollLeft, MouseScrollRight, MouseScrollUp
from textual.pilot import Pilot

from tui_transformer.positional import sinusoids
from tui_transformer.render.views import rotation
from tui_transformer.tui.app import TtxApp
from tui_transformer.tui.picture_view import PictureView
from tui_transformer.tui.sitting import Sitting
from tui_transformer.tui.views.positions import PositionsView
from tui_transformer.tui.views.positions_map import EncodingMap
from tui_transformer.tui.views.positions_panels import EncodingPanels
from tui_transformer.tui.widgets.knobs import Knobs

from .conftest import SIZES, TRACES, at_rest, settled, watch

App = Callable[..., TtxApp]


def state(app: TtxApp) -> Any:
    return app.query_one(PositionsView)._state


def title(app: TtxApp, selector: str) -> str:
    return str(app.query_one(PositionsView).query_one(selector).border_title)


def replay(sitting: Sitting | None = None) -> TtxApp:
    """Without any model."""
    from tui_transformer.traces import as_recording, load_trace
    from tui_transformer.tui.engine import ReplayEngine

    path = TRACES / "a.trace"
    return TtxApp(lambda: ReplayEngine(as_recording(load_trace(path), path), path), sitting or Sitting())


@pytest.fixture
def rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of a rotation depends on the machine: pictures show always the same."""
    monkeypatch.setattr(
        rotation, "residuals", lambda shown, offset: np.full((shown.count, shown.dimensions // 2), 2e-16)
    )


@pytest.mark.usefixtures("rounded")
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_pictures(scripted: App, colours: str, size: tuple[int, int], snap_compare: object) -> None:
    async def at_a_cell(pilot: Pilot[None]) -> None:
        await at_rest(pilot)
        await pilot.press("down", "down", "down", "right", "right", "right", "t")
        await at_rest(pilot)

    app = scripted("a", "positions", Sitting(places={"positions": {"count": 20}}))
    assert snap_compare(app, terminal_size=size, run_before=at_a_cell)  # type: ignore[operator]


@pytest.mark.usefixtures("rounded")
@pytest.mark.parametrize("presses", [1, 2], ids=["rotation", "products"])
def test_other_pictures_where_it_is_narrow(scripted: App, presses: int, snap_compare: object) -> None:
    async def next_one(pilot: Pilot[None]) -> None:
        await at_rest(pilot)
        await pilot.press(*["v"] * presses, "z", "c", "t")
        await at_rest(pilot)

    app = scripted("a", "positions")
    assert snap_compare(app, terminal_size=(80, 24), run_before=next_one)  # type: ignore[operator]


def test_at_first_it_is_the_encoding_of_the_model(scripted: App, bundle_folder: Path) -> None:
    async def looking(app: TtxApp, pilot: Pilot[None]) -> None:
        architecture = app.engine.translator.bundle.manifest.architecture  # type: ignore[union-attr]
        assert (state(app).dimensions, state(app).layout) == (architecture.d_model, architecture.positional_layout)
        assert state(app).shown.labels[: len(app.live.source)] == list(app.live.source)
        assert f'position 0 "{app.live.source[0]}" · s0 (dimension 0)  .000' in title(app, "#encoding")
        # Another choice stays, until one asks for the model's own.
        await pilot.press("d", "c")
        assert (state(app).dimensions, state(app).layout) == (64, "halves")
        await pilot.press("u")
        assert (state(app).dimensions, state(app).layout) == (architecture.d_model, architecture.positional_layout)

    watch(scripted("a", "positions"), looking)


def test_it_needs_no_model() -> None:
    async def looking(app: TtxApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "4")
        await settled(pilot)
        assert (state(app).dimensions, state(app).layout) == (256, "interleaved")
        await pilot.press("d", "u")
        assert state(app).dimensions == 256
        assert "residual" in title(app, "#rotation")

    watch(replay(), looking)


def test_keys_move_the_cursor(scripted: App) -> None:
    async def moving(app: TtxApp, pilot: Pilot[None]) -> None:
        last = state(app).dimensions - 1
        for key, cursor in [
            ("down", (1, 0)), ("j", (2, 0)), ("up", (1, 0)), ("k", (0, 0)), ("k", (0, 0)), ("right", (0, 1)),
            ("l", (0, 2)), ("left", (0, 1)), ("h", (0, 0)), ("h", (0, 0)), ("pagedown", (16, 0)), ("pageup", (0, 0)),
            ("end", (49, 0)), ("home", (0, 0)), ("G", (49, 0)), ("g", (0, 0)), ("L", (0, 16)), ("H", (0, 0)),
            ("shift+right", (0, 16)), ("shift+right", (0, min(32, last))), ("shift+left", (0, min(32, last) - 16)),
        ]:  # fmt: skip
            await pilot.press(key)
            assert state(app).cursor == cursor, key
        position, dimension = state(app).cursor
        value = sinusoids(50, last + 1, state(app).layout)[position, dimension]
        assert f"{abs(value):.3f}".removeprefix("0") in title(app, "#encoding")

    watch(scripted("a", "positions"), moving)


def test_clicks_and_the_wheel_move_the_cursor(scripted: App) -> None:
    async def clicking(app: TtxApp, pilot: Pilot[None]) -> None:
        view = app.query_one(EncodingMap)
        gutter = view._map.gutter  # type: ignore[union-attr]
        # Two cells of border and padding; a line of border and the names of the columns.
        await pilot.click(EncodingMap, offset=(2 + gutter + 7, 2 + 4))
        assert state(app).cursor == (8, 7)
        await pilot.click(EncodingMap, offset=(2 + gutter + 7, 2 + 4))
        assert state(app).cursor == (9, 7)
        await pilot.click(EncodingMap, offset=(3, 4))
        assert state(app).cursor == (9, 7)
        for wheel, cursor in [
            (MouseScrollDown, (11, 7)), (MouseScrollUp, (9, 7)), (MouseScrollRight, (9, 9)), (MouseScrollLeft, (9, 7)),
        ]:  # fmt: skip
            view.post_message(wheel(view, 9, 4, 0, 0, 0, False, False, False))
            await pilot.pause()
            assert state(app).cursor == cursor

    watch(scripted("a", "positions"), clicking)


def test_sizes_layout_and_offset(scripted: App) -> None:
    async def setting(app: TtxApp, pilot: Pilot[None]) -> None:
        first = state(app).dimensions
        for key, name, value in [
            ("n", "count", 75), ("N", "count", 50), ("N", "count", 30), ("t", "k", 2), ("t", "k", 3), ("T", "k", 2),
            ("T", "k", 1), ("T", "k", 1), ("z", "whole", True), ("z", "whole", False),
            ("d", "dimensions", 64), ("D", "dimensions", 32), ("D", "dimensions", 16),
        ]:  # fmt: skip
            await pilot.press(key)
            assert getattr(state(app), name) == value, key
        assert first in range(32, 65)
        await pilot.press("right", "right", "right")
        assert state(app).shown.columns[state(app).dimension] == "c1"
        await pilot.press("c")
        assert (state(app).layout, state(app).dimension) == ("halves", 9)
        assert state(app).shown.columns[9] == "c1"
        await pilot.press("c")
        assert (state(app).layout, state(app).dimension) == ("interleaved", 3)

    watch(scripted("a", "positions"), setting)


def test_the_line_at_the_top_does_what_keys_do(scripted: App) -> None:
    async def clicking(app: TtxApp, pilot: Pilot[None]) -> None:
        knobs = app.query_one(PositionsView).query_one(Knobs)

        async def click(action: str) -> None:
            left = 1
            for part in knobs._parts:
                if part.action == action:
                    await pilot.click(knobs, offset=(left + len(part.text) // 2, 0))
                    await pilot.pause()
                    return
                left += len(part.text)
            raise AssertionError(action)

        before = state(app).dimensions
        await click("dimensions(1)")
        assert state(app).dimensions > before
        await click("dimensions(-1)")
        await click("count(1)")
        assert state(app).count == 75
        await click("count(-1)")
        await click("offset(1)")
        assert state(app).k == 2
        await click("offset(-1)")
        await click("layout")
        await click("whole")
        assert (state(app).count, state(app).k, state(app).whole) == (50, 1, True)
        await click("panel")
        assert state(app).panel == "rotation"
        await click("turn")
        assert app.query_one(PositionsView)._turning

    watch(scripted("a", "positions"), clicking, (80, 24))


def test_residual_and_dot_product_are_said(scripted: App) -> None:
    async def reading(app: TtxApp, pilot: Pilot[None]) -> None:
        await pilot.press("t", "t")
        panels = app.query_one(EncodingPanels)
        turn = panels.rotation()
        assert turn
        assert turn.offset == 3
        assert turn.residual < 1e-13
        assert title(app, "#rotation") == f"k = 3 · residual {turn.residual:.1e}"
        table = sinusoids(50, state(app).dimensions, state(app).layout)
        product = table[10] @ table[13] / (state(app).dimensions / 2)
        assert title(app, "#products") == f"dot product at 3: {product:.2f}"

    watch(scripted("a", "positions"), reading)


def test_a_large_rotation_is_computed_meanwhile(scripted: App) -> None:
    async def waiting(app: TtxApp, pilot: Pilot[None]) -> None:
        state(app).take({"dimensions": 1024, "own": True})
        app.query_one(PositionsView).show()
        assert "computing …" in title(app, "#rotation")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "residual" in title(app, "#rotation")
        # What comes too late is not shown.
        await pilot.press("t", "t")
        await app.workers.wait_for_complete()
        await pilot.pause()
        turn = app.query_one(EncodingPanels).rotation()
        assert turn
        assert turn.offset == 3

    watch(scripted("a", "positions"), waiting)


def test_the_clocks_turn_only_while_they_are_seen(scripted: App) -> None:
    async def turning(app: TtxApp, pilot: Pilot[None]) -> None:
        view = app.query_one(PositionsView)
        await pilot.press("p")
        before = state(app).position
        for _ in range(200):
            await pilot.pause(0.02)
            if state(app).position != before:
                break
        assert state(app).position != before
        await pilot.press("p")
        stands = state(app).position
        assert stands == int(stands)
        await pilot.pause(0.2)
        assert state(app).position == stands
        await pilot.press("p", "3")
        await settled(pilot)
        view._tick()
        hidden = state(app).position
        view._tick()
        assert state(app).position == hidden
        # From the last position they go on with the first.
        state(app).go(49.9, 0)
        state(app).turn_on(1)
        assert state(app).position < 1

    watch(scripted("a", "positions"), turning)


def test_one_picture_where_it_is_narrow(scripted: App) -> None:
    async def going_through(app: TtxApp, pilot: Pilot[None]) -> None:
        names = {"rings": "clocks", "rotation": "rotation", "products": "products"}
        for panel in ("rings", "rotation", "products", "rings"):
            assert state(app).panel == panel
            shown = [one.id for one in app.query_one(EncodingPanels).children if one.display]
            assert shown == [names[panel]]
            await pilot.press("v")
            await pilot.pause()

    watch(scripted("a", "positions"), going_through, (80, 24))


def test_what_is_saved_has_all_the_values(scripted: App) -> None:
    async def saving(app: TtxApp, pilot: Pilot[None]) -> None:
        await pilot.press("down", "t")
        picture = app.query_one(PositionsView).picture()
        values = picture.values
        np.testing.assert_array_equal(values["encoding"], sinusoids(50, state(app).dimensions, state(app).layout))
        assert values["offset"] == 2
        assert values["position"] == 1
        assert values["residual"] < 1e-13
        assert len(picture.table.rows) == 50
        assert any("R(2) turns every position" in sentence for sentence in picture.says)

    watch(scripted("a", "positions"), saving)


def test_the_place_is_kept(scripted: App) -> None:
    kept: dict[str, Any] = {}

    async def leaving(app: TtxApp, pilot: Pilot[None]) -> None:
        await pilot.press("d", "d", "c", "n", "t", "z", "down", "right")
        kept.update(app.query_one(PositionsView).place())

    async def coming_back(app: TtxApp, pilot: Pilot[None]) -> None:
        assert app.query_one(PositionsView).place() == kept

    watch(scripted("a", "positions"), leaving)
    watch(scripted("a", "positions", Sitting(places={"positions": dict(kept)})), coming_back)
    # What was written by somebody else is left out.
    wrong = {"dimensions": 7, "layout": "round", "count": 10**9, "panel": "none", "k": "x", "position": -4}

    async def unharmed(app: TtxApp, pilot: Pilot[None]) -> None:
        assert state(app).count == 500
        assert (state(app).panel, state(app).k, state(app).cursor) == ("rings", 1, (0, 0))

    watch(scripted("a", "positions", Sitting(places={"positions": wrong})), unharmed)


def test_commands_set_any_size(scripted: App) -> None:
    async def commanding(app: TtxApp, pilot: Pilot[None]) -> None:
        found = {name: run for name, _, run in app.query_one(PositionsView).commands()}
        found["128 dimensions"]()
        found["20 positions"]()
        found["Show the rotation"]()
        assert (state(app).dimensions, state(app).count, state(app).panel) == (128, 20, "rotation")

    watch(scripted("a", "positions"), commanding)


def test_all_that_has_room_is_drawn_without_any_key(scripted: App) -> None:
    async def resizing(app: TtxApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "4")
        await settled(pilot)
        drawn = {view.id: view.renderable for view in app.query_one(EncodingPanels).query(PictureView)}
        assert drawn["clocks"] is not None
        await pilot.resize_terminal(160, 50)
        await settled(pilot)
        assert all(view.renderable is not None for view in app.query_one(EncodingPanels).query(PictureView))

    watch(scripted(), resizing, (80, 24))
