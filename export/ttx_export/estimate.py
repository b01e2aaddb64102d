"""How long training will take and how much it needs: a few real steps on the real text, then thrown away."""

from __future__ import annotations

import io
import itertools
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from tui_transformer.render.views.estimate import Estimate
from tui_transformer.traces import save_trace

from .evaluate import dev_score, translate_samples
from .model import parameter_count
from .train import Trainer
from .watch import watch_greedily

WARM_UP_STEPS = 3
MEASURED_STEPS, MEASURED_SECONDS = 40, 30.0
"""This many steps, or as many as there is time for, at least two."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Seconds and target tokens of each measured step."""

    seconds: Sequence[float]
    tokens: Sequence[int]


def estimate(trainer: Trainer, preparation_seconds: float, corpus: Path, left_behind: str) -> Estimate:
    """Measure a trainer that has not run. `corpus` is the folder of the prepared text. All processes must call this."""
    steps = measure_steps(trainer)
    evaluation_seconds, trace = measure_evaluation(trainer)
    half = len(steps.seconds) // 2
    halves = [statistics.fmean(part) for part in (steps.seconds[:half], steps.seconds[half:])]
    last, weights = checkpoint_sizes(trainer)
    device = trainer.learner.device
    run = trainer.folder.path
    return Estimate(
        trainer.recipe.name, str(device), trainer.processes.count, parameter_count(trainer.model),
        trainer.prepared.report, trainer.course.epochs, trainer.course.total_steps, len(steps.seconds),
        statistics.fmean(steps.seconds), max(halves), min(halves), sum(steps.tokens) / sum(steps.seconds),
        trainer.course.evaluations, evaluation_seconds, preparation_seconds, peak_memory(), memory_of_machine(),
        torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None,
        # best.pt, average.pt, the newest evaluations, and briefly one more of these.
        last, weights, trainer.options.average_last + 3, trace,
        sum(file.stat().st_size for file in corpus.rglob("*") if file.is_file()),
        shutil.disk_usage(next(place for place in (run, *run.absolute().parents) if place.is_dir())).free,
        str(run), left_behind,
    )  # fmt: skip


def measure_steps(trainer: Trainer) -> Steps:
    """Real updates in training order; the first few, which also allocate and compile, do not count."""
    plan, seconds, tokens = itertools.cycle(trainer.course.plan(0)), list[float](), list[int]()
    for step in range(1, WARM_UP_STEPS + MEASURED_STEPS + 1):
        begun = time.monotonic()
        update = trainer.learner.update(step, next(plan), trainer.course.rate(step), _enough(seconds))
        seconds.append(time.monotonic() - begun)
        tokens.append(update.tokens)
        if update.stop:
            break
    return Steps(seconds[WARM_UP_STEPS:], tokens[WARM_UP_STEPS:])


def _enough(seconds: Sequence[float]) -> bool:
    """Whether the step that begins now is the last one."""
    return len(seconds) > WARM_UP_STEPS and sum(seconds) > MEASURED_SECONDS


def measure_evaluation(trainer: Trainer) -> tuple[float, int]:
    """Seconds of one evaluation and bytes of its trace. An untrained model gives its longest translations.

    Most evaluations also score the mean of the newest weights. Disk time is not included.
    """
    prepared, learner, samples = trainer.prepared, trainer.learner, trainer.recipe.samples
    vocabularies = prepared.vocabularies
    begun, size = time.monotonic(), 0
    dev = [*prepared.dev.values()]
    for corpus in dev + dev[:1] * (trainer.options.average_last > 1):
        dev_score(trainer.model, corpus, prepared.special, learner.positions, learner.dtype)
    if samples:
        translate_samples(trainer.model, samples, vocabularies)
        with tempfile.TemporaryDirectory() as folder:
            save_trace(watch_greedily(trainer.model, samples[0], vocabularies), Path(folder) / "trace")
            size = (Path(folder) / "trace").stat().st_size
    return time.monotonic() - begun, size


def checkpoint_sizes(trainer: Trainer) -> tuple[int, int]:
    """Bytes of last.pt and of a file with weights only, as they would be written."""
    weights = {**trainer.folder.fixed, "weights": trainer.model.state_dict(), "progress": asdict(trainer.state)}
    whole = {**weights, "optimizer": trainer.learner.optimizer.state_dict(), "state": asdict(trainer.state)}
    return _size(whole), _size(weights)


class _Counter(io.RawIOBase):
    """A file that only keeps how much was written."""

    def __init__(self) -> None:
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        length = memoryview(content).nbytes
        self.size += length
        return length


def _size(content: dict[str, Any]) -> int:
    file = _Counter()
    torch.save(content, file)  # type: ignore[arg-type]
    return file.size


def peak_memory() -> int | None:
    """The most memory this process has held so far, None where the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def memory_of_machine() -> int | None:
    """All of its memory, None where the system does not say."""
    known: Callable[[str], int] | None = getattr(os, "sysconf", None)
    try:
        return known("SC_PAGE_SIZE") * known("SC_PHYS_PAGES") if known else None
    except (ValueError, OSError):
        return None
