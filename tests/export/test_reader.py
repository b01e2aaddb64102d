"""Weights read back from the graphs of a bundle are the weights that were written into them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from random_models import as_bundle, random_model
from ttx_export import bundled
from ttx_export.evaluate import translate_greedily
from ttx_export.folding import fold, unfold
from ttx_export.linear import FloatLinear, Int8Linear, Range
from ttx_export.model import Transformer
from ttx_export.reader import _constants, read_weights

from tui_transformer.architecture import Architecture
from tui_transformer.bundle import DECODER, Bundle, read_bundle
from tui_transformer.errors import BundleError

Pairs = list[tuple[str, str]]
EN_DE = Path(__file__).parents[2] / "models" / "en-de"
# Its factors, 1/√d_k = 1/2 and √d_model = 4, change no bit.
PLAIN = Architecture(
    encoder_layers=2, decoder_layers=3, heads=4, d_model=16, d_ff=24,
    source_vocabulary=30, target_vocabulary=130, positions=40,
)  # fmt: skip
ONE = {"source_vocabulary": 130, "tied": "all"}
SHAPES: list[dict[str, Any]] = [
    {},
    {"norm": "pre", "tied": "target", "activation": "gelu"},
    {"norm": "pre", "scale_embedding": False},
    {"activation": "swish", "positional_layout": "halves", **ONE},
    {"norm": "pre", "scale_embedding": False, **ONE},
    {"encoder_layers": 1, "decoder_layers": 1, "heads": 1, "d_ff": 8, "tied": "target", "target_vocabulary": 128},
]
UNEVEN = [{"heads": 3, "d_model": 18}, {"heads": 2, "d_model": 12, "norm": "pre", "tied": "target"}]
every_shape = pytest.mark.parametrize("options", SHAPES, ids=lambda options: " ".join(map(str, options.values())))


def model_of(options: dict[str, Any]) -> Transformer:
    return random_model(replace(PLAIN, **options))


def state_of(model: Transformer) -> dict[str, Any]:
    return {name: weight.numpy() for name, weight in model.state_dict().items()}


def int8() -> Int8Linear:
    return Int8Linear(defaultdict(lambda: Range(-4.0, 4.0)))


def loaded(bundle: Bundle) -> Transformer:
    """A PyTorch model with what was read: nothing is missing, nothing too much."""
    model = Transformer(bundle.manifest.architecture, 0).eval()
    model.load_state_dict({name: torch.tensor(array) for name, array in read_weights(bundle).items()})
    return model


@every_shape
def test_fp32_comes_back_bit_for_bit(options: dict[str, Any], tmp_path: Path) -> None:
    model = model_of(options)
    found = state_of(loaded(as_bundle(model, tmp_path, "fp32", FloatLinear())))
    assert [name for name, weight in state_of(model).items() if not np.array_equal(weight, found[name])] == []


@pytest.mark.parametrize("options", UNEVEN, ids=str)
def test_where_a_factor_is_no_power_of_two_the_same_graphs_are_written_again(
    options: dict[str, Any], tmp_path: Path
) -> None:
    model = model_of(options)
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    again = loaded(as_bundle(model, first, "fp32", FloatLinear()))
    as_bundle(again, second, "fp32", FloatLinear())
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {p.name: p.read_bytes() for p in second.iterdir()}
    for name, weight in state_of(model).items():
        np.testing.assert_array_max_ulp(state_of(again)[name], weight, maxulp=3)


@given(
    arrays.arrays(np.float32, 20, elements=st.floats(-1e3, 1e3, width=32, allow_subnormal=False)),
    st.sampled_from([2, 6, 18, 64, 96, 100, 512]),
)
def test_what_was_multiplied_in_is_taken_out_to_the_last_bit(weight: Any, d_model: int) -> None:
    shape = replace(PLAIN, heads=1, d_model=d_model)
    for name in ("decoder.0.cross_attention.query.bias", "target_embedding.table.weight"):
        folded = fold(name, weight, shape)
        np.testing.assert_array_equal(fold(name, unfold(name, folded, shape), shape), folded)


@every_shape
def test_fp16_comes_back_rounded_to_half_precision(options: dict[str, Any], tmp_path: Path) -> None:
    model = model_of(options)
    shape, found = model.shape, state_of(loaded(as_bundle(model, tmp_path, "fp16", FloatLinear())))
    own_tables = {"none": ("source", "target"), "target": ("source",), "all": ()}[shape.tied]
    for name, weight in state_of(model).items():
        factor = 0.5 if ".query." in name else 1.0
        if name.startswith(tuple(f"{side}_embedding" for side in own_tables)):
            factor = 4.0 if shape.scale_embedding else 1.0
        rounded = (weight * factor).astype(np.float16).astype(np.float32) / factor
        np.testing.assert_array_equal(found[name], rounded, err_msg=name)


@every_shape
def test_int8_is_off_by_half_a_step_of_its_row_and_rounds_to_the_same_integers(
    options: dict[str, Any], tmp_path: Path
) -> None:
    model = model_of(options)
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    bundle = as_bundle(model, first, "int8", int8())
    again = loaded(bundle)
    found = state_of(again)
    for name, weight in state_of(model).items():
        if weight.ndim == 1:
            np.testing.assert_array_equal(found[name], weight, err_msg=name)
            continue
        step = np.abs(weight).max(axis=1, keepdims=True) / 127
        assert (np.abs(found[name] - weight) <= 0.5 * step * (1 + 1e-5)).all(), name
    theirs = _constants(as_bundle(again, second, "int8", int8()))
    for name, constant in _constants(bundle).items():
        if constant.dtype == np.int8 and name not in ("source_embedding", "target_embedding"):
            np.testing.assert_array_equal(theirs[name], constant, err_msg=name)


def test_graphs_that_are_not_ours_are_one_clear_error(tmp_path: Path) -> None:
    bundle = as_bundle(model_of({}), tmp_path, "fp32", FloatLinear())
    other = replace(bundle.manifest, architecture=replace(PLAIN, decoder_layers=4))
    with pytest.raises(BundleError, match=r"^the weights of [^\n]* cannot be read: [^\n]*$"):
        read_weights(replace(bundle, manifest=other))
    bundle.file(DECODER).write_bytes(b"no graph")
    with pytest.raises(BundleError, match=r"^the weights of [^\n]* cannot be read: [^\n]*$"):
        read_weights(bundle)


# -- models that are there ----------------------------------------------------------------------------


def test_the_tiny_bundle_speaks_from_pytorch(bundle_folder: Path, pairs: Pairs) -> None:
    checkpoint = bundled.checkpoint_of(read_bundle(bundle_folder))
    both, special = checkpoint.vocabularies, checkpoint.vocabularies.special
    sources = [source for source, _ in pairs]
    assert translate_greedily(checkpoint.build_model(), sources, both.source, both.target, special) == [
        target for _, target in pairs
    ]
    assert checkpoint.recipe.name == "tiny"
    assert checkpoint.progress["step"] > 0


def test_the_shipped_model_speaks_from_pytorch() -> None:
    checkpoint = bundled.checkpoint_of(read_bundle(EN_DE))
    both, special = checkpoint.vocabularies, checkpoint.vocabularies.special
    said = translate_greedily(checkpoint.build_model(), ["Where is the station?"], both.source, both.target, special)
    assert said == ["Wo ist der Bahnhof?"]
