"""Where a training run is, and what it has done since its last report."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tui_transformer.training_log import perplexity

from .events import Progress
from .learner import Update


@dataclass(slots=True)
class State:
    """Where the run is; saved in every checkpoint.

    `batch` counts the updates done in `epoch`, `evaluated` is the step of the last evaluation,
    `since_best` counts the evaluations since the best one.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    evaluated: int = 0
    best_loss: float = math.inf
    since_best: int = 0
    seconds: float = 0.0
    tokens: int = 0

    def count(self, update: Update, seconds: float) -> None:
        """One more step is done."""
        self.step += 1
        self.batch += 1
        self.tokens += update.tokens
        self.seconds += seconds


@dataclass(slots=True)
class Meter:
    """Sums since the last Progress event."""

    loss: float = 0.0
    correct: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    gradient_norm: float = 0.0

    def count(self, update: Update, seconds: float) -> None:
        """Add one step."""
        self.loss += update.loss
        self.correct += update.correct
        self.tokens += update.tokens
        self.seconds += seconds
        self.gradient_norm = update.gradient_norm

    def read(self, state: State, learning_rate: float, total_steps: int) -> Progress:
        """The means, and how long it will take if it continues as it has so far."""
        loss = self.loss / self.tokens
        steps_left = max(0, total_steps - state.step)
        return Progress(
            step=state.step,
            epoch=state.epoch,
            loss=loss,
            perplexity=perplexity(loss),
            accuracy=self.correct / self.tokens,
            tokens_per_second=self.tokens / self.seconds,
            learning_rate=learning_rate,
            gradient_norm=self.gradient_norm,
            seconds_left=steps_left * state.seconds / state.step,
        )
