"""The training loop: a lazy stream of plain events, so that a live view, log lines and tests read the same.

A run is a function of (recipe, data, seed): batches follow from (seed, epoch) and dropout from (seed,
step, micro-batch), never from a random state that would have to be saved. Hence a resumed run goes on
exactly as if it had not stopped, and several processes do what one would do.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from tui_transformer.errors import RecipeError

from . import checkpoint
from .batches import Rows, padded_length, plan_epoch
from .distributed import Processes
from .evaluate import dev_score, translate_samples
from .events import DevScore, Ended, Evaluated, Event, Reason, Started
from .learner import Learner
from .machine import describe_machine
from .model import Transformer, parameter_count
from .prepare import Prepared
from .progress import Meter, State
from .recipe import Recipe
from .run_folder import RunFolder
from .schedule import learning_rate
from .start import Start
from .vocabulary import architecture_of
from .watch import watch_greedily

PROGRESS_SECONDS = 2.0


class Trainer:
    """Trains one recipe in one run folder. `for event in trainer.run(): …` drives it.

    `start` is the model that it begins with, or began with (`find_start`); None for random weights.
    Set `stop_requested` (a signal handler may) and the run ends after the step it is in, saved.
    Raises RecipeError if the recipe does not fit its vocabularies or the number of processes.
    """

    def __init__(
        self, recipe: Recipe, prepared: Prepared, run: Path, device: str = "cpu", processes: Processes | None = None,
        start: Start | None = None,
    ) -> None:  # fmt: skip
        self.recipe, self.prepared, self.options = recipe, prepared, recipe.training
        self.processes = processes or Processes()
        self.stop_requested = False
        self.start = start
        self.shape = start.checkpoint.shape if start else architecture_of(recipe, prepared.vocabularies)
        self._check_sizes()
        record = start.record if start else None
        self.folder = RunFolder(run, checkpoint.describe(recipe, self.shape, prepared.vocabularies, record))
        self.learner = Learner(self.options, self.shape, prepared, torch.device(device), self.processes)
        self.model = self.learner.model
        if start:
            self.model.load_state_dict(start.checkpoint.weights)
        self.state = State()
        self.epochs, self.total_steps, self.epoch_length = self._length()

    def _check_sizes(self) -> None:
        micro_batches, processes = self.options.micro_batches, self.processes.count
        if micro_batches % processes:
            raise RecipeError(f"training.micro_batches {micro_batches} cannot be shared among {processes} processes")
        longest = padded_length(self.recipe.data.max_length)
        if longest > self.shape.positions:
            raise RecipeError(
                f"data.max_length {self.recipe.data.max_length} is padded to {longest} pieces: "
                f"more than model.positions {self.shape.positions}"
            )

    def _length(self) -> tuple[int, int, float]:
        """Epochs, of which the last may be a part, and steps of the whole run; the mean steps of an epoch."""
        epoch = total = 0
        while total < self.options.steps if self.options.steps else epoch < self.options.epochs:
            # Epochs differ a little: corpora are drawn anew, and a batch holds what has the same padded length.
            total += len(self.plan(epoch))
            epoch += 1
        return epoch, self.options.steps or total, total / epoch

    def run(self) -> Iterator[Event]:
        """Train to the end of the recipe, to an early stop, or until `stop_requested` is set."""
        self._resume()
        yield self._logged(self._started())
        meter, saved = Meter(), time.monotonic()
        while self.state.epoch < self.epochs:
            plan = self.plan(self.state.epoch)
            # An evaluation may also be due at once: a run that was stopped goes on with it.
            while not self._given_up():
                if self._evaluation_due(len(plan)):
                    yield self._logged(self._evaluate())
                    saved = time.monotonic()
                    continue
                if self._steps_done() or self.state.batch >= len(plan):
                    break
                stop = self._update(plan[self.state.batch], meter)
                if stop or meter.seconds >= PROGRESS_SECONDS or self._evaluation_due(len(plan)):
                    yield self._logged(meter.read(self.state, self.rate(self.state.step), self.total_steps))
                    meter = Meter()
                if stop:
                    yield self._end("interrupted")
                    return
                if time.monotonic() - saved > 60 * self.options.checkpoint_minutes:
                    self._save_last()
                    saved = time.monotonic()
            else:
                yield self._end("early stop")
                return
            if self._steps_done():
                break
            self.state.epoch, self.state.batch = self.state.epoch + 1, 0
        yield self._end("finished")

    def _started(self) -> Started:
        return Started(
            self.recipe, parameter_count(self.model), len(self.prepared.train.members(0)), self.prepared.report,
            self.total_steps, self.epochs, self.state.step, self.processes.count, str(self.learner.device),
            self.start.record["name"] if self.start else "",
        )  # fmt: skip

    def plan(self, epoch: int) -> list[list[Rows]]:
        """The updates of an epoch, each a list of micro-batches; a last incomplete update is left out."""
        seed, size = self.options.seed, self.options.micro_batches
        batches = plan_epoch(self.prepared.train, self.recipe.data.weights(epoch), self.learner.positions, seed, epoch)
        whole = max(len(batches) - len(batches) % size, size)
        return [list(itertools.islice(itertools.cycle(batches), i, i + size)) for i in range(0, whole, size)]

    def _update(self, micro_batches: list[Rows], meter: Meter) -> bool:
        """The next step. True if any process wants to stop."""
        started = time.monotonic()
        step = self.state.step + 1
        update = self.learner.update(step, micro_batches, self.rate(step), self.stop_requested)
        seconds = time.monotonic() - started
        self.state.count(update, seconds)
        meter.count(update, seconds)
        return update.stop

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        options = self.options
        return learning_rate(
            step, self.shape.d_model, options.warmup, options.learning_rate, self.total_steps, options.cooldown
        )

    # -- evaluation ---------------------------------------------------------------------------------

    @property
    def evaluations(self) -> int:
        """How many there will be, if no early stop comes before."""
        every = self.options.evaluate_every
        return -(-self.total_steps // every) if every else self.epochs

    def _evaluation_due(self, epoch_length: int) -> bool:
        """Every so many steps, or at the end of each epoch; always at the very end; once at each step."""
        state, every = self.state, self.options.evaluate_every
        epoch_done = state.batch >= epoch_length
        last = self._steps_done() or (epoch_done and state.epoch + 1 == self.epochs)
        due = last or (state.step % every == 0 if every else epoch_done)
        return due and state.step > state.evaluated

    def _steps_done(self) -> bool:
        """Is this as far as the recipe's `steps` go? Without them epochs decide."""
        return 0 < self.options.steps <= self.state.step

    def _given_up(self) -> bool:
        return 0 < self.options.patience <= self.state.since_best

    def _evaluate(self) -> Evaluated:
        """Score the dev sets, keep weights, and translate the samples. Only the leading process works."""
        dev: dict[str, DevScore] = {}
        average: DevScore | None = None
        samples: tuple[tuple[str, str], ...] = ()
        watched = ""
        if self.processes.leads:
            # This takes long: whoever is killed in it shall not lose the steps before it.
            self._save_last()
            dev = {name: self._score(self.model, name) for name in self.prepared.dev}
            self._save_weights(f"step-{self.state.step:08}.pt", self.model, _first_loss(dev))
            average = self._average()
            samples = translate_samples(self.model, self.recipe.samples, self.prepared.vocabularies)
            watched = self._watch()
        better = self._remember(_first_loss(dev))
        if self.processes.leads:
            if better:
                self._save_weights(checkpoint.BEST, self.model, _first_loss(dev))
            self._save_last()
        self.processes.wait()
        return Evaluated(self.state.step, self.state.epoch, dev, average, better, samples, watched)

    def _remember(self, loss: float) -> bool:
        """Is this the best loss of the first dev set? The leading process knows it, all have to."""
        loss = float(self.processes.sum(torch.tensor(loss if self.processes.leads else 0.0)))
        better = loss < self.state.best_loss
        self.state.best_loss = loss if better else self.state.best_loss
        self.state.since_best = 0 if better else self.state.since_best + 1
        self.state.evaluated = self.state.step
        return better

    def _score(self, model: Transformer, name: str) -> DevScore:
        return dev_score(
            model, self.prepared.dev[name], self.prepared.special, self.learner.positions, self.learner.dtype
        )

    def _average(self) -> DevScore | None:
        """Keep the newest evaluated weights and their mean; the mean's score on the first dev set."""
        kept = self.folder.newest(self.options.average_last)
        if len(kept) < 2:
            return None
        special = self.prepared.special
        mean = Transformer(self.shape, special.source_pad, target_pad_id=special.target_pad).to(self.learner.device)
        mean.load_state_dict(checkpoint.average_weights(kept))
        scores = {name: self._score(mean, name) for name in itertools.islice(self.prepared.dev, 1)}
        self._save_weights(checkpoint.AVERAGE, mean, _first_loss(scores))
        return next(iter(scores.values()), None)

    def _watch(self) -> str:
        """Keep a trace of the first sample, so that one can watch the heads form. Returns its file."""
        if not self.recipe.samples:
            return ""
        trace = watch_greedily(self.model, self.recipe.samples[0], self.prepared.vocabularies)
        return self.folder.watch(trace, self.state.step)

    # -- what is kept -------------------------------------------------------------------------------

    def _end(self, reason: Reason) -> Ended:
        if self.processes.leads:
            self._save_last()
        self.processes.wait()
        ended = Ended(reason, self.state.step, self.folder.path)
        self._logged(ended)
        return ended

    def _made_so_far(self) -> dict[str, Any]:
        return {
            **asdict(self.state),
            "epochs": self.state.epoch + self.state.batch / self.epoch_length,
            "machine": describe_machine(self.learner.device, self.processes.count),
        }

    def _save_weights(self, name: str, model: Transformer, dev_loss: float) -> None:
        self.folder.save(name, model.state_dict(), {**self._made_so_far(), "dev_loss": dev_loss})

    def _save_last(self) -> None:
        if self.processes.leads:
            self.folder.save(
                checkpoint.LAST, self.model.state_dict(), self._made_so_far(),
                optimizer=self.learner.optimizer.state_dict(), state=asdict(self.state),
            )  # fmt: skip

    def _resume(self) -> None:
        """Go on from `last.pt` if the folder has one. Raises RecipeError if it is of another model."""
        content = self.folder.load_last()
        if self.processes.leads:
            self.folder.create(self.recipe.text)
        if content is None:
            if self.start:
                # From now on the folder says by itself what the run began with. All have seen that it was empty.
                self.processes.wait()
                self._save_last()
            return
        self.learner.load(content["weights"], content["optimizer"])
        # Before `evaluated` was recorded, a saved step had always had its evaluation.
        self.state = replace(self.state, **{"evaluated": content["state"]["step"], **content["state"]})

    def _logged(self, event: Event) -> Event:
        """Put the event into metrics.jsonl, once, whatever happens to it afterwards."""
        if self.processes.leads:
            self.folder.log(event, self.state.seconds)
        return event


def _first_loss(scores: dict[str, DevScore]) -> float:
    """The first dev set decides."""
    return next((score.loss for score in scores.values()), math.inf)
