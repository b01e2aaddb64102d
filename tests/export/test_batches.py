"""An epoch sees what it should, in few shapes, and the same again after a restart."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ttx_export.batches import PADDED_LENGTHS, SpecialIds, choose_pairs, in_order, make_batch, padded_length, plan_epoch
from ttx_export.encoded import EncodedCorpus, Sequences
from ttx_export.prepare import Prepared

from tui_transformer.errors import RecipeError

SPECIAL = SpecialIds(source_pad=0, source_eos=1, target_pad=2, target_bos=3, target_eos=4)
LENGTH = st.integers(0, 60)


@st.composite
def corpora(draw: st.DrawFn) -> EncodedCorpus:
    """Pairs of any lengths in up to three corpora; every piece tells of which pair it is."""
    sizes = draw(st.lists(st.tuples(LENGTH, LENGTH, st.integers(0, 2)), min_size=1, max_size=60))
    sources = [[10 + i] * left for i, (left, _, _) in enumerate(sizes)]
    targets = [[10 + i] * right for i, (_, right, _) in enumerate(sizes)]
    corpus = np.array([c for _, _, c in sizes], np.int16)
    return EncodedCorpus(Sequences.of(sources), Sequences.of(targets), corpus, ("a", "b", "c"))


@given(corpora(), st.integers(64, 300), st.integers(0, 9))
def test_every_pair_comes_once_in_batches_that_fit(corpus: EncodedCorpus, positions: int, epoch: int) -> None:
    batches = plan_epoch(corpus, {}, positions, seed=1, epoch=epoch)
    assert sorted(i for members in batches for i in members) == list(range(len(corpus)))
    for members in batches:
        batch = make_batch(corpus, members, positions, SPECIAL)
        rows, length = batch.shape
        assert batch.target_input.shape == batch.target_output.shape == (rows, length)
        assert length in PADDED_LENGTHS
        assert (rows, length) == (max(1, positions // length), length), "few shapes: rows follow from the length"
        assert rows * length <= positions or rows == 1


@given(corpora(), st.integers(64, 300))
def test_a_batch_holds_its_pairs_shifted_by_one(corpus: EncodedCorpus, positions: int) -> None:
    for members in plan_epoch(corpus, {}, positions, seed=1, epoch=0):
        batch = make_batch(corpus, members, positions, SPECIAL)
        for row, member in enumerate(members):
            source, target = corpus.source[member].tolist(), corpus.target[member].tolist()
            assert strip(batch.source[row], SPECIAL.source_pad) == [*source, SPECIAL.source_eos]
            assert strip(batch.target_input[row], SPECIAL.target_pad) == [SPECIAL.target_bos, *target]
            assert strip(batch.target_output[row], SPECIAL.target_pad) == [*target, SPECIAL.target_eos]
        rest = slice(len(members), None)
        assert (batch.source[rest] == SPECIAL.source_pad).all()
        assert (batch.target_output[rest] == SPECIAL.target_pad).all()


def strip(row: np.ndarray, pad: int) -> list[int]:
    """The row without its padding, all of which must stand at the end."""
    kept = row.tolist()
    while kept and kept[-1] == pad:
        kept.pop()
    return kept


@given(corpora(), st.integers(64, 300))
def test_an_evaluation_sees_every_pair_once_in_few_positions(corpus: EncodedCorpus, positions: int) -> None:
    batches = list(in_order(corpus, positions))
    assert sorted(i for members in batches for i in members) == list(range(len(corpus)))
    for members in batches:
        assert len(members) <= make_batch(corpus, members, positions, SPECIAL).shape[0]


def test_an_epoch_follows_from_seed_and_number(prepared: Prepared) -> None:
    def plan(seed: int, epoch: int) -> list[list[int]]:
        return [members.tolist() for members in plan_epoch(prepared.train, {}, 128, seed, epoch)]

    assert plan(1, 0) == plan(1, 0)
    assert plan(1, 0) != plan(1, 1)
    assert plan(1, 0) != plan(2, 0)
    assert plan(1, 1) != plan(2, 0), "seed and epoch are not simply added"


def test_a_weight_is_how_often_an_epoch_sees_a_pair() -> None:
    corpus = EncodedCorpus(
        Sequences.of([[9]] * 60), Sequences.of([[9]] * 60), np.repeat(np.arange(3, dtype=np.int16), 20), ("a", "b", "c")
    )
    weights = {"a": 2.5, "b": 0.0}
    seen = [Counter(choose_pairs(corpus, weights, np.random.default_rng(epoch), epoch).tolist()) for epoch in range(2)]
    for counts in seen:
        assert sorted(counts[i] for i in range(20)) == [2] * 10 + [3] * 10
        assert not any(counts[i] for i in range(20, 40))
        assert all(counts[i] == 1 for i in range(40, 60))
    assert seen[0] != seen[1], "a fraction is another one in every epoch"


def test_epochs_take_one_draw_of_the_text_after_the_other() -> None:
    six = Sequences.of([[9]] * 6)
    corpus = EncodedCorpus(six, six, np.zeros(6, np.int16), ("a",), ends=(2, 6))
    seen = [sorted(i for rows in plan_epoch(corpus, {}, 64, 1, epoch) for i in rows.tolist()) for epoch in range(3)]
    assert seen == [[0, 1], [2, 3, 4, 5], [0, 1]]


def test_weights_that_leave_nothing_are_refused(prepared: Prepared) -> None:
    with pytest.raises(RecipeError, match="an epoch sees no pair"):
        plan_epoch(prepared.train, {"everyday": 0.001}, 128, 1, 0)


def test_a_length_beyond_the_table_is_kept() -> None:
    assert [padded_length(n) for n in (1, 8, 9, 512, 513)] == [8, 8, 10, 512, 513]
