"""Turns of the loop become events: what a person wants to see of one sentence's decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .events import BeamStep, Candidate, EndedHypothesis, LiveHypothesis, Step
from .search import log_softmax

if TYPE_CHECKING:
    from .beam import BeamSearch
    from .decoding import Observed
    from .runtime import DecoderStep
    from .tokenizer import Tokenizer


def watch_step(position: int, chosen: int, answer: DecoderStep, target: Tokenizer, candidates: int) -> Step:
    """What is known of one chosen token: its rivals, the entropy, the attention."""
    assert answer.self_attentions is not None
    assert answer.cross_attentions is not None
    probabilities = np.exp(log_softmax(answer.logits())[0].astype(np.float64))
    likely = np.argsort(-probabilities, kind="stable")[:candidates]
    positive = probabilities[probabilities > 0]
    return Step(
        position,
        _candidate(chosen, probabilities, target),
        tuple(_candidate(int(i), probabilities, target) for i in likely),
        float(-(positive * np.log2(positive)).sum()),
        answer.self_attentions[:, 0],
        answer.cross_attentions[:, 0],
    )


def watch_beam(position: int, observed: Observed, search: BeamSearch, target: Tokenizer) -> BeamStep:
    """How the beam of the only sentence moved: who lives, who has ended, who was pruned."""
    answer = observed.step
    assert answer.self_attentions is not None
    assert answer.cross_attentions is not None
    live = search.live[0]
    return BeamStep(
        position,
        tuple(LiveHypothesis(target.piece(b.ids[-1]), b.ids[-1], b.parent, b.log_probability) for b in live),
        tuple(
            EndedHypothesis(h.ids, target.decode(h.ids), h.log_probability, h.score)
            for h in search.finished[0]
            if len(h.ids) == position
        ),
        tuple(sorted(set(range(answer.cache.batch)) - {beam.parent for beam in live})),
        answer.self_attentions.swapaxes(0, 1),
        answer.cross_attentions.swapaxes(0, 1),
    )


def _candidate(piece_id: int, probabilities: npt.NDArray[np.float64], target: Tokenizer) -> Candidate:
    return Candidate(piece_id, target.piece(piece_id), float(probabilities[piece_id]))
