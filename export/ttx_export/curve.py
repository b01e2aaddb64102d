"""How a model learned: the evaluations that a run wrote down, as its bundle keeps them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tui_transformer.bundle import Manifest
from tui_transformer.errors import InputError, RecipeError
from tui_transformer.training_log import METRICS, TrainingLog, read_training_log


def with_curve(manifest: Manifest, run: Path | None) -> Manifest:
    """The manifest with the curve of a run, if the run's folder is there and has one. Raises RecipeError."""
    curve = read_curve(run) if run else []
    return replace(manifest, provenance={**manifest.provenance, "curve": curve}) if curve else manifest


def read_curve(run: Path) -> list[dict[str, Any]]:
    """Step, epoch (from 1) and loss of each development set, for each evaluation; empty if there is no log.

    Raises RecipeError if the log cannot be read.
    """
    if not (run / METRICS).is_file():
        return []
    log = _log(run)
    return [
        {
            "step": one.step,
            "epoch": one.epoch + 1,
            "loss": {name: round(score.loss, 4) for name, score in one.dev.items()},
        }
        for one in log.evaluations
        if one.dev
    ]


def _log(run: Path) -> TrainingLog:
    try:
        log = read_training_log(run)
    except InputError as error:
        raise RecipeError(str(error)) from None
    if log.broken and not log.evaluations:
        raise RecipeError(f"cannot read {run / METRICS}: no line of it tells of an evaluation, and some are broken")
    return log
