"""The Transformer does what the paper says: masks, attention, sizes, options."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from ttx_export.model import MultiHeadAttention, Transformer, parameter_count, scaled_dot_product_attention

from tui_transformer.architecture import ACTIVATIONS, LAYOUTS, NORMS, TIED, Architecture
from tui_transformer.positional import sinusoids

PAD = 0
SHAPE = Architecture(
    encoder_layers=2, decoder_layers=3, heads=2, d_model=8, d_ff=12, source_vocabulary=17, target_vocabulary=17,
    positions=20,
)  # fmt: skip
SOURCE = torch.tensor([[5, 6, 7, 8, 3, PAD, PAD], [9, 4, 3, PAD, PAD, PAD, PAD], [1, 2, 9, 9, 5, 6, 3]])
TARGET = torch.tensor([[2, 5, 6, 7, 8, PAD], [2, 9, PAD, PAD, PAD, PAD], [2, 4, 4, 5, 6, 7]])


def model(**options: Any) -> Transformer:
    torch.manual_seed(1)
    return Transformer(replace(SHAPE, **options), PAD).eval()


def attentions(network: Transformer, source: Tensor, target: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Every attention of a run with what it may see: weights (B, H, T, S) and bool (B, 1, T or 1, S)."""
    encoded = network.encode(source)
    decoded = network.decode(target, encoded)
    past = torch.ones(target.shape[1], target.shape[1]).tril().bool()
    source_seen, target_seen = (source != PAD)[:, None, None], (target != PAD)[:, None, None] & past
    return [
        *((weights, source_seen) for weights in encoded.attentions),
        *((weights, target_seen) for weights in decoded.self_attentions),
        *((weights, source_seen) for weights in decoded.cross_attentions),
    ]


@pytest.mark.parametrize("norm", NORMS)
def test_attention_rows_sum_to_one_and_hidden_places_get_exactly_nothing(norm: str) -> None:
    found = attentions(model(norm=norm), SOURCE, TARGET)
    assert len(found) == 2 + 3 + 3
    for weights, seen in found:
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
        assert (weights.masked_select(~seen.expand_as(weights)) == 0).all()
        assert (weights.masked_select(seen.expand_as(weights)) > 0).all()


@pytest.mark.parametrize("norm", NORMS)
def test_the_future_changes_nothing_before_it(norm: str) -> None:
    network = model(norm=norm)
    before = network(SOURCE, TARGET)
    for place in range(1, TARGET.shape[1]):
        changed = TARGET.clone()
        changed[:, place] = 11
        after = network(SOURCE, changed)
        assert torch.equal(before[:, :place], after[:, :place])
        assert not torch.equal(before[:, place], after[:, place])


