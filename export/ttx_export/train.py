"""The training loop: a lazy stream of plain events, so that a live view, log lines and tests read the same.

A run is a function of (recipe, prepared text, seed): batches follow from (seed, epoch) and dropout from (seed,
step, micro-batch), never from a random state that would have to be saved. So a resumed run continues
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
from .batches import Rows, padded_length
from .course import Course
from .differences import judges_alike
from .distributed import Processes
from .evaluate import dev_score, translate_samples
from .events import DevScore, Ended, Evaluated, Event, Progress, Reason, Started
from .learner import Learner
from .machine import describe_machine
from .model import Transformer, parameter_count
from .prepare import Prepared
from .progress import Meter, State
from .recipe import Recipe, parse_recipe
from .run_folder import RunFolder
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
        self.changed: tuple[str, ...] = ()
        """What was different in the recipe and the text with which the run was trained before (`differences`)."""
        self.start = start
        self.shape = start.checkpoint.shape if start else architecture_of(recipe, prepared.vocabularies)
        check_sizes(recipe, self.processes.count)
        record = start.record if start else None
        fixed = checkpoint.describe(recipe, self.shape, prepared.vocabularies, prepared.files, record)
        self.folder = RunFolder(run, fixed)
        try:
            self.learner = Learner(self.options, self.shape, prepared, torch.device(device), self.processes)
        except (MemoryError, RuntimeError) as error:
            # torch has no class of its own for this on a CPU.
            if isinstance(error, RuntimeError) and "memory" not in str(error):
                raise
            raise RecipeError("the recipe's [model] needs more memory than there is") from None
        self.model = self.learner.model
        if start:
            self.model.load_state_dict(start.checkpoint.weights)
        self.state = State()
        self._planned = 1
        """The updates of the epoch that `state` is in."""
        self.course = Course(recipe, prepared.train, self.learner.positions, self.shape.d_model)

    def run(self) -> Iterator[Event]:
        """Train to the end of the recipe, to an early stop, or until `stop_requested` is set."""
        self._resume()
        yield self._logged(self._started())
        meter, saved = Meter(), time.monotonic()
        while self.state.epoch < self.course.epochs:
            plan = self.course.plan(self.state.epoch)
            self._planned = len(plan)
            # An evaluation may also be due at once: a stopped run resumes with it.
            while not self.course.given_up(self.state):
                if self.course.evaluation_due(self.state, len(plan)):
                    yield self._logged(self._evaluate())
                    saved = time.monotonic()
                    continue
                if self.course.steps_done(self.state) or self.state.batch >= len(plan):
                    break
                stop = self._update(plan[self.state.batch], meter)
                if stop or meter.seconds >= PROGRESS_SECONDS or self.course.evaluation_due(self.state, len(plan)):
                    yield self._logged(self._read(meter))
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
            if self.course.steps_done(self.state):
                break
            self.state.epoch, self.state.batch = self.state.epoch + 1, 0
        yield self._end("finished")

    def _started(self) -> Started:
        course = self.course
        return Started(
            self.recipe, parameter_count(self.model), len(self.prepared.train.members(0)), self.prepared.report,
            course.total_steps, course.epochs, self.state.step, self.processes.count, str(self.learner.device),
            self.start.record["name"] if self.start else "", self.changed,
        )  # fmt: skip

    def _update(self, micro_batches: list[Rows], meter: Meter) -> bool:
        """The next step. True if any process wants to stop."""
        started = time.monotonic()
        step = self.state.step + 1
        update = self.learner.update(step, micro_batches, self.course.rate(step), self.stop_requested)
        seconds = time.monotonic() - started
        self.state.count(update, seconds)
        meter.count(update, seconds)
        return update.stop

    def _read(self, meter: Meter) -> Progress:
        return meter.read(self.state, self.course.rate(self.state.step), self.course.total_steps)

    # -- evaluation ---------------------------------------------------------------------------------

    def _evaluate(self) -> Evaluated:
        """Score the dev sets, keep weights, and translate the samples. Only the leading process works."""
        dev: dict[str, DevScore] = {}
        average: DevScore | None = None
        samples: tuple[tuple[str, str], ...] = ()
        watched = ""
        if self.processes.leads:
            # This takes long: a run killed during it must not lose the steps before it.
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
        """Is this the best loss of the first dev set? The leading process knows, all must."""
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
        """Keep a trace of the first sample, to watch the heads form. Returns its file."""
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
            "epochs": self.state.epoch + self.state.batch / self._planned,
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

    def take_over(self) -> dict[str, Any] | None:
        """What `last.pt` says, its weights and optimiser taken over; None if the folder has none. Writes nothing.

        Raises RecipeError if it is of another model or optimiser, or damaged.
        """
        content = self.folder.load_last()
        if content is not None:
            self.learner.load(content["weights"], content["optimizer"])
            self.changed = self.folder.remember_recipe(content, self.recipe)
        return content

    def _resume(self) -> None:
        """Resume from `last.pt` if the folder has one. Raises RecipeError if it is of another model or optimiser."""
        content = self.take_over()
        if self.processes.leads:
            self.folder.create(self.recipe.text)
        if content is None:
            if self.start:
                # From now on the folder itself says what the run began with. All have seen that it was empty.
                self.processes.wait()
                self._save_last()
            return
        self.state = replace(self.state, **content["state"])
        if not judges_alike(parse_recipe(content["recipe"]), self.recipe, self.folder.other_files(content)):
            self.state.best_loss, self.state.since_best = math.inf, 0
            if self.processes.leads:
                self.folder.set_aside_best(self.state.step)
        if self.processes.leads:
            self.folder.drop_later(self.state.step)

    def _logged(self, event: Event) -> Event:
        """Write the event to metrics.jsonl, once, whatever happens to it afterwards."""
        if self.processes.leads:
            self.folder.log(event, self.state.seconds)
        return event


def check_sizes(recipe: Recipe, processes: int) -> None:
    """Raises RecipeError if the recipe's sizes do not fit together, or not this many processes."""
    micro_batches = recipe.training.micro_batches
    if micro_batches % processes:
        raise RecipeError(f"training.micro_batches {micro_batches} cannot be shared among {processes} processes")
    longest = padded_length(recipe.data.max_length)
    if longest > recipe.model.positions:
        raise RecipeError(
            f"data.max_length {recipe.data.max_length} is padded to {longest} pieces: "
            f"more than model.positions {recipe.model.positions}"
        )


def _first_loss(scores: dict[str, DevScore]) -> float:
    """The first dev set decides."""
    return next((score.loss for score in scores.values()), math.inf)
