"""What becomes of a translation if one piece is chosen otherwise: both branches with their log-probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Group
from rich.style import Style
from rich.text import Text

from tui_transformer.render.labels import quoted, short, visible
from tui_transformer.render.palette import ACCENT, QUIET, STRONG, cell, levels
from tui_transformer.render.picture import Picture, Table
from tui_transformer.render.strips import Strip, Strips

from .decode import VIEW


@dataclass(frozen=True, slots=True)
class Branch:
    """A translation: its pieces, the end last if it was chosen, and the log-probability of each, in nats."""

    text: str
    pieces: tuple[str, ...]
    log_probabilities: tuple[float, ...]

    @property
    def log_probability(self) -> float:
        """Of all pieces."""
        return math.fsum(self.log_probabilities)


def alternative_picture(text: str, step: int, model: Branch, other: Branch) -> Picture:
    """Two branches that part at a step, counted from 0: the model's own and the one that was asked for."""
    parts = [
        part for name, branch in (("the model", model), ("otherwise", other)) for part in _drawn(name, branch, step)
    ]
    chosen, wanted = model.pieces[step], other.pieces[step]
    title = f"decode · step {step + 1}: {visible(wanted)} instead of {visible(chosen)}"
    values = {"text": text, "step": step + 1, "model": _values(model), "alternative": _values(other)}
    rows = [
        (name, number, piece, log_probability)
        for name, branch in (("model", model), ("alternative", other))
        for number, (piece, log_probability) in enumerate(zip(branch.pieces, branch.log_probabilities, strict=True), 1)
    ]
    table = Table(("branch", "step", "piece", "log_probability"), rows)
    return Picture(VIEW, title, Group(*parts[:-1]), tuple(_says(step, model, other)), values, table)


def surprise(log_probabilities: Sequence[float]) -> list[Style]:
    """The colour of each piece's surprisal: 0 for one that was certain, full for p = 1/1024 and less."""
    return [cell(int(level)) for level in levels(-np.array(log_probabilities) / math.log(1024))]


def _drawn(name: str, branch: Branch, step: int) -> list[Text | Strips]:
    summed = np.cumsum(branch.log_probabilities)
    marks = [STRONG if i < step else ACCENT if i == step else Style.null() for i in range(len(branch.pieces))]
    return [
        Text(f"{name}: {visible(branch.text)}   log p {branch.log_probability:.2f}", style=STRONG),
        Strips([
            Strip("step", [f"{i + 1}{'▾' * (i == step)}" for i in range(len(branch.pieces))],
                  [mark if i == step else QUIET for i, mark in enumerate(marks)]),
            Strip("piece", branch.pieces, surprise(branch.log_probabilities)),
            Strip("log p", [f"{value:.2f}" for value in branch.log_probabilities]),
            Strip("in all", [f"{value:.2f}" for value in summed], [QUIET] * len(summed)),
        ]),
        Text(),
    ]  # fmt: skip


def _says(step: int, model: Branch, other: Branch) -> list[str]:
    if model.pieces == other.pieces:
        return [f"{quoted(other.pieces[step])} is what the model chooses itself: both are the same."]
    own, wanted = model.log_probabilities[step], other.log_probabilities[step]
    said = [
        f"At step {step + 1} {quoted(other.pieces[step])} has probability {math.exp(wanted):.2g}, "
        f"{quoted(model.pieces[step])} {math.exp(own):.2g}."
    ]
    difference = model.log_probability - other.log_probability
    more, less = ("the model's own", "the other") if difference >= 0 else ("the other", "the model's own")
    said.append(
        f"As a whole {more} translation is {short(math.exp(min(abs(difference), 700)))} times as likely as {less}: "
        f"log-probability {model.log_probability:.2f} and {other.log_probability:.2f}."
    )
    return said


def _values(branch: Branch) -> dict[str, object]:
    return {
        "translation": branch.text, "pieces": branch.pieces, "log_probabilities": branch.log_probabilities,
        "log_probability": branch.log_probability,
    }  # fmt: skip
