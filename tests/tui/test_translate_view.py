"""The first screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from tui_transformer.tui.app import TtxApp
from tui_transformer.tui.views.translate import Candidates

from .conftest import SIZES, at_rest, settled, watch


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_pictures(scripted: Callable[..., TtxApp], colours: str, size: tuple[int, int], snap_compare: object) -> None:
    assert snap_compare(scripted(), terminal_size=size, run_before=at_rest)  # type: ignore[operator]


def test_every_candidate_can_be_seen(at_work: Callable[..., TtxApp]) -> None:
    async def walking(app: TtxApp, pilot: Pilot[None]) -> None:
        candidates = app.query_one(Candidates)
        candidates.focus()
        await pilot.press(*["down"] * 9)
        await settled(pilot)
        there = len(app.live.steps[app.playback.moment - 1].candidates)
        assert there > candidates.content_region.height
        assert candidates.scroll_offset.y == there - candidates.content_region.height
        await pilot.press(*["up"] * 9)
        assert candidates.scroll_offset.y == 0
        await pilot.press(*["down"] * 9, "comma")
        await settled(pilot)
        assert candidates.scroll_offset.y == 0

    watch(at_work(), walking, (80, 24))
