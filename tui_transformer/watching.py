"""Turns of the loop become events: what a person wants to see of one sentence's decoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from .events import BeamStep, Candidate, EndedHypothesis, Floats, LiveHypothesis, Step
from .search import log_softmax

if TYPE_CHECKING:
    from .beam import BeamSearch
    from .decoding import Options
    from .runtime import DecoderStep
    from .search import Hypothesis
    from .tokenizer import Tokenizer


class Answer(Protocol):
    """What is looked at in a decoder's answer for R rows, whoever computed it (`runtime.DecoderStep` is one)."""

    @property
    def self_attentions(self) -> Floats | None:
        """(L, R, H, T+1)."""
        ...

    @property
    def cross_attentions(self) -> Floats | None:
        """(L, R, H, S), S at least the source's length."""
        ...

    def logits(self) -> Floats:
        """All scores (R, V)."""
        ...


@dataclass(frozen=True, slots=True)
class Watcher:
    """Makes the events of one sentence of `source_length` pieces, as the `options` ask."""

    target: Tokenizer
    source_length: int
    options: Options

    def step(self, position: int, chosen: int, answer: Answer) -> Step:
        """What is known about one chosen token: its rivals, the entropy, the attention."""
        self_attention, cross_attention = self._attention(answer)
        log_probabilities = log_softmax(answer.logits())[0]
        probabilities = np.exp(log_probabilities.astype(np.float64))
        likely = np.argsort(-probabilities, kind="stable")[: self.options.candidates]
        positive = probabilities[probabilities > 0]
        return Step(
            position,
            self._candidate(chosen, probabilities),
            tuple(self._candidate(int(i), probabilities) for i in likely),
            float(-(positive * np.log2(positive)).sum()),
            self_attention[0],
            cross_attention[0],
            log_probabilities if self.options.distributions else None,
        )

    def beam(self, position: int, answer: DecoderStep, search: BeamSearch) -> BeamStep:
        """How the beam of the only sentence moved: who lives, who has ended, who was pruned."""
        self_attention, cross_attention = self._attention(answer)
        live = search.live(0)
        return BeamStep(
            position,
            tuple(LiveHypothesis(self.target.piece(b.ids[-1]), b.ids[-1], b.parent, b.log_probability) for b in live),
            tuple(
                self._ended(hypothesis)
                for hypothesis in search.ended(0)
                if len(self.options.prefix) + len(hypothesis.ids) == position
            ),
            tuple(sorted(set(range(answer.cache.rows)) - {beam.parent for beam in live})),
            self_attention,
            cross_attention,
        )

    def _ended(self, hypothesis: Hypothesis) -> EndedHypothesis:
        said = (*self.options.prefix, *hypothesis.ids)
        return EndedHypothesis(said, self.target.decode(said), hypothesis.log_probability, hypothesis.score)

    def _attention(self, answer: Answer) -> tuple[Floats, Floats]:
        """Self- (R, L, H, T+1) and cross-attention (R, L, H, S), without the columns of padding."""
        assert answer.self_attentions is not None
        assert answer.cross_attentions is not None
        cross = answer.cross_attentions[..., : self.source_length]
        return answer.self_attentions.swapaxes(0, 1), cross.swapaxes(0, 1)

    def _candidate(self, piece_id: int, probabilities: npt.NDArray[np.float64]) -> Candidate:
        return Candidate(piece_id, self.target.piece(piece_id), float(probabilities[piece_id]))
