"""The first screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tui_transformer.tui.app import TtxApp

from .conftest import SIZES, at_rest


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_pictures(scripted: Callable[..., TtxApp], colours: str, size: tuple[int, int], snap_compare: object) -> None:
    assert snap_compare(scripted(), terminal_size=size, run_before=at_rest)  # type: ignore[operator]
