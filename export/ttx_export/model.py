"""The Transformer of "Attention Is All You Need" (Vaswani et al. 2017), in the order of the paper.

Axis letters: B batch, S source length, T target length, H head, D d_model, K d_k = D/H, F d_ff,
V vocabulary. Masks are boolean, True where a position may be seen (see `tui_transformer.masks`).
Every attention returns its weights, per head: nothing has to be fished out by hooks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tui_transformer.architecture import Architecture, Layout
from tui_transformer.masks import HIDDEN_SCORE, combine_masks, look_ahead_mask, padding_mask, target_padding_mask
from tui_transformer.positional import sinusoids

from .dropout import Dropout

ACTIVATION_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu, "swish": F.silu}


class TokenEmbedding(nn.Module):
    """Section 3.4: a row of the table for each id, times √d_model (`scale`)."""

    def __init__(self, vocabulary: int, d_model: int, scale: float) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, d_model)
        nn.init.normal_(self.table.weight, std=d_model**-0.5)
        self.scale = scale

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B, S) → (B, S, D)."""
        return self.table(ids) * self.scale


class PositionalEncoding(nn.Module):
    """Section 3.5: adds the sinusoid of each position, then dropout."""

    table: Tensor

    def __init__(self, positions: int, d_model: int, layout: Layout, dropout: float) -> None:
        super().__init__()
        table = torch.from_numpy(sinusoids(positions, d_model, layout)).float()
        self.register_buffer("table", table, persistent=False)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, S, D) → (B, S, D)."""
        return self.dropout(x + self.table[: x.shape[1]])


def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Section 3.2.1: softmax(Q Kᵀ / √d_k) V.

    query (B, H, T, K), key and value (B, H, S, K), mask broadcastable to (B, H, T, S)
    → reweighted values (B, H, T, K) and the weights (B, H, T, S), whose rows sum to 1.
    """
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = scores.float().masked_fill(~mask, HIDDEN_SCORE).softmax(dim=-1)
    return weights.to(value.dtype) @ value, weights


