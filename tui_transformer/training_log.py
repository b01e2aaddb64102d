"""What a training run has written about itself, read back: its folder's metrics.jsonl as plain values.

A run that crashed resumes from its last checkpoint and writes some steps again: the later ones count. Lines
that cannot be read are left out and counted. Nothing here needs torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .errors import InputError

METRICS = "metrics.jsonl"
_BROKEN = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


def perplexity(loss: float) -> float:
    """e^loss, kept finite; `loss` in nats a token."""
    return math.exp(min(loss, 50.0))


@dataclass(frozen=True, slots=True)
class Update:
    """Means over the steps since the previous update. `loss` is in nats per token, `epoch` counts from 0.

    `seconds` are those spent in steps since the run began, `seconds_left` what was expected then.
    """

    step: int
    epoch: int
    loss: float
    accuracy: float
    tokens_per_second: float
    learning_rate: float
    gradient_norm: float
    seconds_left: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Score:
    """Of a development set: nats per token, share of correct arg-max guesses, and BLEU if it was measured."""

    loss: float
    accuracy: float
    bleu: float | None = None

    @property
    def perplexity(self) -> float:
        """e^loss, kept finite."""
        return perplexity(self.loss)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation: each development set, the newest weights' mean on the first one, samples with translations.

    `watched` is the file, within the run folder, with the trace of the first sample; empty in older runs.
    """

    step: int
    epoch: int
    dev: Mapping[str, Score]
    average: Score | None
    best: bool
    samples: tuple[tuple[str, str], ...]
    watched: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TrainingLog:
    """All that is known about a run, steps in order and each once.

    `steps` are those of the whole recipe, `sittings` how often training was started; `ended` says why it
    stopped, and is empty while it is running or if it was killed. `broken` lines could not be read.
    """

    recipe: str = ""
    parameters: int = 0
    pairs: int = 0
    report: str = ""
    steps: int = 0
    device: str = ""
    processes: int = 1
    sittings: int = 0
    updates: tuple[Update, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    ended: str = ""
    broken: int = 0


class LogReader:
    """Follows the metrics of a run that may still be running: each `read` takes in what was added since."""

    def __init__(self, run: Path) -> None:
        """`run` is the run's folder, or the metrics themselves."""
        self.path = metrics_of(run)
        self._start_anew()

    def _start_anew(self) -> None:
        self._fold, self._place = _Fold(), 0

    def read(self) -> TrainingLog:
        """All that is known so far; a last line without its end is still being written. Raises InputError."""
        try:
            with open(self.path, "rb") as file:
                if file.seek(0, 2) < self._place:  # another run has taken its place
                    self._start_anew()
                file.seek(self._place)
                added = file.read()
        except OSError as error:
            raise _unreadable(self.path, error) from None
        whole = added[: added.rfind(b"\n") + 1]
        self._place += len(whole)
        return self._fold.take(whole.splitlines())


def read_training_log(run: Path) -> TrainingLog:
    """What a run's folder, or its metrics file, knows about it. Raises InputError if no metrics can be read."""
    path = metrics_of(run)
    try:
        return _Fold().take(path.read_bytes().splitlines())
    except OSError as error:
        raise _unreadable(path, error) from None


def metrics_of(run: Path) -> Path:
    """The metrics of a run's folder; a file is taken for metrics itself."""
    try:
        return run if run.is_file() else run / METRICS
    except OSError:  # no possible name: reading says so
        return run / METRICS


def _unreadable(path: Path, error: OSError) -> InputError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return InputError(f"{path.parent} is not a run folder of ttx train: it has no {path.name}")
    return InputError(f"cannot read {path}: {error.strerror}")


class _Fold:
    """The events so far."""

    def __init__(self) -> None:
        self._head = TrainingLog()
        self._updates: list[Update] = []
        self._evaluations: list[Evaluation] = []

    def take(self, lines: Iterable[bytes]) -> TrainingLog:
        """What is known once these lines are added."""
        for line in lines:
            try:
                self._event(json.loads(line))
            except _BROKEN:
                self._head = replace(self._head, broken=self._head.broken + 1)
        return replace(self._head, updates=tuple(self._updates), evaluations=tuple(self._evaluations))

    def _event(self, values: dict[str, Any]) -> None:
        """Take in one event. Raises one of _BROKEN, and changes nothing, if it is invalid."""
        match values["event"]:
            case "started":
                self._started(values)
            case "progress":
                update = Update(**_numbers(Update, values))
                self._forget(update.step, update.step)
                self._updates.append(update)
            case "evaluated":
                evaluation = _evaluation(values)
                self._forget(evaluation.step + 1, evaluation.step)
                self._evaluations.append(evaluation)
            case "ended":
                self._head = replace(self._head, ended=str(values["reason"]))
            case other:
                raise ValueError(other)

    def _started(self, values: dict[str, Any]) -> None:
        step, known = _number(values, "step", int), ("parameters", "pairs", "steps", "processes")
        numbers = {name: _number(values, name, int) for name in known}
        texts: dict[str, Any] = {name: str(values[name]) for name in ("recipe", "report", "device")}
        self._head = replace(self._head, **numbers, **texts, sittings=self._head.sittings + 1, ended="")
        self._forget(step + 1, step + 1)

    def _forget(self, updates: int, evaluations: int) -> None:
        """Everything from these steps on is being done again."""
        while self._updates and self._updates[-1].step >= updates:
            self._updates.pop()
        while self._evaluations and self._evaluations[-1].step >= evaluations:
            self._evaluations.pop()


def _evaluation(values: dict[str, Any]) -> Evaluation:
    average = values["average"]
    return Evaluation(
        _number(values, "step", int), _number(values, "epoch", int),
        {str(name): _score(score) for name, score in values["dev"].items()},
        None if average is None else _score(average), bool(values["best"]),
        tuple((str(source), str(translation)) for source, translation in values["samples"]),
        str(values.get("watched", "")), _number(values, "seconds", float),
    )  # fmt: skip


def _score(values: dict[str, Any]) -> Score:
    bleu = None if values.get("bleu") is None else _number(values, "bleu", float)
    return Score(_number(values, "loss", float), _number(values, "accuracy", float), bleu)


def _numbers(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    """The fields of a kind of event that has only numbers."""
    return {field.name: _number(values, field.name, int if field.type == "int" else float) for field in fields(kind)}


def _number(values: dict[str, Any], name: str, kind: type) -> Any:
    """A number of an event. Raises TypeError if it is not a number."""
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        raise TypeError(name)
    return kind(value)
