"""The architecture as a tree, one part closely, and the model card."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_transformer.analysis.storage import Node, anatomy, weights
from tui_transformer.bundle import read_bundle
from tui_transformer.render.picture import drawn
from tui_transformer.render.views.anatomy import meaning, node_picture, tree, tree_rows
from tui_transformer.render.views.card import card_picture


@pytest.fixture(scope="module")
def whole(bundle_folder: Path) -> Node:
    bundle = read_bundle(bundle_folder)
    return anatomy(bundle.manifest.architecture, weights(bundle))


def test_only_what_is_open_is_seen(whole: Node) -> None:
    assert [row.node.names[-1] for row in tree_rows(whole, ())] == ["Transformer"]
    rows = list(tree_rows(whole, {("Transformer",), ("Transformer", "encoder")}))
    assert [row.node.names[-1] for row in rows] == [
        "Transformer", "source embedding", "encoder", "layer 1", "layer 2", "target embedding", "decoder",
        "projection", "positions",
    ]  # fmt: skip
    assert [row.opened for row in rows[:4]] == [True, None, True, False]


def test_the_tree_says_numbers_and_where_one_is(whole: Node) -> None:
    rows = list(tree_rows(whole, {("Transformer",)}))
    lines = drawn(tree(rows, 2), 80, None).splitlines()
    assert lines[1].split()[:3] == ["▾", "Transformer", "133,939"]
    assert "▸ encoder" in lines[3]
    coloured = drawn(tree(rows, 2), 80, "truecolor").splitlines()
    assert [number for number, line in enumerate(coloured) if "\x1b[7" in line or ";7m" in line] == [3]


def test_every_part_has_a_meaning(whole: Node) -> None:
    assert all(meaning(node) for node in whole.walk())


def test_a_part_tells_its_tensors(whole: Node) -> None:
    query = next(node for node in whole.walk() if node.names[-1] == "query")
    picture = node_picture(query, "tiny (fp32)")
    lines = drawn(picture.body, 100, None).splitlines()
    assert lines[0] == "encoder › layer 1 › self-attention › query"
    assert lines[1] == "48 × 48 + 48 · 2,352 parameters · 9.4 kB stored"
    assert lines[3] == "encoder.0.self_attention.query.…"
    assert lines[5].split() == ["…weight", "fp32", "144", "×", "48", "27.6", "kB", "33%", "of", "it",
                                "encoder_model.onnx_data", "89,664"]  # fmt: skip
    assert picture.values["tensors"][0]["offset"] == 89_664
    assert "one matrix" in picture.says[1]
    assert picture.table.rows[0][0] == "encoder.0.self_attention.query.weight"


@pytest.mark.parametrize("width", [40, 80])
def test_a_card_is_markdown_that_cannot_move_the_cursor(width: int) -> None:
    picture = card_picture(
        "m", "# Title\n\nSome *words*\x1b[2J and\ta [link](http://a.example).\n\n| a | b |\n|-|-|\n| 1 | 2 |\n"
    )
    text = drawn(picture.body, width, None)
    assert "Title" in text
    assert "\x1b" not in text
    assert "http://a.example" in text.replace("\n", "")
    coloured = drawn(picture.body, width, "truecolor")
    assert "\x1b[2J" not in coloured
    assert "38;2;191;113;24" in coloured
