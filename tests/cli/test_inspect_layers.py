"""`ttx inspect layers`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tui_transformer.analysis.stream import Forming
from tui_transformer.render.picture import Picture
from tui_transformer.render.views.layers import layers_picture
from tui_transformer.translator import Translator

from .conftest import Ttx
from .example import VOCABULARY, example, softmax

SENTENCE = "Tom called Mary's bluff."


@pytest.fixture
def layers(ttx: Ttx, bundle_folder: Path) -> Ttx:
    return lambda *arguments, **stdin: ttx("inspect", "layers", "--model", bundle_folder, *arguments, **stdin)


def test_layers_are_drawn_as_they_were(golden: Callable[[Picture, str], None]) -> None:
    probed = example()
    assert probed.decoder.lens is not None
    forming = Forming.of(probed.decoder.lens, probed.said, VOCABULARY.__getitem__)
    golden(layers_picture(probed, forming), "layers")
    golden(layers_picture(probed, forming, 2), "layers-one")


def test_values_are_the_probe_s(layers: Ttx, translator: Translator) -> None:
    found = json.loads(layers(SENTENCE, "--format", "json").out)
    probed = translator.probe(SENTENCE, lens=True)
    for name, stream in (("encoder", probed.encoder.stream), ("decoder", probed.decoder.stream)):
        states = stream.residual.astype(np.float64)
        expected = np.sqrt((states**2).sum(-1)).mean(axis=1)
        np.testing.assert_allclose(found[name]["norms"], expected, rtol=1e-5)
        np.testing.assert_allclose(
            found[name]["added_norms"], np.sqrt((stream.added.astype(np.float64) ** 2).sum(-1)).mean(axis=1), rtol=1e-5
        )
        after = states[:: stream.per_layer]
        unit = after / np.sqrt((after**2).sum(-1, keepdims=True))
        np.testing.assert_allclose(found[name]["cosines"], unit @ unit.swapaxes(1, 2), atol=1e-5)
        assert found[name]["shape"] == [1, *states.shape[1:]]
        assert len(found[name]["steps"]) == len(states)


def test_the_prediction_forms_as_the_lens_says(layers: Ttx, translator: Translator) -> None:
    found = json.loads(layers(SENTENCE, "--format", "json").out)["lens"]
    probed = translator.probe(SENTENCE, lens=True)
    shares = softmax(np.asarray(probed.decoder.lens, np.float64))
    assert found["said"] == list(probed.said_pieces)
    assert found["top"] == [[translator.target.piece(int(i)) for i in row] for row in shares.argmax(-1)]
    np.testing.assert_allclose(found["probabilities"], shares.max(-1), atol=1e-5)
    np.testing.assert_allclose(
        found["probabilities_of_said"], shares[:, np.arange(len(probed.said)), list(probed.said)], atol=1e-5
    )
    assert found["settled_after_layer"][-1] in (0, 1, 2)


def test_a_target_that_the_model_would_not_say_is_never_settled(layers: Ttx) -> None:
    found = json.loads(layers(SENTENCE, "--target", "Mary hat eine Blume im Haar.", "--format", "json").out)
    assert None in found["lens"]["settled_after_layer"]
    assert any("not what the model finds likeliest" in sentence for sentence in found["says"])


def test_a_table_has_a_row_a_sublayer(layers: Ttx) -> None:
    rows = [line.split("\t") for line in layers("Tom.", "--format", "tsv").out.splitlines()]
    assert rows[0] == ["stack", "sublayers", "after", "norm", "added_norm"]
    assert [row[0] for row in rows[1:]] == ["encoder"] * 5 + ["decoder"] * 7
    assert rows[1][2:] == ["embedding + position", rows[1][3], ""]


def test_a_long_sentence_is_pooled_and_the_picture_says_so(layers: Ttx) -> None:
    said = " ".join(layers("hair " * 100, "--target", "hair").out.split())
    assert "64 × 64 shown as 32 × 32" in said
    assert "further pieces of the source are left out." in said


def test_each_line_of_standard_input(layers: Ttx) -> None:
    done = layers(stdin="Tom.\n\n")
    first, second = (json.loads(line) for line in done.out.splitlines())
    assert (done.code, first["view"], second["empty"]) == (0, "layers", True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["Tom.", "--layer", "3"], "layer 3: it must be from 0 to 2"), (["Tom.", "--target", ""], "the text is empty"),
     ([""], "the text is empty")],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_line(layers: Ttx, arguments: list[str], said: str) -> None:
    done = layers(*arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err
