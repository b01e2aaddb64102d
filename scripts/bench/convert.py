"""The same weights as a CTranslate2 model, written with CTranslate2's own specification classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ctranslate2.specs import common_spec, transformer_spec
from ttx_export.checkpoint import Checkpoint
from ttx_export.writer import EPSILON

from tui_transformer.positional import sinusoids
from tui_transformer.tokenizer import Tokenizer

ACTIVATIONS = {
    "relu": common_spec.Activation.RELU,
    "gelu": common_spec.Activation.GELU,
    "swish": common_spec.Activation.SWISH,
}

Take = Callable[[str], npt.NDArray[np.float32]]


def write_ctranslate2(checkpoint: Checkpoint, precision: str, folder: Path) -> Path:
    """Write the model in `precision` ("fp32" or "int8") as a folder that `ctranslate2.Translator` loads."""
    shape = checkpoint.shape
    spec = transformer_spec.TransformerSpec.from_config(
        (shape.encoder_layers, shape.decoder_layers),
        shape.heads,
        pre_norm=shape.norm == "pre",
        activation=ACTIVATIONS[shape.activation],
    )
    weights = {name: weight.numpy() for name, weight in checkpoint.weights.items()}

    def take(name: str) -> npt.NDArray[np.float32]:
        # CTranslate2 quantises in place: every user gets an array of its own.
        return np.array(weights[name], np.float32)

    positions = sinusoids(shape.positions, shape.d_model, shape.positional_layout).astype(np.float32)
    _stack(spec.encoder, "encoder", spec.encoder.embeddings[0], take, positions)
    _stack(spec.decoder, "decoder", spec.decoder.embeddings, take, positions)
    _linear(spec.decoder.projection, take, "projection")
    _register(spec, checkpoint)
    spec.validate()
    spec.optimize(quantization={"fp32": "float32", "int8": "int8_float32"}[precision])
    folder.mkdir(parents=True)
    spec.save(str(folder))
    return folder


def _stack(stack: Any, name: str, embedding: Any, take: Take, positions: npt.NDArray[np.float32]) -> None:
    """One side: embedding, layers and, in the pre-norm arrangement, its last normalisation."""
    embedding.weight = take(f"{'source' if name == 'encoder' else 'target'}_embedding.table.weight")
    stack.position_encodings.encodings = positions
    for index, layer in enumerate(stack.layer):
        prefix = f"{name}.{index}"
        _attention(layer.self_attention, take, f"{prefix}.self_attention", (("query", "key", "value"), ("output",)))
        if name == "decoder":
            parts = (("query",), ("key", "value"), ("output",))
            _attention(layer.attention, take, f"{prefix}.cross_attention", parts)
        _linear(layer.ffn.linear_0, take, f"{prefix}.feed_forward.inner")
        _linear(layer.ffn.linear_1, take, f"{prefix}.feed_forward.outer")
        _norm(layer.ffn.layer_norm, take, f"{prefix}.feed_forward_residual.norm")
    if stack.pre_norm:
        _norm(stack.layer_norm, take, f"{name}_norm")


def _attention(spec: Any, take: Take, name: str, parts: tuple[tuple[str, ...], ...]) -> None:
    for linear, layers in zip(spec.linear, parts, strict=True):
        _linear(linear, take, *(f"{name}.{layer}" for layer in layers))
    _norm(spec.layer_norm, take, f"{name}_residual.norm")


def _linear(spec: Any, take: Take, *layers: str) -> None:
    spec.weight = np.concatenate([take(f"{layer}.weight") for layer in layers])
    spec.bias = np.concatenate([take(f"{layer}.bias") for layer in layers])


def _norm(spec: Any, take: Take, name: str) -> None:
    spec.gamma, spec.beta = take(f"{name}.weight"), take(f"{name}.bias")


def _register(spec: Any, checkpoint: Checkpoint) -> None:
    """Vocabularies in the order of the ids, and what CTranslate2 has to know of them."""
    source, target = checkpoint.vocabularies.source, checkpoint.vocabularies.target
    spec.register_source_vocabulary(_pieces(source))
    spec.register_target_vocabulary(_pieces(target))
    config = spec.config
    config.add_source_bos = config.add_source_eos = False
    config.decoder_start_token = config.bos_token = target.piece(target.bos_id)
    config.eos_token, config.unk_token = target.piece(target.eos_id), target.piece(target.unk_id)
    config.layer_norm_epsilon = EPSILON


def _pieces(side: Tokenizer) -> list[str]:
    return [side.piece(i) for i in range(side.size)]
