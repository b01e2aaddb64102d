"""What the graphs are put together from: embedding, normalisation, linear layers, attention, projection.

Same mathematics as `model.py`, arranged differently (parity is checked at export): 2-D matrix products, queries, keys
and values in one product, 1/√d_k folded into the query weights, √d_model into the embedding table, Add and
LayerNormalization separate, arg-max in two stages. A probe graph is written by the same code: `show` outputs what
happens inside, and every head's answer can be switched off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from tui_transformer import bundle, probes
from tui_transformer.architecture import Architecture
from tui_transformer.masks import HIDDEN_SCORE
from tui_transformer.positional import sinusoids

from .folding import fold
from .graph import CONTRIB, Graph
from .linear import Array, Linear

BLOCK = 128
"""The vocabulary is padded to a multiple of this and its arg-max taken block by block: 8 times faster."""

EPSILON = 1e-5
HIDDEN_HALF = -6e4
"""`HIDDEN_SCORE` for float16, whose largest number is 65,504."""

Axes = tuple[str | int, ...]


def padded_vocabulary(size: int) -> int:
    """V', the vocabulary rounded up to whole blocks; the columns beyond V hold HIDDEN_SCORE."""
    return -(-size // BLOCK) * BLOCK


class Writer:
    """One graph being written, of the weights in one precision; a `probe` outputs what happens inside it."""

    side: bundle.Side

    def __init__(
        self, name: str, weights: Mapping[str, Array], shape: Architecture, precision: bundle.Precision, linear: Linear,
        probe: bool = False,
    ) -> None:  # fmt: skip
        self.graph = Graph(name, precision)
        self.weights, self.shape, self.linear, self.probe = weights, shape, linear, probe
        self.hidden = HIDDEN_HALF if precision == "fp16" else HIDDEN_SCORE
        self.columns = padded_vocabulary(shape.target_vocabulary)
        self._head_mask = ""
        self._sublayers = 0

    # -- what goes in --------------------------------------------------------------------------------

    def embed(self, side: str, ids: str) -> str:
        """ids (…) → rows of the embedding times √d_model (…, D)."""
        table = self.folded(f"{side}_embedding.table.weight")
        return self.linear.table(self.graph, f"{side}_embedding", table, ids)

    def position_table(self) -> str:
        """The sinusoids (P, D)."""
        shape = self.shape
        table = sinusoids(shape.positions, shape.d_model, shape.positional_layout)
        return self.graph.constant("positions", table.astype(self.graph.float))

    def additive_mask(self, mask: str) -> str:
        """mask (B, S) of 1 and 0 → (B, 1, 1, S) of 0 and a score that softmax turns into exactly 0."""
        g = self.graph
        hidden = g.op("Sub", g.number(1.0), g.op("Cast", mask, to=g.float_type))
        return g.op("Unsqueeze", g.op("Mul", hidden, g.number(self.hidden)), g.integers(1, 2))

    def head_mask(self, *axes: int) -> None:
        """In a probe, take the factor of each head's answer: (…, H), rows counted over all axes but the last."""
        if self.probe:
            g = self.graph
            mask = g.input(probes.HEAD_MASK, g.float_type, axes)
            self._head_mask = g.op("Reshape", mask, g.integers(-1, self.shape.heads, 1, 1))

    # -- what is shown -------------------------------------------------------------------------------

    def show(self, name: str, tensor: str, *axes: str | int) -> None:
        """In a probe, make a tensor an output."""
        if self.probe:
            self.graph.output(name, tensor, self.graph.float_type, axes)

    def show_weights(self, name: str, weights: str, *axes: str | int) -> None:
        """Make attention weights an output."""
        self.graph.output(name, weights, self.graph.float_type, axes)

    def rows(self, x: str) -> tuple[str, Axes]:
        """The residual stream as it is shown, and its axes."""
        return x, ("B", self.shape.d_model)

    def show_residual(self, x: str) -> None:
        """Show the residual stream after the sub-layers written so far."""
        if self.probe:
            rows, axes = self.rows(x)
            self.show(probes.residual(self.side, self._sublayers), rows, *axes)

    # -- sub-layers ----------------------------------------------------------------------------------

    def dense(self, x: str, *layers: str) -> str:
        """x (N, in) through one or several linear layers side by side → (N, sum of outs)."""
        weight = np.concatenate([self.folded(f"{layer}.weight") for layer in layers])
        bias = np.concatenate([self.folded(f"{layer}.bias") for layer in layers])
        return self.linear(self.graph, x, layers[0], weight, bias)

    def folded(self, name: str) -> Array:
        """A weight or bias with what is multiplied into it beforehand."""
        return fold(name, self.weights[name], self.shape)

    def normalize(self, x: str, name: str) -> str:
        """LayerNorm over the last axis."""
        gain = self.graph.constant(f"{name}.weight", self.weights[f"{name}.weight"].astype(self.graph.float))
        bias = self.graph.constant(f"{name}.bias", self.weights[f"{name}.bias"].astype(self.graph.float))
        return self.graph.op("LayerNormalization", x, gain, bias, axis=-1, epsilon=EPSILON)

    def prepare(self, x: str, residual: str) -> str:
        """What a sub-layer gets."""
        return self.normalize(x, f"{residual}.norm") if self.shape.norm == "pre" else x

    def add(self, x: str, answer: str, residual: str) -> str:
        """A sub-layer's answer joins the residual stream."""
        if self.probe:
            rows, axes = self.rows(answer)
            self.show(probes.addition(self.side, self._sublayers), rows, *axes)
        x = self.graph.op("Add", x, answer)
        x = x if self.shape.norm == "pre" else self.normalize(x, f"{residual}.norm")
        self._sublayers += 1
        self.show_residual(x)
        return x

    def last_norm(self, x: str, stack: str) -> str:
        """What leaves a stack of layers."""
        return self.normalize(x, f"{stack}_norm") if self.shape.norm == "pre" else x

    def attend(
        self, kind: probes.Kind, layer: int, query: str, key: str, value: str, mask: str | None, axes: Axes
    ) -> str:
        """query (B, H, T, K) on key, value (B, H, S, K), `axes` being (T, S) → (B, H, T, K); the weights go out."""
        g, heads, size = self.graph, self.shape.heads, self.shape.d_k
        scores = self.compare(query, key)
        if self.probe:
            textbook = g.op("Mul", query, g.number(math.sqrt(size)))
            self.show(probes.query(kind, layer), textbook, "B", heads, axes[0], size)
            self.show(probes.score(kind, layer), scores, "B", heads, *axes)
        if mask:
            scores = g.op("Add", scores, mask)
            self.show(probes.masked_score(kind, layer), scores, "B", heads, *axes)
        weights = g.op("Softmax", scores, axis=-1)
        self.show_weights(probes.attention(kind, layer), weights, "B", heads, *axes)
        answer = g.op("MatMul", weights, value)
        if self.probe:
            row = layer + (self.shape.decoder_layers if kind == "cross" else 0)
            answer = g.op("Mul", answer, g.op("Gather", self._head_mask, g.integers(row), axis=0))
            self.show(probes.context(kind, layer), answer, "B", heads, axes[0], size)
        return answer

    def compare(self, query: str, key: str) -> str:
        """Scores QKᵀ: query (B, H, T, K), key (B, H, S, K) → (B, H, T, S)."""
        return self.graph.op("FusedMatMul", query, key, domain=CONTRIB, transB=1, alpha=1.0)

    def feed_forward(self, x: str, layer: str) -> str:
        """The feed-forward sub-layer, x (N, D) → (N, D)."""
        residual = f"{layer}.feed_forward_residual"
        outer = f"{layer}.feed_forward.outer"
        inner = self.activate(self.dense(self.prepare(x, residual), f"{layer}.feed_forward.inner"), outer)
        return self.add(x, self.dense(inner, outer), residual)

    def activate(self, x: str, reader: str) -> str:
        """The activation between the two linear maps, of which the second is the layer `reader`."""
        g = self.graph
        if self.shape.activation == "relu" and self.linear.ignores_negative(reader):
            return x
        if self.shape.activation == "swish":
            return g.op("Mul", x, g.op("Sigmoid", x))
        return g.op({"relu": "Relu", "gelu": "Gelu"}[self.shape.activation], x)

    def project(self, x: str) -> str:
        """Features (N, D) → logits (N, V'), V' being `columns`."""
        weight, bias = self.weights["projection.weight"], self.weights["projection.bias"]
        padding = self.columns - len(weight)
        weight = np.concatenate([weight, np.zeros((padding, weight.shape[1]), weight.dtype)])
        bias = np.concatenate([bias, np.full(padding, self.hidden, bias.dtype)])
        return self.linear(self.graph, x, "projection", weight, bias)
