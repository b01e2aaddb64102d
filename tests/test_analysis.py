"""From attention among pieces to words, alignment and coverage."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tui_transformer.analysis.alignment import (
    best_pairs,
    coverage,
    coverage_of,
    default_heads,
    matrix_of,
    mean_of_heads,
    pairs_of,
    parse_heads,
    pharaoh,
    rows_of,
)
from tui_transformer.analysis.lines import LineAttention
from tui_transformer.analysis.words import Words, merge, merge_by
from tui_transformer.batching import translate_lines
from tui_transformer.keep import Keeper
from tui_transformer.quality import Evidence
from tui_transformer.search import Hypothesis
from tui_transformer.source import ForcedTarget, Source
from tui_transformer.translation import Part, Wanted
from tui_transformer.translator import Options, Translator

Floats = npt.NDArray[np.float64]

SPELLED = ["▁the", "▁do", "g", "s", ".", "▁", "▁▁a", "<0xC3>", "<0xA9>", "<0x20>", "x\u00a0y"]
pieces = st.lists(st.sampled_from(SPELLED), max_size=9)


def stochastic(rows: int, columns: int, seed: int) -> Floats:
    return np.random.default_rng(seed).dirichlet(np.ones(columns), size=rows)


# Words


def test_pieces_are_put_together_at_spaces() -> None:
    words = Words.of(["▁The", "▁do", "gs", "▁", "run", "."])
    assert words.words == ("The", "dogs", "run.")
    np.testing.assert_array_equal(words.shares, [[1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]])


def test_bytes_are_spelled_letters() -> None:
    words = Words.of(["▁caf", "<0xC3>", "<0xA9>", "▁ok"])
    assert words.words == ("café", "ok")
    assert words.shares[0].tolist() == [1, 1, 1, 0]


def test_a_piece_across_two_words_is_shared_by_bytes() -> None:
    words = Words.of(["▁5\u00a0km"])
    assert words.words == ("5", "km")
    np.testing.assert_allclose(words.shares[:, 0], [1 / 3, 2 / 3])


@given(pieces)
def test_each_piece_belongs_to_the_words_as_a_whole(found: list[str]) -> None:
    words = Words.of(found)
    assert words.shares.shape == (len(words.words), len(found))
    if words.words:
        np.testing.assert_allclose(words.shares.sum(axis=0), 1)
        assert (words.shares.sum(axis=1) > 0).all()


@given(pieces, pieces, st.integers(0, 2**32 - 1))
def test_rows_still_sum_to_one(target: list[str], source: list[str], seed: int) -> None:
    to, of = Words.of(target), Words.of(source)
    if source and not of.words:
        return  # nothing but spaces: a source that is never translated
    merged = merge(stochastic(len(target) + 1, len(source) + 1, seed), to, of)
    assert merged.shape == (len(to.words) + 1, len(of.words) + 1)
    np.testing.assert_allclose(merged.sum(axis=1), 1)
    assert (merged >= 0).all()


def test_source_pieces_are_added_target_pieces_averaged() -> None:
    attention = np.array([[0.2, 0.3, 0.5], [0.6, 0.4, 0.0], [0.0, 0.0, 1.0]])
    merged = merge(attention, Words.of(["▁ab", "c"]), Words.of(["▁x", "y"]))
    np.testing.assert_allclose(merged, [[0.75, 0.25], [0.0, 1.0]])


# Alignment


def test_heads_are_counted_from_one() -> None:
    assert parse_heads("1:1, 4:8", 4, 8) == ((0, 0), (3, 7))


@pytest.mark.parametrize("text", ["", "1", "0:1", "5:1", "1:9", "1:1,", "a:b"])
def test_a_head_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a head|there is no head"):
        parse_heads(text, 4, 8)


def test_all_heads_above_the_first_layer_align() -> None:
    assert default_heads(3, 2) == ((1, 0), (1, 1), (2, 0), (2, 1))
    assert default_heads(1, 2) == ((0, 0), (0, 1))


def test_mean_is_that_of_the_chosen_heads() -> None:
    attention = np.arange(24, dtype=np.float32).reshape(2, 2, 2, 3)
    np.testing.assert_allclose(mean_of_heads(attention, ((0, 1), (1, 0))), (attention[0, 1] + attention[1, 0]) / 2)


@given(hnp.arrays(np.float64, st.tuples(st.integers(0, 6), st.integers(1, 6)), elements=st.floats(0, 1)))
def test_pairs_are_in_range_and_one_a_target_word(weights: Floats) -> None:
    pairs = best_pairs(weights)
    targets, sources = weights.shape[0], weights.shape[1] - 1
    assert all(0 <= i < sources and 0 <= j < targets for i, j in pairs)
    assert len({j for _, j in pairs}) == len(pairs)
    assert pharaoh(pairs).count("-") == len(pairs)


def test_who_attends_to_the_end_has_no_partner() -> None:
    assert best_pairs(np.array([[0.1, 0.9], [0.9, 0.1]])) == [(0, 1)]


def test_pharaoh_pairs_are_sorted_by_source() -> None:
    assert pharaoh([(2, 0), (0, 1), (0, 0)]) == "0-0 0-1 2-0"


def test_coverage_leaves_the_end_out() -> None:
    assert coverage(np.array([[0.5, 0.25, 0.25], [0.5, 0.5, 0.0]])).tolist() == [1.0, 0.75]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans(), st.booleans()), max_size=6),
    st.integers(0, 2),
    st.integers(0, 9),
)
def test_rows_of_parts_are_those_of_the_matrix_of_all_words(
    sizes: list[tuple[int, int, bool, bool]], more: int, seed: int
) -> None:
    """Also where parts meet inside a word of either side, and where no part knows of a word."""
    blocks, target, source = list[tuple[Floats, int, int]](), 0, 0
    for t, s, same_target, same_source in sizes:
        target, source = target - (same_target and target > 0), source - (same_source and source > 0)
        blocks.append((stochastic(t, s + 1, seed), target, source))
        target, source = target + max(t, same_target), source + max(s, same_source)
    targets, sources = target + more, source + more
    whole = np.zeros((targets, sources + 1))
    for weights, t, s in blocks:
        whole[t : t + len(weights), s : s + weights.shape[1] - 1] += weights[:, :-1]
        whole[t : t + len(weights), -1] += weights[:, -1]
    whole[~whole.any(axis=1), -1] = 1
    whole /= whole.sum(axis=1, keepdims=True)
    rows = rows_of(blocks, targets)
    np.testing.assert_allclose(matrix_of(rows, sources), whole)
    np.testing.assert_allclose(coverage_of(rows, sources), coverage(whole))
    assert pairs_of(rows) == best_pairs(whole)


# Whole lines

words = st.sampled_from(["Mary", "has", "a", "flower.", "in", "https://a.b/c", "42", "{x}", ",", "  ", "é"])


@given(st.lists(words, max_size=7), st.sampled_from(["", "\u00a0", " ", "\t"]))
def test_words_of_a_line_are_those_that_white_space_parts(translator: Translator, line: list[str], edge: str) -> None:
    wanted = Wanted(2, scores=True, attentions=True, keeper=Keeper.of())
    (found,) = translate_lines(translator, [edge + " ".join(line) + edge], Options(beam=2), wanted=wanted)
    for candidate in found.n_best(2):
        heads = default_heads(2, 4)
        attention = LineAttention.of(found.parts, candidate.chosen, translator.source, translator.target, heads)
        assert attention.source == tuple(found.line.text.split())
        assert attention.target == tuple(candidate.text.split())
        weights = attention.matrix()
        np.testing.assert_allclose(weights.sum(axis=1), np.ones(len(attention.target)), rtol=1e-5)
        assert weights.shape == (len(attention.target), len(attention.source) + 1)
        np.testing.assert_allclose(attention.coverage(), coverage(weights))
        assert attention.pairs() == best_pairs(weights)
        places = [(i, j) for j in range(len(attention.target)) for i in range(len(attention.source))]
        assert set(attention.pairs()) <= set(places)


def test_what_is_kept_aligns_with_itself(translator: Translator) -> None:
    wanted = Wanted(scores=True, attentions=True, keeper=Keeper.of())
    (found,) = translate_lines(translator, ["12, 34"], wanted=wanted)
    attention = LineAttention.of(found.parts, [0] * len(found.parts), translator.source, translator.target, ((0, 0),))
    assert attention.pairs() == [(0, 0), (1, 1)]


def test_a_long_line_takes_no_more_memory_than_its_parts(translator: Translator) -> None:
    wanted = Wanted(scores=True, attentions=True, keeper=Keeper.of())
    (found,) = translate_lines(translator, ["Give me that. 12 "], Options(beam=1), wanted=wanted)
    taken = []
    for times in (250, 1000):
        parts = found.parts * times
        tracemalloc.start()
        attention = LineAttention.of(parts, [0] * len(parts), translator.source, translator.target, ((0, 0),))
        pairs, covered = attention.pairs(), attention.coverage()
        taken.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(attention.source) == len(covered) == 4 * times
        assert len({j for _, j in pairs}) == len(pairs) <= len(attention.target)
    assert taken[1] < 6 * taken[0]


@pytest.mark.parametrize(
    "pieces", [["▁He", "▁ad", "mired", "▁", "her", "."], ["▁a", "<0xC2>", "<0xA0>b", "▁c"], ["ab▁cd", "e", "▁f▁g"]]
)
def test_words_that_are_runs_of_pieces_are_added_up_like_any_others(pieces: list[str]) -> None:
    shares = Words.of(pieces).shares
    attention = np.random.default_rng(1).random((2, 3, len(pieces), len(pieces)))
    wanted = (shares / shares.sum(axis=1, keepdims=True)) @ attention @ shares.T
    assert np.allclose(merge_by(attention, shares, shares), wanted)
    assert np.allclose(shares.sum(axis=0), 1)


def test_a_code_of_the_language_is_no_word_of_the_source() -> None:
    """ ">>deu<< Tom called." → "Tom rief.": each word reads its own, a tenth goes to the code."""

    class Pieces:
        def __init__(self, *pieces: str) -> None:
            self._pieces = pieces

        def pieces(self, ids: Sequence[int]) -> tuple[str, ...]:
            return tuple(self._pieces[i] for i in ids)

    read, spoken = Pieces("</s>", ">>deu<<", "▁Tom", "▁called", "."), Pieces("</s>", "▁Tom", "▁rief", ".")
    attention = 0.9 * np.eye(4, 5, 1)
    attention[:, 0] = 0.1
    forced = ForcedTarget((1, 2, 3), (0.0,) * 4, attention[None, None].astype(np.float32))
    source = Source("Tom called.", (1, 2, 3, 4, 0), language=">>deu<<")
    part = Part(source, (Hypothesis((1, 2, 3), 0.0, 0.0),), ("Tom rief.",), (forced,))
    found = LineAttention.of([part], [0], read, spoken, ((0, 0),))
    assert found.pairs() == [(0, 0), (1, 1)]
    np.testing.assert_allclose(found.matrix(), [[0.9, 0, 0.1], [0, 0.9, 0.1]], atol=1e-6)
    np.testing.assert_allclose(found.coverage(), [0.9, 0.9], atol=1e-6)
    evidence = Evidence.of(part, read, spoken, ((0, 0),))
    assert (evidence.words, evidence.source_pieces) == (("Tom", "called."), ("▁Tom", "▁called", "."))
    np.testing.assert_allclose(evidence.coverage, [0.9, 0.9], atol=1e-6)
