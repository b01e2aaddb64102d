"""`ttx inspect qkv`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tui_transformer import bundle
from tui_transformer.heads import Head
from tui_transformer.render.picture import Picture, drawn
from tui_transformer.render.views.qkv import Attending, qkv_picture
from tui_transformer.translator import Translator

from .conftest import Ttx
from .example import SOURCE, example, softmax

SENTENCE = "Tom called Mary's bluff."


@pytest.fixture
def qkv(ttx: Ttx, bundle_folder: Path) -> Ttx:
    return lambda *arguments, **stdin: ttx("inspect", "qkv", "--model", bundle_folder, *arguments, **stdin)


def test_steps_are_drawn_as_they_were(golden: Callable[[Picture, str], None]) -> None:
    golden(qkv_picture(Attending(example(), Head("encoder", 1, 2), 3)), "qkv")
    golden(qkv_picture(Attending(example(), Head("decoder", 0, 0), 2)), "qkv-decoder")
    golden(qkv_picture(Attending(example(), Head("cross", 1, 1), 1), 3), "qkv-few")


def rows(text: str, heading: str) -> list[list[str]]:
    """The rows of a section of the picture, each without its strips and bars."""
    lines = text[text.index(heading) :].splitlines()[2:]
    return [[cell for cell in line.split() if not set(cell) <= set("▁▂▃▄▅▆▇█▏▎▍▌▋▊▉")] for line in lines]


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_printed_steps_add_up(qkv: Ttx, kind: str) -> None:
    done = qkv(SENTENCE, "--kind", kind, "--layer", "2", "--head", "2", "--width", "140")
    assert (done.code, done.err) == (0, "")
    section = rows(done.out, "3 · keys")
    section = section[: section.index([])]
    products, scores, weights = (np.array([float(row[i]) for row in section]) for i in (-3 if kind != "decoder" else -4,
                                 -2 if kind != "decoder" else -3, -1))  # fmt: skip
    np.testing.assert_allclose(products / math.sqrt(12), scores, atol=0.01)
    masked = np.array([float(row[-2]) for row in section])
    np.testing.assert_allclose(softmax(masked), weights, atol=0.005)
    weighted = rows(done.out, "4 · weights")
    weighted = weighted[: weighted.index([])]
    assert [float(row[-1]) for row in weighted[:-1]] == weights.tolist()
    assert weighted[-1] == ["Σ", "1.000"]


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_values_add_up_and_are_the_probe_s(qkv: Ttx, translator: Translator, kind: Any) -> None:
    found = json.loads(qkv(SENTENCE, "--kind", kind, "--layer", "2", "--head", "3", "--token", "2", "--format",
                           "json").out)  # fmt: skip
    query, keys, scores, masked, weights, values, context = (
        np.array(found[name]) for name in ("query", "keys", "scores", "masked_scores", "weights", "values", "context")
    )
    np.testing.assert_allclose(keys @ query / math.sqrt(len(query)), scores, atol=1e-4)
    np.testing.assert_allclose(softmax(masked), weights, atol=1e-6)
    np.testing.assert_allclose(weights @ values, context, atol=1e-5)
    np.testing.assert_array_equal(found["contexts"][2], found["context"])
    attended = translator.probe(SENTENCE).attended(kind)
    np.testing.assert_allclose(query, attended.query[1, 2, 1], rtol=1e-6)
    np.testing.assert_allclose(keys, attended.key[1, 2], rtol=1e-6)
    np.testing.assert_allclose(context, attended.context[1, 2, 1], rtol=1e-6)
    assert found["shapes"]["query"] == [1, *attended.query.shape[1:]]
    assert (found["kind"], found["layer"], found["head"], found["token"]) == (kind, 2, 3, 2)


@pytest.mark.parametrize(
    ("kind", "graph", "name"),
    [("encoder", bundle.ENCODER, "encoder.1.self_attention"), ("decoder", bundle.DECODER, "decoder.1.self_attention"),
     ("cross", bundle.DECODER, "decoder.1.cross_attention")],
)  # fmt: skip
def test_what_is_added_is_the_projection_of_the_concatenated_heads(
    translator: Translator, kind: Any, graph: str, name: str
) -> None:
    """The weights as they stand in the graph that translates, where output = W · answers + bias."""
    constants = {c.name: numpy_helper.to_array(c) for c in onnx.load(translator.bundle.file(graph)).graph.initializer}
    asked = Attending(translator.probe(SENTENCE), Head(kind, 1, 0), 3)
    assert asked.contexts.shape == (4, 12)
    projected = constants[f"{name}.output.weight"] @ asked.contexts.reshape(-1) + constants[f"{name}.output.bias"]
    np.testing.assert_allclose(asked.added, projected, atol=1e-4)


def test_numbers_of_the_query_are_printed(qkv: Ttx) -> None:
    arguments = (SENTENCE, "--token", "3", "--width", "120")
    query = json.loads(qkv(*arguments, "--format", "json").out)["query"]
    lines = qkv(*arguments).out.split("2 · the query")[1].splitlines()[2:4]
    printed = [float(number) for line in lines for number in line.split()[1:]]
    np.testing.assert_allclose(printed, query, atol=0.0051)


def test_the_others_of_many_keys_are_one_row_and_the_sum_stays(qkv: Ttx) -> None:
    done = qkv("hair " * 30, "--keys", "3", "--width", "120")
    weighted = rows(done.out, "4 · weights")
    weighted = weighted[: weighted.index([])]
    assert len(weighted) == 5
    assert weighted[3][1] == "others"
    assert sum(float(row[-1]) for row in weighted[:-1]) == pytest.approx(1, abs=0.003)
    assert f"{weighted[3][0]} keys with smaller weights" in done.out


def test_rest_row_is_the_sum_of_what_is_left_out() -> None:
    asked = Attending(example(), Head("encoder", 0, 0), 0)
    few = drawn(qkv_picture(asked, 2).whole(), 160, None)
    rest = next(line for line in few.splitlines() if line.startswith(f"{len(SOURCE) - 2} others"))
    left = np.sort(asked.weights)[:-2].sum()
    assert f"{left:.3f}" in rest


def test_a_hidden_key_has_its_masked_score(qkv: Ttx) -> None:
    done = qkv(SENTENCE, "--kind", "decoder", "--token", "2", "--width", "140")
    assert "with mask" in done.out
    section = rows(done.out, "3 · keys")
    assert [row[-2:] for row in section[2:4]] == [["-1e9", "0"]] * 2
    assert "with mask" not in qkv(SENTENCE, "--width", "140").out


def test_a_target_may_be_given(qkv: Ttx, translator: Translator) -> None:
    found = json.loads(qkv("Tom.", "--target", "Mary!", "--kind", "cross", "--format", "json").out)
    assert found["asking"] == ["<s>", *translator.target.pieces(translator.target_ids("Mary!"))]


def test_each_line_of_standard_input(qkv: Ttx) -> None:
    done = qkv("--token", "Tom", stdin="Tom.\nMary.\n")
    first, second = (json.loads(line) for line in done.out.splitlines())
    assert done.code == 2
    assert first["view"] == "qkv"
    assert "no piece 'Tom'" in second["error"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Tom.", "--layer", "9"], "layer 9: the model has layers 1 to 2"),
        (["Tom.", "--head", "5"], "head 5: each layer has heads 1 to 4"),
        (["Tom.", "--kind", "both"], "it must be one of encoder, decoder, cross"),
        (["Tom.", "--token", "99"], "no piece '99' in the sentence, which has 1:"),
        (["Tom.", "--target", " "], "the text is empty"),
        (["  "], "the text is empty"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(qkv: Ttx, arguments: list[str], said: str) -> None:
    done = qkv(*arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err
