"""The values that flow from a translation in progress to whatever shows it. numpy only.

`Encoded`, then one `Step` (greedy) or `BeamStep` per token, then `Finished`. A `Trace` is their fold.
Axis letters: L layer, H head, S source with its end, T target so far.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Encoded:
    """The source has been read. `attention` (L, H, S, S): encoder self-attention."""

    text: str
    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    attention: Floats


@dataclass(frozen=True, slots=True)
class Candidate:
    """One possible next token and its probability."""

    id: int
    piece: str
    probability: float


@dataclass(frozen=True, slots=True)
class Step:
    """One token has been chosen. `position` counts from 0; `entropy` of the whole distribution is in bits.

    `candidates`, likeliest first, include the chosen one if it is among them.
    """

    position: int
    chosen: Candidate
    candidates: tuple[Candidate, ...]
    entropy: float
    self_attention: Floats  # (L, H, T+1)
    cross_attention: Floats  # (L, H, S)
    log_probabilities: Floats | None = None  # (V,), in nats; None unless they were asked for


@dataclass(frozen=True, slots=True)
class LiveHypothesis:
    """A beginning that the beam keeps. `parent` is its row at the step before."""

    piece: str
    id: int
    parent: int
    log_probability: float


@dataclass(frozen=True, slots=True)
class EndedHypothesis:
    """A hypothesis that chose the end; `score` is log-probability / length penalty.

    `ids` and `text` begin with what was forced, which log-probability and score leave out.
    """

    ids: tuple[int, ...]
    text: str
    log_probability: float
    score: float


@dataclass(frozen=True, slots=True)
class BeamStep:
    """The beam has moved on by one token. The attention is that of each row that was read, before it moved.

    `pruned` are the rows of the previous step that no live hypothesis continues.
    """

    position: int
    live: tuple[LiveHypothesis, ...]
    ended: tuple[EndedHypothesis, ...]
    pruned: tuple[int, ...]
    self_attention: Floats  # (rows, L, H, T+1)
    cross_attention: Floats  # (rows, L, H, S)


@dataclass(frozen=True, slots=True)
class Finished:
    """The translation. `complete` is False if the length limit cut it off."""

    text: str
    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    log_probability: float
    score: float
    complete: bool


Event = Encoded | Step | BeamStep | Finished


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that happened while one sentence was translated."""

    encoded: Encoded
    steps: tuple[Step, ...]
    beam_steps: tuple[BeamStep, ...]
    finished: Finished

    @classmethod
    def of(cls, events: Iterable[Event]) -> Trace:
        """Fold a whole stream. Raises ValueError if its beginning or its end is missing."""
        encoded, finished = None, None
        steps, beam_steps = list[Step](), list[BeamStep]()
        for event in events:
            if isinstance(event, Encoded):
                encoded = event
            elif isinstance(event, Step):
                steps.append(event)
            elif isinstance(event, BeamStep):
                beam_steps.append(event)
            else:
                finished = event
        if encoded is None or finished is None:
            raise ValueError("the stream of events is not whole")
        return cls(encoded, tuple(steps), tuple(beam_steps), finished)

    @property
    def likeliest(self) -> bool:
        """Whether every piece was the likeliest of its step, as in greedy search."""
        return all(not step.candidates or step.chosen.id == step.candidates[0].id for step in self.steps)

    def cross_attention(self) -> Floats:
        """Encoder–decoder attention of a greedy translation (L, H, T, S), the end's row included."""
        return np.stack([step.cross_attention for step in self.steps], axis=2)
