"""A trace is the fold of a stream of events."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from tui_transformer.events import BeamStep, Candidate, Encoded, Event, Finished, Step, Trace

SOURCE, HEADS, LAYERS = 4, 2, 3
ENCODED = Encoded("Hi.", ("▁Hi", ".", "!", "</s>"), (7, 8, 9, 3), np.zeros((LAYERS, HEADS, SOURCE, SOURCE), np.float32))
FINISHED = Finished("Na!", ("▁Na", "!"), (5, 6), -0.5, -0.4, complete=True)


def step(position: int) -> Step:
    chosen = Candidate(position, "x", 0.5)
    weights = np.full((LAYERS, HEADS, SOURCE), position, np.float32)
    return Step(position, chosen, (chosen,), 1.0, np.ones((LAYERS, HEADS, position + 1), np.float32), weights)


def beam_step(position: int) -> BeamStep:
    return BeamStep(position, (), (), (), np.zeros((2, LAYERS, HEADS, position + 1), np.float32), ENCODED.attention)


def test_a_greedy_stream_becomes_a_trace() -> None:
    steps = tuple(step(position) for position in range(3))
    trace = Trace.of(iter([ENCODED, *steps, FINISHED]))
    assert trace == Trace(ENCODED, steps, (), FINISHED)


def test_a_beam_stream_becomes_a_trace() -> None:
    steps = tuple(beam_step(position) for position in range(2))
    trace = Trace.of(iter([ENCODED, *steps, FINISHED]))
    assert trace == Trace(ENCODED, (), steps, FINISHED)


def test_the_attention_of_all_steps_is_one_array() -> None:
    attention = Trace.of([ENCODED, step(0), step(1), step(2), FINISHED]).cross_attention()
    assert attention.shape == (LAYERS, HEADS, 3, SOURCE)
    assert attention[1, 1, :, 2].tolist() == [0, 1, 2]


@pytest.mark.parametrize("events", [[], [ENCODED], [ENCODED, step(0)], [step(0), FINISHED], [FINISHED]], ids=len)
def test_a_stream_that_is_not_whole_is_refused(events: list[Event]) -> None:
    with pytest.raises(ValueError, match="not whole"):
        Trace.of(events)


@pytest.mark.parametrize("value", [ENCODED, FINISHED, step(0), beam_step(0)], ids=lambda value: type(value).__name__)
def test_events_cannot_be_changed(value: Event) -> None:
    with pytest.raises(AttributeError):
        setattr(value, fields(value)[0].name, 1)
