"""What `ttx inspect attention` and `ttx diff` show is what happens in the PyTorch model."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from ttx_export.graph_files import write_graph_files
from ttx_export.linear import FloatLinear
from ttx_export.model import Transformer

from tui_transformer.analysis.difference import comparable, step_differences
from tui_transformer.analysis.maps import Attention
from tui_transformer.bundle import SOURCE_VOCABULARY, TARGET_VOCABULARY, Bundle, read_bundle
from tui_transformer.events import Trace
from tui_transformer.probes import Kind
from tui_transformer.translator import Options, Translator

TINY = Path(__file__).parents[1] / "data" / "tiny"
SENTENCES = ("Tom called Mary's bluff.", "Give me that.")
TARGET = "Kauf das nicht!"


@pytest.fixture(scope="module")
def model() -> Transformer:
    """Of the tiny model's shape, with random weights."""
    manifest = read_bundle(TINY).manifest
    torch.manual_seed(0)
    model = Transformer(manifest.architecture, manifest.special.source_pad).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model


@pytest.fixture(scope="module")
def random(model: Transformer, tmp_path_factory: pytest.TempPathFactory) -> Translator:
    """The same model as its graphs, with the tiny model's vocabularies."""
    folder = tmp_path_factory.mktemp("random")
    for name in (SOURCE_VOCABULARY, TARGET_VOCABULARY):
        shutil.copy(TINY / name, folder)
    weights = {name: weight.numpy() for name, weight in model.state_dict().items()}
    write_graph_files(weights, model.shape, "fp32", FloatLinear(), folder)
    return Translator(Bundle(folder, read_bundle(TINY).manifest), "cpu")


def read(random: Translator, text: str) -> Trace:
    return Trace.of(random.stream(text, Options(target=random.target_ids(TARGET), distributions=True)))


def ids(random: Translator, text: str) -> tuple[torch.Tensor, torch.Tensor]:
    """What encoder and decoder read."""
    target = (random.special.target_bos, *random.target_ids(TARGET))
    return torch.tensor([random.whole(text).ids]), torch.tensor([target])


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
@torch.no_grad()
def test_weights_are_those_of_the_model(model: Transformer, random: Translator, kind: Kind) -> None:
    source, target = ids(random, SENTENCES[0])
    encoded = model.encode(source)
    decoded = model.decode(target, encoded)
    layers = {"encoder": encoded.attentions, "decoder": decoded.self_attentions, "cross": decoded.cross_attentions}[
        kind
    ]
    expected = np.stack([layer[0].numpy() for layer in layers])
    found = Attention.of(read(random, SENTENCES[0]), kind)
    assert found.weights.shape == expected.shape
    np.testing.assert_allclose(found.weights, expected, atol=1e-5)
    if kind == "decoder":
        above = ~np.tril(np.ones(expected.shape[-2:], bool))
        assert not expected[..., above].any()
        assert not found.weights[..., above].any()


@torch.no_grad()
def test_divergence_is_that_of_the_model(model: Transformer, random: Translator) -> None:
    logs = []
    for text in SENTENCES:
        source, target = ids(random, text)
        logs.append(torch.log_softmax(model(source, target)[0].double(), dim=-1))
    expected = torch.nn.functional.kl_div(logs[1], logs[0], log_target=True, reduction="none").sum(dim=-1) / math.log(2)
    steps = step_differences(*comparable(*(read(random, text) for text in SENTENCES)))
    np.testing.assert_allclose([step.divergence for step in steps], expected.numpy(), rtol=1e-3, atol=1e-4)
    written = torch.tensor([*random.target_ids(TARGET), random.special.target_eos])
    for side, log in zip("ab", logs, strict=True):
        likely = log[torch.arange(len(written)), written].numpy()
        np.testing.assert_allclose([getattr(step, side) for step in steps], likely, rtol=1e-3, atol=1e-4)
    assert expected.min() > 0.01
