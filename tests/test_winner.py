"""What a beam found is read back from its rows as the model reads it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tui_transformer.analysis.hypotheses import Hypotheses, grown, inferred_alpha
from tui_transformer.analysis.winner import so_far, winner_steps
from tui_transformer.beam import BeamOptions
from tui_transformer.decoding import Options
from tui_transformer.events import Step, Trace
from tui_transformer.translator import Translator


@pytest.fixture(scope="module", params=[(), (300, 41)], ids=["free", "forced"])
def trace(request: pytest.FixtureRequest, translator: Translator) -> Trace:
    return Trace.of(translator.stream("Give me that.", Options(beam=4, prefix=request.param)))


def test_steps_are_those_of_the_model_that_reads_the_translation(trace: Trace, translator: Translator) -> None:
    found = list(winner_steps(trace))
    read = list(translator.stream("Give me that.", Options(target=trace.finished.ids)))
    steps = [event for event in read if isinstance(event, Step)]
    assert [step.chosen.piece for step in found] == [step.chosen.piece for step in steps][: len(found)]
    for mine, theirs in zip(found[len(trace.steps) :], steps[len(trace.steps) :], strict=False):
        assert mine.position == theirs.position
        assert mine.chosen.probability == pytest.approx(theirs.chosen.probability, rel=1e-3)
        assert math.isnan(mine.entropy)
        np.testing.assert_allclose(mine.cross_attention, theirs.cross_attention, atol=1e-4)
        np.testing.assert_allclose(mine.self_attention, theirs.self_attention, atol=1e-4)
        assert mine.chosen in mine.candidates
        assert [one.probability for one in mine.candidates] == sorted(
            (one.probability for one in mine.candidates), reverse=True
        )


def test_a_greedy_trace_has_its_own_steps(translator: Translator) -> None:
    trace = Trace.of(translator.stream("Give me that.", Options(beam=1)))
    assert tuple(winner_steps(trace)) == trace.steps


def test_the_best_so_far_is_the_translation_in_the_end(trace: Trace) -> None:
    whole = so_far(trace).finished
    assert (whole.text, whole.ids, whole.complete) == (
        trace.finished.text, trace.finished.ids, trace.finished.complete,
    )  # fmt: skip
    assert whole.score == trace.finished.score


def test_the_best_so_far_of_a_beginning_is_its_likeliest_row(trace: Trace) -> None:
    cut = so_far(replace(trace, beam_steps=trace.beam_steps[:3]))
    assert not cut.finished.complete
    assert cut.finished.log_probability == trace.beam_steps[2].live[0].log_probability
    assert cut.finished.pieces[-1] == trace.beam_steps[2].live[0].piece
    assert len(cut.finished.ids) == len(trace.steps) + 3


def test_a_tree_that_grew_says_of_each_moment_what_the_tree_of_that_moment_says(trace: Trace) -> None:
    whole = grown(trace)
    for steps in range(1, len(trace.beam_steps) + 1):
        then = grown(replace(trace, beam_steps=trace.beam_steps[:steps]))
        assert _ways(whole, steps) == _ways(then, steps)
        mine, theirs = whole.best(steps), then.best(steps)
        assert [node.id for node in mine.path()] == [node.id for node in theirs.path()]
        assert len(whole.living(steps)) == len(then.living(steps))


def test_the_exponent_of_the_length_penalty_is_found(trace: Trace) -> None:
    ended = [one for step in trace.beam_steps for one in step.ended]
    assert inferred_alpha(ended, len(trace.steps)) == pytest.approx(BeamOptions().alpha)
    assert inferred_alpha([]) is None


def _ways(tree: Hypotheses, steps: int) -> list[list[int]]:
    return [[node.id for node in one.path()] for one in tree.at(steps)]
