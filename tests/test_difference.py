"""Two decodings compared: divergence, first difference, and weights side by side."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.analysis.difference import Pairing, comparable, divergence, signed_difference, step_differences
from tui_transformer.events import Trace
from tui_transformer.translator import Options, Translator

A, B = "Don't buy that.", "Tom called Mary's bluff."
LABELS = st.lists(st.sampled_from("abcd"), max_size=8)


def read(translator: Translator, text: str, target: tuple[int, ...] | None = None, known: bool = True) -> Trace:
    return Trace.of(translator.stream(text, Options(beam=1, target=target, distributions=known)))


@given(st.integers(0, 99), st.integers(1, 50))
def test_divergence_is_its_formula_and_never_negative(seed: int, size: int) -> None:
    p, q = np.random.default_rng(seed).dirichlet(np.ones(size), size=2)
    expected = sum(a * math.log2(a / b) for a, b in zip(p, q, strict=True) if a)
    with np.errstate(divide="ignore"):
        assert divergence(np.log(p), np.log(q)) == pytest.approx(expected, abs=1e-9)
        assert divergence(np.log(p), np.log(p)) == 0


def test_what_is_impossible_in_a_does_not_count() -> None:
    with np.errstate(divide="ignore"):
        assert divergence(np.log([1.0, 0.0]), np.log([0.5, 0.5])) == pytest.approx(1)
        assert divergence(np.log([0.5, 0.5]), np.log([1.0, 0.0])) == math.inf


def test_steps_are_those_of_the_events(translator: Translator) -> None:
    a = read(translator, A)
    b = read(translator, B, a.finished.ids)
    steps = step_differences(*comparable(a, b))
    assert len(steps) == len(a.steps) == len(b.steps)
    for found, one, other in zip(steps, a.steps, b.steps, strict=True):
        assert one.log_probabilities is not None
        assert other.log_probabilities is not None
        p, q = (np.exp(step.log_probabilities.astype(np.float64)) for step in (one, other))
        assert found.a == pytest.approx(math.log(one.chosen.probability), abs=1e-4)
        assert found.b == pytest.approx(math.log(other.chosen.probability), abs=1e-4)
        assert found.change == pytest.approx(found.b - found.a)
        assert found.divergence == pytest.approx((p * np.log2(p / q)).sum(), rel=1e-4, abs=1e-5)
        assert found.differs == (one.candidates[0].id != other.candidates[0].id)


def test_the_same_decoding_does_not_differ(translator: Translator) -> None:
    steps = step_differences(*comparable(read(translator, A), read(translator, A)))
    assert not any(step.differs for step in steps)
    assert {step.divergence for step in steps} == {0}
    assert {step.change for step in steps} == {0}


def test_steps_are_compared_as_long_as_what_was_read_is_the_same(translator: Translator) -> None:
    a, b = comparable(read(translator, A, (300, 301, 302)), read(translator, A, (300, 301, 303, 304)))
    assert len(a.steps) == len(b.steps) == 3
    assert not a.finished.complete
    assert comparable(read(translator, A), read(translator, A))[0].finished.complete


def test_without_distributions_the_divergence_is_unknown(translator: Translator) -> None:
    a = read(translator, A, known=False)
    b = read(translator, A, a.finished.ids, known=False)
    for step in step_differences(*comparable(a, b)):
        assert step.divergence is None
        assert step.change == pytest.approx(0, abs=1e-6)


def test_a_beam_cannot_be_compared(translator: Translator) -> None:
    beam = Trace.of(translator.stream(A, Options(beam=2)))
    with pytest.raises(ValueError, match="several hypotheses"):
        comparable(beam, read(translator, A))


def test_labels_stand_side_by_side() -> None:
    pairing = Pairing.of(["He", "saw", "a", "dog"], ["She", "saw", "dog", "there", "now"])
    assert pairing.labels == ("He/She", "saw", "−a", "dog", "+there", "+now")
    assert pairing.a == (0, 1, 2, 3, None, None)
    assert pairing.b == (0, 1, None, 2, 3, 4)


@given(LABELS, LABELS)
def test_every_label_of_both_has_one_place_in_order(a: list[str], b: list[str]) -> None:
    pairing = Pairing.of(a, b)
    assert [place for place in pairing.a if place is not None] == list(range(len(a)))
    assert [place for place in pairing.b if place is not None] == list(range(len(b)))
    assert len(pairing.labels) == len(pairing.a) == len(pairing.b)
    if a == b:
        assert list(pairing.labels) == a


@given(LABELS.filter(bool), LABELS.filter(bool), LABELS.filter(bool), LABELS.filter(bool), st.integers(0, 99))
def test_differences_lose_no_weight(a: list[str], b: list[str], c: list[str], d: list[str], seed: int) -> None:
    random = np.random.default_rng(seed)
    before, after = random.random((len(a), len(c))), random.random((len(b), len(d)))
    moved = signed_difference(before, after, Pairing.of(a, b), Pairing.of(c, d))
    assert moved.sum() == pytest.approx(after.sum() - before.sum())
    if (a, c) == (b, d):
        np.testing.assert_allclose(moved, after - before)
