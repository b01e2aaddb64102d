"""8-bit integers: how far they may be off, and that a translation does not depend on its batch mates."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import nn
from ttx_export import quantize
from ttx_export.batches import SpecialIds
from ttx_export.checkpoint import load_checkpoint
from ttx_export.encoded import EncodedCorpus, Sequences
from ttx_export.linear import Int8Linear, Range, quantize_rows
from ttx_export.model import Transformer
from ttx_export.package import Wanted, export_bundle
from ttx_export.quantize import best_range, calibrate, rounding_error

from tui_transformer.architecture import Architecture
from tui_transformer.batching import Batching, translate_lines
from tui_transformer.translator import Options, Source, Translator

Pairs = list[tuple[str, str]]
numbers = st.floats(-1e4, 1e4, width=32)

# -- weights ------------------------------------------------------------------------------------------


@given(arrays.arrays(np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=numbers))
def test_weights_are_off_by_half_a_step_at_most(weight: npt.NDArray[np.float32]) -> None:
    integers, scale = quantize_rows(weight)
    assert (integers.dtype, scale.dtype) == (np.int8, np.float32)
    assert (integers.shape, scale.shape) == (weight.shape, weight.shape[:1])
    assert integers.min() >= -127  # symmetric
    error = np.abs(integers * scale[:, None].astype(np.float64) - weight)
    assert (error <= 0.5 * scale[:, None] * (1 + 1e-5)).all()
    largest = np.abs(weight).max(axis=1)
    assert (np.abs(integers).max(axis=1)[largest > 1e-9] == 127).all()


def test_each_output_has_its_own_scale() -> None:
    weight = np.array([[1000.0, -500.0], [0.001, 0.0005], [0.0, 0.0]], np.float32)
    integers, scale = quantize_rows(weight)
    assert integers.tolist() == [[127, -64], [127, 64], [0, 0]]
    np.testing.assert_allclose(scale[:2], [1000 / 127, 0.001 / 127], rtol=1e-6)
    assert scale[2] > 0


# -- activations --------------------------------------------------------------------------------------


@given(st.tuples(numbers, numbers).map(sorted))
def test_zero_is_exact_and_the_range_is_covered(ends: list[float]) -> None:
    low, high = ends
    scale, zero = Range(low, high).scale_and_zero()
    assert (scale.dtype, zero.dtype) == (np.float32, np.uint8)
    assert scale > 0
    values = np.linspace(min(low, 0), max(high, 0), 1001)
    integers = np.clip(np.rint(values / scale) + int(zero), 0, 255)
    assert (np.abs((integers - int(zero)) * float(scale) - values) <= 0.51 * scale + 1e-9).all()
    assert rounding_error(np.zeros(3, np.float32), Range(low, high)) == 0


def test_scale_and_zero_of_known_ranges() -> None:
    assert Range(0.0, 255.0).scale_and_zero() == (1, 0)
    assert Range(-255.0, 0.0).scale_and_zero() == (1, 255)
    assert Range(-2.0, 3.1).scale_and_zero() == (np.float32(0.02), 100)
    assert Range(5.0, 10.0).scale_and_zero() == Range(0.0, 10.0).scale_and_zero()


def test_rare_outliers_are_clipped() -> None:
    values = np.random.default_rng(0).normal(0, 1, 100_000).astype(np.float32)
    values[:2] = -20, 20
    found = best_range(values)
    assert -18 < found.low < found.high < 18
    assert rounding_error(values, found) < rounding_error(values, Range(-20.0, 20.0))


def test_values_that_fill_their_range_are_not_clipped() -> None:
    values = np.random.default_rng(0).uniform(-3, 5, 100_000).astype(np.float32)
    found = best_range(values)
    assert (found.low, found.high) == pytest.approx((-3, 5), rel=0.03)


@given(arrays.arrays(np.float32, st.integers(1, 60), elements=numbers))
def test_the_best_range_is_never_worse_than_the_full_one(values: npt.NDArray[np.float32]) -> None:
    found, full = best_range(values), Range(float(values.min()), float(values.max()))
    assert rounding_error(values, found) <= rounding_error(values, full)


def test_of_many_values_a_sample_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantize, "VALUES_A_LAYER", 1000)
    values = np.random.default_rng(0).uniform(-1, 1, 5000).astype(np.float32)
    values[0] = 1.5
    assert best_range(values) == best_range(values)
    assert best_range(values).high <= 1.5


# -- calibration --------------------------------------------------------------------------------------


def test_every_linear_layer_is_seen_and_the_model_is_left_alone() -> None:
    torch.manual_seed(0)
    shape = Architecture(1, 2, heads=2, d_model=8, d_ff=12, source_vocabulary=20, target_vocabulary=20, positions=16)
    model = Transformer(shape, 0).eval()
    sentences = Sequences.of([[5, 6, 7], [8, 9], [4, 4, 4, 4]])
    corpus = EncodedCorpus(sentences, sentences, np.zeros(3, np.int16), ("",))
    ranges = calibrate(model, corpus, SpecialIds(0, 3, 0, 2, 3), [0, 2])
    assert ranges.keys() == {name for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    assert not any(module._forward_pre_hooks for module in model.modules())
    # What enters the queries of the first encoder layer are the sources with their ends, not the second sentence.
    with torch.inference_mode():
        read = [model.positions(model.source_embedding(torch.tensor([ids]))) for ids in ([5, 6, 7, 3], [4, 4, 4, 4, 3])]
    entered = np.concatenate([x.flatten().numpy() for x in read])
    assert ranges["encoder.0.self_attention.query"] == best_range(entered)


def test_layers_that_run_side_by_side_share_their_input() -> None:
    """One product for queries, keys and values is right only if the same activations enter all three."""
    torch.manual_seed(1)
    shape = Architecture(1, 1, heads=2, d_model=8, d_ff=12, source_vocabulary=20, target_vocabulary=20, positions=16)
    sentences = Sequences.of([[5, 6, 7]])
    corpus = EncodedCorpus(sentences, sentences, np.zeros(1, np.int16), ("",))
    ranges = calibrate(Transformer(shape, 0).eval(), corpus, SpecialIds(0, 3, 0, 2, 3), [0])
    for block in ("encoder.0.self_attention", "decoder.0.self_attention"):
        assert ranges[f"{block}.query"] == ranges[f"{block}.key"] == ranges[f"{block}.value"]
    assert ranges["decoder.0.cross_attention.key"] == ranges["decoder.0.cross_attention.value"]
    assert ranges["decoder.0.cross_attention.key"] != ranges["decoder.0.cross_attention.query"]


# -- the bundle ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def int8(learnt_by_heart: Path, tmp_path_factory: pytest.TempPathFactory) -> Translator:
    """The 50 pairs learnt by heart, in 8 bits."""
    out = tmp_path_factory.mktemp("int8") / "tiny"
    wanted = Wanted("int8", Path(__file__).parents[1] / "data", score=False)
    return Translator(export_bundle(load_checkpoint(learnt_by_heart), out, wanted), "cpu")


def test_8_bits_are_enough_to_remember(int8: Translator, pairs: Pairs) -> None:
    parity = int8.bundle.manifest.parity["int8"]
    assert parity["same_next_id"] > 0.9
    known = sum(int8.translate_line(source, Options(beam=1)) == target for source, target in pairs)
    assert known >= 48


def test_weights_are_stored_in_8_bits(int8: Translator, translator: Translator) -> None:
    assert int8.bundle.manifest.precision == "int8"
    assert int8.bundle.bytes < 0.45 * translator.bundle.bytes


@pytest.fixture(scope="module")
def sources(int8: Translator, pairs: Pairs) -> list[Source]:
    """What is known, and what is not, where every choice is close."""
    known = [source for source, _ in pairs]
    unknown = [f"{a[: len(a) // 2]}{b[len(b) // 3 :]}" for a, b in itertools.pairwise(known[::2])]
    return [part for line in [*known, *unknown] for part in int8.split(line)]


@pytest.mark.parametrize("beam", [1, 4])
def test_a_sentence_is_translated_alike_in_any_batch(int8: Translator, sources: list[Source], beam: int) -> None:
    options = Options(beam=beam)
    alone = [int8.translate_batch([source], options)[0][0].ids for source in sources]
    assert [h[0].ids for h in int8.translate_batch(sources, options)] == alone
    for rows in (3, 20):
        chance = np.random.default_rng(rows)
        for batch in np.array_split(chance.permutation(len(sources)), len(sources) // rows):
            found = int8.translate_batch([sources[i] for i in batch], options)
            assert [h[0].ids for h in found] == [alone[i] for i in batch]


def test_the_same_bytes_from_any_number_of_workers(int8: Translator, sources: list[Source]) -> None:
    lines = [source.text for source in sources]
    one, two = (
        [t.text for t in translate_lines(int8, lines, Options(), Batching(workers=workers, rows=rows))]
        for workers, rows in ((1, 64), (2, 5))
    )
    assert one == two


def test_a_layer_without_range_is_no_silent_mistake() -> None:
    with pytest.raises(KeyError):
        Int8Linear({})(None, "x", "layer", np.ones((1, 1)), np.ones(1))
