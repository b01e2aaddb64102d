"""How a model wants to be searched: its values, its ranking, and what it must never say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.banning import Banned
from tui_transformer.decoding import Options, make_search, ranking
from tui_transformer.generation import Generation
from tui_transformer.ranking import PaperRanking, TransformersRanking
from tui_transformer.runtime import Candidates
from tui_transformer.search import log_softmax
from tui_transformer.translator import Translator

Floats = npt.NDArray[np.float32]
MARIAN = Generation(6, 1.0, 511, "transformers", "never", True, (7, 3), True)


@pytest.mark.parametrize("generation", [Generation(), MARIAN])
def test_it_survives_json(generation: Generation) -> None:
    assert Generation.from_dict(json.loads(json.dumps(generation.to_dict()))) == generation


@pytest.mark.parametrize(
    ("name", "value"),
    [("beam", 0), ("beam", "six"), ("beam", True), ("max_length", 0), ("length_penalty", float("nan")),
     ("clause_limit", -1), ("clause_limit", None), ("quotes", 1), ("quotes", None),
     ("length_penalty", "1"), ("ranking", "other"), ("early_stopping", "soon"), ("banned", (-1,)), ("banned", ("a",))],
)  # fmt: skip
def test_what_cannot_be_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"^generation: "):
        replace(Generation(), **{name: value})


def test_the_options_come_before_what_the_model_wants() -> None:
    assert ranking(Options(), Generation()) == PaperRanking(0.6)
    assert ranking(Options(length_penalty=1.5), Generation()) == PaperRanking(1.5)
    assert ranking(Options(), MARIAN) == TransformersRanking(1.0, "never", True)
    assert ranking(Options(length_penalty=0.0), MARIAN) == TransformersRanking(0.0, "never", True)


@pytest.mark.parametrize(
    ("options", "generation", "limit"),
    [
        (Options(beam=1), Generation(), 16),
        (Options(beam=1), MARIAN, 510),  # the forced end takes a place
        (Options(beam=1, max_length=9), MARIAN, 8),
        (Options(beam=1, max_length=9), Generation(), 9),
        (Options(beam=1), Generation(max_length=5), 5),
    ],
)
def test_the_longest_translation(options: Options, generation: Generation, limit: int) -> None:
    search = make_search([(5, 6, 1)], options, 512, 0, 1, generation=generation)
    assert search._limits[0] == limit  # type: ignore[attr-defined]


def test_an_end_counts_by_its_rank() -> None:
    ends = np.array([[False, True, True, False], [True, True, True, False], [True, False, True, False]])
    assert PaperRanking(0.6).counted(ends).tolist() == [
        [False, True, True, False], [True, True, True, False], [True, False, True, False],
    ]  # fmt: skip
    assert TransformersRanking(1.0).counted(ends).tolist() == [
        [False, True, False, False], [True, True, False, False], [True, False, False, False],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rank", "few", "enough"),
    [
        (PaperRanking(0.6), -np.inf, -1.0),
        (TransformersRanking(1.0), -np.inf, -2.0),
        (TransformersRanking(1.0, True), -np.inf, np.inf),
        (TransformersRanking(1.0, "never"), -np.inf, -2.0),
    ],
)
def test_the_bar(rank: PaperRanking | TransformersRanking, few: float, enough: float) -> None:
    assert rank.bar([-1.0], 2) == few
    assert rank.bar([-5.0, -1.0, -2.0], 2) == enough


# -- what must never be said --------------------------------------------------------------------------


class Said:
    """An answer from logits (R, V), as the runtime gives it."""

    def __init__(self, logits: Floats) -> None:
        self._logits = logits
        self.next_id = logits.argmax(axis=1)

    def candidates(self, count: int, chosen: npt.NDArray[np.int64] | None = None) -> Candidates:
        known = log_softmax(self._logits)
        ids = np.argsort(-known, axis=1, kind="stable")[:, :count]
        picked = self.next_id if chosen is None else chosen
        return Candidates(ids, np.take_along_axis(known, ids, axis=1), known[np.arange(len(known)), picked])

    def logits(self) -> Floats:
        return self._logits


@given(st.integers(0, 2**32 - 1), st.sets(st.integers(0, 8), min_size=1, max_size=4), st.booleans(), st.integers(1, 5))
def test_an_answer_without_the_banned(seed: int, ids: set[int], renormalize: bool, count: int) -> None:
    logits = np.random.default_rng(seed).normal(0, 3, (3, 9)).astype(np.float32)
    answer = Banned(tuple(ids), renormalize).without(Said(logits))
    hidden = logits.copy()
    hidden[:, list(ids)] = -np.inf
    expected = log_softmax(hidden) if renormalize else np.where(np.isinf(hidden), hidden, log_softmax(logits))
    assert answer.next_id.tolist() == hidden.argmax(axis=1).tolist()
    found = answer.candidates(count)
    best = np.argsort(-expected, axis=1, kind="stable")[:, :count]
    assert found.ids.tolist() == best.tolist()
    np.testing.assert_allclose(found.log_probabilities, np.take_along_axis(expected, best, axis=1), atol=1e-4)
    np.testing.assert_allclose(found.chosen, expected.max(axis=1), atol=1e-4)
    assert answer.logits().tolist() == hidden.tolist()


def test_without_anything_banned_the_answer_is_the_answer() -> None:
    said = Said(np.zeros((1, 3), np.float32))
    assert Banned(()).without(said) is said


@pytest.mark.parametrize("options", [Options(beam=1), Options(beam=3)])
def test_a_banned_piece_is_never_said(translator: Translator, options: Options) -> None:
    line = "Mary has a flower in her hair."
    usual = translator.translate_batch(translator.split(line), options)[0][0].ids
    muted = Translator(translator.bundle, "cpu")
    muted.banned = Banned((usual[0],))
    said = muted.translate_batch(muted.split(line), options)[0][0].ids
    assert usual[0] not in said
    steps = [event for event in muted.stream(line, options) if hasattr(event, "chosen")]
    assert usual[0] not in [step.chosen.id for step in steps]
    others = muted.next_pieces(muted.split(line), [()], 5)[0]
    assert usual[0] not in [piece for piece, _ in others]
    assert len(others) == 5


@pytest.mark.parametrize("options", [Options(beam=1), Options(beam=3)])
def test_what_is_banned_at_first_may_be_said_later(translator: Translator, options: Options) -> None:
    """As if the first piece of the usual translation were the end: the rule itself looks at nothing but ids."""
    line = "Tom likes Tom."
    usual = translator.translate_batch(translator.split(line), options)[0][0].ids
    muted = Translator(translator.bundle, "cpu")
    muted.banned = Banned(first=(usual[0],))
    said = muted.translate_batch(muted.split(line), options)[0][0].ids
    assert said[0] != usual[0]
    assert muted.banned.at(begins=False).without(answer := Said(np.zeros((1, 3), np.float32))) is answer
    # A forced beginning is a beginning.
    begun = replace(options, prefix=usual[:1])
    assert muted.translate_batch(muted.split(line), begun)[0][0].ids[1:] == usual[1:]
    # What is read instead of searched for is read as it is.
    (*_, finished) = muted.stream(line, replace(options, target=usual))
    assert finished.ids == usual


def test_a_sentence_is_never_answered_with_nothing() -> None:
    """Of this one, beam search with en-es finds the empty translation likeliest."""
    translator = Translator.load("en-es", "cpu")
    line = "Is the Loch Ness monster real or is it just an elaborate hoax?"
    assert translator.translate_line(line)
    assert translator.translate_line("") == ""
    assert translator.banned.first == (translator.special.target_eos,)
    (*_, finished) = translator.stream("")
    assert finished.text == ""


def test_a_model_that_may_say_nothing_is_let(translator: Translator) -> None:
    generation = replace(translator.generation, may_be_empty=True)
    bundle = replace(translator.bundle, manifest=replace(translator.bundle.manifest, generation=generation))
    assert Translator(bundle, "cpu").banned == Banned()
