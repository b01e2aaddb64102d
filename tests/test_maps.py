"""Attention as matrices with labels: whatever is done to them, rows sum to 1 and what is masked stays 0."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.analysis.aligners import overlap, rank_aligners
from tui_transformer.analysis.heads import NUMBERS, HeadStats
from tui_transformer.analysis.maps import START, Attention, Axis, decoder_rows
from tui_transformer.events import Step, Trace
from tui_transformer.probes import KINDS, Kind
from tui_transformer.traces import load_trace, save_trace
from tui_transformer.translator import Options, Translator

SENTENCE = "Tom called Mary's bluff."
PIECES = st.lists(st.sampled_from(["▁the", "▁do", "gs", ".", "▁", "<0xC3>", "<0xA9>", "▁中文", "x\u00a0y"]), min_size=1)


@pytest.fixture(scope="module")
def greedy(translator: Translator) -> Trace:
    return Trace.of(translator.stream(SENTENCE, Options(beam=1)))


def random(kind: Kind, target: list[str], source: list[str], seed: int) -> Attention:
    """Rows that sum to 1, of two layers with two heads; masked if the kind is."""
    rows = {"encoder": Axis((*source, "</s>"), 0, 1), "decoder": Axis((START, *target), 1),
            "cross": Axis((*target, "</s>"), 0, 1)}[kind]  # fmt: skip
    columns = rows if kind != "cross" else Axis((*source, "</s>"), 0, 1)
    shape = (2, 2, len(rows.labels), len(columns.labels))
    weights = np.random.default_rng(seed).random(shape) + 1e-3
    if kind == "decoder":
        weights = np.tril(weights)
    return Attention(kind, weights / weights.sum(axis=-1, keepdims=True), rows, columns)


# What a trace holds


def test_weights_are_those_of_the_events(greedy: Trace) -> None:
    np.testing.assert_array_equal(Attention.of(greedy, "encoder").weights, greedy.encoded.attention)
    cross, own = Attention.of(greedy, "cross"), Attention.of(greedy, "decoder")
    for row, step in enumerate(greedy.steps):
        np.testing.assert_array_equal(cross.weights[:, :, row], step.cross_attention)
        np.testing.assert_array_equal(own.weights[:, :, row, : row + 1], step.self_attention)
    written = tuple(step.chosen.piece for step in greedy.steps)
    assert cross.rows.labels == written
    assert cross.columns.labels == greedy.encoded.pieces
    assert own.rows.labels == own.columns.labels == (START, *written[:-1])


@pytest.mark.parametrize("kind", KINDS)
def test_rows_sum_to_one_and_nothing_is_padding(greedy: Trace, kind: Kind) -> None:
    weights = Attention.of(greedy, kind).weights
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    assert weights.shape[-1] == (len(greedy.steps) if kind == "decoder" else len(greedy.encoded.ids))


def test_what_is_masked_is_exactly_zero(greedy: Trace) -> None:
    weights = Attention.of(greedy, "decoder").weights
    assert (weights[..., ~np.tril(np.ones(weights.shape[-2:], bool))] == 0).all()
    assert (weights[..., np.tril(np.ones(weights.shape[-2:], bool))] > 0).all()


@pytest.mark.parametrize(
    "options", [Options(beam=4), Options(beam=3, prefix=(300, 301)), Options(beam=2, max_length=3)]
)
def test_a_beam_shows_the_rows_of_the_hypothesis_that_won(translator: Translator, options: Options) -> None:
    trace = Trace.of(translator.stream(SENTENCE, options))
    said = trace.finished
    forced = Trace.of(translator.stream(SENTENCE, Options(target=said.ids)))
    rows = decoder_rows(trace)
    assert [row.piece for row in rows] == [*said.pieces, *["</s>"] * said.complete]
    for row, step in zip(rows, forced.steps, strict=False):
        np.testing.assert_allclose(row.cross_attention, step.cross_attention, atol=1e-5)
        np.testing.assert_allclose(row.self_attention, step.self_attention, atol=1e-5)


def test_a_beam_that_leads_elsewhere_is_refused(translator: Translator) -> None:
    trace = Trace.of(translator.stream(SENTENCE, Options(beam=2)))
    other = Trace.of(translator.stream("Good night.", Options(beam=2)))
    with pytest.raises(ValueError, match="does not lead to its translation"):
        Attention.of(Trace(trace.encoded, (), trace.beam_steps, other.finished), "cross")
    with pytest.raises(ValueError, match="no step"):
        Attention.of(Trace(trace.encoded, (), (), trace.finished), "decoder")


# A given target


def test_a_forced_target_is_an_ordinary_decoding(translator: Translator, pairs: list[tuple[str, str]]) -> None:
    source, target = pairs[3]
    ids = translator.target_ids(target)
    trace = Trace.of(translator.stream(source, Options(target=ids)))
    (scored,) = translator.force([translator.whole(source)], [ids], attentions=True)
    assert trace.finished.ids == ids
    assert trace.finished.complete
    assert [step.chosen.id for step in trace.steps] == [*ids, translator.special.target_eos]
    np.testing.assert_allclose([np.log(step.chosen.probability) for step in trace.steps], scored.log_probabilities,
                               rtol=1e-4, atol=1e-5)  # fmt: skip
    assert trace.finished.log_probability == pytest.approx(sum(scored.log_probabilities), abs=1e-4)
    np.testing.assert_allclose(trace.cross_attention(), scored.cross_attention, atol=1e-5)


def test_what_would_be_said_anyway_can_be_forced(translator: Translator, greedy: Trace) -> None:
    forced = Trace.of(translator.stream(SENTENCE, Options(target=greedy.finished.ids)))
    for kind in KINDS:
        np.testing.assert_array_equal(Attention.of(forced, kind).weights, Attention.of(greedy, kind).weights)


@pytest.mark.parametrize("prefix", [(), (300, 301)])
def test_a_target_behind_the_positions_is_cut(translator: Translator, prefix: tuple[int, ...]) -> None:
    positions = translator.runtime.architecture.positions
    trace = Trace.of(translator.stream(SENTENCE, Options(prefix=prefix, target=(300,) * 200)))
    assert len(trace.steps) == positions
    assert trace.finished.ids == (*prefix, *(300,) * (positions - 1 - len(prefix)))
    assert len(Trace.of(translator.stream(SENTENCE, Options(target=()))).steps) == 1


def test_all_log_probabilities_are_kept_if_asked(translator: Translator, greedy: Trace, tmp_path: Path) -> None:
    assert all(step.log_probabilities is None for step in greedy.steps)
    whole = Trace.of(translator.stream(SENTENCE, Options(beam=1, distributions=True)))
    save_trace(whole, tmp_path / "t")
    for step, read in zip(whole.steps, load_trace(tmp_path / "t").steps, strict=True):
        known, again = step.log_probabilities, read.log_probabilities
        assert known is not None
        assert again is not None
        assert np.exp(known.astype(np.float64)).sum() == pytest.approx(1, abs=1e-5)
        assert known.argmax() == step.candidates[0].id
        np.testing.assert_allclose(again, known, rtol=1e-3)


@pytest.mark.parametrize("shape", [(2, 3), (4,)])
def test_log_probabilities_of_odd_shapes_are_refused(greedy: Trace, tmp_path: Path, shape: tuple[int, ...]) -> None:
    from dataclasses import replace

    from tui_transformer.errors import InputError

    steps: list[Step] = [replace(step, log_probabilities=np.zeros(5, np.float32)) for step in greedy.steps]
    steps[1] = replace(steps[1], log_probabilities=np.zeros(shape, np.float32))
    save_trace(replace(greedy, steps=tuple(steps)), tmp_path / "t")
    with pytest.raises(InputError, match="not one per piece"):
        load_trace(tmp_path / "t")


# What is done to them


@hypothesis.settings(max_examples=60)
@given(st.sampled_from(KINDS), PIECES, PIECES, st.integers(0, 99), st.booleans(), st.booleans())
def test_rows_still_sum_to_one(
    kind: Kind, target: list[str], source: list[str], seed: int, special: bool, words: bool
) -> None:
    attention = random(kind, target, source, seed)
    attention = attention.without_special() if special else attention
    attention = attention.by_words() if words else attention
    rows, columns = len(attention.rows.labels), len(attention.columns.labels)
    assert attention.weights.shape == (2, 2, rows, columns)
    np.testing.assert_allclose(attention.weights.sum(axis=-1), 1)
    np.testing.assert_allclose(attention.combined(((0, 1), (1, 0))).sum(axis=-1), 1)
    if kind == "decoder" and not words:
        assert (np.triu(attention.weights[1, 1], 1) == 0).all()
    if words and all(label.strip("▁") for label in (*target, *source)):
        assert not any("▁" in label for label in attention.columns.labels)


@hypothesis.settings(max_examples=30)
@given(PIECES, PIECES, st.integers(0, 99))
def test_hidden_pieces_leave_the_others_in_proportion(target: list[str], source: list[str], seed: int) -> None:
    whole = random("cross", target, source, seed)
    text = whole.without_special()
    kept = whole.weights[:, :, :-1, :-1]
    np.testing.assert_allclose(text.weights * kept.sum(axis=-1, keepdims=True), kept)
    assert (text.rows.labels, text.columns.labels) == (tuple(target), tuple(source))


def test_words_add_columns_and_average_rows() -> None:
    weights = np.array([[[[0.2, 0.3, 0.5], [0.6, 0.4, 0.0], [0.0, 0.0, 1.0]]]])
    attention = Attention("cross", weights, Axis(("▁ab", "c", "</s>"), 0, 1), Axis(("▁x", "y", "</s>"), 0, 1))
    merged = attention.by_words()
    assert (merged.rows.labels, merged.columns.labels) == (("abc", "</s>"), ("xy", "</s>"))
    np.testing.assert_allclose(merged.weights[0, 0], [[0.75, 0.25], [0, 1]])


def test_a_row_that_reads_nothing_but_the_end_stays_zero() -> None:
    weights = np.array([[[[0.0, 1.0], [0.5, 0.5]]]])
    attention = Attention("cross", weights, Axis(("a", "b")), Axis(("x", "</s>"), 0, 1))
    assert attention.without_special().weights.tolist() == [[[[0.0], [1.0]]]]
    with pytest.raises(ValueError, match="only special"):
        Attention("cross", np.ones((1, 1, 1, 1)), Axis(("</s>",), 0, 1), Axis(("</s>",), 0, 1)).without_special()


def test_several_heads_become_one() -> None:
    attention = random("cross", ["a", "b"], ["c"], 1)
    both = attention.weights[0, 1], attention.weights[1, 0]
    np.testing.assert_allclose(attention.combined(((0, 1), (1, 0))), (both[0] + both[1]) / 2)
    np.testing.assert_allclose(attention.combined(((0, 1), (1, 0)), "max"), np.maximum(*both))


# Which head does what


def named(kind: Kind, *matrices: np.ndarray) -> list[str]:
    labels = [tuple("abcdefghijkl"[:size]) for size in matrices[0].shape]
    attention = Attention(kind, np.stack(matrices)[None], Axis(labels[0]), Axis(labels[1]))
    return [str(name) for name in HeadStats.of(attention).names()[0]]


def test_plain_patterns_have_plain_names() -> None:
    size = 6
    eye, first, last = np.eye(size), np.zeros((size, size)), np.zeros((size, size))
    first[:, 0] = last[:, -1] = 1
    before, behind = np.roll(eye, -1, axis=1), np.roll(eye, 1, axis=1)
    before[0], behind[-1] = eye[0], eye[-1]
    spread = np.full((size, size), 1 / size)
    elsewhere = np.eye(size)[[3, 4, 5, 1, 0, 2]]
    names = ["diagonal", "first", "last", "previous", "next", "broad", "focused"]
    assert named("encoder", eye, first, last, before, behind, spread, elsewhere) == names
    mixed = 0.35 * elsewhere + 0.35 * np.eye(size)[[2, 5, 0, 0, 2, 3]] + 0.3 * eye
    assert named("encoder", mixed) == ["mixed"]


def test_masked_heads_are_judged_by_what_they_may_see() -> None:
    size = 6
    even = np.tril(np.ones((size, size)))
    even /= even.sum(axis=1, keepdims=True)
    before = np.eye(size, k=-1)
    before[0, 0] = 1
    assert named("decoder", even, np.eye(size), before) == ["broad", "diagonal", "previous"]


def test_the_diagonal_of_two_languages_is_the_straight_line() -> None:
    line = np.zeros((5, 9))
    line[np.arange(5), 2 * np.arange(5)] = 1
    assert named("cross", line, np.roll(line, 1, axis=1), np.roll(line, 4, axis=1)) == [
        "diagonal",
        "diagonal",
        "focused",
    ]


def test_numbers_are_those_of_their_formulas() -> None:
    weights = np.array([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5], [0.0, 0.0, 1.0]])
    numbers = HeadStats.of(Attention("encoder", weights[None, None], Axis(("a", "b", "c")), Axis(("a", "b", "c")))).at(
        0, 0
    )
    assert tuple(numbers) == NUMBERS
    assert numbers["entropy"] == pytest.approx((1 + 1.5 + 0) / 3)
    assert numbers["evenness"] == pytest.approx((1 + 1.5 + 0) / 3 / np.log2(3))
    assert numbers["focus"] == pytest.approx((0.5 + 0.5 + 1) / 3)
    assert numbers["diagonal"] == pytest.approx((0.5 + 0.25 + 1) / 3)
    assert numbers["previous"] == pytest.approx((0.25 + 0) / 2)
    assert numbers["next"] == pytest.approx((0.5 + 0.5) / 2)
    assert numbers["first"] == pytest.approx((0.5 + 0.25 + 0) / 3)
    assert numbers["last"] == pytest.approx((0 + 0.5 + 1) / 3)
    assert numbers["coverage"] == pytest.approx((0.75 + 0.75 + 1) / 3)


@hypothesis.settings(max_examples=30)
@given(st.sampled_from(KINDS), PIECES, PIECES, st.integers(0, 99))
def test_every_head_has_numbers_and_a_name(kind: Kind, target: list[str], source: list[str], seed: int) -> None:
    stats = HeadStats.of(random(kind, target, source, seed))
    names = {"previous", "diagonal", "next", "first", "last", "broad", "focused", "mixed"}
    assert set(stats.names().ravel().tolist()) <= names
    for name in NUMBERS[1:]:
        values = np.nan_to_num(getattr(stats, name))
        assert ((values >= 0) & (values <= 1 + 1e-9)).all(), name


def test_one_row_and_one_column_have_no_choice() -> None:
    stats = HeadStats.of(Attention("decoder", np.ones((1, 1, 1, 1)), Axis((START,), 1), Axis((START,), 1)))
    assert np.isnan(stats.entropy).all()
    assert stats.names().tolist() == [["mixed"]]


# Which heads align


def test_the_head_that_agrees_with_the_others_comes_first() -> None:
    right, wrong = np.eye(3, 4), np.eye(3, 4)[[2, 0, 1]]
    weights = np.array([[wrong, wrong], [right, right], [right, wrong]])
    rows, columns = Axis(("Tom", "mag", "Mary")), Axis(("Tom", "likes", "Mary.", "</s>"), 0, 1)
    ranked = rank_aligners(Attention("cross", weights, rows, columns))
    assert [(one.layer, one.head) for one in ranked[:3]] == [(1, 0), (1, 1), (2, 0)]
    assert ranked[0].agreement == 1
    assert (ranked[0].same, ranked[0].same_words, ranked[0].coverage) == (2, 2, 1)
    assert (ranked[-1].agreement, ranked[-1].same) == (0, 0)
    assert len(ranked) == 6


def test_overlap_is_the_f_measure() -> None:
    assert overlap([(0, 0), (1, 1)], [(0, 0)]) == pytest.approx(2 / 3)
    assert overlap([], []) == 1
    assert overlap([(0, 0)], []) == 0
