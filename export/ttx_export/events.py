"""What a training run reports while it runs: plain values, the same for the live view, log lines and tests."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from tui_transformer.training_log import perplexity

from .recipe import Recipe


@dataclass(frozen=True, slots=True)
class DevScore:
    """Negative log-likelihood per token in nats, without label smoothing, and the share of correct arg-max guesses."""

    loss: float
    accuracy: float

    @property
    def perplexity(self) -> float:
        """e^loss, kept finite."""
        return perplexity(self.loss)


@dataclass(frozen=True, slots=True)
class Started:
    """What is about to be trained. `step` is above 0 when an earlier run is resumed.

    Of `epochs` the last may be a part. `started_from` is the model whose weights were the first, empty if these were
    random. `changed` is what was different in the recipe when the run was left (`differences`).
    """

    recipe: Recipe
    parameters: int
    pairs: int
    report: str
    steps: int
    epochs: int
    step: int
    processes: int
    device: str
    started_from: str = ""
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Means since the last such event. `loss` is in nats per token, without label smoothing."""

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
    """The model as it is now on each dev set; `average` is the mean of the newest checkpoints, if there is one.

    `watched` is the file, within the run folder, with the trace of the first sample; empty if there are no samples.
    """

    step: int
    epoch: int
    dev: dict[str, DevScore]
    average: DevScore | None
    best: bool
    samples: tuple[tuple[str, str], ...]
    watched: str = ""


Reason = Literal["finished", "early stop", "interrupted"]


@dataclass(frozen=True, slots=True)
class Ended:
    """Why and where the run stopped."""

    reason: Reason
    step: int
    run: Path


Event = Started | Progress | Evaluated | Ended


def as_json(event: Event) -> dict[str, Any]:
    """The fields of an event as JSON takes them, and which event it is."""
    values: dict[str, Any] = {"event": type(event).__name__.lower()}
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, Recipe):
            value = value.name
        elif isinstance(value, Path):
            value = str(value)
        elif isinstance(value, DevScore):
            value = asdict(value)
        elif field.name == "dev":
            value = {name: asdict(score) for name, score in value.items()}
        values[field.name] = value
    return values
