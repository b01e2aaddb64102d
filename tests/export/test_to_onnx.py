"""The graphs compute what the PyTorch model computes, for every architecture there is."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import BOS, EOS, PAD, as_bundle, random_model
from ttx_export.batches import SpecialIds
from ttx_export.linear import FloatLinear
from ttx_export.model import Transformer
from ttx_export.parity import TOLERANCE, Parity, measure_parity
from ttx_export.to_onnx import decoder_graph, encoder_graph
from ttx_export.writer import padded_vocabulary

from tui_transformer import bundle
from tui_transformer.architecture import ACTIVATIONS, NORMS, TIED, Architecture
from tui_transformer.bundle import Precision
from tui_transformer.positional import LAYOUTS
from tui_transformer.runtime import DecoderStep, Runtime

SPECIAL = SpecialIds(PAD, EOS, PAD, BOS, EOS)
SMALL = Architecture(
    encoder_layers=1, decoder_layers=2, heads=2, d_model=8, d_ff=12,
    source_vocabulary=30, target_vocabulary=30, positions=40,
)  # fmt: skip
Exported = Callable[..., Runtime]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A model's graphs, running: `exported(model, precision="fp16")`."""

    def export(model: Transformer, precision: Precision = "fp32") -> Runtime:
        return Runtime(as_bundle(model, tmp_path_factory.mktemp("graphs"), precision, FloatLinear()), "cpu")

    return export


