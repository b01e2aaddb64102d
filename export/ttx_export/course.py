"""The course of a training run: what is learnt in which order, how fast, how long, and when it is evaluated.

It follows from the recipe and its text alone, so that a resumed run finds its way.
"""

from __future__ import annotations

import itertools

from .batches import Rows, plan_epoch
from .encoded import EncodedCorpus
from .progress import State
from .recipe import Recipe
from .schedule import learning_rate


class Course:
    """Of `epochs` the last may be a part; `total_steps` are those of the whole run.

    `positions` is how many a micro-batch holds per side (`batches`), `d_model` what the schedule divides by.
    """

    def __init__(self, recipe: Recipe, corpus: EncodedCorpus, positions: int, d_model: int) -> None:
        self.recipe, self.options, self.corpus = recipe, recipe.training, corpus
        self.positions, self.d_model = positions, d_model
        self.epochs, self.total_steps = self._length()

    def _length(self) -> tuple[int, int]:
        epoch = total = 0
        while total < self.options.steps if self.options.steps else epoch < self.options.epochs:
            # Epochs differ a little: corpora are drawn anew, and a batch holds what has the same padded length.
            total += len(self.plan(epoch))
            epoch += 1
        return epoch, self.options.steps or total

    def plan(self, epoch: int) -> list[list[Rows]]:
        """The updates of an epoch, each a list of micro-batches; a last incomplete update is left out."""
        seed, size = self.options.seed, self.options.micro_batches
        batches = plan_epoch(self.corpus, self.recipe.data.weights(epoch), self.positions, seed, epoch)
        whole = max(len(batches) - len(batches) % size, size)
        return [list(itertools.islice(itertools.cycle(batches), i, i + size)) for i in range(0, whole, size)]

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        options = self.options
        return learning_rate(
            step, self.d_model, options.warmup, options.learning_rate, self.total_steps, options.cooldown
        )

    @property
    def evaluations(self) -> int:
        """How many there will be, unless training stops early."""
        every = self.options.evaluate_every
        return -(-self.total_steps // every) if every else self.epochs

    def evaluation_due(self, state: State, planned: int) -> bool:
        """Every `evaluate_every` steps, or at the end of each epoch; always at the very end; never twice at one step.

        `planned` are the steps of the epoch that `state` is in.
        """
        every, epoch_done = self.options.evaluate_every, state.batch >= planned
        last = self.steps_done(state) or (epoch_done and state.epoch + 1 == self.epochs)
        due = last or (state.step % every == 0 if every else epoch_done)
        return due and state.step > state.evaluated

    def steps_done(self, state: State) -> bool:
        """Have the recipe's `steps` been reached? Without them epochs decide."""
        return 0 < self.options.steps <= state.step

    def given_up(self, state: State) -> bool:
        """Has the recipe's patience run out?"""
        return 0 < self.options.patience <= state.since_best
