"""The trained weights written as the three graphs of Optimum's layout, in standard operators wherever possible.

The layers are those of `to_onnx`. What differs is what goes in and out: the encoder gives its memory, a decoder reads
any number of ids at once and is given its cache by its caller, and no attention weights are output.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from tui_transformer import bundle, optimum
from tui_transformer.architecture import Architecture

from .graph import INT64
from .linear import Array, Linear
from .to_onnx import DecoderWriter, EncoderWriter
from .writer import Writer


def optimum_graphs(
    weights: Mapping[str, Array], shape: Architecture, precision: bundle.Precision, linear: Linear
) -> dict[str, onnx.ModelProto]:
    """The graphs by their file names."""
    model = weights, shape, precision, linear
    return {
        optimum.ENCODER: _Encoder("encoder", *model).write(),
        optimum.DECODER: _Decoder("decoder", *model).write(),
        optimum.DECODER_WITH_PAST: _DecoderWithPast("decoder_with_past", *model).write(),
    }


class _Plain(Writer):
    """Attention without ONNX Runtime's own operators, its weights kept inside."""

    def compare(self, query: str, key: str) -> str:
        return self.graph.op("MatMul", query, self.graph.op("Transpose", key, perm=[0, 1, 3, 2]))

    def show_weights(self, name: str, weights: str, *axes: str | int) -> None:
        """Not in this layout."""


class _Encoder(_Plain, EncoderWriter):
    """input_ids, attention_mask (B, S) → last_hidden_state (B, S, D)."""

    def write(self) -> onnx.ModelProto:
        g = self.graph
        ids = g.input(bundle.INPUT_IDS, INT64, ("B", "S"))
        mask = g.input(bundle.ATTENTION_MASK, INT64, ("B", "S"))
        memory, axes = self.rows(self.read(ids, mask, self.additive_mask(mask)))
        g.output(optimum.MEMORY, memory, g.float_type, axes)
        return g.build()


class _Decoder(_Plain, DecoderWriter):
    """input_ids (R, T), encoder_hidden_states (R, S, D), encoder_attention_mask (R, S) → logits (R, T, V), caches."""

    def write(self) -> onnx.ModelProto:
        g, shape = self.graph, self.shape
        self.columns = shape.target_vocabulary  # the layout knows no padded vocabulary
        ids = g.input(bundle.INPUT_IDS, INT64, ("R", "T"))
        bias = self.additive_mask(g.input(optimum.READ_MASK, INT64, ("R", "S")))
        self.read_past()
        self.by_sentence = self.rows_of(bias, shape.heads)
        self.three_by_sentence = self.rows_of(bias, 3 * shape.heads)
        places = self.place(g.op("Shape", ids, start=1, end=2))
        x = g.op("Add", self.embed("target", ids), g.op("Gather", self.position_table(), places, axis=0))
        features = self.answer(g.op("Reshape", x, g.integers(-1, shape.d_model)), bias)
        width = g.op("Concat", g.op("Shape", ids), g.integers(self.columns), axis=0)
        logits = g.op("Reshape", self.project(features), width)
        g.output(bundle.LOGITS, logits, g.float_type, ("R", "T", self.columns), first=True)
        return g.build()

    def read_past(self) -> None:
        """Take what was computed before: here only the memory, whose keys and values are still to be computed."""
        g, shape = self.graph, self.shape
        memory = g.input(optimum.READ_MEMORY, g.float_type, ("R", "S", shape.d_model))
        self.past_length = g.integers(0)
        layers = [
            f"decoder.{layer}.cross_attention.{part}" for layer in range(shape.decoder_layers) for part in bundle.PARTS
        ]
        rows = self.dense(g.op("Reshape", memory, g.integers(-1, shape.d_model)), *layers)
        length = g.op("Shape", memory, start=0, end=2)
        grid = g.op("Concat", length, g.integers(len(layers) * shape.heads, shape.d_k), axis=0)
        heads = g.op("Transpose", g.op("Reshape", rows, grid), perm=[0, 2, 1, 3])
        self.memory_parts = g.ops("Split", heads, outputs=len(layers), axis=1, num_outputs=len(layers))

    def place(self, length: str) -> str:
        """Positions (T,) of the ids read now, `length` (1,) of them; hides from each what comes after it."""
        g = self.graph
        end = g.op("Add", self.past_length, length)
        columns = g.op("Range", *(g.op("Squeeze", number) for number in (g.integers(0), end, g.integers(1))))
        places = g.op("Slice", columns, self.past_length, end, g.integers(0))
        ahead = g.op("Greater", g.op("Unsqueeze", columns, g.integers(0)), g.op("Unsqueeze", places, g.integers(1)))
        self.future = g.op("Mul", g.op("Cast", ahead, to=g.float_type), g.number(self.hidden))
        return places

    def split_heads(self, qkv: str) -> list[str]:
        """Rows (R·T, 3·D) → query, key and value (R, H, T, K)."""
        g = self.graph
        heads = g.op("Transpose", g.op("Reshape", qkv, self.three_by_sentence), perm=[0, 2, 1, 3])
        return g.ops("Split", heads, outputs=3, axis=1, num_outputs=3)

    def join_heads(self, answer: str) -> str:
        """(R, H, T, K) → rows (R·T, D)."""
        g = self.graph
        return g.op("Reshape", g.op("Transpose", answer, perm=[0, 2, 1, 3]), g.integers(-1, self.shape.d_model))

    def extend_cache(self, layer: int, part: bundle.Part, new: str) -> str:
        g, shape = self.graph, self.shape
        g.output(bundle.present_cache(layer, part), new, g.float_type, ("R", shape.heads, "T", shape.d_k))
        return new

    def of_source(self, layer: int, part: bundle.Part) -> str:
        g, shape = self.graph, self.shape
        tensor = self.memory_parts[layer * len(bundle.PARTS) + bundle.PARTS.index(part)]
        g.output(optimum.present_cross(layer, part), tensor, g.float_type, ("R", shape.heads, "S", shape.d_k))
        return tensor


class _DecoderWithPast(_Decoder):
    """input_ids (R, T), encoder_attention_mask (R, S), both caches → logits (R, T, V), the longer cache."""

    def read_past(self) -> None:
        g, shape = self.graph, self.shape
        for layer in range(shape.decoder_layers):
            # The order matters: Optimum feeds caches by position, layer by layer.
            for cache, length in ((bundle.past_cache, "P"), (bundle.cross_cache, "S")):
                for part in bundle.PARTS:
                    g.input(cache(layer, part), g.float_type, ("R", shape.heads, length, shape.d_k))
        self.past_length = g.op("Shape", bundle.past_cache(0, "key"), start=2, end=3)

    def extend_cache(self, layer: int, part: bundle.Part, new: str) -> str:
        g, shape = self.graph, self.shape
        present = g.op("Concat", bundle.past_cache(layer, part), new, axis=2)
        g.output(bundle.present_cache(layer, part), present, g.float_type, ("R", shape.heads, "P+T", shape.d_k))
        return present

    def of_source(self, layer: int, part: bundle.Part) -> str:
        return bundle.cross_cache(layer, part)
