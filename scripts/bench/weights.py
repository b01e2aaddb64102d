"""A bundle's weights read back from its graphs, as the PyTorch model names them.

The graphs hold them in another arrangement (`ttx_export.writer`): linear layers side by side, 1/√d_k in the
queries, √d_model in the embeddings, perhaps 8-bit integers with a scale a row. All of it can be undone.
Integers become scale · integer: whoever rounds these to 8 bits a row again finds the same integers.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from ttx_export.checkpoint import Checkpoint, load_checkpoint
from ttx_export.recipe import parse_recipe
from ttx_export.vocabulary import Vocabularies

from tui_transformer.architecture import Architecture
from tui_transformer.bundle import DECODER, ENCODER, SOURCE_VOCABULARY, TARGET_VOCABULARY, Bundle
from tui_transformer.tokenizer import Tokenizer, TokenizerOptions

Array = npt.NDArray[Any]


def read_checkpoint(bundle: Bundle, path: Path | None = None) -> Checkpoint:
    """The checkpoint at `path`; without one, what a checkpoint of the bundle's weights would be."""
    if path:
        return load_checkpoint(path)
    options = TokenizerOptions.from_dict(bundle.manifest.tokenizer)
    sides = (Tokenizer.load(bundle.file(name), options) for name in (SOURCE_VOCABULARY, TARGET_VOCABULARY))
    shape = bundle.manifest.architecture
    return Checkpoint(
        parse_recipe(bundle.manifest.provenance["recipe"]),
        shape,
        Vocabularies(*sides),
        {name: torch.from_numpy(array) for name, array in read_weights(bundle).items()},
        dict(bundle.manifest.provenance["training"]),
    )


def read_weights(bundle: Bundle) -> dict[str, Array]:
    """Every weight of the model in float32, under its name in the PyTorch model."""
    shape = bundle.manifest.architecture
    constants: dict[str, Array] = {}
    for file in (ENCODER, DECODER):
        for tensor in onnx.load(bundle.file(file)).graph.initializer:
            constants[tensor.name] = numpy_helper.to_array(tensor)
    weights: dict[str, Array] = {}
    for layers in _linear_layers(shape):
        weights |= _linear(constants, layers, shape)
    for name, array in constants.items():
        if name.endswith(("norm.weight", "norm.bias")):
            weights[name] = array.astype(np.float32)
    weights |= _tables(constants, weights, shape)
    return weights


def _linear_layers(shape: Architecture) -> list[list[str]]:
    """The linear layers, grouped as they stand side by side; the graph calls each group by its first."""
    groups = []
    for side, count in (("encoder", shape.encoder_layers), ("decoder", shape.decoder_layers)):
        for layer in (f"{side}.{i}" for i in range(count)):
            groups += [[f"{layer}.self_attention.{part}" for part in ("query", "key", "value")]]
            groups += [[f"{layer}.self_attention.output"], [f"{layer}.feed_forward.inner"]]
            groups += [[f"{layer}.feed_forward.outer"]]
            if side == "decoder":
                groups += [[f"{layer}.cross_attention.query"], [f"{layer}.cross_attention.output"]]
    decoder = range(shape.decoder_layers)
    groups.append([f"decoder.{i}.cross_attention.{part}" for i in decoder for part in ("key", "value")])
    return [*groups, ["projection"]]


def _linear(constants: dict[str, Array], layers: list[str], shape: Architecture) -> dict[str, Array]:
    """Weights and biases of layers that stand side by side, each out × in; padding behind them is left off."""
    weight, bias = _floats(constants, f"{layers[0]}.weight"), constants[f"{layers[0]}.bias"]
    found, start = {}, 0
    for layer in layers:
        end = start + _outputs(layer, shape)
        factor = math.sqrt(shape.d_k) if layer.endswith(".query") else 1.0
        found[f"{layer}.weight"] = (weight[start:end] * factor).astype(np.float32)
        found[f"{layer}.bias"] = (bias[start:end] * factor).astype(np.float32)
        start = end
    return found


def _outputs(layer: str, shape: Architecture) -> int:
    sizes = {"projection": shape.target_vocabulary, "inner": shape.d_ff}
    return sizes.get(layer.rsplit(".")[-1], shape.d_model)


def _tables(constants: dict[str, Array], weights: dict[str, Array], shape: Architecture) -> dict[str, Array]:
    """The embedding tables without √d_model; tied ones are the projection's very numbers."""
    found = {}
    for side, shared in (("source", shape.tied == "all"), ("target", shape.tied != "none")):
        table = weights["projection.weight"] if shared else _floats(constants, f"{side}_embedding")
        factor = 1.0 if shared else shape.embedding_scale
        found[f"{side}_embedding.table.weight"] = (table / factor).astype(np.float32)
    return found


def _floats(constants: dict[str, Array], name: str) -> Array:
    """A matrix as rows of float64: the integers of a linear layer stand transposed, those of a table do not."""
    matrix = constants[name].astype(np.float64)
    for suffix, transposed in (("_scale", True), (".scale", False)):
        if name + suffix in constants:
            rows = matrix.T if transposed else matrix
            return rows * constants[name + suffix].reshape(-1, 1)
    return matrix
