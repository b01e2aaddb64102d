"""`ttx inspect positions`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.text import Text

from tui_transformer.architecture import LAYOUTS, Layout
from tui_transformer.positional import sinusoids
from tui_transformer.render.labels import INVISIBLE, cell_len
from tui_transformer.render.picture import ColourSystem, Picture, drawn
from tui_transformer.render.views import rotation as rotation_view
from tui_transformer.render.views.position_map import PositionMap
from tui_transformer.render.views.positions import Positions, heat_map_picture, rings_picture, table_picture
from tui_transformer.render.views.rotation import residuals, rotation_picture

from .conftest import Ttx, values

PIECES = ("▁An", "thony", "▁Hop", "kins", "▁meets", "▁中文", "</s>")
Golden = Callable[[Picture, str], None]


def shown(count: int = 7, dimensions: int = 48, layout: Layout = "interleaved", pieces: bool = False) -> Positions:
    return Positions(count, dimensions, layout, PIECES if pieces else ())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_heat_map_is_drawn_as_it_was(golden: Golden, layout: Layout) -> None:
    golden(heat_map_picture(shown(layout=layout)), f"positions-{layout}")


def test_other_pictures_are_drawn_as_they_were(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    golden(table_picture(shown(pieces=True)), "positions-table")
    golden(rings_picture(shown(), (0, 8, 20), 5), "positions-rings")
    # The last digits of rounding errors are the machine's, not ours.
    monkeypatch.setattr(rotation_view, "residuals", lambda shown, offset: np.full((shown.count, 24), 2e-16))
    golden(rotation_picture(Positions(3, 48, "interleaved", ("▁a", "▁b", "▁c")), 1, (0, 8)), "positions-offset")


@pytest.mark.parametrize("colours", [None, "truecolor"])
def test_names_of_rows_are_what_they_are_on_the_map_too(colours: ColourSystem | None) -> None:
    names = ("שלום", "مرحبا", "▁中文", "a rather long one")
    positions = Positions(5, 16, "interleaved", names)
    said = drawn(PositionMap(positions, positions.table, (0, 0), 6, offset=1), 60, colours)
    assert INVISIBLE not in said
    assert "שלום" in said
    assert cell_len(Text.from_ansi(said.splitlines()[1]).plain) == 14 + 16


@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_are_the_encoding(ttx: Ttx, layout: Layout) -> None:
    content = json.loads(ttx("inspect", "positions", "--layout", layout, "--format", "json").out)
    expected = sinusoids(50, 256, layout)
    assert np.array_equal(content["encoding"], expected)
    np.testing.assert_allclose(content["dot_products"], expected[0] @ expected.T / 128)
    assert content["dot_products"][0] == 1


def test_the_dot_product_depends_on_the_distance_only() -> None:
    table, said = sinusoids(30, 64), heat_map_picture(shown(30, 64)).values["dot_products"]
    for p in (0, 3, 11):
        np.testing.assert_allclose(table[p] @ table[p:].T / 32, said[: 30 - p], atol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("offset", [1, 3, 200])
def test_the_residual_of_every_position_and_pair_is_tiny(layout: Layout, offset: int) -> None:
    errors = residuals(shown(50, 256, layout), offset)
    assert errors.shape == (50, 128)
    assert errors.dtype == np.float64
    assert errors.max() < 1e-6


def test_rotations_turn_one_pair_into_the_next_position() -> None:
    values = rotation_picture(shown(layout="halves"), 3, (0, 5)).values
    table = sinusoids(10, 48, "halves")
    for pair, matrix in zip(values["pairs"], values["rotations"], strict=True):
        for p in range(7):
            np.testing.assert_allclose(
                matrix @ table[p, [pair, 24 + pair]], table[p + 3, [pair, 24 + pair]], atol=1e-12
            )


def test_named_pieces_share_a_rotation(ttx: Ttx, bundle_folder: Path) -> None:
    done = ttx("inspect", "positions", "Mary has a flower in her hair.", "--offset", "2", "--model", bundle_folder)
    assert done.code == 0
    assert "is the same rotation as" in done.out
    content = json.loads(
        ttx("inspect", "positions", "Mary has.", "--offset", "2", "--model", bundle_folder, "--format", "json").out
    )
    assert len(content["moves"]) == content["positions"] - 2 == len(content["pieces"]) - 2
    assert all(move["to"] - move["from"] == 2 and move["residual"] < 1e-6 for move in content["moves"])
    assert content["residual"] < 1e-6


def test_frames_are_the_same_each_time_and_end_where_the_still_picture_is() -> None:
    picture = rings_picture(shown(pieces=True), (0, 8))
    assert picture.frames
    first, second = ([drawn(frame, 80, None) for frame in picture.frames()] for _ in range(2))
    assert first == second
    assert len(set(first)) == len(first) == 7
    assert first[-1] == drawn(picture.body, 80, None)
    assert rings_picture(shown(), (0,), 3).frames is None


def test_each_point_is_on_its_circle() -> None:
    values = rings_picture(shown(), (0, 3, 23)).values
    np.testing.assert_allclose(values["sin"] ** 2 + values["cos"] ** 2, 1)
    assert np.array_equal(values["sin"], sinusoids(7, 48)[:, [0, 6, 46]])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--rings --table", "one of --table, --rings and --offset"),
        ("--position 3", "--position only applies with --rings"),
        ("--pairs 3", "--pairs only applies with"),
        ("--dimensions 7", "must be even"),
        ("--rings --position 50", "position 50: it must be from 0 to 49"),
        ("--rings --pairs 0,24", "pair 24: it must be from 0 to 23"),
        ("--offset 1 --pairs x", "pair 'x'"),
        ("Mary --offset 99", "offset 99: it must be from 1 to"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(ttx: Ttx, bundle_folder: Path, arguments: str, said: str) -> None:
    done = ttx("inspect", "positions", *arguments.split(), "--model", bundle_folder)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err


SMALLEST = ["--dimensions 2", "--positions 1", "--positions 1 --rings", "--positions 1 --offset 1",
            "--dimensions 2 --table --width 20", "--dimensions 2 --rings"]  # fmt: skip


@pytest.mark.parametrize("arguments", SMALLEST)
def test_the_smallest_pictures(ttx: Ttx, arguments: str) -> None:
    assert ttx("inspect", "positions", *arguments.split())[::2] == (0, "")


@pytest.mark.parametrize("text", [(), ("Tom.",)])
def test_positions_of_a_text_or_a_chosen_model_are_the_model_s(
    ttx: Ttx, bundle_folder: Path, text: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = values(ttx("inspect", "positions", *text, "--model", bundle_folder, "--format", "json"))
    assert (content["dimensions"], content["layout"]) == (48, "interleaved")
    asked = ("--dimensions", "6", "--layout", "halves")
    monkeypatch.setenv("TTX_MODEL", str(bundle_folder))
    other = values(ttx("inspect", "positions", *text, *asked, "--format", "json"))
    assert (other["dimensions"], other["layout"]) == (6, "halves")


def test_fewer_positions_than_pieces(ttx: Ttx, bundle_folder: Path) -> None:
    arguments = ("Tom called Mary.", "--model", bundle_folder, "--positions", "2", "--offset", "1", "--format", "json")
    content = values(ttx("inspect", "positions", *arguments))
    assert [(one["from"], one["to"]) for one in content["moves"]] == [(0, 1), (1, 2)]
