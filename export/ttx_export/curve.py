"""How a model learned: the evaluations that a run wrote down, as its bundle keeps them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tui_transformer.bundle import Manifest
from tui_transformer.errors import RecipeError
from tui_transformer.training_log import METRICS


def with_curve(manifest: Manifest, run: Path | None) -> Manifest:
    """The manifest with the curve of a run, if the run's folder is there and has one. Raises RecipeError."""
    curve = read_curve(run) if run else []
    return replace(manifest, provenance={**manifest.provenance, "curve": curve}) if curve else manifest


def read_curve(run: Path) -> list[dict[str, Any]]:
    """Step, epoch (from 1) and loss of each development set, for each evaluation; empty if there is no log.

    Steps that were repeated after a crash count as they came out last; a line that a crash cut short does not count.
    Raises RecipeError if the log cannot be read.
    """
    path = run / METRICS
    if not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    points = {}
    for event in filter(None, map(_evaluated, lines)):
        loss = {name: round(score["loss"], 4) for name, score in event["dev"].items()}
        points[event["step"]] = {"step": event["step"], "epoch": event["epoch"] + 1, "loss": loss}
    return [points[step] for step in sorted(points)]


def _evaluated(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and event.get("event") == "evaluated" and event.get("dev") else None
