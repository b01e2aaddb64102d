"""Two dimensions of many: principal components, and axes that were asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tui_transformer.analysis.projection import along, principal_components, toward

ROWS = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 30), st.integers(2, 6)), elements=st.integers(-50, 50).map(float)
)


@given(ROWS)
def test_axes_are_orthonormal_and_variances_fall(rows: np.ndarray) -> None:
    found = principal_components(rows)
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(2), atol=1e-9)
    assert found.shares[0] >= found.shares[1] >= -1e-12
    assert found.seen <= 1 + 1e-9
    np.testing.assert_allclose(found.places, (rows - rows.mean(axis=0)) @ found.axes.T, atol=1e-9)
    np.testing.assert_allclose(found.places.mean(axis=0), 0, atol=1e-9)


@given(ROWS)
def test_shares_are_those_of_the_singular_values_of_the_rows_themselves(rows: np.ndarray) -> None:
    centred = rows - rows.mean(axis=0)
    variances = np.zeros(max(2, min(rows.shape)))
    values = np.linalg.svd(centred, compute_uv=False)
    variances[: len(values)] = values**2
    total = variances.sum() or 1.0
    np.testing.assert_allclose(principal_components(rows).shares, variances[:2] / total, atol=1e-9)


@given(ROWS, st.floats(0.5, 3))
def test_the_picture_does_not_turn_over(rows: np.ndarray, factor: float) -> None:
    axes = principal_components(rows).axes
    assert (axes[np.arange(2), np.abs(axes).argmax(axis=1)] > 0).all()
    np.testing.assert_allclose(principal_components(rows * factor).shares, principal_components(rows).shares, atol=1e-9)


def test_a_plane_is_seen_whole() -> None:
    t = np.linspace(0, 2 * np.pi, 20)
    rows = np.outer(np.cos(t), [3, 0, 0, 4]) + np.outer(np.sin(t), [0, 1, 0, 0]) + 7
    found = principal_components(rows)
    assert found.seen == pytest.approx(1)
    np.testing.assert_allclose(found.axes, [[0.6, 0, 0, 0.8], [0, 1, 0, 0]], atol=1e-9)
    with pytest.raises(ValueError, match="1 dimensions have no 2 axes"):
        principal_components(rows[:, :1])


@given(ROWS)
def test_an_axis_that_was_asked_for_is_x_and_y_stands_at_right_angles(rows: np.ndarray) -> None:
    wanted = np.zeros((1, rows.shape[1]))
    wanted[0, :2] = 3, 4
    found = along(rows, wanted)
    np.testing.assert_allclose(found.places[:, 0], rows @ (wanted[0] / 5), atol=1e-9)
    if np.ptp(rows - np.outer(rows @ wanted[0] / 25, wanted[0]), axis=0).max() > 1e-6:
        assert abs(found.axes[0] @ found.axes[1]) < 1e-6
        assert found.seen == pytest.approx(found.shares.sum(), abs=1e-6)


@given(ROWS)
def test_two_axes_show_together_no_more_than_there_is(rows: np.ndarray) -> None:
    axes = np.zeros((2, rows.shape[1]))
    axes[0, 0], axes[1, :2] = 2, 1
    found = along(rows, axes)
    np.testing.assert_allclose(found.places[:, 0], rows[:, 0], atol=1e-9)
    assert -1e-9 <= found.seen <= 1 + 1e-9
    assert found.seen >= found.shares.max() - 1e-9


@given(ROWS)
def test_other_rows_come_onto_the_same_axes(rows: np.ndarray) -> None:
    for found in (principal_components(rows), along(rows, np.eye(rows.shape[1])[:2])):
        again = found.onto(rows)
        np.testing.assert_allclose(again.places, found.places, atol=1e-9)
        np.testing.assert_allclose(again.shares, found.shares, atol=1e-9)
        assert again.seen == pytest.approx(found.seen, abs=1e-9)
        np.testing.assert_allclose(
            found.onto(rows[:1] + 1).places[0] - found.places[0], found.axes.sum(axis=1), atol=1e-9
        )


def test_the_nearest_place_in_a_direction() -> None:
    places = np.array([[0, 0], [3, 0], [2, 1.5], [1, 5], [-1, 0], [0, -2]], float)
    assert [toward(places, 0, direction) for direction in ((1, 0), (0, 1), (-1, 0), (0, -1))] == [1, 3, 4, 5]
    # Nothing within 45 degrees: what lies aside is better than nothing.
    assert toward(places, 1, (0, 1)) == 2
    assert toward(places, 3, (0, 1)) is None


@given(ROWS.filter(lambda rows: len(rows) > 1), st.sampled_from([(1, 0), (-1, 0), (0, 1), (0, -1)]))
def test_one_gets_ahead_until_there_is_nothing(rows: np.ndarray, direction: tuple[int, int]) -> None:
    places, at, seen = rows[:, :2], 0, 0
    while (ahead := toward(places, at, direction)) is not None:
        assert (places[ahead] - places[at]) @ direction > 0
        at, seen = ahead, seen + 1
    assert seen < len(places)
    assert (places[at] @ direction) == (places @ np.array(direction)).max()
