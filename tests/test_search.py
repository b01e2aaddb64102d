"""How the next token is chosen, proved on a language model small enough to try everything."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_transformer.beam import (
    BeamOptions,
    BeamSearch,
    best_continuations,
    repeating_ids,
)
from tui_transformer.ranking import PaperRanking, length_penalty
from tui_transformer.runtime import Candidates
from tui_transformer.search import (
    Forced,
    Greedy,
    Hypothesis,
    Sampling,
    SamplingOptions,
    Search,
    draw,
    log_softmax,
    log_sum_exp,
)

Floats = npt.NDArray[np.float32]
BOS, EOS = 0, 1
PENALTIES = (0.0, 0.6, 2.0)
seeds = st.integers(0, 2**32 - 1)


@dataclass
class LanguageModel:
    """Speaks `vocabulary` ids; what comes next depends on the whole beginning, and on nothing else."""

    seed: int
    vocabulary: int = 5
    known: dict[tuple[int, ...], Floats] = field(default_factory=dict)

    def logits(self, beginning: tuple[int, ...]) -> Floats:
        if beginning not in self.known:
            chance = np.random.default_rng([self.seed, *beginning])
            self.known[beginning] = chance.normal(0, 2, self.vocabulary).astype(np.float32)
        return self.known[beginning]

    def log_probability(self, ids: Sequence[int]) -> float:
        """Of exactly these ids, one after the other."""
        steps = [log_softmax(self.logits((BOS, *ids[:i]))[None])[0, token] for i, token in enumerate(ids)]
        return float(np.sum(steps, dtype=np.float64))


@dataclass
class Table(LanguageModel):
    """What comes next depends on the last id alone: `probabilities[last][next]`."""

    probabilities: tuple[tuple[float, ...], ...] = ()

    def logits(self, beginning: tuple[int, ...]) -> Floats:
        with np.errstate(divide="ignore"):
            return np.log(np.array(self.probabilities[beginning[-1]], np.float32))


@dataclass(frozen=True)
class Said:
    """A decoder's answer: all logits of each row."""

    all_logits: Floats

    @property
    def next_id(self) -> npt.NDArray[np.int64]:
        return self.all_logits.argmax(axis=1)

    def logits(self) -> Floats:
        return self.all_logits

    def candidates(self, count: int, chosen: npt.NDArray[np.int64] | None = None) -> Candidates:
        everything = log_softmax(self.all_logits)
        ids = np.argsort(-everything, axis=1, kind="stable")[:, :count]
        asked = self.next_id if chosen is None else chosen
        picked = np.take_along_axis(everything, asked[:, None], axis=1)[:, 0]
        return Candidates(ids, np.take_along_axis(everything, ids, axis=1), picked)


class Mute(Said):
    """The answer to a search that does not need scores: it has none."""

    def logits(self) -> Floats:
        raise AssertionError("nobody asked for scores")

    def candidates(self, count: int, chosen: npt.NDArray[np.int64] | None = None) -> Candidates:
        raise AssertionError("nobody asked for scores")


def rows_read(search: Search, models: Sequence[LanguageModel]) -> Iterator[int]:
    """Drive a search as the translator does; each row's cache is all that it has read. Yields the rows of each step."""
    sentences = search.sentences
    cache: list[tuple[int, ...]] = [() for _ in sentences]
    while not search.done:
        cache = [(*read, int(token)) for read, token in zip(cache, search.ids, strict=True)]
        logits = np.stack([models[s].logits(read) for s, read in zip(sentences, cache, strict=True)])
        moves = search.advance(Said(logits) if search.needs_scores else Mute(logits))
        went_on = np.unique(sentences) if moves.sentences is None else np.unique(sentences)[moves.sentences]
        assert (np.unique(sentences[moves.rows]) == went_on).all()
        yield len(cache)
        sentences, cache = sentences[moves.rows], [cache[row] for row in moves.rows]
        assert search.done or (search.sentences == sentences).all()


def found(search: Search, *models: LanguageModel) -> list[list[Hypothesis]]:
    for _ in rows_read(search, models):
        pass
    return search.results()


def beam(limits: Sequence[int], width: int, alpha: float = 0.6) -> BeamSearch:
    return BeamSearch([BOS] * len(limits), limits, EOS, BeamOptions(width, PaperRanking(alpha)))


def greedy(limits: Sequence[int], scored: bool = False) -> Greedy:
    return Greedy([BOS] * len(limits), limits, EOS, scored)


# -- best continuations ----------------------------------------------------------------------------------


