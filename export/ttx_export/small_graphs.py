"""The graphs beside the two that translate: candidates, moving caches, the logit lens, the embeddings."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from tui_transformer import bundle, probes
from tui_transformer.architecture import Architecture

from .graph import FLOAT, INT64, Graph
from .linear import Array, Linear
from .writer import BLOCK, Writer, padded_vocabulary


def candidates_graph(shape: Architecture, precision: bundle.Precision) -> onnx.ModelProto:
    """logits (B, V'), their maxima by block, count (1,), chosen (B,) → the `count` likeliest ids, log-probabilities.

    The chosen ids get theirs as well. Beam search needs a few candidates of each row, not the whole row: choosing
    them here, block by block, is five times faster than in numpy, and greedy search pays nothing for it.
    """
    g = Graph("candidates", precision)
    size = padded_vocabulary(shape.target_vocabulary)
    logits = g.input(bundle.LOGITS, g.float_type, ("B", size))
    maxima = g.input(bundle.BLOCK_MAXIMA, g.float_type, ("B", size // BLOCK))
    count = g.input(bundle.COUNT, INT64, (1,))
    chosen = g.input(bundle.CHOSEN, INT64, ("B",))
    if precision == "fp16":
        logits, maxima = (g.op("Cast", tensor, to=FLOAT) for tensor in (logits, maxima))
    blocks = g.op("Reshape", logits, g.integers(-1, size // BLOCK, BLOCK))
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


def reorder_graph(shape: Architecture, precision: bundle.Precision) -> onnx.ModelProto:
    """Caches (R, H, T, K), places (R',) → the caches of these rows (R', H, T, K), for a search that moves its rows."""
    g = Graph("reorder", precision)
    places = g.input(bundle.PLACES, INT64, ("R'",))
    for layer in range(shape.decoder_layers):
        for part in bundle.PARTS:
            past = g.input(bundle.past_cache(layer, part), g.float_type, ("R", shape.heads, "T", shape.d_k))
            moved = g.op("Gather", past, places, axis=0)
            g.output(bundle.present_cache(layer, part), moved, g.float_type, ("R'", shape.heads, "T", shape.d_k))
    return g.build()


def lens_graph(
    weights: Mapping[str, Array], shape: Architecture, precision: bundle.Precision, linear: Linear
) -> onnx.ModelProto:
    """The logit lens: rows of the decoder's residual stream (N, D) → logits (N, V'), as if the stack ended there.

    A graph of its own, so that switching off heads does not pay for a projection per layer (nostalgebraist 2020).
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
