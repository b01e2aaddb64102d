"""`ttx inspect masks`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tui_transformer.heads import Head
from tui_transformer.masks import combine_masks, look_ahead_mask, padding_mask
from tui_transformer.render.picture import Picture, drawn
from tui_transformer.render.views.heads import HeadInside
from tui_transformer.render.views.masks import MaskedBatch, masks_picture
from tui_transformer.translator import Translator

from .conftest import Ttx
from .example import READ, SOURCE, example, softmax

SENTENCE, SHORT = "Tom called Mary's bluff.", "Good night."


@pytest.fixture
def masks(ttx: Ttx, bundle_folder: Path) -> Ttx:
    return lambda *arguments, **stdin: ttx("inspect", "masks", "--model", bundle_folder, *arguments, **stdin)


def batch() -> MaskedBatch:
    sources = [(*SOURCE, "<pad>", "<pad>"), ("▁Hi", ".", "</s>", *["<pad>"] * 6)]
    targets = [READ, ("<s>", "▁Na", ".", "<pad>", "<pad>")]
    padding, target = (
        padding_mask(np.array([[piece == "<pad>" for piece in row] for row in rows]), True)
        for rows in (sources, targets)
    )
    look_ahead = look_ahead_mask(len(READ))
    return MaskedBatch(sources, targets, padding, target, look_ahead, combine_masks(target, look_ahead))


def test_masks_are_drawn_as_they_were(golden: Callable[[Picture, str], None]) -> None:
    probed = example(padding=2)
    heads = [HeadInside(probed, Head("encoder", 0, 1), 3), HeadInside(probed, Head("decoder", 1, 2), 2)]
    golden(masks_picture(batch(), heads), "masks")
    golden(masks_picture(batch(), [HeadInside(probed, Head("cross", 1, 0), 4)]), "masks-cross")


def test_a_batch_is_masked_as_masks_says(masks: Ttx, translator: Translator) -> None:
    done = masks(SENTENCE, "--beside", SHORT, "--format", "json")
    found = json.loads(done.out)
    lengths = [len(translator.whole(text).ids) for text in (SENTENCE, SHORT)]
    assert [sum(row) for row in found["padding_mask"]] == lengths
    for pieces, mask in zip(found["sources"], found["padding_mask"], strict=True):
        assert [piece == "<pad>" for piece in pieces] == [one == 0 for one in mask]
    targets = np.array([[piece != "<pad>" for piece in row] for row in found["targets"]])
    look_ahead = np.tri(targets.shape[1])
    assert np.array_equal(found["look_ahead_mask"], look_ahead)
    assert np.array_equal(found["combined_mask"], look_ahead[None] * targets[:, None])
    assert not targets.all()
    said = [translator.target.decode(h[0].ids) for h in translator.translate_batch(
        [translator.whole(text) for text in (SENTENCE, SHORT)])]  # fmt: skip
    for row, text in zip(found["targets"], said, strict=True):
        assert row[0] == "<s>"
        assert "".join(piece for piece in row if piece not in ("<s>", "<pad>")).replace("▁", " ").strip() == text


def test_what_is_hidden_has_a_weight_of_exactly_zero(masks: Ttx) -> None:
    found = json.loads(masks(SENTENCE, "--beside", SENTENCE * 3, "--layer", "2", "--head", "3", "--format", "json").out)
    encoder, decoder = found["heads"]
    assert (encoder["kind"], encoder["layer"], encoder["head"]) == ("encoder", 2, 3)
    padding = np.array(found["padding_mask"][0]) == 0
    future = ~np.tri(len(decoder["asking"]), dtype=bool)
    for head, hidden in ((encoder, np.broadcast_to(padding, np.shape(encoder["weights"]))), (decoder, future)):
        scores, masked, weights = (np.array(head[name]) for name in ("scores", "masked_scores", "weights"))
        assert hidden.any()
        assert (weights[hidden] == 0).all()
        assert (masked[hidden] <= -1e9 + 100).all()
        assert (np.abs(scores) < 1e3).all()
        assert np.array_equal(masked[~hidden], scores[~hidden])
        np.testing.assert_allclose(softmax(masked), weights, atol=1e-6)
        assert (weights[~hidden] > 0).all()


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_values_are_the_probe_s(masks: Ttx, translator: Translator, kind: str) -> None:
    found = json.loads(masks(SENTENCE, "--kind", kind, "--layer", "2", "--head", "4", "--format", "json").out)
    (head,) = found["heads"]
    probed = translator.probe(SENTENCE, width=len(found["padding_mask"][0]))
    attended = probed.attended(kind)  # type: ignore[arg-type]
    for name in ("scores", "masked_scores", "weights"):
        np.testing.assert_allclose(head[name], getattr(attended, name)[1, 3], rtol=1e-6)
    assert tuple(head["answering"]) == probed.answering(kind)  # type: ignore[arg-type]


def test_the_row_of_a_token_has_all_numbers(masks: Ttx) -> None:
    done = masks(SENTENCE, "Tom zwang Mary.", "--kind", "decoder", "--token", "3")
    row = done.out[done.out.index("the row of ") :].splitlines()[2:]
    cells = [line.split() for line in row[: row.index("")]]
    assert [cell[2] for cell in cells][:4] == ["1", "1", "1", "0"]
    for cell in cells:
        assert (cell[3], cell[4]) == ("-1e9", "0") if cell[2] == "0" else cell[3] == cell[1]
    assert sum(float(cell[4]) for cell in cells) == pytest.approx(1, abs=0.005)


def test_a_table_has_a_row_a_pair(masks: Ttx) -> None:
    rows = [line.split("\t") for line in masks("Tom?", "Tom.", "--format", "tsv").out.splitlines()]
    table = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert {row["weight"] for row in table if row["visible"] == "0"} == {"0"}
    assert len([row for row in table if row["kind"] == "encoder"]) == 16 * 16


def test_long_sentences_show_the_strongest_and_the_first_hidden_places(masks: Ttx) -> None:
    done = masks("hair " * 18, "hair", "--kind", "encoder", "--width", "100")
    row = done.out[done.out.index("the row of") :].splitlines()[2:]
    assert len(row[: row.index("")]) == 48
    assert "16 further places of its row are not shown" in done.out
    assert "64 × 64 shown as 40 × 40" in " ".join(done.out.split())


def test_each_line_of_standard_input(masks: Ttx) -> None:
    done = masks("--beside", SHORT, stdin="Tom.\n\nMary.\n")
    objects = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    assert [one.get("empty", False) for one in objects] == [False, True, False]
    assert [len(one["sources"]) for one in objects[::2]] == [2, 2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Tom.", "--layer", "3"], "layer 3: the model has layers 1 to 2"),
        (["Tom.", "--head", "0"], "head 0: each layer has heads 1 to 4"),
        (["Tom.", "--kind", "self"], "unknown kind 'self': it must be one of encoder, decoder, cross"),
        (["Tom.", "--kind", "encoder", "--token", "cat"], "no piece 'cat' in the sentence, which has 1:"),
        (["Tom.", "--kind", "encoder", "--token", "<pad>"], "no piece '<pad>'"),
        (["Tom.", "--token", "Tom"], "--token needs --kind"),
        ([""], "the text is empty"),
        (["Tom.", " "], "the text is empty"),
        (["Tom.", "--beside", " "], "the text is empty"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(masks: Ttx, arguments: list[str], said: str) -> None:
    done = masks(*arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err


def test_a_batch_without_padding_says_so(translator: Translator) -> None:
    probed = example()
    whole = batch()
    picture = masks_picture(whole, [HeadInside(probed, Head("encoder", 0, 0), 0)])
    assert "encoder L1 H1: the padding mask hides nothing here." in picture.says
    assert "nan" not in drawn(picture.whole(), 80, None)
