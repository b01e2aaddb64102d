"""Small pictures that grow in frames that stay."""

from __future__ import annotations

import numpy as np
import pytest

from tui_transformer.render.thumbnails import Frame

EYE = np.eye(6, dtype=np.float32)


@pytest.mark.parametrize("colours", [True, False])
@pytest.mark.parametrize("size", [(3, 6), (8, 20), (1, 2), (5, 4)])
def test_a_picture_is_as_large_as_its_frame_whatever_is_known(colours: bool, size: tuple[int, int]) -> None:
    frame = Frame(*size, colours)
    for known in range(7):
        lines = frame.draw(frame.levels(EYE[:known], 6, 6))
        assert len(lines) == frame.lines
        assert {sum(segment.cell_length for segment in line) for line in lines} == {frame.width}


def test_rows_that_are_known_stay_where_they_are() -> None:
    frame = Frame(3, 6, True)
    whole = frame.levels(EYE, 6, 6)
    for known in range(1, 7):
        part = frame.levels(EYE[:known], 6, 6)
        assert np.array_equal(part, whole[:known])


def test_all_heads_at_once_are_the_same_as_one_by_one() -> None:
    weights = np.random.default_rng(1).random((2, 3, 40, 50))
    frame = Frame(5, 9, True)
    stacked = frame.levels(weights, 44, 50)
    assert stacked.shape[:2] == (2, 3)
    for place in np.ndindex(2, 3):
        assert np.array_equal(stacked[place], frame.levels(weights[place], 44, 50))


def test_peaks_are_not_lost_and_small_ones_are_drawn_larger() -> None:
    weights = np.zeros((40, 40))
    weights[17, 33] = 1
    assert Frame(4, 8, True).levels(weights, 40, 40).max() == 255
    assert Frame(6, 12, True).levels(np.eye(6), 6, 6).shape == (12, 12)
    assert Frame(6, 12, False).levels(np.eye(6), 6, 6).shape == (6, 12)


def test_a_head_that_is_off_is_crossed_out() -> None:
    lines = Frame(2, 3, True).crossed()
    assert ["".join(segment.text for segment in line) for line in lines] == ["╳╳╳", "╳╳╳"]
