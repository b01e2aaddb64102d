"""The trained weights written as the two graphs of the bundle, built for speed on ONNX Runtime.

Same mathematics as `model.py`, other arrangement (parity is checked at export):
2-D matrix products, queries, keys and values in one product, 1/√d_k folded into the query weights, √d_model
into the embedding table, Add and LayerNormalization apart, arg-max in two stages. Attention is written out,
so that its weights are outputs of the very graph that translates. The decoder does one step on a cache.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx

from tui_transformer import bundle
from tui_transformer.architecture import Architecture
from tui_transformer.masks import HIDDEN_SCORE
from tui_transformer.positional import sinusoids

from .graph import CONTRIB, FLOAT, INT64, Graph
from .linear import Array, Linear

BLOCK = 128
"""The vocabulary is padded to a multiple of this and its arg-max taken block by block: 8 times faster."""

EPSILON = 1e-5
HIDDEN_HALF = -6e4
"""`HIDDEN_SCORE` for float16, whose largest number is 65,504."""


def encoder_graph(weights: Mapping[str, Array], shape: Architecture, precision: str, linear: Linear) -> onnx.ModelProto:
    """input_ids (B, S), attention_mask (B, S) → keys and values of every cross-attention, encoder attention."""
    return _Writer("encoder", weights, shape, precision, linear).encoder()


def decoder_graph(weights: Mapping[str, Array], shape: Architecture, precision: str, linear: Linear) -> onnx.ModelProto:
    """One step: input_ids (B, 1), position (1,), caches → logits (B, V'), next_id (B,), caches, attention."""
    return _Writer("decoder", weights, shape, precision, linear).decoder()


def candidates_graph(shape: Architecture, precision: str) -> onnx.ModelProto:
    """logits (B, V'), count (1,), chosen (B,) → the `count` likeliest ids, their and the chosen ones' log-probability.

    Beam search needs a few candidates of each row, not the whole row: choosing them here, block by block,
    is five times faster than in numpy, and greedy search, which does not run this graph, pays nothing.
    """
    g = Graph("candidates", precision)
    size = padded_vocabulary(shape.target_vocabulary)
    logits = g.input(bundle.LOGITS, g.float_type, ("B", size))
    count = g.input(bundle.COUNT, INT64, (1,))
    chosen = g.input(bundle.CHOSEN, INT64, ("B",))
    logits = g.op("Cast", logits, to=FLOAT) if precision == "fp16" else logits
    blocks = g.op("Reshape", logits, g.integers(-1, size // BLOCK, BLOCK))
    maxima = g.op("ReduceMax", blocks, g.integers(-1), keepdims=0)
    log_total = _log_sum_exp(g, logits, maxima, size)
    # Each of the best `count` ids lies in one of the best `count` blocks.
    kept = g.op("Min", count, g.integers(size // BLOCK))
    _, best_blocks = g.ops("TopK", maxima, kept, outputs=2, axis=-1)
    members = g.op("GatherND", blocks, g.op("Unsqueeze", best_blocks, g.integers(-1)), batch_dims=1)
    width = g.op("Concat", g.integers(-1), g.op("Mul", kept, g.integers(BLOCK)), axis=0)
    values, places = g.ops("TopK", g.op("Reshape", members, width), count, outputs=2, axis=-1)
    block = g.op("GatherElements", best_blocks, g.op("Div", places, g.integers(BLOCK)), axis=1)
    ids = g.op("Add", g.op("Mul", block, g.integers(BLOCK)), g.op("Mod", places, g.integers(BLOCK)))
    picked = g.op("GatherElements", logits, g.op("Unsqueeze", chosen, g.integers(1)), axis=1)
    g.output(bundle.CANDIDATE_IDS, ids, INT64, ("B", "count"))
    g.output(bundle.CANDIDATE_LOG_PROBABILITIES, g.op("Sub", values, log_total), FLOAT, ("B", "count"))
    flat = g.op("Squeeze", g.op("Sub", picked, log_total), g.integers(1))
    g.output(bundle.CHOSEN_LOG_PROBABILITY, flat, FLOAT, ("B",))
    return g.build()


def _log_sum_exp(g: Graph, logits: str, maxima: str, size: int) -> str:
    """(B, V') → (B, 1), by way of Softmax, whose operator is fast: its largest value is exp(max − log Σ exp)."""
    softmax = g.op("Reshape", g.op("Softmax", logits, axis=-1), g.integers(-1, size // BLOCK, BLOCK))
    largest = g.op("ReduceMax", softmax, g.integers(-1), keepdims=0)
    top = g.op("ReduceMax", maxima, g.integers(-1), keepdims=1)
    return g.op("Sub", top, g.op("Log", g.op("ReduceMax", largest, g.integers(-1), keepdims=1)))


def padded_vocabulary(size: int) -> int:
    """V', the vocabulary rounded up to whole blocks; the columns beyond V hold HIDDEN_SCORE."""
    return -(-size // BLOCK) * BLOCK


class _Writer:
    def __init__(
        self, name: str, weights: Mapping[str, Array], shape: Architecture, precision: str, linear: Linear
    ) -> None:
        self.graph = Graph(name, precision)
        self.weights, self.shape, self.linear = weights, shape, linear
        self.hidden = HIDDEN_HALF if precision == "fp16" else HIDDEN_SCORE

    # -- pieces that both graphs share ---------------------------------------------------------------

    def embed(self, side: str, ids: str) -> str:
        """ids (…) → rows of the embedding times √d_model (…, D)."""
        table = self.weights[f"{side}_embedding.table.weight"] * math.sqrt(self.shape.d_model)
        return self.linear.table(self.graph, f"{side}_embedding", table, ids)

    def position_table(self) -> str:
        shape = self.shape
        table = sinusoids(shape.positions, shape.d_model, shape.positional_layout)
        return self.graph.constant("positions", table.astype(self.graph.float))

    def additive_mask(self, mask: str) -> str:
        """mask (B, S) of 1 and 0 → (B, 1, 1, S) of 0 and a score that softmax turns into exactly 0."""
        g = self.graph
        hidden = g.op("Sub", g.number(1.0), g.op("Cast", mask, to=g.float_type))
        return g.op("Unsqueeze", g.op("Mul", hidden, g.number(self.hidden)), g.integers(1, 2))

    def dense(self, x: str, *layers: str) -> str:
        """x (N, in) through one or several linear layers side by side → (N, sum of outs)."""
        weight = np.concatenate([self.scaled(layer, "weight") for layer in layers])
        bias = np.concatenate([self.scaled(layer, "bias") for layer in layers])
        return self.linear(self.graph, x, layers[0], weight, bias)

    def scaled(self, layer: str, part: str) -> Array:
        """A layer's weight or bias; queries carry the 1/√d_k of the attention."""
        array = self.weights[f"{layer}.{part}"]
        return array / math.sqrt(self.shape.d_k) if layer.endswith(".query") else array

    def normalize(self, x: str, name: str) -> str:
        gain = self.graph.constant(f"{name}.weight", self.weights[f"{name}.weight"].astype(self.graph.float))
        bias = self.graph.constant(f"{name}.bias", self.weights[f"{name}.bias"].astype(self.graph.float))
        return self.graph.op("LayerNormalization", x, gain, bias, axis=-1, epsilon=EPSILON)

    def prepare(self, x: str, residual: str) -> str:
        return self.normalize(x, f"{residual}.norm") if self.shape.norm == "pre" else x

    def add(self, x: str, answer: str, residual: str) -> str:
        total = self.graph.op("Add", x, answer)
        return total if self.shape.norm == "pre" else self.normalize(total, f"{residual}.norm")

    def last_norm(self, x: str, stack: str) -> str:
        return self.normalize(x, f"{stack}_norm") if self.shape.norm == "pre" else x

    def attend(self, query: str, key: str, value: str, mask: str | None) -> tuple[str, str]:
        """query (B, H, T, K) on key, value (B, H, S, K) → (B, H, T, K) and the weights (B, H, T, S)."""
        g = self.graph
        scores = g.op("FusedMatMul", query, key, domain=CONTRIB, transB=1, alpha=1.0)
        if mask:
            scores = g.op("Add", scores, mask)
        weights = g.op("Softmax", scores, axis=-1)
        return g.op("MatMul", weights, value), weights

    def feed_forward(self, x: str, layer: str) -> str:
        residual = f"{layer}.feed_forward_residual"
        inner = self.activate(self.dense(self.prepare(x, residual), f"{layer}.feed_forward.inner"))
        return self.add(x, self.dense(inner, f"{layer}.feed_forward.outer"), residual)

    def activate(self, x: str) -> str:
        g = self.graph
        if self.shape.activation == "swish":
            return g.op("Mul", x, g.op("Sigmoid", x))
        return g.op({"relu": "Relu", "gelu": "Gelu"}[self.shape.activation], x)

    # -- the encoder -----------------------------------------------------------------------------------

    def encoder(self) -> onnx.ModelProto:
        g, shape = self.graph, self.shape
        ids = g.input(bundle.INPUT_IDS, INT64, ("B", "S"))
        mask = self.additive_mask(g.input(bundle.ATTENTION_MASK, INT64, ("B", "S")))
        batch_and_length = g.op("Shape", ids)
        length = g.op("Shape", ids, start=1, end=2)
        positions = g.op("Slice", self.position_table(), g.integers(0), length, g.integers(0))
        embedded = g.op("Add", self.embed("source", ids), positions)
        x = g.op("Reshape", embedded, g.integers(-1, shape.d_model))
        for layer in range(shape.encoder_layers):
            with g.scope(f"encoder.{layer}"):
                x = self.encoder_layer(x, layer, mask, batch_and_length)
        self.cross_caches(self.last_norm(x, "encoder"), batch_and_length)
        return g.build()

    def split_positions(self, x: str, batch_and_length: str, parts: int) -> list[str]:
        """x (B·S, parts·D) → `parts` tensors (B, H, S, K)."""
        g, shape = self.graph, self.shape
        size = g.op("Concat", batch_and_length, g.integers(parts * shape.heads, shape.d_k), axis=0)
        heads_first = g.op("Transpose", g.op("Reshape", x, size), perm=[0, 2, 1, 3])
        return g.ops("Split", heads_first, outputs=parts, axis=1, num_outputs=parts)

    def encoder_layer(self, x: str, layer: int, mask: str, batch_and_length: str) -> str:
        g, shape, name = self.graph, self.shape, f"encoder.{layer}"
        residual = f"{name}.self_attention_residual"
        parts = [f"{name}.self_attention.{part}" for part in ("query", "key", "value")]
        qkv = self.dense(self.prepare(x, residual), *parts)
        query, key, value = self.split_positions(qkv, batch_and_length, 3)
        answer, weights = self.attend(query, key, value, mask)
        g.output(bundle.encoder_attention(layer), weights, g.float_type, ("B", shape.heads, "S", "S"))
        flat = g.op("Reshape", g.op("Transpose", answer, perm=[0, 2, 1, 3]), g.integers(-1, shape.d_model))
        x = self.add(x, self.dense(flat, f"{name}.self_attention.output"), residual)
        return self.feed_forward(x, name)

    def cross_caches(self, memory: str, batch_and_length: str) -> None:
        """Keys and values of all decoder layers' cross-attention, in one product."""
        g, shape = self.graph, self.shape
        layers = [
            f"decoder.{layer}.cross_attention.{part}" for layer in range(shape.decoder_layers) for part in bundle.PARTS
        ]
        parts = self.split_positions(self.dense(memory, *layers), batch_and_length, len(layers))
        for index, part in enumerate(parts):
            name = bundle.cross_cache(index // 2, bundle.PARTS[index % 2])
            g.output(name, part, g.float_type, ("B", shape.heads, "S", shape.d_k))

    # -- one step of the decoder ---------------------------------------------------------------------

    def decoder(self) -> onnx.ModelProto:
        g, shape = self.graph, self.shape
        ids = g.input(bundle.INPUT_IDS, INT64, ("B", 1))
        position = g.input(bundle.POSITION, INT64, (1,))
        mask = self.additive_mask(g.input(bundle.ENCODER_ATTENTION_MASK, INT64, ("B", "S")))
        flat_ids = g.op("Reshape", ids, g.integers(-1))
        x = g.op("Add", self.embed("target", flat_ids), g.op("Gather", self.position_table(), position, axis=0))
        for layer in range(shape.decoder_layers):
            with g.scope(f"decoder.{layer}"):
                x = self.masked_self_attention(x, layer)
                x = self.cross_attention(x, layer, mask)
                x = self.feed_forward(x, f"decoder.{layer}")
        self.project(self.last_norm(x, "decoder"))
        return g.build()

    def masked_self_attention(self, x: str, layer: int) -> str:
        """The cache holds the past only: looking ahead is impossible, no mask is needed."""
        g, shape, name = self.graph, self.shape, f"decoder.{layer}"
        residual = f"{name}.self_attention_residual"
        parts = [f"{name}.self_attention.{part}" for part in ("query", "key", "value")]
        qkv = self.dense(self.prepare(x, residual), *parts)
        heads = g.op("Reshape", qkv, g.integers(-1, 3 * shape.heads, 1, shape.d_k))
        query, key, value = g.ops("Split", heads, outputs=3, axis=1, num_outputs=3)
        key, value = self.extend_cache(layer, "key", key), self.extend_cache(layer, "value", value)
        answer, weights = self.attend(query, key, value, None)
        g.output(bundle.decoder_attention(layer), weights, g.float_type, ("B", shape.heads, 1, "T+1"))
        flat = g.op("Reshape", answer, g.integers(-1, shape.d_model))
        return self.add(x, self.dense(flat, f"{name}.self_attention.output"), residual)

    def extend_cache(self, layer: int, part: bundle.Part, new: str) -> str:
        g, shape = self.graph, self.shape
        past = g.input(bundle.past_cache(layer, part), g.float_type, ("B", shape.heads, "T", shape.d_k))
        present = g.op("Concat", past, new, axis=2)
        g.output(bundle.present_cache(layer, part), present, g.float_type, ("B", shape.heads, "T+1", shape.d_k))
        return present

    def cross_attention(self, x: str, layer: int, mask: str) -> str:
        g, shape, name = self.graph, self.shape, f"decoder.{layer}"
        residual = f"{name}.cross_attention_residual"
        key, value = (
            g.input(bundle.cross_cache(layer, part), g.float_type, ("B", shape.heads, "S", shape.d_k))
            for part in bundle.PARTS
        )
        query = self.dense(self.prepare(x, residual), f"{name}.cross_attention.query")
        query = g.op("Reshape", query, g.integers(-1, shape.heads, 1, shape.d_k))
        answer, weights = self.attend(query, key, value, mask)
        g.output(bundle.cross_attention(layer), weights, g.float_type, ("B", shape.heads, 1, "S"))
        flat = g.op("Reshape", answer, g.integers(-1, shape.d_model))
        return self.add(x, self.dense(flat, f"{name}.cross_attention.output"), residual)

    def project(self, x: str) -> None:
        """Features (B, D) → logits (B, V') and their arg-max (B,)."""
        g = self.graph
        weight, bias = self.weights["projection.weight"], self.weights["projection.bias"]
        padding = padded_vocabulary(len(weight)) - len(weight)
        weight = np.concatenate([weight, np.zeros((padding, weight.shape[1]), weight.dtype)])
        bias = np.concatenate([bias, np.full(padding, self.hidden, bias.dtype)])
        logits = self.linear(g, x, "projection", weight, bias)
        g.output(bundle.LOGITS, logits, g.float_type, ("B", len(weight)))
        g.output(bundle.NEXT_ID, self.arg_max(logits, len(weight)), INT64, ("B",))

    def arg_max(self, logits: str, size: int) -> str:
        """The first largest column (B,): the best block, then the best place in that block."""
        g = self.graph
        blocks = g.op("Reshape", logits, g.integers(-1, size // BLOCK, BLOCK))
        maxima = g.op("ReduceMax", blocks, g.integers(-1), keepdims=0)
        best_block = g.op("ArgMax", maxima, axis=-1, keepdims=1)
        place = g.op("ArgMax", g.op("GatherND", blocks, best_block, batch_dims=1), axis=-1, keepdims=0)
        start = g.op("Mul", g.op("Squeeze", best_block, g.integers(-1)), g.integers(BLOCK))
        return g.op("Add", start, place)