def test_padding_changes_nothing() -> None:
    """Logits of a sentence alone are those in a batch with longer ones, whatever stands behind it in the table."""
    network = model()
    together = network(SOURCE, TARGET)
    for row in range(3):
        source, target = SOURCE[row][SOURCE[row] != PAD], TARGET[row][TARGET[row] != PAD]
        alone = network(source[None], target[None])
        torch.testing.assert_close(alone[0], together[row, : len(target)], rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        network.source_embedding.table.weight[PAD] += 100
    assert torch.equal(together, network(SOURCE, TARGET))


def test_scaled_dot_product_attention_is_the_papers_formula() -> None:
    torch.manual_seed(3)
    query, key, value = (torch.randn(2, 3, n, 5) for n in (4, 6, 6))
    mask = torch.rand(2, 1, 4, 6) < 0.8
    mask[..., 0] = True
    answer, weights = scaled_dot_product_attention(query, key, value, mask)
    scores = (torch.einsum("bhtk,bhsk->bhts", query, key) / math.sqrt(5)).masked_fill(~mask, -torch.inf)
    torch.testing.assert_close(weights, scores.softmax(-1))
    torch.testing.assert_close(answer, torch.nn.functional.scaled_dot_product_attention(query, key, value, mask))


def test_multi_head_attention_is_pytorchs() -> None:
    torch.manual_seed(4)
    mine, theirs = MultiHeadAttention(8, 2), torch.nn.MultiheadAttention(8, 2, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([mine.query.weight, mine.key.weight, mine.value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([mine.query.bias, mine.key.bias, mine.value.bias]))
        theirs.out_proj.load_state_dict(mine.output.state_dict())
    x, memory = torch.randn(2, 3, 8), torch.randn(2, 5, 8)
    seen = torch.tensor([[True] * 5, [True, True, True, False, False]])
    answer, weights = mine(x, memory, seen[:, None, None])
    expected = theirs(x, memory, memory, key_padding_mask=~seen, average_attn_weights=False)
    torch.testing.assert_close(answer, expected[0])
    torch.testing.assert_close(weights, expected[1])


def closed_formula(shape: Architecture) -> int:
    d, f, source, target = shape.d_model, shape.d_ff, shape.source_vocabulary, shape.target_vocabulary
    attention, feed_forward, norm = 4 * (d * d + d), 2 * d * f + f + d, 2 * d
    encoder = shape.encoder_layers * (attention + feed_forward + 2 * norm)
    decoder = shape.decoder_layers * (2 * attention + feed_forward + 3 * norm)
    tables = {"none": source + 2 * target, "target": source + target, "all": target}[shape.tied]
    return encoder + decoder + (2 * norm if shape.norm == "pre" else 0) + tables * d + target


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("tied", TIED)
def test_the_parameter_count_is_a_closed_formula_without_the_sentence_length(norm: str, tied: str) -> None:
    vocabulary = {} if tied == "all" else {"source_vocabulary": 23}
    counts = {parameter_count(model(norm=norm, tied=tied, positions=n, **vocabulary)) for n in (5, 50, 500)}
    assert counts == {closed_formula(replace(SHAPE, norm=norm, tied=tied, **vocabulary))}


def test_tied_tables_are_one_tensor() -> None:
    separate, target, everything = (model(tied=tied) for tied in TIED)
    assert separate.projection.weight is not separate.target_embedding.table.weight
    assert target.projection.weight is target.target_embedding.table.weight
    assert target.source_embedding is not target.target_embedding
    assert everything.projection.weight is everything.source_embedding.table.weight


def test_embeddings_are_scaled_and_positions_added() -> None:
    for layout in LAYOUTS:
        network = model(positional_layout=layout)
        embedded = network.source_embedding(SOURCE)
        torch.testing.assert_close(embedded, network.source_embedding.table.weight[SOURCE] * math.sqrt(8))
        added = network.positions(embedded) - embedded
        torch.testing.assert_close(added[0], torch.from_numpy(sinusoids(7, 8, layout)).float())


def test_every_option_gives_another_function_and_trains_every_weight() -> None:
    outputs = []
    options: list[dict[str, Any]] = [{"norm": norm} for norm in NORMS]
    options += [{"activation": activation} for activation in ACTIVATIONS[1:]] + [{"positional_layout": "halves"}]
    for option in options:
        network = model(**option)
        logits = network(SOURCE, TARGET)
        assert logits.shape == (3, 6, 17)
        logits.square().sum().backward()
        unmoved = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
        # The softmax is blind to a constant added to all scores of a row.
        assert {name.split(".", 2)[2] for name in unmoved} <= {"self_attention.key.bias", "cross_attention.key.bias"}
        outputs.append(logits)
    for i, one in enumerate(outputs):
        assert not any(torch.allclose(one, other) for other in outputs[:i])


def test_post_norm_normalises_the_sum_and_pre_norm_the_input() -> None:
    x = torch.randn(2, 3, 8) * 5
    for norm in NORMS:
        residual = model(norm=norm).encoder[0].feed_forward_residual
        prepared, added = residual.prepare(x), residual.add(x, torch.ones_like(x))
        normalised, raw = (prepared, added) if norm == "pre" else (added, prepared)
        torch.testing.assert_close(normalised.mean(-1), torch.zeros(2, 3), atol=1e-5, rtol=0)
        assert torch.equal(raw, x + 1 if norm == "pre" else x)
