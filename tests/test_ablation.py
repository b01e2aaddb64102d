"""What a translation loses without heads and pieces."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tui_transformer.ablation import ROWS, ablate, losses_by_head, losses_by_place
from tui_transformer.errors import UsageError
from tui_transformer.heads import Head, all_heads
from tui_transformer.translator import Source, Translator

SENTENCE = "Tom called Mary's bluff."


def log_probability(translator: Translator, target: tuple[int, ...], **options: list[int]) -> float:
    """What the probe says of a target, by its own logits."""
    source = translator.whole(SENTENCE).hiding(options.get("hidden", []))
    probed = translator.probe(source, target)
    logits = probed.decoder.logits.astype(np.float64)
    chosen = logits[np.arange(len(probed.said)), list(probed.said)]
    return float((chosen - np.log(np.exp(logits).sum(-1))).sum())


def test_nothing_taken_away_changes_nothing(translator: Translator) -> None:
    found = ablate(translator, translator.whole(SENTENCE))
    assert found.before == found.after
    assert found.loss == 0
    assert found.changed == found.target
    assert found.changed_log_probability == pytest.approx(math.fsum(found.before))


def test_heads_and_pieces_are_taken_away_together(translator: Translator) -> None:
    off, hidden = [Head("cross", 1, head) for head in range(4)], [1, 2]
    source = translator.whole(SENTENCE)
    found = ablate(translator, source, off, hidden)
    assert found.target == translator.translate_batch([source])[0][0].ids
    deaf = translator.without(off)
    assert found.changed == deaf.translate_batch([source.hiding(hidden)])[0][0].ids
    assert found.changed != found.target
    assert math.fsum(found.before) == pytest.approx(log_probability(translator, found.target), abs=1e-3)
    assert math.fsum(found.after) == pytest.approx(log_probability(deaf, found.target, hidden=hidden), abs=1e-3)
    assert found.changed_log_probability == pytest.approx(log_probability(deaf, found.changed, hidden=hidden), abs=1e-3)
    assert found.loss == pytest.approx(math.fsum(found.before) - math.fsum(found.after))


def test_a_given_target_is_judged(translator: Translator) -> None:
    target = translator.target_ids("Mary hat eine Blume im Haar.")
    found = ablate(translator, translator.whole(SENTENCE), hidden=[0], target=target)
    assert found.target == target
    assert len(found.before) == len(found.after) == len(target) + 1


@pytest.mark.parametrize("workers", [1, 3])
def test_losses_by_head_are_those_of_each_head_alone(translator: Translator, workers: int) -> None:
    source = translator.whole(SENTENCE)
    target = translator.target_ids("Tom zwang Mary, Farbe zu bekennen.")
    losses = dict(losses_by_head(translator, source, target, workers))
    assert list(losses) == all_heads(translator.runtime.architecture)
    for head in (Head("encoder", 0, 1), Head("decoder", 1, 3), Head("cross", 1, 0)):
        alone = ablate(translator, source, [head], target=target)
        assert losses[head] == pytest.approx(alone.loss, abs=1e-5)
    assert len({round(loss, 4) for loss in losses.values()}) > 12


def test_whoever_leaves_a_sweep_early_gets_what_was_asked_for(translator: Translator) -> None:
    sweep = losses_by_head(translator, translator.whole(SENTENCE), [7, 8], 2)
    head, _ = next(sweep)
    sweep.close()  # type: ignore[attr-defined]
    assert head == Head("encoder", 0, 0)


def test_losses_by_place_are_those_of_each_piece_alone(translator: Translator) -> None:
    source = translator.whole(SENTENCE)
    target = translator.target_ids("Tom zwang Mary, Farbe zu bekennen.")
    losses = losses_by_place(translator, source, target)
    assert len(losses) == len(source.ids)
    for place in (0, 5, len(source.ids) - 1):
        assert losses[place] == pytest.approx(ablate(translator, source, (), [place], target).loss, abs=1e-5)


def test_more_places_than_fit_a_batch(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    source = translator.whole(SENTENCE)
    whole = losses_by_place(translator, source, [7, 8, 9])
    assert len(source.ids) < ROWS
    monkeypatch.setattr("tui_transformer.ablation.ROWS", 4)
    np.testing.assert_allclose(losses_by_place(translator, source, [7, 8, 9]), whole, atol=1e-6)


def test_without_its_only_piece_there_is_no_source(translator: Translator) -> None:
    only = Source("", (translator.special.source_eos,))
    assert np.isnan(losses_by_place(translator, only, [7])).tolist() == [True]


def test_not_everything_can_be_hidden(translator: Translator) -> None:
    source = translator.whole(SENTENCE)
    with pytest.raises(UsageError, match="must see something"):
        ablate(translator, source, hidden=range(len(source.ids)))
    with pytest.raises(UsageError, match="not a head of this model"):
        ablate(translator, source, [Head("cross", 2, 0)])
