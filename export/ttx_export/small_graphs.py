"""The graphs beside the two that translate: the choice of candidates, the logit lens, the embeddings."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from tui_transformer import bundle, probes
from tui_transformer.architecture import Architecture

from .graph import FLOAT, INT64, Graph
from .linear import Array, Linear
from .writer import BLOCK, Writer, padded_vocabulary


def candidates_graph(shape: Architecture, precision: bundle.Precision) -> onnx.ModelProto:
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


def lens_graph(
    weights: Mapping[str, Array], shape: Architecture, precision: bundle.Precision, linear: Linear
) -> onnx.ModelProto:
    """The logit lens: rows of the decoder's residual stream (N, D) → logits (N, V'), as if the stack ended there.

    A graph of its own, so that switching off heads does not pay for a projection a layer (nostalgebraist 2020).
    """
    writer = Writer("lens", weights, shape, precision, linear)
    g = writer.graph
    rows = g.input(probes.RESIDUAL, g.float_type, ("N", shape.d_model))
    logits = writer.project(writer.last_norm(rows, "decoder"))
    g.output(bundle.LOGITS, logits, g.float_type, ("N", padded_vocabulary(shape.target_vocabulary)))
    return g.build()


def embeddings_graph(
    weights: Mapping[str, Array], shape: Architecture, precision: bundle.Precision, linear: Linear
) -> onnx.ModelProto:
    """source_ids (N,), target_ids (M,) → their rows (N, D) and (M, D), as the two graphs look them up."""
    writer = Writer("embeddings", weights, shape, precision, linear)
    g = writer.graph
    for side, axis in zip(probes.TEXT_SIDES, ("N", "M"), strict=True):
        ids = g.input(probes.embedding_ids(side), INT64, (axis,))
        g.output(probes.embedding_rows(side), writer.embed(side, ids), g.float_type, (axis, shape.d_model))
    return g.build()