def sources(lengths: list[int], vocabulary: int, seed: int = 0) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Random ids (B, S), padded, and their mask."""
    mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
    ids = np.random.default_rng(seed).integers(4, vocabulary, mask.shape)
    return np.where(mask == 1, ids, PAD), mask


def read(runtime: Runtime, source: Any, mask: Any, target: Any) -> list[DecoderStep]:
    """All steps of reading target (B, T)."""
    cache = runtime.encode(source, mask).cache
    steps = []
    for ids in target.T:
        steps.append(runtime.step(ids, cache, attentions=True))
        cache = steps[-1].cache
    return steps


# -- PyTorch ≡ ONNX -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("norm", "activation", "layout", "tied"), list(itertools.product(NORMS, ACTIVATIONS, LAYOUTS, TIED))
)
def test_every_option(exported: Exported, norm: Any, activation: Any, layout: Any, tied: Any) -> None:
    shape = replace(SMALL, norm=norm, activation=activation, positional_layout=layout, tied=tied)
    model = random_model(shape)
    parity = measure_parity(model, exported(model), SPECIAL)
    assert parity.logits < TOLERANCE["fp32"]
    assert parity.attention < 1e-5
    assert parity.same_next_id == 1
    assert (parity.cases, parity.steps) == (6, 51)


@pytest.mark.parametrize(
    "sizes",
    [
        {"encoder_layers": 2, "decoder_layers": 1},
        {"encoder_layers": 3, "decoder_layers": 3, "norm": "pre"},
        {"heads": 1},
        {"heads": 8},
        {"d_model": 64, "heads": 4, "d_ff": 16},
        {"source_vocabulary": 50, "target_vocabulary": 11},
        {"positions": 5},
    ],
    ids=str,
)
def test_every_size(exported: Exported, sizes: dict[str, Any]) -> None:
    model = random_model(replace(SMALL, **sizes))
    parity = measure_parity(model, exported(model), SPECIAL)
    assert parity.logits < TOLERANCE["fp32"]
    assert parity.attention < 1e-5
    assert parity.same_next_id == 1


def test_parity_notices_a_model_that_is_another(exported: Exported) -> None:
    parity = measure_parity(random_model(SMALL), exported(random_model(SMALL, seed=1)), SPECIAL)
    assert parity.logits > 0.1
    assert parity.attention > 0.01
    assert parity.same_next_id < 1


@pytest.mark.parametrize("wrong", ["decoder.1.cross_attention.key.weight", "encoder.0.self_attention.query.bias"])
def test_parity_notices_a_single_wrong_number(exported: Exported, wrong: str) -> None:
    model, other = random_model(SMALL), random_model(SMALL)
    with torch.no_grad():
        other.state_dict()[wrong].view(-1)[3] += 1
    parity = measure_parity(model, exported(other), SPECIAL)
    assert parity.attention > 1e-4
    assert parity.logits > TOLERANCE["fp32"]


def test_parity_notices_what_is_no_number(exported: Exported) -> None:
    model, other = random_model(SMALL), random_model(SMALL)
    with torch.no_grad():
        other.projection.bias[3] = torch.nan
    parity = measure_parity(model, exported(other), SPECIAL)
    assert not parity.within(1e9)
    assert measure_parity(model, exported(model), SPECIAL).within(TOLERANCE["fp32"])


@pytest.mark.parametrize(("logits", "attention"), [(0.2, 0), (0, 0.2), (np.nan, 0), (0, np.nan)])
def test_one_difference_that_is_too_large_is_enough(logits: float, attention: float) -> None:
    assert not Parity(1, 1, logits, attention, 1.0).within(0.1)


@pytest.fixture(scope="module")
def small() -> Transformer:
    return random_model(SMALL)


@pytest.fixture(scope="module")
def running(small: Transformer, exported: Exported) -> Runtime:
    return exported(small)


@settings(max_examples=40)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4), steps=st.integers(1, 6), seed=st.integers(0, 999))
def test_a_step_on_the_cache_is_the_whole_prefix_in_pytorch(
    small: Transformer, running: Runtime, lengths: list[int], steps: int, seed: int
) -> None:
    source, mask = sources(lengths, 30, seed)
    target = np.random.default_rng(seed).integers(1, 30, (len(lengths), steps))
    with torch.inference_mode():
        encoded = small.encode(torch.from_numpy(source))
    for t, step in enumerate(read(running, source, mask, target)):
        with torch.inference_mode():  # afresh for each prefix
            decoded = small.decode(torch.from_numpy(target[:, : t + 1]), encoded)
            logits = small.projection(decoded.features)[:, -1].numpy()
        np.testing.assert_allclose(step.logits()[:, :30], logits, atol=1e-4)
        assert step.next_id.tolist() == logits.argmax(axis=1).tolist()
        for layer in range(2):
            own, cross = decoded.self_attentions[layer][:, :, -1], decoded.cross_attentions[layer][:, :, -1]
            np.testing.assert_allclose(step.self_attentions[layer], own, atol=1e-5)
            np.testing.assert_allclose(step.cross_attentions[layer], cross, atol=1e-5)


def test_attention_of_the_encoder(small: Transformer, running: Runtime) -> None:
    source, mask = sources([7, 3, 1], 30)
    attention = running.encode(source, mask, attentions=True).attentions
    with torch.inference_mode():
        expected = small.encode(torch.from_numpy(source)).attentions[0].numpy()
    # What padding attends to is nobody's business.
    real = mask.astype(bool)
    np.testing.assert_allclose(attention[0].swapaxes(1, 2)[real], expected.swapaxes(1, 2)[real], atol=1e-5)
    assert not attention[:, 1, :, :, 3:].any()
    assert not attention[:, 2, :, :, 1:].any()


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_padding_changes_nothing(exported: Exported, small: Transformer, precision: Precision) -> None:
    runtime = exported(small, precision)
    (ids, mask), target = sources([4, 4], 30), np.array([[BOS, 9, 7], [BOS, 5, 5]])
    wide = np.pad(ids, ((0, 0), (0, 6)), constant_values=PAD)
    tolerance = 1e-5 if precision == "fp32" else 1e-2
    padded = read(runtime, wide, np.pad(mask, ((0, 0), (0, 6))), target)
    for short, long in zip(read(runtime, ids, mask, target), padded, strict=True):
        assert not long.cross_attentions[..., 4:].any()
        np.testing.assert_allclose(short.cross_attentions, long.cross_attentions[..., :4], atol=tolerance)
        np.testing.assert_allclose(short.logits()[:, :30], long.logits()[:, :30], atol=10 * tolerance)


@pytest.mark.parametrize("norm", NORMS)
def test_half_precision(exported: Exported, norm: Any) -> None:
    model = random_model(replace(SMALL, norm=norm))
    runtime = exported(model, "fp16")
    parity = measure_parity(model, runtime, SPECIAL)
    assert 1e-5 < parity.logits < TOLERANCE["fp16"]
    assert parity.attention < 0.02
    assert parity.same_next_id > 0.8
    kinds = {output.name: output.type for output in runtime._decoder.get_outputs()}
    assert kinds.pop(bundle.NEXT_ID) == "tensor(int64)"
    assert set(kinds.values()) == {"tensor(float16)"}


# -- the vocabulary -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "padded"), [(1, 128), (127, 128), (128, 128), (129, 256), (403, 512), (10_003, 10_112)]
)
def test_the_vocabulary_is_rounded_up_to_blocks(size: int, padded: int) -> None:
    assert padded_vocabulary(size) == padded


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("size", [6, 127, 128, 129, 255, 256, 257])
def test_what_stands_behind_the_vocabulary_is_never_chosen(exported: Exported, size: int, precision: Precision) -> None:
    model = random_model(replace(SMALL, target_vocabulary=size))
    with torch.no_grad():
        model.projection.bias -= 1000  # as unlikely as real pieces may get
    (step,) = read(exported(model, precision), *sources([3, 2], 30), np.array([[BOS], [BOS]]))
    assert step.logits().shape == (2, size)
    assert step.logits().max() < -900
    assert step.next_id.tolist() == step.logits().argmax(axis=1).tolist()
    everything = step.candidates(padded_vocabulary(size))
    assert np.sort(everything.ids, axis=1).tolist() == [list(range(size))] * 2
    np.testing.assert_allclose(np.exp(everything.log_probabilities).sum(axis=1), 1, atol=1e-3)


@pytest.mark.parametrize(
    "best", [[0], [5, 6], [127, 128], [4, 130], [200, 299], [129, 7, 258], [299], range(300)], ids=str
)
def test_of_equally_likely_pieces_the_first_is_chosen(exported: Exported, best: Any) -> None:
    model = random_model(replace(SMALL, target_vocabulary=300))
    with torch.no_grad():
        model.projection.weight.zero_()
        model.projection.bias.fill_(-1)
        model.projection.bias[list(best)] = 2.5
    (step,) = read(exported(model), *sources([3, 2], 30), np.array([[BOS], [7]]))
    assert step.next_id.tolist() == [min(best)] * 2


# -- the contract -------------------------------------------------------------------------------------


def test_names_and_axes(small: Transformer) -> None:
    weights = {name: weight.numpy() for name, weight in small.state_dict().items()}

    def described(values: Any) -> dict[str, list[Any]]:
        return {v.name: [axis.dim_param or axis.dim_value for axis in v.type.tensor_type.shape.dim] for v in values}

    encoder = encoder_graph(weights, SMALL, "fp32", FloatLinear())
    decoder = decoder_graph(weights, SMALL, "fp32", FloatLinear())
    parts = list(itertools.product(range(SMALL.decoder_layers), bundle.PARTS))
    cross = {bundle.cross_cache(layer, part): ["B", 2, "S", 4] for layer, part in parts}
    assert described(encoder.graph.input) == {"input_ids": ["B", "S"], "attention_mask": ["B", "S"]}
    assert described(encoder.graph.output) == cross | {
        "cross_attention_bias": ["B", 1, 1, "S"],
        "encoder_attentions.0": ["B", 2, "S", "S"],
    }
    of_sentence = {name: ["N", *axes[1:]] for name, axes in cross.items()}
    assert described(decoder.graph.input) == of_sentence | {
        "input_ids": ["R", 1],
        "position": [1],
        "cross_attention_bias": ["N", 1, 1, "S"],
        **{bundle.past_cache(layer, part): ["R", 2, "T", 4] for layer, part in parts},
    }
    assert described(decoder.graph.output) == {
        "logits": ["R", 128],
        "next_id": ["R"],
        "block_maxima": ["R", 1],
        **{bundle.present_cache(layer, part): ["R", 2, "T+1", 4] for layer, part in parts},
        **{f"decoder_attentions.{layer}": ["B", 2, 1, "T+1"] for layer in range(2)},
        **{f"cross_attentions.{layer}": ["B", 2, "R/N", "S"] for layer in range(2)},
    }


def test_files_do_not_depend_on_when_they_are_written(small: Transformer) -> None:
    weights = {name: weight.numpy() for name, weight in small.state_dict().items()}
    first, second = (decoder_graph(weights, SMALL, "fp32", FloatLinear()).SerializeToString() for _ in range(2))
    assert first == second