@given(
    sentences=st.integers(1, 3),
    width=st.integers(1, 5),
    size=st.integers(1, 12),
    count=st.integers(1, 12),
    levels=st.sampled_from([1, 2, 5, 1000]),
    seed=seeds,
)
def test_best_continuations_are_those_of_a_full_sort(
    sentences: int, width: int, size: int, count: int, levels: int, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    totals = chance.integers(0, levels, (sentences * width, size)).astype(np.float32)  # few levels: many ties
    totals[chance.random(totals.shape) < 0.1] = -np.inf
    ids = chance.integers(0, 1000, totals.shape)
    values, rows, tokens = best_continuations(totals, ids, width, count)
    for sentence in range(sentences):
        part = slice(sentence * width, (sentence + 1) * width)
        everything = sorted(
            (-float(totals[part][row, place]), row, place) for row in range(width) for place in range(size)
        )[:count]
        assert values[sentence].tolist() == [-value for value, _, _ in everything]
        assert rows[sentence].tolist() == [row for _, row, _ in everything]
        assert tokens[sentence].tolist() == [ids[part][row, place] for _, row, place in everything]


# -- formulas -----------------------------------------------------------------------------------------


@given(
    st.lists(st.lists(st.floats(-1e4, 1e4, width=32), min_size=7, max_size=7), min_size=1, max_size=4),
)
def test_log_softmax_is_the_logarithm_of_a_distribution(rows: list[list[float]]) -> None:
    logits = np.array(rows, np.float32)
    exact = logits.astype(np.float64) - np.logaddexp.reduce(logits.astype(np.float64), axis=1, keepdims=True)
    np.testing.assert_allclose(log_softmax(logits), exact, rtol=1e-6, atol=2e-3)
    np.testing.assert_allclose(np.exp(log_softmax(logits).astype(np.float64)).sum(axis=1), 1, atol=2e-3)
    np.testing.assert_allclose(logits - log_sum_exp(logits)[:, None], log_softmax(logits))


def test_columns_behind_the_vocabulary_get_no_probability() -> None:
    logits = np.array([[1.0, 2.0, -1e9], [-3.0, -3.0, -6e4]], np.float32)
    assert np.exp(log_softmax(logits))[:, 2].tolist() == [0, 0]
    np.testing.assert_allclose(np.exp(log_softmax(logits)).sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("length", "alpha", "penalty"),
    [(1, 0.6, 1.0), (9, 0.0, 1.0), (7, 1.0, 2.0), (13, 0.5, 3**0.5), (19, 2.0, 16.0), (25, 0.6, 5**0.6)],
)
def test_length_penalty_is_the_formula_of_wu_et_al(length: int, alpha: float, penalty: float) -> None:
    assert length_penalty(length, alpha) == pytest.approx(penalty)


# -- greedy -------------------------------------------------------------------------------------------


@given(seed=seeds, limit=st.integers(1, 12))
def test_greedy_takes_the_likeliest_token_until_the_end_or_the_limit(seed: int, limit: int) -> None:
    model = LanguageModel(seed)
    ((hypothesis,),) = found(greedy([limit]), model)
    for i, token in enumerate(hypothesis.ids):
        assert token == model.logits((BOS, *hypothesis.ids[:i])).argmax()
        assert token != EOS
    assert hypothesis.complete == (len(hypothesis.ids) < limit)
    assert not hypothesis.complete or model.logits((BOS, *hypothesis.ids)).argmax() == EOS


@given(seed=seeds, limit=st.integers(1, 12))
def test_greedy_adds_up_log_probabilities_if_asked(seed: int, limit: int) -> None:
    model = LanguageModel(seed)
    scored, unscored = greedy([limit], scored=True), greedy([limit])
    assert (scored.needs_scores, unscored.needs_scores) == (True, False)
    ((hypothesis,),) = found(scored, model)
    said = [*hypothesis.ids, EOS] if hypothesis.complete else hypothesis.ids
    assert hypothesis.log_probability == pytest.approx(model.log_probability(said), abs=1e-4)
    assert found(unscored, model)[0][0].ids == hypothesis.ids


# -- beam ---------------------------------------------------------------------------------------------


@given(seed=seeds, limit=st.integers(1, 12), alpha=st.sampled_from(PENALTIES))
def test_a_beam_of_one_is_greedy(seed: int, limit: int, alpha: float) -> None:
    ((one,),) = found(beam([limit], 1, alpha), LanguageModel(seed))
    ((best,),) = found(greedy([limit], scored=True), LanguageModel(seed))
    assert (one.ids, one.complete) == (best.ids, best.complete)
    assert one.log_probability == pytest.approx(best.log_probability, abs=1e-4)


@settings(max_examples=30)
@given(seed=seeds, limit=st.integers(1, 4), alpha=st.sampled_from(PENALTIES))
def test_a_beam_that_holds_everything_is_an_exhaustive_search(seed: int, limit: int, alpha: float) -> None:
    model = LanguageModel(seed, vocabulary=4)
    others = [token for token in range(model.vocabulary) if token != EOS]
    everything = [ids for length in range(limit) for ids in itertools.product(others, repeat=length)]
    scores = {ids: model.log_probability([*ids, EOS]) / length_penalty(len(ids) + 1, alpha) for ids in everything}
    (hypotheses,) = found(beam([limit], model.vocabulary**limit, alpha), model)
    assert [h.ids for h in hypotheses] == sorted(everything, key=lambda ids: -scores[ids])
    assert [h.score for h in hypotheses] == pytest.approx([scores[h.ids] for h in hypotheses], abs=1e-4)
    assert all(h.complete for h in hypotheses)


@given(seed=seeds, limit=st.integers(1, 10), width=st.integers(1, 6), alpha=st.sampled_from(PENALTIES))
def test_hypotheses_are_sorted_distinct_scored_and_within_the_limit(
    seed: int, limit: int, width: int, alpha: float
) -> None:
    model = LanguageModel(seed, vocabulary=8)
    (hypotheses,) = found(beam([limit], width, alpha), model)
    assert 1 <= len(hypotheses) <= width
    assert len({h.ids for h in hypotheses}) == len(hypotheses)
    assert [h.score for h in hypotheses] == sorted((h.score for h in hypotheses), reverse=True)
    for h in hypotheses:
        said = [*h.ids, EOS] if h.complete else h.ids
        assert EOS not in h.ids
        assert len(said) <= limit
        assert h.log_probability == pytest.approx(model.log_probability(said), abs=1e-4)
        assert h.score == pytest.approx(h.log_probability / length_penalty(len(said), alpha))


def test_only_what_is_cut_off_is_left_if_nothing_ends_in_time() -> None:
    endless = Table(0, 3, probabilities=((0, 0, 1), (0, 0, 1), (0.25, 0, 0.75)))
    (hypotheses,) = found(beam([3], 2), endless)
    assert [h.complete for h in hypotheses] == [False, False]
    assert hypotheses[0].ids == (2, 2, 2)
    ((best,),) = found(greedy([3]), endless)
    assert (best.ids, best.complete) == ((2, 2, 2), False)


# The last id decides; 2 leads, 0.2 % of the time it ends too soon; after 3 it always ends.
LEADER = Table(0, 4, probabilities=((0, 0.001, 0.998, 0.001), (0, 1, 0, 0), (0, 0.002, 0.997, 0.001), (0, 1, 0, 0)))


@pytest.mark.parametrize("alpha", [0.0, 0.6])
def test_poor_hypotheses_that_end_early_do_not_stop_the_leader(alpha: float) -> None:
    ends_at_seven = Table(0, 4, probabilities=LEADER.probabilities)
    ends_at_seven.logits = lambda beginning: (
        np.log(np.array([1e-9, 1, 1e-9, 1e-9], np.float32)) if len(beginning) == 8 else LEADER.logits(beginning)
    )
    (hypotheses,) = found(beam([50], 2, alpha), ends_at_seven)
    assert hypotheses[0].ids == (2,) * 7
    assert len(hypotheses) == 2


def test_the_search_stops_once_nothing_better_can_come() -> None:
    hesitant = Table(0, 4, probabilities=((0, 0.9, 0.05, 0.05),) * 4)
    assert len(list(rows_read(beam([1000], 3), [hesitant]))) < 5


# -- batches ------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(seeds, st.integers(1, 14)), min_size=1, max_size=6), st.integers(0, 4))
def test_a_sentence_does_not_depend_on_its_batch_mates(sentences: list[tuple[int, int]], width: int) -> None:
    def search(limits: list[int]) -> Search:
        return beam(limits, width) if width else greedy(limits, scored=True)

    models = [LanguageModel(seed) for seed, _ in sentences]
    limits = [limit for _, limit in sentences]
    alone = [found(search([limit]), model)[0] for model, limit in zip(models, limits, strict=True)]
    assert found(search(limits), *models) == alone


@pytest.mark.parametrize("width", [0, 1, 3])
def test_rows_of_finished_sentences_are_dropped(width: int) -> None:
    endless = Table(0, 3, probabilities=((0.1, 0, 0.9),) * 3)
    limits = [2, 4, 20, 20]
    search = beam(limits, width) if width else greedy(limits)
    rows = [read // max(1, width) for read in rows_read(search, [endless] * 4)]
    assert rows == [4] * 2 + [3] * 2 + [2] * 16
    assert [len(hypotheses[0].ids) for hypotheses in search.results()] == limits


def test_one_finished_sentence_of_many_is_not_worth_a_copy_of_the_cache() -> None:
    endless = Table(0, 3, probabilities=((0.1, 0, 0.9),) * 3)
    rows = list(rows_read(greedy([2] + [5] * 19), [endless] * 20))
    assert rows == [20] * 5


# -- no repeats ---------------------------------------------------------------------------------------


@given(ids=st.lists(st.integers(2, 5), max_size=12), size=st.integers(1, 4))
def test_repeating_ids_are_those_that_complete_a_known_sequence(ids: list[int], size: int) -> None:
    def sequences(of: list[int]) -> list[tuple[int, ...]]:
        return [tuple(of[i : i + size]) for i in range(len(of) - size + 1)]

    known = set(sequences(ids))
    wanted = {token for token in range(2, 6) if len(ids) + 1 >= size and sequences([*ids, token])[-1] in known}
    assert repeating_ids(ids, size) == wanted


@given(seed=seeds, limit=st.integers(1, 14), width=st.integers(1, 4), size=st.integers(1, 3))
def test_no_sequence_comes_twice_if_forbidden(seed: int, limit: int, width: int, size: int) -> None:
    search = BeamSearch([BOS], [limit], EOS, BeamOptions(width, no_repeat_ngram=size))
    (hypotheses,) = found(search, LanguageModel(seed, vocabulary=8))
    for h in hypotheses:
        sequences = [h.ids[i : i + size] for i in range(len(h.ids) - size + 1)]
        assert len(set(sequences)) == len(sequences)


@given(
    seed=seeds,
    size=st.integers(1, 3),
    width=st.integers(1, 3),
    forced=st.lists(st.integers(2, 7), min_size=1, max_size=6),
)
def test_a_forced_beginning_is_not_repeated_either(seed: int, size: int, width: int, forced: list[int]) -> None:
    """Of the second of two sentences, whose rows stay when those of the first are done."""
    options = BeamOptions(width, no_repeat_ngram=size)
    search = BeamSearch([BOS, forced[-1]], [2, 8], EOS, options, [[3] * len(forced), forced])
    _, hypotheses = found(search, *[LanguageModel(seed, vocabulary=8)] * 2)
    known = [tuple(forced[i : i + size]) for i in range(len(forced) - size + 1)]
    for h in hypotheses:
        said = [*forced, *h.ids]
        new = [tuple(said[i : i + size]) for i in range(len(known), len(said) - size + 1)]
        assert len(set(new) - set(known)) == len(new)


# -- a given target -----------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(2, 4), max_size=8), min_size=1, max_size=5), seeds)
def test_a_forced_target_is_followed_and_scored(targets: list[list[int]], seed: int) -> None:
    models = [LanguageModel(seed + i) for i in range(len(targets))]
    search = Forced([BOS] * len(targets), targets, EOS)
    results = found(search, *models)
    for target, model, (hypothesis,), each in zip(targets, models, results, search.log_probabilities, strict=True):
        assert (hypothesis.ids, hypothesis.complete) == (tuple(target), True)
        assert hypothesis.log_probability == pytest.approx(model.log_probability([*target, EOS]), abs=1e-4)
        assert sum(each) == pytest.approx(hypothesis.log_probability)
        assert len(each) == len(target) + 1


# -- sampling -----------------------------------------------------------------------------------------


def test_draws_follow_the_distribution() -> None:
    chance = np.random.default_rng(0)
    logs = np.log(np.array([0.5, 0.3, 0.2], np.float32))
    counts = np.bincount([draw(logs, SamplingOptions(), chance) for _ in range(4000)], minlength=3)
    np.testing.assert_allclose(counts / 4000, [0.5, 0.3, 0.2], atol=0.03)


@pytest.mark.parametrize(
    ("options", "possible"),
    [
        (SamplingOptions(top_k=1), {1}),
        (SamplingOptions(top_k=2), {1, 2}),
        (SamplingOptions(top_p=0.45), {1}),
        (SamplingOptions(top_p=0.55), {1, 2}),
        (SamplingOptions(temperature=0.01), {1}),
        (SamplingOptions(), {0, 1, 2}),
    ],
)
def test_draws_are_cut_as_asked(options: SamplingOptions, possible: set[int]) -> None:
    chance = np.random.default_rng(0)
    logs = np.log(np.array([0.2, 0.5, 0.3], np.float32))
    assert {draw(logs, options, chance) for _ in range(300)} == possible


@given(st.lists(st.tuples(seeds, st.integers(1, 10)), min_size=1, max_size=5), seeds)
def test_what_is_drawn_for_a_sentence_does_not_depend_on_its_batch(sentences: list[tuple[int, int]], seed: int) -> None:
    def search(chosen: Sequence[tuple[int, int]]) -> Sampling:
        limits, keys = [limit for _, limit in chosen], [[key] for key, _ in chosen]
        return Sampling([BOS] * len(chosen), limits, EOS, SamplingOptions(seed=seed), keys)

    models = [LanguageModel(key) for key, _ in sentences]
    alone = [found(search([one]), model)[0] for one, model in zip(sentences, models, strict=True)]
    assert [h[0].ids for h in found(search(sentences), *models)] == [h[0].ids for h in alone]