class MultiHeadAttention(nn.Module):
    """Section 3.2.2: H attentions side by side, each on its own projection to d_k dimensions."""

    def __init__(self, d_model: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.output = nn.Linear(d_model, d_model)

    def split_heads(self, x: Tensor) -> Tensor:
        """(B, S, D) → (B, H, S, K)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def concatenate_heads(self, x: Tensor) -> Tensor:
        """(B, H, S, K) → (B, S, D)."""
        return x.transpose(1, 2).flatten(-2)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, T, D) asks, memory (B, S, D) answers → (B, T, D) and the weights (B, H, T, S)."""
        query = self.split_heads(self.query(x))
        key = self.split_heads(self.key(memory))
        value = self.split_heads(self.value(memory))
        reweighted, weights = scaled_dot_product_attention(query, key, value, mask)
        return self.output(self.concatenate_heads(reweighted)), weights


class FeedForward(nn.Module):
    """Section 3.3: two linear maps with an activation between them, the same at every position."""

    def __init__(self, d_model: int, d_ff: int, activation: str) -> None:
        super().__init__()
        self.inner = nn.Linear(d_model, d_ff)
        self.outer = nn.Linear(d_ff, d_model)
        self.activation = ACTIVATION_FUNCTIONS[activation]

    def forward(self, x: Tensor) -> Tensor:
        """x (B, S, D) → (B, S, F) → (B, S, D)."""
        return self.outer(self.activation(self.inner(x)))


class Residual(nn.Module):
    """Section 3.1: a sub-layer's answer, after dropout, is added to its input, with layer normalisation.

    The caller does `x = residual.add(x, sublayer(residual.prepare(x)))`. In the paper ("post") `prepare`
    does nothing and `add` normalises; in the "pre" arrangement it is the other way round.
    """

    def __init__(self, d_model: int, norm: str, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.dropout = Dropout(dropout)
        self.pre = norm == "pre"

    def prepare(self, x: Tensor) -> Tensor:
        """(B, S, D) → what the sub-layer gets."""
        return self.norm(x) if self.pre else x

    def add(self, x: Tensor, answer: Tensor) -> Tensor:
        """x and the sub-layer's answer, both (B, S, D) → (B, S, D)."""
        total = x + self.dropout(answer)
        return total if self.pre else self.norm(total)


class EncoderLayer(nn.Module):
    """Self-attention, then the feed-forward network."""

    def __init__(self, shape: Architecture, dropout: float) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(shape.d_model, shape.heads)
        self.self_attention_residual = Residual(shape.d_model, shape.norm, dropout)
        self.feed_forward = FeedForward(shape.d_model, shape.d_ff, shape.activation)
        self.feed_forward_residual = Residual(shape.d_model, shape.norm, dropout)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, S, D), mask (B, 1, 1, S) → (B, S, D) and the weights (B, H, S, S)."""
        prepared = self.self_attention_residual.prepare(x)
        answer, weights = self.self_attention(prepared, prepared, mask)
        x = self.self_attention_residual.add(x, answer)
        answer = self.feed_forward(self.feed_forward_residual.prepare(x))
        return self.feed_forward_residual.add(x, answer), weights


class DecoderLayer(nn.Module):
    """Masked self-attention, attention on the encoder's memory, then the feed-forward network."""

    def __init__(self, shape: Architecture, dropout: float) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(shape.d_model, shape.heads)
        self.self_attention_residual = Residual(shape.d_model, shape.norm, dropout)
        self.cross_attention = MultiHeadAttention(shape.d_model, shape.heads)
        self.cross_attention_residual = Residual(shape.d_model, shape.norm, dropout)
        self.feed_forward = FeedForward(shape.d_model, shape.d_ff, shape.activation)
        self.feed_forward_residual = Residual(shape.d_model, shape.norm, dropout)

    def forward(
        self, x: Tensor, memory: Tensor, target_mask: Tensor, source_mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """x (B, T, D), memory (B, S, D) → (B, T, D), self weights (B, H, T, T), cross weights (B, H, T, S)."""
        prepared = self.self_attention_residual.prepare(x)
        answer, self_weights = self.self_attention(prepared, prepared, target_mask)
        x = self.self_attention_residual.add(x, answer)
        prepared = self.cross_attention_residual.prepare(x)
        answer, cross_weights = self.cross_attention(prepared, memory, source_mask)
        x = self.cross_attention_residual.add(x, answer)
        answer = self.feed_forward(self.feed_forward_residual.prepare(x))
        return self.feed_forward_residual.add(x, answer), self_weights, cross_weights


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the encoder gives: memory (B, S, D), the source mask (B, 1, 1, S), weights per layer (B, H, S, S)."""

    memory: Tensor
    mask: Tensor
    attentions: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the decoder gives: features (B, T, D) and the weights of each layer.

    `self_attentions` (B, H, T, T) and `cross_attentions` (B, H, T, S), one tensor per layer.
    """

    features: Tensor
    self_attentions: tuple[Tensor, ...]
    cross_attentions: tuple[Tensor, ...]


class Transformer(nn.Module):
    """Section 3: an encoder, a decoder and a projection to the vocabulary."""

    def __init__(
        self, shape: Architecture, pad_id: int, dropout: float = 0.0, target_pad_id: int | None = None
    ) -> None:
        """`target_pad_id`: the target side's, if different."""
        super().__init__()
        self.shape = shape
        self.pad_id = pad_id
        self.target_pad_id = pad_id if target_pad_id is None else target_pad_id
        sizes = shape.d_model, shape.embedding_scale
        self.source_embedding = TokenEmbedding(shape.source_vocabulary, *sizes)
        self.target_embedding = (
            self.source_embedding if shape.tied == "all" else TokenEmbedding(shape.target_vocabulary, *sizes)
        )
        self.positions = PositionalEncoding(shape.positions, shape.d_model, shape.positional_layout, dropout)
        self.encoder = nn.ModuleList(EncoderLayer(shape, dropout) for _ in range(shape.encoder_layers))
        self.decoder = nn.ModuleList(DecoderLayer(shape, dropout) for _ in range(shape.decoder_layers))
        # Only the pre-norm arrangement leaves its stacks unnormalised at the end.
        self.encoder_norm = nn.LayerNorm(shape.d_model) if shape.norm == "pre" else nn.Identity()
        self.decoder_norm = nn.LayerNorm(shape.d_model) if shape.norm == "pre" else nn.Identity()
        self.projection = nn.Linear(shape.d_model, shape.target_vocabulary)
        self._initialise_weights()

    def _initialise_weights(self) -> None:
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1 and "embedding" not in name:
                nn.init.xavier_uniform_(parameter)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        if self.shape.tied != "none":
            self.projection.weight = self.target_embedding.table.weight

    def encode(self, source: Tensor) -> Encoded:
        """source ids (B, S), padded with pad_id."""
        mask = padding_mask(source, self.pad_id)
        x = self.positions(self.source_embedding(source))
        attentions = []
        for layer in self.encoder:
            x, weights = layer(x, mask)
            attentions.append(weights)
        return Encoded(self.encoder_norm(x), mask, tuple(attentions))

    def decode(self, target: Tensor, encoded: Encoded) -> Decoded:
        """target ids (B, T): a whole prefix at once, each position blind to its future."""
        look_ahead = torch.from_numpy(look_ahead_mask(target.shape[1])).to(target.device)
        mask = combine_masks(target_padding_mask(target, self.target_pad_id), look_ahead)
        x = self.positions(self.target_embedding(target))
        self_attentions, cross_attentions = [], []
        for layer in self.decoder:
            x, self_weights, cross_weights = layer(x, encoded.memory, mask, encoded.mask)
            self_attentions.append(self_weights)
            cross_attentions.append(cross_weights)
        return Decoded(self.decoder_norm(x), tuple(self_attentions), tuple(cross_attentions))

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """source (B, S), target prefix (B, T) → logits (B, T, V) of the token after each prefix position."""
        return self.projection(self.decode(target, self.encode(source)).features)


def parameter_count(model: nn.Module) -> int:
    """Trainable numbers, shared ones counted once."""
    return sum(parameter.numel() for parameter in model.parameters())
