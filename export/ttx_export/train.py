"""The training loop: a lazy stream of plain events, so that a live view, log lines and tests read the same.

A run is a function of (recipe, data, seed): batches follow from (seed, epoch) and dropout from (seed,
step, micro-batch), never from a random state that would have to be saved. Hence a resumed run goes on
exactly as if it had not stopped, and several processes do what one would do.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tui_transformer.errors import RecipeError

from . import checkpoint
from .batches import make_batch, plan_epoch
from .corpus import Ids
from .distributed import Processes
from .evaluate import DevScore, dev_score, translate_greedily
from .loss import projected_cross_entropy
from .model import Transformer, parameter_count
from .prepare import Prepared
from .recipe import Recipe
from .schedule import learning_rate
from .vocabulary import architecture_of

PROGRESS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Started:
    """What is about to be trained. `step` is above 0 when an earlier run goes on."""

    recipe: Recipe
    parameters: int
    pairs: int
    report: str
    steps: int
    step: int
    processes: int
    device: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Means since the last such event. `loss` is in nats a token, without label smoothing."""

    step: int
    epoch: int
    loss: float
    perplexity: float
    accuracy: float
    tokens_per_second: float
    learning_rate: float
    gradient_norm: float
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The model as it is now on each dev set; `average` is the mean of the newest checkpoints, if there is one."""

    step: int
    epoch: int
    dev: dict[str, DevScore]
    average: DevScore | None
    best: bool
    samples: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """`reason` is "finished", "early stop" or "interrupted"."""

    reason: str
    step: int
    run: Path


Event = Started | Progress | Evaluated | Ended


@dataclass(slots=True)
class _State:
    """Where the run is; saved in every checkpoint. `batch` counts the updates done in `epoch`."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    best_loss: float = math.inf
    since_best: int = 0
    seconds: float = 0.0
    tokens: int = 0


