"""What differs between two decodings, step by step and weight by weight: B is compared with A.

Next tokens can be compared as long as both have read the same beginning of a target. For a whole sentence both are
therefore made to read the same target, the translation of A if there is no other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

import numpy as np
import numpy.typing as npt

from tui_transformer.events import Step, Trace

Floats = npt.NDArray[np.float64]
_NATS_PER_BIT = math.log(2)


@dataclass(frozen=True, slots=True)
class StepDifference:
    """One step of both. `piece` is the one that A took; `a` and `b` are its log-probabilities, in nats.

    `favourite_a`, `favourite_b`: the likeliest piece of each, and its probability. `divergence` is KL(A‖B) of the
    whole distributions in bits. None stands for what the decodings do not tell.
    """

    piece: str
    a: float | None
    b: float | None
    favourite_a: tuple[str, float]
    favourite_b: tuple[str, float]
    divergence: float | None

    @property
    def change(self) -> float | None:
        """How much likelier B finds the piece, in nats."""
        return None if self.a is None or self.b is None else self.b - self.a

    @property
    def differs(self) -> bool:
        """Whether the two would not write the same piece."""
        return self.favourite_a[0] != self.favourite_b[0]


def comparable(a: Trace, b: Trace) -> tuple[Trace, Trace]:
    """The steps of both before which they have read the same pieces.

    Raises ValueError for a decoding by beam search, whose steps are those of many hypotheses.
    """
    if a.beam_steps or b.beam_steps:
        raise ValueError("several hypotheses cannot be compared, only greedy search or a given target")
    equal = 0
    for one, other in zip(a.steps, b.steps, strict=False):
        equal += 1
        if one.chosen.id != other.chosen.id:
            break
    return _beginning(a, equal), _beginning(b, equal)


def step_differences(a: Trace, b: Trace) -> list[StepDifference]:
    """Of two traces of equally many steps, as `comparable` gives them."""
    return [_step(one, other) for one, other in zip(a.steps, b.steps, strict=True)]


def divergence(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> float:
    """KL(A‖B) = Σ p_A log2(p_A / p_B) in bits, from log-probabilities (V,) in nats (Kullback & Leibler 1951)."""
    one, other = a.astype(np.float64), b.astype(np.float64)
    possible = one > -np.inf
    bits = (np.exp(one[possible]) * (one[possible] - other[possible])).sum() / _NATS_PER_BIT
    # Rounding may leave it a little below zero.
    return max(0.0, float(bits))


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two sequences of labels side by side: the place in A and in B of each, None where one of them has no such.

    A label of both is written once, a replaced one as old/new, one that only B has with +, only A with −.
    """

    labels: tuple[str, ...]
    a: tuple[int | None, ...]
    b: tuple[int | None, ...]

    @classmethod
    def of(cls, a: Sequence[str], b: Sequence[str]) -> Pairing:
        """What is equal stands together, and so does what was replaced by equally many."""
        rows = list[tuple[str, int | None, int | None]]()
        for kind, i, i_end, j, j_end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
            both = i_end - i if i_end - i == j_end - j else 0
            pairs = zip(range(i, i + both), range(j, j + both), strict=True)
            rows += [(a[m] if kind == "equal" else f"{a[m]}/{b[n]}", m, n) for m, n in pairs]
            rows += [(f"−{a[m]}", m, None) for m in range(i + both, i_end)]
            rows += [(f"+{b[n]}", None, n) for n in range(j + both, j_end)]
        return cls(tuple(row[0] for row in rows), tuple(row[1] for row in rows), tuple(row[2] for row in rows))


def signed_difference(
    a: npt.NDArray[np.floating], b: npt.NDArray[np.floating], rows: Pairing, columns: Pairing
) -> Floats:
    """Attention of B less that of A: positive where B looks more; what one of them does not have counts as 0."""
    return _spread(b, rows.b, columns.b) - _spread(a, rows.a, columns.a)


def _step(a: Step, b: Step) -> StepDifference:
    ours, theirs = a.log_probabilities, b.log_probabilities
    known = ours is not None and theirs is not None and ours.shape == theirs.shape
    best_a, best_b = a.candidates[0], b.candidates[0]
    return StepDifference(
        a.chosen.piece,
        _log_probability(a, a.chosen.id),
        _log_probability(b, a.chosen.id),
        (best_a.piece, best_a.probability),
        (best_b.piece, best_b.probability),
        divergence(ours, theirs) if known and ours is not None and theirs is not None else None,
    )


def _log_probability(step: Step, piece: int) -> float | None:
    if step.log_probabilities is not None and piece < len(step.log_probabilities):
        return float(step.log_probabilities[piece])
    known = {one.id: one.probability for one in (step.chosen, *step.candidates)}
    return math.log(known[piece]) if known.get(piece) else None


def _beginning(trace: Trace, steps: int) -> Trace:
    complete = trace.finished.complete and steps == len(trace.steps)
    return replace(trace, steps=trace.steps[:steps], finished=replace(trace.finished, complete=complete))


def _spread(matrix: npt.NDArray[np.floating], rows: Sequence[int | None], columns: Sequence[int | None]) -> Floats:
    """The matrix with rows and columns of zeros where there are none."""
    spread = np.zeros((len(rows), len(columns)))
    down, across = ([i for i, place in enumerate(places) if place is not None] for places in (rows, columns))
    spread[np.ix_(down, across)] = matrix
    return spread
