"""Turns of the loop become events: what a person wants to see of one sentence's decoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .events import BeamStep, Candidate, EndedHypothesis, Floats, LiveHypothesis, Step
from .search import log_softmax

if TYPE_CHECKING:
    from .beam import BeamSearch
    from .runtime import DecoderStep
    from .search import Hypothesis
    from .tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Watcher:
    """Makes the events of one sentence of `source_length` pieces; steps list so many `candidates`.

    `prefix` is the forced beginning, which the search knows nothing of.
    """

    target: Tokenizer
    source_length: int
    candidates: int
    prefix: tuple[int, ...] = ()

    def step(self, position: int, chosen: int, answer: DecoderStep) -> Step:
        """What is known of one chosen token: its rivals, the entropy, the attention."""
        self_attention, cross_attention = self._attention(answer)
        probabilities = np.exp(log_softmax(answer.logits())[0].astype(np.float64))
        likely = np.argsort(-probabilities, kind="stable")[: self.candidates]
        positive = probabilities[probabilities > 0]
        return Step(
            position,
            self._candidate(chosen, probabilities),
            tuple(self._candidate(int(i), probabilities) for i in likely),
            float(-(positive * np.log2(positive)).sum()),
            self_attention[0],
            cross_attention[0],
        )

    def beam(self, position: int, answer: DecoderStep, search: BeamSearch) -> BeamStep:
        """How the beam of the only sentence moved: who lives, who has ended, who was pruned."""
        self_attention, cross_attention = self._attention(answer)
        live = search.live[0]
        return BeamStep(
            position,
            tuple(LiveHypothesis(self.target.piece(b.ids[-1]), b.ids[-1], b.parent, b.log_probability) for b in live),
            tuple(
                self._ended(hypothesis)
                for hypothesis in search.finished[0]
                if len(self.prefix) + len(hypothesis.ids) == position
            ),
            tuple(sorted(set(range(answer.cache.batch)) - {beam.parent for beam in live})),
            self_attention,
            cross_attention,
        )

    def _ended(self, hypothesis: Hypothesis) -> EndedHypothesis:
        said = (*self.prefix, *hypothesis.ids)
        return EndedHypothesis(said, self.target.decode(said), hypothesis.log_probability, hypothesis.score)

    def _attention(self, answer: DecoderStep) -> tuple[Floats, Floats]:
        """Self- (R, L, H, T+1) and cross-attention (R, L, H, S), without the columns of padding."""
        assert answer.self_attentions is not None
        assert answer.cross_attentions is not None
        cross = answer.cross_attentions[..., : self.source_length]
        return answer.self_attentions.swapaxes(0, 1), cross.swapaxes(0, 1)

    def _candidate(self, piece_id: int, probabilities: npt.NDArray[np.float64]) -> Candidate:
        return Candidate(piece_id, self.target.piece(piece_id), float(probabilities[piece_id]))