class Trainer:
    """Trains one recipe in one run folder. `for event in trainer.run(): …` drives it."""

    def __init__(
        self, recipe: Recipe, prepared: Prepared, run: Path, device: str = "cpu", processes: Processes | None = None
    ) -> None:
        self.recipe, self.prepared, self.folder = recipe, prepared, run
        self.options = recipe.training
        self.processes = processes or Processes()
        if self.options.micro_batches % self.processes.count:
            raise RecipeError(
                f"training.micro_batches {self.options.micro_batches} cannot be shared "
                f"among {self.processes.count} processes"
            )
        self.device = torch.device(device)
        self.dtype = torch.bfloat16 if self.options.precision == "bf16" else torch.float32
        self.stop_requested = False
        try:
            self.shape = architecture_of(recipe, prepared.vocabularies)
        except ValueError as error:
            raise RecipeError(f"[model] {error}") from None
        torch.manual_seed(self.options.seed)
        self.model = Transformer(self.shape, prepared.special.source_pad, self.options.dropout).to(self.device)
        self._use_vectors()
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), betas=(self.options.beta1, self.options.beta2), eps=1e-9, fused=True
        )
        self.state = _State()
        self._weights = {corpus.name: corpus.weight for corpus in recipe.data.corpora}
        self._positions = self.options.batch_tokens // self.options.micro_batches
        self._total_steps = len(self._plan(0)) * self.options.epochs

    def _use_vectors(self) -> None:
        """BPEmb's embeddings become the first weights where their size fits; padding's row stays as drawn."""
        vocabularies = self.prepared.vocabularies
        for vectors, embedding in (
            (vocabularies.source_vectors, self.model.source_embedding),
            (vocabularies.target_vectors, self.model.target_embedding),
        ):
            if vectors is not None and vectors.shape[1] == self.shape.d_model:
                with torch.no_grad():
                    embedding.table.weight[: len(vectors)] = torch.from_numpy(vectors)

    # -- the loop -----------------------------------------------------------------------------------

    def run(self) -> Iterator[Event]:
        """Train to the end of the recipe, to an early stop, or until `stop_requested` is set."""
        resumed = self._resume()
        if self.processes.leads and not resumed:
            self._write("recipe.toml", self.recipe.text)
        yield self._logged(
            Started(
                self.recipe, parameter_count(self.model), len(self.prepared.train), self.prepared.report,
                self._total_steps, self.state.step, self.processes.count, str(self.device),
            )
        )  # fmt: skip
        meter = _Meter()
        saved = time.monotonic()
        while self.state.epoch < self.options.epochs:
            plan = self._plan(self.state.epoch)
            while self.state.batch < len(plan):
                stop = self._update(plan[self.state.batch], meter)
                evaluation_due = self._evaluation_due(len(plan))
                if meter.seconds >= PROGRESS_SECONDS or evaluation_due or stop:
                    yield self._logged(self._progress(meter))
                    meter = _Meter()
                if evaluation_due:
                    yield self._logged(self._evaluate())
                    meter = _Meter()
                    if self.options.patience and self.state.since_best >= self.options.patience:
                        yield self._end("early stop")
                        return
                if stop:
                    yield self._end("interrupted")
                    return
                if time.monotonic() - saved > 60 * self.options.checkpoint_minutes:
                    self._save_last()
                    saved = time.monotonic()
            self.state.epoch, self.state.batch = self.state.epoch + 1, 0
        yield self._end("finished")

    def _plan(self, epoch: int) -> list[list[Ids]]:
        """The updates of an epoch, each a list of micro-batches; a last incomplete update is left out."""
        seed, size = self.options.seed, self.options.micro_batches
        batches = plan_epoch(self.prepared.train, self._weights, self._positions, seed, epoch)
        whole = max(len(batches) - len(batches) % size, size)
        return [list(itertools.islice(itertools.cycle(batches), i, i + size)) for i in range(0, whole, size)]

    def _update(self, micro_batches: list[Ids], meter: _Meter) -> bool:
        """One optimiser step over all micro-batches of all processes. True if any process wants to stop."""
        started = time.monotonic()
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        step = self.state.step + 1
        tokens = sum(len(self.prepared.train.target[i]) + 1 for members in micro_batches for i in members)
        sums = torch.zeros(3)
        for index in self.processes.share(list(range(len(micro_batches)))):
            torch.manual_seed(_mixed_seed(self.options.seed, step, index))
            sums[:2] += self._backward(micro_batches[index], tokens)
        self.processes.sum_gradients(self.model.parameters())
        sums[2] = float(self.stop_requested)
        loss, correct, stops = self.processes.sum(sums).tolist()
        norm = float(torch.nn.utils.get_total_norm(p.grad for p in self.model.parameters() if p.grad is not None))
        if not math.isfinite(norm):
            raise RecipeError(f"training diverged at step {step}: the gradient is {norm}; lower training.learning_rate")
        if self.options.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(step)
        self.optimizer.step()
        self.state.step, self.state.batch = step, self.state.batch + 1
        self.state.tokens += tokens
        self.state.seconds += time.monotonic() - started
        meter.add(loss, correct, tokens, time.monotonic() - started, norm)
        return stops > 0

    def _backward(self, members: Ids, tokens: int) -> Tensor:
        """Forward and backward of one micro-batch: its loss and its right guesses, summed over tokens (2,)."""
        special = self.prepared.special
        batch = make_batch(self.prepared.train, members, self._positions, special)
        source, target, output = (
            torch.from_numpy(side).to(self.device) for side in (batch.source, batch.target_input, batch.target_output)
        )
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            features = self.model.decode(target, self.model.encode(source)).features
        real = (output != special.target_pad).flatten()
        sums = projected_cross_entropy(
            features.flatten(0, 1), self.model.projection, output.flatten(), real,
            smoothing=self.options.label_smoothing, dtype=self.dtype,
        )  # fmt: skip
        (sums.smoothed / tokens).backward()
        return torch.stack([sums.plain, sums.correct]).detach().cpu()

    def _rate(self, step: int) -> float:
        options = self.options
        return learning_rate(
            step, self.shape.d_model, options.warmup, options.learning_rate, self._total_steps, options.cooldown
        )

    def _progress(self, meter: _Meter) -> Progress:
        loss = meter.loss / meter.tokens
        seconds_a_step = self.state.seconds / self.state.step
        return Progress(
            self.state.step, self.state.epoch, loss, math.exp(min(loss, 50.0)), meter.correct / meter.tokens,
            meter.tokens / meter.seconds, self._rate(self.state.step), meter.norm,
            max(0, self._total_steps - self.state.step) * seconds_a_step,
        )  # fmt: skip

    # -- evaluation ---------------------------------------------------------------------------------

    def _evaluation_due(self, epoch_length: int) -> bool:
        every = self.options.evaluate_every
        return self.state.step % every == 0 if every else self.state.batch == epoch_length

    def _evaluate(self) -> Evaluated:
        """Score the dev sets, keep weights, and translate the samples. Only the leading process works."""
        dev: dict[str, DevScore] = {}
        average, samples, better = None, (), False
        if self.processes.leads:
            dev = {name: self._score(self.model, name) for name in self.prepared.dev}
            self._save_weights(self.folder / f"step-{self.state.step:08}.pt", self.model.state_dict())
            average = self._average()
            samples = self._translate_samples()
        # The first dev set decides; every process has to know.
        first = next(iter(dev.values())).loss if dev else math.inf
        first = self.processes.sum(torch.tensor(first if self.processes.leads else 0.0)).item()
        better = first < self.state.best_loss
        self.state.best_loss = min(first, self.state.best_loss)
        self.state.since_best = 0 if better else self.state.since_best + 1
        if self.processes.leads:
            if better:
                self._save_weights(self.folder / "best.pt", self.model.state_dict())
            self._save_last()
        self.processes.wait()
        return Evaluated(self.state.step, self.state.epoch, dev, average, better, samples)

    def _score(self, model: Transformer, name: str) -> DevScore:
        return dev_score(model, self.prepared.dev[name], self.prepared.special, self._positions, self.dtype)

    def _average(self) -> DevScore | None:
        """Keep the newest evaluated weights and their mean; the mean's score on the first dev set."""
        kept = sorted(self.folder.glob("step-*.pt"))
        for old in kept[: -self.options.average_last]:
            old.unlink()
        kept = kept[-self.options.average_last :]
        if len(kept) < 2:
            return None
        weights = checkpoint.average_weights(kept)
        self._save_weights(self.folder / "average.pt", weights)
        if not self.prepared.dev:
            return None
        model = Transformer(self.shape, self.prepared.special.source_pad).to(self.device)
        model.load_state_dict(weights)
        return self._score(model, next(iter(self.prepared.dev)))

    def _translate_samples(self) -> tuple[tuple[str, str], ...]:
        vocabularies = self.prepared.vocabularies
        sources = self.recipe.samples
        if not sources:
            return ()
        translations = translate_greedily(
            self.model, sources, vocabularies.source, vocabularies.target, self.prepared.special
        )
        return tuple(zip(sources, translations, strict=True))

    # -- what is kept -------------------------------------------------------------------------------

    def _end(self, reason: str) -> Ended:
        if self.processes.leads:
            self._save_last()
        self.processes.wait()
        return self._logged(Ended(reason, self.state.step, self.folder))

    def _content(self, weights: dict[str, Tensor]) -> dict[str, Any]:
        fixed = checkpoint.describe(self.recipe, self.shape, self.prepared.vocabularies)
        progress = {**asdict(self.state), "epochs": self.state.epoch + self.state.batch / self._epoch_length()}
        return {**fixed, "weights": weights, "progress": progress}

    def _epoch_length(self) -> float:
        return self._total_steps / self.options.epochs

    def _save_weights(self, path: Path, weights: dict[str, Tensor]) -> None:
        checkpoint.save_atomically(self._content(weights), path)

    def _save_last(self) -> None:
        if self.processes.leads:
            content = {**self._content(self.model.state_dict()), "optimizer": self.optimizer.state_dict()}
            content["state"] = asdict(self.state)
            checkpoint.save_atomically(content, self.folder / "last.pt")

    def _resume(self) -> bool:
        """Go on from `last.pt` if the folder has one. Raises RecipeError if it is of another model."""
        path = self.folder / "last.pt"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            return False
        content = checkpoint.read(path, str(self.device))
        mine = checkpoint.describe(self.recipe, self.shape, self.prepared.vocabularies)
        for part in ("shape", "source_vocabulary", "target_vocabulary"):
            same = content[part].equal(mine[part]) if isinstance(mine[part], Tensor) else content[part] == mine[part]
            if not same:
                raise RecipeError(f"{self.folder} holds a run with another {part.replace('_', ' ')}: choose a new folder")
        self.model.load_state_dict(content["weights"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.state = replace(self.state, **content["state"])
        return True

    def _logged(self, event: Event) -> Any:
        """Append the event to metrics.jsonl, once, whatever happens to it afterwards."""
        if self.processes.leads:
            line = {"event": type(event).__name__.lower(), "seconds": round(self.state.seconds, 1), **_plain(event)}
            self._write("metrics.jsonl", json.dumps(line, ensure_ascii=False) + "\n", append=True)
        return event

    def _write(self, name: str, text: str, append: bool = False) -> None:
        try:
            with open(self.folder / name, "a" if append else "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RecipeError(f"cannot write {self.folder / name}: {error.strerror}") from None


@dataclass(slots=True)
class _Meter:
    """Sums since the last Progress event."""

    loss: float = 0.0
    correct: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    norm: float = 0.0

    def add(self, loss: float, correct: float, tokens: int, seconds: float, norm: float) -> None:
        self.loss += loss
        self.correct += correct
        self.tokens += tokens
        self.seconds += seconds
        self.norm = norm


def _mixed_seed(*numbers: int) -> int:
    """One well-mixed 63-bit seed from several numbers: neighbouring steps must not share dropout patterns."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _plain(event: Event) -> dict[str, Any]:
    """The fields of an event as JSON takes them."""
    if isinstance(event, Started):
        return {**asdict(replace(event, recipe=None)), "recipe": event.recipe.name}  # type: ignore[arg-type]
    if isinstance(event, Ended):
        return {**asdict(event), "run": str(event.run)}
    return asdict(event)
