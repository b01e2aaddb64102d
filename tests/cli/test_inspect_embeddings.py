"""`ttx inspect embeddings`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tui_transformer.analysis.cosine import unit
from tui_transformer.analysis.projection import along, principal_components
from tui_transformer.probes import TEXT_SIDES
from tui_transformer.render.picture import Picture
from tui_transformer.render.views.embeddings import Looked, lookup_picture
from tui_transformer.render.views.map import Mapped, map_picture
from tui_transformer.render.views.neighbours import Found, Neighbour, neighbours_picture
from tui_transformer.translator import Translator

from .conftest import Ttx

PIECES = ("▁He", "▁admired", "▁中文", "▁שלום", "🎬", "▁a\x1b", "▁incomprehensibilities", "</s>")
IDS = (360, 8682, 514, 9999, 0, 262, 5000, 3)
SENTENCE = "Tom called Mary's bluff."


def wave(rows: int, columns: int) -> np.ndarray:
    """Numbers without chance."""
    return np.sin(np.outer(np.arange(rows) + 1, np.arange(columns) + 1) * 0.7).astype(np.float32)


def test_rows_are_drawn_as_they_were(golden: Callable[[Picture, str], None]) -> None:
    golden(lookup_picture(Looked("…", "source", PIECES, IDS, 3 * wave(8, 96), 10_003)), "embeddings-rows")


def test_neighbours_are_drawn_as_they_were(golden: Callable[[Picture, str], None]) -> None:
    near = [Neighbour(piece, i, 0.9 - 0.2 * i) for i, piece in enumerate(PIECES)]
    golden(neighbours_picture(Found("source", [(1, "▁king", 8)], near[:4], 0.2)), "embeddings-near")
    terms = [(1, "▁king", 8), (-1, "▁man", 9), (1, "▁שלום", 10)]
    golden(neighbours_picture(Found("target", terms, near, 0.95)), "embeddings-analogy")


def test_maps_are_drawn_as_they_were(golden: Callable[[Picture, str], None]) -> None:
    pieces = (*PIECES, *(f"▁word{i}" for i in range(24)))
    rows = wave(len(pieces), 12)
    ids = tuple(range(len(pieces)))
    golden(map_picture(Mapped("source", pieces, ids, principal_components(rows))), "embeddings-map")
    axis = along(rows, rows[[1]] - rows[[0]])
    golden(map_picture(Mapped("target", pieces, ids, axis, [("▁He", "▁admired")])), "embeddings-axis")


# What is shown is what the model reads


@pytest.fixture
def embeddings(ttx: Ttx, bundle_folder: Path) -> Callable[..., Any]:
    def run(*arguments: Any) -> Any:
        done = ttx("inspect", "embeddings", "--model", bundle_folder, *arguments, "--format", "json")
        assert (done.code, done.err) == (0, "")
        return json.loads(done.out)

    return run


@pytest.mark.parametrize("side", TEXT_SIDES)
def test_rows_are_those_of_the_ids(embeddings: Callable[..., Any], translator: Translator, side: Any) -> None:
    content = embeddings(SENTENCE, "--side", side)
    table = translator.embeddings(side)
    vocabulary = translator.source if side == "source" else translator.target
    assert content["pieces"] == list(vocabulary.pieces(content["ids"]))
    assert vocabulary.decode(content["ids"]) == SENTENCE
    assert content["pieces"][-1] == "</s>"
    np.testing.assert_allclose(content["rows"], table[content["ids"]], atol=1e-6)
    assert (content["vocabulary"], content["dimensions"]) == table.shape
    one_hot = np.eye(len(table))[content["ids"]]
    np.testing.assert_allclose(one_hot @ table, content["rows"], atol=1e-6)


@pytest.mark.parametrize("side", TEXT_SIDES)
def test_the_nearest_are_nearest(embeddings: Callable[..., Any], translator: Translator, side: Any) -> None:
    content = embeddings("--near", "Tom", "--side", side, "--count", "5")
    directions = unit(translator.embeddings(side))
    (asked,) = content["terms"]
    products = directions @ directions[asked["id"]]
    products[asked["id"]] = -2
    assert asked["piece"] == "▁Tom"
    assert [one["id"] for one in content["neighbours"]] == np.argsort(-products, kind="stable")[:5].tolist()
    assert [one["cosine"] for one in content["neighbours"]] == pytest.approx(np.sort(products)[::-1][:5])


def test_a_sum_is_that_of_the_directions(embeddings: Callable[..., Any], translator: Translator) -> None:
    content = embeddings("--analogy", "Tom - . + </s>")
    directions = unit(translator.embeddings("source"))
    ids = [term["id"] for term in content["terms"]]
    assert [term["sign"] for term in content["terms"]] == [1, -1, 1]
    assert translator.source.pieces(ids) == ("▁Tom", ".", "</s>")
    total = directions[ids[0]] - directions[ids[1]] + directions[ids[2]]
    products = directions @ total / np.linalg.norm(total)
    assert not set(ids) & {one["id"] for one in content["neighbours"]}
    assert len(content["neighbours"]) == 10
    for one in content["neighbours"]:
        assert one["cosine"] == pytest.approx(products[one["id"]])


def test_a_map_of_a_text_has_its_pieces_once(embeddings: Callable[..., Any], translator: Translator) -> None:
    content = embeddings("Tom Tom Mary.", "--map")
    ids = [one["id"] for one in content["pieces"]]
    assert ids == list(dict.fromkeys(translator.source_ids("Tom Tom Mary.")))
    expected = principal_components(unit(translator.embeddings("source")[ids]))
    np.testing.assert_allclose([[one["x"], one["y"]] for one in content["pieces"]], expected.places, atol=1e-9)
    assert content["variance_seen"] == pytest.approx(expected.seen)


def test_a_map_of_common_words(embeddings: Callable[..., Any]) -> None:
    pieces = [one["piece"] for one in embeddings("--map", "--count", "7")["pieces"]]
    assert len(set(pieces)) == 7
    assert all(piece.startswith("▁") and piece[1:].isalpha() for piece in pieces)


def test_an_axis_goes_from_one_piece_to_another(embeddings: Callable[..., Any]) -> None:
    content = embeddings("Tom Mary.", "--axis", ".:</s>", "--axis", "Tom:.")
    places = {one["piece"]: (one["x"], one["y"]) for one in content["pieces"]}
    assert content["axes"] == [". → </s>", "Tom → ."]
    assert places["."][0] == min(x for x, _ in places.values()) == pytest.approx(-places["</s>"][0])
    assert places["."][1] == max(y for _, y in places.values()) == pytest.approx(-places["▁Tom"][1])


def test_each_line_of_standard_input(ttx: Ttx, bundle_folder: Path) -> None:
    done = ttx("inspect", "embeddings", "--model", bundle_folder, stdin="Tom.\n\nMary.\n")
    objects = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    assert [one["text"] for one in objects] == ["Tom.", "", "Mary."]
    assert np.shape(objects[0]["rows"]) == (len(objects[0]["ids"]), objects[0]["dimensions"])


@pytest.mark.parametrize("arguments", [["Haar " * 600], ["--map", "--count", "1"], ["Tom", "--map", "--width", "20"],
                                       ["--near", "Tom", "--count", "1"], ["Tom", "--width", "20"]])  # fmt: skip
def test_the_longest_and_the_smallest_pictures(ttx: Ttx, bundle_folder: Path, arguments: list[str]) -> None:
    assert ttx("inspect", "embeddings", "--model", bundle_folder, *arguments)[::2] == (0, "")


REFUSED = [
    (["--near", "Hopkins"], "no piece 'Hopkins' in the vocabulary, which writes it as"),
    (["--near", "99999"], "ids go from 0 to 402"),
    (["--near", ""], "no piece ''"),
    (["--near", "Tom", "--map"], "one of --near, --analogy and --map"),
    (["--near", "Tom", "Tom."], "they take no TEXT"),
    (["--analogy", "Tom -"], "write pieces with + or -"),
    (["--analogy", "Tom Mary"], "there must be + or -"),
    (["--analogy", "Tom - Tom"], "the sum is zero"),
    (["--analogy", "Tom + Mary - Tom - Mary"], "the sum is zero"),
    (["--axis", "Tom"], "write FROM:TO"),
    (["--axis", "Tom:Tom"], "it must go from one piece to another"),
    (["--axis", "Tom:nobody"], "no piece 'nobody'"),
    (["--axis", "a:b", "--axis", "b:c", "--axis", "c:d"], "3 axes: a map has 1 or 2"),
    (["--near", "Tom", "--count", "0"], "count 0: it must be from 1 to 2000"),
    (["Tom.", "--count", "3"], "--count is for"),
    ([" "], "the text is empty"),
    ([" ", "--map"], "the text is empty"),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED)
def test_what_is_not_there_is_told_in_one_line(ttx: Ttx, bundle_folder: Path, arguments: Any, said: str) -> None:
    done = ttx("inspect", "embeddings", "--model", bundle_folder, *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err


def test_a_single_neighbour_is_not_called_alike(ttx: Ttx, bundle_folder: Path) -> None:
    done = ttx("inspect", "embeddings", "--model", bundle_folder, "--near", "</s>", "--count", "1")
    assert done.code == 0
    assert "hardly told apart" not in done.out
