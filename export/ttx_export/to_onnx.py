"""The trained weights written as the two graphs that translate, built for speed on ONNX Runtime, and as their probes.

Attention is written out, so that its weights are outputs of the very graph that translates. The decoder does one
step on a cache. A probe is the same graph with more outputs and a `head_mask`: `writer` has what both are made of.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from tui_transformer import bundle, probes
from tui_transformer.architecture import Architecture

from .graph import INT64
from .grid import Grid
from .linear import Array, Linear
from .writer import BLOCK, Axes, Writer


def encoder_graph(
    weights: Mapping[str, Array], shape: Architecture, precision: bundle.Precision, linear: Linear, probe: bool = False
) -> onnx.ModelProto:
    """input_ids (B, S), attention_mask (B, S) → keys and values of every cross-attention, encoder attention.

    The probe also takes a head_mask (L, H).
    """
    return EncoderWriter("encoder", weights, shape, precision, linear, probe).write()


def decoder_graph(
    weights: Mapping[str, Array], shape: Architecture, precision: bundle.Precision, linear: Linear, probe: bool = False
) -> onnx.ModelProto:
    """One step: input_ids (R, 1), position (1,), caches → logits (R, V'), next_id (R,), caches, attention.

    R rows are hypotheses about N sentences, those of a sentence side by side.
    The probe also takes a head_mask (2, L, H): self-attention, then cross-attention.
    """
    return DecoderWriter("decoder", weights, shape, precision, linear, probe).write()


class EncoderWriter(Writer):
    """The encoder, and what it gives to the decoder."""

    side: bundle.Side = "encoder"

    def write(self) -> onnx.ModelProto:
        """The whole graph."""
        g = self.graph
        ids = g.input(bundle.INPUT_IDS, INT64, ("B", "S"))
        mask = g.input(bundle.ATTENTION_MASK, INT64, ("B", "S"))
        bias = self.additive_mask(mask)
        g.output(bundle.CROSS_ATTENTION_BIAS, bias, g.float_type, ("B", 1, 1, "S"))
        memory = self.read(ids, mask, bias)
        if self.probe:
            rows, axes = self.rows(memory)
            self.show(probes.MEMORY, rows, *axes)
        self.cross_caches(memory)
        return g.build()

    def read(self, ids: str, mask: str, bias: str) -> str:
        """ids and mask (B, S), the mask as it is added to scores (B, 1, 1, S) → memory, rows (N, D) of `grid`."""
        g, shape = self.graph, self.shape
        self.head_mask(shape.encoder_layers, shape.heads)
        self.grid = Grid(g, shape, ids, mask, padding=self.probe)
        positions = g.op("Gather", self.position_table(), self.grid.columns, axis=0)
        x = g.op("Add", self.embed("source", self.grid.pack(ids)), positions)
        self.show_residual(x)
        for layer in range(shape.encoder_layers):
            with g.scope(f"encoder.{layer}"):
                x = self.layer(x, layer, bias)
        return self.last_norm(x, "encoder")

    def rows(self, x: str) -> tuple[str, Axes]:
        """Rows of pieces (N, D) as they are shown, (B, S, D)."""
        return self.grid.unpack(x), ("B", "S", self.shape.d_model)

    def layer(self, x: str, layer: int, bias: str) -> str:
        """Rows x (N, D) through one layer."""
        shape, name = self.shape, f"encoder.{layer}"
        residual = f"{name}.self_attention_residual"
        parts = [f"{name}.self_attention.{part}" for part in ("query", "key", "value")]
        query, key, value = self.grid.split_heads(self.dense(self.prepare(x, residual), *parts), 3)
        self.show(probes.encoder_key(layer), key, "B", shape.heads, "S", shape.d_k)
        self.show(probes.encoder_value(layer), value, "B", shape.heads, "S", shape.d_k)
        answer = self.grid.join_heads(self.attend("encoder", layer, query, key, value, bias, ("S", "S")))
        x = self.add(x, self.dense(answer, f"{name}.self_attention.output"), residual)
        return self.feed_forward(x, name)

    def cross_caches(self, memory: str) -> None:
        """Keys and values of all decoder layers' cross-attention, in one product."""
        g, shape = self.graph, self.shape
        layers = [
            f"decoder.{layer}.cross_attention.{part}" for layer in range(shape.decoder_layers) for part in bundle.PARTS
        ]
        parts = self.grid.split_heads(self.dense(memory, *layers), len(layers))
        for index, part in enumerate(parts):
            name = bundle.cross_cache(index // 2, bundle.PARTS[index % 2])
            g.output(name, part, g.float_type, ("B", shape.heads, "S", shape.d_k))


class DecoderWriter(Writer):
    """The decoder: one step on a cache, and the choice of the next id."""

    side: bundle.Side = "decoder"
    future: str | None = None
    """What hides it: nothing, where the cache holds only the past."""

    def write(self) -> onnx.ModelProto:
        """The whole graph."""
        g, shape = self.graph, self.shape
        ids = g.input(bundle.INPUT_IDS, INT64, ("R", 1))
        position = g.input(bundle.POSITION, INT64, (1,))
        bias = g.input(bundle.CROSS_ATTENTION_BIAS, g.float_type, ("N", 1, 1, "S"))
        self.head_mask(2, shape.decoder_layers, shape.heads)
        self.by_sentence = self.rows_of(bias, shape.heads)
        flat_ids = g.op("Reshape", ids, g.integers(-1))
        x = g.op("Add", self.embed("target", flat_ids), g.op("Gather", self.position_table(), position, axis=0))
        self.choose(self.answer(x, bias))
        return g.build()

    def rows_of(self, tensor: str, heads: int) -> str:
        """The shape (N, -1, heads, K), N the length of a tensor's first axis."""
        g = self.graph
        first = g.op("Shape", tensor, start=0, end=1)
        return g.op("Concat", first, g.integers(-1, heads, self.shape.d_k), axis=0)

    def answer(self, x: str, bias: str) -> str:
        """Rows x (R, D) through all layers → features (R, D); `bias` (N, 1, 1, S) hides the source's padding."""
        g, shape = self.graph, self.shape
        self.show_residual(x)
        for layer in range(shape.decoder_layers):
            with g.scope(f"decoder.{layer}"):
                x = self.masked_self_attention(x, layer)
                x = self.cross_attention(x, layer, bias)
                x = self.feed_forward(x, f"decoder.{layer}")
        return self.last_norm(x, "decoder")

    def masked_self_attention(self, x: str, layer: int) -> str:
        """Each row looks at itself and at what its cache holds."""
        name = f"decoder.{layer}"
        residual = f"{name}.self_attention_residual"
        parts = [f"{name}.self_attention.{part}" for part in ("query", "key", "value")]
        qkv = self.dense(self.prepare(x, residual), *parts)
        query, key, value = self.split_heads(qkv)
        key, value = self.extend_cache(layer, "key", key), self.extend_cache(layer, "value", value)
        answer = self.attend("decoder", layer, query, key, value, self.future, (1, "T+1"))
        return self.add(x, self.dense(self.join_heads(answer), f"{name}.self_attention.output"), residual)

    def split_heads(self, qkv: str) -> list[str]:
        """Rows (R, 3·D) → query, key and value (R, H, 1, K)."""
        g, shape = self.graph, self.shape
        heads = g.op("Reshape", qkv, g.integers(-1, 3 * shape.heads, 1, shape.d_k))
        return g.ops("Split", heads, outputs=3, axis=1, num_outputs=3)

    def join_heads(self, answer: str) -> str:
        """(R, H, 1, K) → rows (R, D)."""
        return self.graph.op("Reshape", answer, self.graph.integers(-1, self.shape.d_model))

    def extend_cache(self, layer: int, part: bundle.Part, new: str) -> str:
        """A layer's keys or values of what is read now, after those of what was read before."""
        g, shape = self.graph, self.shape
        past = g.input(bundle.past_cache(layer, part), g.float_type, ("R", shape.heads, "T", shape.d_k))
        present = g.op("Concat", past, new, axis=2)
        g.output(bundle.present_cache(layer, part), present, g.float_type, ("R", shape.heads, "T+1", shape.d_k))
        return present

    def cross_attention(self, x: str, layer: int, bias: str) -> str:
        """The rows of a sentence look at its memory together: its keys and values are there once."""
        g, shape, name = self.graph, self.shape, f"decoder.{layer}"
        residual = f"{name}.cross_attention_residual"
        key, value = (self.of_source(layer, part) for part in bundle.PARTS)
        query = self.dense(self.prepare(x, residual), f"{name}.cross_attention.query")
        query = g.op("Transpose", g.op("Reshape", query, self.by_sentence), perm=[0, 2, 1, 3])
        answer = self.attend("cross", layer, query, key, value, bias, ("R/N", "S"))
        flat = g.op("Reshape", g.op("Transpose", answer, perm=[0, 2, 1, 3]), g.integers(-1, shape.d_model))
        return self.add(x, self.dense(flat, f"{name}.cross_attention.output"), residual)

    def of_source(self, layer: int, part: bundle.Part) -> str:
        """A layer's keys or values of the memory (N, H, S, K)."""
        axes = ("N", self.shape.heads, "S", self.shape.d_k)
        return self.graph.input(bundle.cross_cache(layer, part), self.graph.float_type, axes)

    def choose(self, x: str) -> None:
        """Features (R, D) → logits (R, V') and their arg-max (R,)."""
        g, size = self.graph, self.columns
        logits = self.project(x)
        g.output(bundle.LOGITS, logits, g.float_type, ("R", size))
        g.output(bundle.NEXT_ID, self.arg_max(logits, size), INT64, ("R",))

    def arg_max(self, logits: str, size: int) -> str:
        """The first largest column (R,): the best block, then the best place in that block."""
        g = self.graph
        blocks = g.op("Reshape", logits, g.integers(-1, size // BLOCK, BLOCK))
        maxima = g.op("ReduceMax", blocks, g.integers(-1), keepdims=0)
        g.output(bundle.BLOCK_MAXIMA, maxima, g.float_type, ("R", size // BLOCK))
        best_block = g.op("ArgMax", maxima, axis=-1, keepdims=1)
        place = g.op("ArgMax", g.op("GatherND", blocks, best_block, batch_dims=1), axis=-1, keepdims=0)
        start = g.op("Mul", g.op("Squeeze", best_block, g.integers(-1)), g.integers(BLOCK))
        return g.op("Add", start, place)
