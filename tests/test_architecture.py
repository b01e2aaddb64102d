"""The shape of a Transformer: what is allowed, what is refused, and the way through JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from tui_transformer.architecture import ACTIVATIONS, LAYOUTS, NORMS, TIED, Architecture

SIZES: dict[str, Any] = {
    "encoder_layers": 4,
    "decoder_layers": 2,
    "heads": 8,
    "d_model": 128,
    "d_ff": 512,
    "source_vocabulary": 10_003,
    "target_vocabulary": 8_003,
}
NUMBERS = [*SIZES, "positions"]


def test_defaults_are_the_paper() -> None:
    shape = Architecture(**SIZES)
    options = (shape.positional_layout, shape.activation, shape.norm, shape.tied)
    assert options == ("interleaved", "relu", "post", "none")
    assert shape.positions == 512
    assert shape.d_k == 16


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("positional_layout", value) for value in LAYOUTS),
        *(("activation", value) for value in ACTIVATIONS),
        *(("norm", value) for value in NORMS),
        *(("tied", value) for value in TIED),
    ],
)
def test_every_option_survives_json(name: str, value: str) -> None:
    shape = Architecture(**{**SIZES, "target_vocabulary": 10_003, name: value})
    assert getattr(shape, name) == value
    assert Architecture.from_dict(json.loads(json.dumps(shape.to_dict()))) == shape


def test_it_cannot_be_changed_afterwards() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Architecture(**SIZES).heads = 4  # type: ignore[misc]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [0, -1, 128.0, True, "128", None])
def test_sizes_must_be_positive_whole_numbers(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be a positive whole number, not {value!r}$"):
        Architecture(**{**SIZES, name: value})


@pytest.mark.parametrize("name", ["positional_layout", "activation", "norm", "tied"])
@pytest.mark.parametrize("value", ["", "tanh", None, 1, []])
def test_unknown_options_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be one of "):
        Architecture(**{**SIZES, name: value})


@pytest.mark.parametrize(("d_model", "heads"), [(128, 3), (129, 1), (9, 9), (4, 8)])
def test_heads_must_divide_an_even_d_model(d_model: int, heads: int) -> None:
    with pytest.raises(ValueError, match=f"d_model {d_model} must be even and divisible by {heads} heads"):
        Architecture(**{**SIZES, "d_model": d_model, "heads": heads})


def test_tying_everything_needs_one_vocabulary() -> None:
    with pytest.raises(ValueError, match="one vocabulary"):
        Architecture(**SIZES, tied="all")


@pytest.mark.parametrize("name", SIZES)
def test_a_missing_size_is_an_error(name: str) -> None:
    values = {key: value for key, value in SIZES.items() if key != name}
    with pytest.raises(ValueError, match=rf"incomplete.*{name}"):
        Architecture.from_dict(values)


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"unknown architecture option: droput, head$"):
        Architecture.from_dict({**SIZES, "head": 8, "droput": 0.1})


def test_embeddings_are_scaled_unless_it_says_otherwise() -> None:
    assert Architecture(**SIZES).embedding_scale == 128**0.5
    assert Architecture(**SIZES, scale_embedding=False).embedding_scale == 1
    with pytest.raises(ValueError, match="scale_embedding must be true or false"):
        Architecture(**SIZES, scale_embedding=1)
