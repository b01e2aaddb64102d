"""A map that is looked at through a window, and clicked."""

from __future__ import annotations

import numpy as np
import pytest

from tui_transformer.render.picture import drawn
from tui_transformer.render.views.map import Map

PLACES = np.array([[0, 0], [10, 10], [5, 5], [5.01, 5.01]], float)
LABELS = ["low", "high", "middle", "beside"]


def lines(shown: Map, width: int = 40) -> list[str]:
    return drawn(shown, width, None).splitlines()


@pytest.mark.parametrize("window", [None, (np.array([4.0, 4.0]), np.array([6.0, 6.0]))])
def test_what_is_drawn_is_what_is_clicked(window: tuple[np.ndarray, np.ndarray] | None) -> None:
    shown = Map(LABELS, PLACES, lines=11, window=window)
    drawing = lines(shown)
    for place, label in enumerate(LABELS):
        found = [(line.index(label), y) for y, line in enumerate(drawing[:11]) if label in line]
        assert len(found) == (window is None or place > 1)
        for x, y in found:
            assert shown.at(x, y, 40) == shown.at(x + len(label) - 1, y, 40) == place
    assert shown.at(39, 10, 40) is None


def test_a_window_leaves_out_what_is_outside() -> None:
    text = "\n".join(lines(Map(LABELS, PLACES, lines=9, window=(np.array([-1.0, -1.0]), np.array([6.0, 6.0])))))
    assert "low" in text
    assert "high" not in text


def test_the_cursor_is_always_labelled() -> None:
    labels = [f"label{i}" for i in range(30)]
    places = np.zeros((30, 2))
    crowded = Map(labels, places, lines=3)
    assert "label29" not in "\n".join(lines(crowded))
    pointed = Map(labels, places, lines=3, cursor=29)
    assert "label29" in "\n".join(lines(pointed))
    assert pointed.at(20, 1, 40) is not None
