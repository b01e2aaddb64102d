"""Names of what the probe graphs take and give, beyond what the translating graphs do (`bundle` has theirs).

A probe graph is the translating graph with more outputs, on the same weights. `Kind` says which attention: of the
encoder on itself, of the decoder on itself, of the decoder on the encoder. Sub-layers are counted from the bottom of a
stack: two per layer in the encoder, three in the decoder; residual n is the stream after n of them.
"""

from __future__ import annotations

from typing import Literal

from . import bundle
from .architecture import Architecture
from .bundle import Side

Kind = Literal["encoder", "decoder", "cross"]
TextSide = Literal["source", "target"]
KINDS: tuple[Kind, ...] = ("encoder", "decoder", "cross")
TEXT_SIDES: tuple[TextSide, ...] = ("source", "target")

SUBLAYERS: dict[Side, int] = {"encoder": 2, "decoder": 3}
"""How many a layer has."""

HEAD_MASK = "head_mask"  # factors of the heads' answers: encoder (L, H), decoder (2, L, H) for self and cross
MEMORY = "memory"  # (B, S, D), what leaves the encoder
RESIDUAL = "residual"  # (N, D), the input of the lens

_ATTENTIONS = {
    "encoder": bundle.encoder_attention,
    "decoder": bundle.decoder_attention,
    "cross": bundle.cross_attention,
}


def attention(kind: Kind, layer: int) -> str:
    """(B, H, T, S) the weights, which the translating graphs give as well."""
    return _ATTENTIONS[kind](layer)


def query(kind: Kind, layer: int) -> str:
    """(B, H, T, K) without the 1/√d_k that the graphs fold into the query weights."""
    return f"{kind}_queries.{layer}"


def encoder_key(layer: int) -> str:
    """(B, H, S, K); the decoder's keys are its caches."""
    return f"encoder_keys.{layer}"


def encoder_value(layer: int) -> str:
    """(B, H, S, K); the decoder's values are its caches."""
    return f"encoder_values.{layer}"


def score(kind: Kind, layer: int) -> str:
    """(B, H, T, S) query · key / √d_k, before any mask."""
    return f"{kind}_scores.{layer}"


def masked_score(kind: Kind, layer: int) -> str:
    """(B, H, T, S) with the mask added, what the softmax gets; the decoder's own attention needs none."""
    return f"{kind}_masked_scores.{layer}"


def context(kind: Kind, layer: int) -> str:
    """(B, H, T, K) each head's answer, weights · values times its factor of the head mask."""
    return f"{kind}_contexts.{layer}"


def residual(side: Side, place: int) -> str:
    """(B, S, D) or (B, D) the residual stream after `place` sub-layers; 0 is the embedding with its position."""
    return f"{side}_residuals.{place}"


def addition(side: Side, place: int) -> str:
    """(B, S, D) or (B, D) what sub-layer `place` adds to the residual stream."""
    return f"{side}_additions.{place}"


def embedding_ids(side: TextSide) -> str:
    """(N,) which rows of a side's table are wanted."""
    return f"{side}_ids"


def embedding_rows(side: TextSide) -> str:
    """(N, D) those rows, times √d_model."""
    return f"{side}_rows"


def encoder_outputs(shape: Architecture) -> list[str]:
    """Everything the encoder's probe gives beyond the translating graph."""
    names = [name(i) for i in range(shape.encoder_layers) for name in (encoder_key, encoder_value)]
    return [*names, MEMORY, *_attending("encoder", shape.encoder_layers), *_stream("encoder", shape.encoder_layers)]


def decoder_outputs(shape: Architecture) -> list[str]:
    """Everything the decoder's probe gives beyond the translating graph."""
    layers = shape.decoder_layers
    return [*_attending("decoder", layers), *_attending("cross", layers), *_stream("decoder", layers)]


def _attending(kind: Kind, layers: int) -> list[str]:
    parts = (query, score, context) if kind == "decoder" else (query, score, masked_score, context)
    return [part(kind, i) for i in range(layers) for part in parts]


def _stream(side: Side, layers: int) -> list[str]:
    count = layers * SUBLAYERS[side]
    return [*(residual(side, i) for i in range(count + 1)), *(addition(side, i) for i in range(count))]
