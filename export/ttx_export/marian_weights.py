"""The weights of `MarianMTModel` under our model's names; anything left over is refused by name."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from tui_transformer.architecture import Tied
from tui_transformer.errors import RecipeError
from tui_transformer.positional import sinusoids

Weights = dict[str, Tensor]

SHARED, HEAD, BIAS = "model.shared.weight", "lm_head.weight", "final_logits_bias"
TABLES = {side: f"model.{side}.embed_tokens.weight" for side in ("encoder", "decoder")}
POSITIONS = {side: f"model.{side}.embed_positions.weight" for side in ("encoder", "decoder")}

ATTENTION = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "output"}
SUBLAYERS = {
    "fc1": "feed_forward.inner",
    "fc2": "feed_forward.outer",
    "final_layer_norm": "feed_forward_residual.norm",
    "self_attn_layer_norm": "self_attention_residual.norm",
    **{f"self_attn.{theirs}": f"self_attention.{ours}" for theirs, ours in ATTENTION.items()},
}
CROSS = {
    "encoder_attn_layer_norm": "cross_attention_residual.norm",
    **{f"encoder_attn.{theirs}": f"cross_attention.{ours}" for theirs, ours in ATTENTION.items()},
}

POSITION_TOLERANCE = 2e-3
"""Sinusoid tables may have been saved in half precision."""


def layer_names(encoder_layers: int, decoder_layers: int) -> Iterator[tuple[str, str]]:
    """(their name, our name) of every weight and bias inside the layers."""
    sides = (("encoder", encoder_layers, SUBLAYERS), ("decoder", decoder_layers, SUBLAYERS | CROSS))
    for side, layers, sublayers in sides:
        for layer in range(layers):
            for theirs, ours in sublayers.items():
                for part in ("weight", "bias"):
                    yield f"model.{side}.layers.{layer}.{theirs}.{part}", f"{side}.{layer}.{ours}.{part}"


def our_weights(theirs: Weights, encoder_layers: int, decoder_layers: int, shared: bool, tied: bool) -> Weights:
    """The state of our model. `shared`: one table for both sides; `tied`: the decoder's is the projection, too.

    Raises RecipeError for a weight that is missing, unknown, or not what its name promises.
    """
    if strange := [name for name, weight in theirs.items() if not weight.is_floating_point()]:
        raise RecipeError(f"the weight {strange[0]} is not floating-point")
    left = {name: weight.float() for name, weight in theirs.items()}
    ours = {new: _take(left, old) for old, new in layer_names(encoder_layers, decoder_layers)}
    table = left.pop(SHARED, None)
    source, target = (_table(left, TABLES[side], table if shared else None) for side in ("encoder", "decoder"))
    head = left.pop(HEAD, target) if tied else _take(left, HEAD)
    # Without `tied` nothing is: since version 5 transformers ignores `shared` then.
    if tied and not (torch.equal(head, target) and (torch.equal(source, target) or not shared)):
        raise RecipeError("embeddings that config.json says are shared differ")
    _check_positions(left, source.shape[-1])
    bias = left.pop(BIAS, torch.zeros(len(head))).reshape(-1)
    if left:
        raise RecipeError(f"the model has weights that no Marian model has: {', '.join(sorted(left)[:3])}")
    return ours | {
        "source_embedding.table.weight": source,
        "target_embedding.table.weight": target,
        "projection.weight": head,
        "projection.bias": bias,
    }


def tied_of(shared: bool, tied: bool) -> Tied:
    """What our architecture calls it. A shared table that is not the projection is kept twice."""
    return ("all" if shared else "target") if tied else "none"


def _take(weights: Weights, name: str) -> Tensor:
    if name not in weights:
        raise RecipeError(f"the model lacks the weight {name}")
    return weights.pop(name)


def _table(weights: Weights, name: str, shared: Tensor | None) -> Tensor:
    """An embedding table by its own name, else the shared one."""
    if name not in weights and shared is not None:
        return shared
    return _take(weights, name)


def _check_positions(weights: Weights, d_model: int) -> None:
    """Tables that some files carry although they can be computed: they must be what we compute."""
    for name in POSITIONS.values():
        table = weights.pop(name, None)
        if table is None:
            continue
        expected = torch.from_numpy(sinusoids(len(table), d_model, "halves")).float()
        if table.shape != expected.shape or (table - expected).abs().max() > POSITION_TOLERANCE:
            raise RecipeError(f"{name} is not a table of sinusoids: learnt positions are not supported")
