"""The shape of a Transformer: what the manifest of a bundle and the PyTorch model agree on."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Layout = Literal["interleaved", "halves"]
Activation = Literal["relu", "gelu", "swish"]
Norm = Literal["post", "pre"]
Tied = Literal["none", "target", "all"]

LAYOUTS: tuple[Layout, ...] = ("interleaved", "halves")
ACTIVATIONS: tuple[Activation, ...] = ("relu", "gelu", "swish")
NORMS: tuple[Norm, ...] = ("post", "pre")
TIED: tuple[Tied, ...] = ("none", "target", "all")


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes and options of one encoder–decoder Transformer.

    `norm` "post" is the paper's LayerNorm(x + Sublayer(x)); "pre" is x + Sublayer(LayerNorm(x)) with a
    last LayerNorm after each stack. `tied` "target" shares the decoder's embedding with the output
    projection, "all" shares the encoder's embedding too (one vocabulary for both sides).
    `positions` is the longest sequence, in pieces, on either side. Embeddings are read times √d_model, as in the
    paper, unless `scale_embedding` is false.
    """

    encoder_layers: int
    decoder_layers: int
    heads: int
    d_model: int
    d_ff: int
    source_vocabulary: int
    target_vocabulary: int
    positions: int = 512
    positional_layout: Layout = "interleaved"
    activation: Activation = "relu"
    norm: Norm = "post"
    tied: Tied = "none"
    scale_embedding: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "int" and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise ValueError(f"{field.name} must be a positive whole number, not {value!r}")
        if not isinstance(self.scale_embedding, bool):
            raise ValueError(f"scale_embedding must be true or false, not {self.scale_embedding!r}")
        for name, allowed in (
            ("positional_layout", LAYOUTS),
            ("activation", ACTIVATIONS),
            ("norm", NORMS),
            ("tied", TIED),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}")
        if self.d_model % self.heads or self.d_model % 2:
            raise ValueError(f"d_model {self.d_model} must be even and divisible by {self.heads} heads")
        if self.tied == "all" and self.source_vocabulary != self.target_vocabulary:
            raise ValueError("tied = 'all' needs one vocabulary for both sides")

    @property
    def d_k(self) -> int:
        """Size of one head's queries, keys and values."""
        return self.d_model // self.heads

    @property
    def embedding_scale(self) -> float:
        """What rows of an embedding table are multiplied by when they are read."""
        return math.sqrt(self.d_model) if self.scale_embedding else 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Architecture:
        """The inverse of `to_dict`. Raises ValueError for a missing, unknown or impossible value."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise ValueError(f"unknown architecture option: {', '.join(unknown)}")
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"architecture is incomplete: {error}") from None
