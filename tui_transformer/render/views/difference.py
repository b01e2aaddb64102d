"""Two decodings side by side: what each step makes likelier, and where attention moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Group
from rich.style import Style
from rich.text import Text

from tui_transformer.analysis.difference import Pairing, StepDifference
from tui_transformer.probes import Kind
from tui_transformer.render.grid import Grid
from tui_transformer.render.heatmap import Scale
from tui_transformer.render.labels import clip, quoted, visible
from tui_transformer.render.palette import ACCENT, QUIET, STRONG, Floats
from tui_transformer.render.picture import Picture, Table
from tui_transformer.render.strips import Strip, Strips

from .attention import MOST_CELLS, NAMES, word

VIEW = "diff"
LEAST_FULL = 0.01
"""The signed scale ends at the largest difference, but not below this."""


@dataclass(frozen=True, slots=True)
class Side:
    """A or B: the model's `name` if it is another one than the other's, `text` the source, `target` its translation."""

    name: str
    text: str
    target: str


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """B's attention less A's: `matrix` over `rows` and `columns`, of the heads that `heads` names."""

    kind: Kind
    heads: str
    matrix: Floats
    rows: Pairing
    columns: Pairing


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """All that is shown: `what` is compared, a sentence on what was `read`, `notes` for what else has to be said."""

    what: str
    a: Side
    b: Side
    read: str
    steps: Sequence[StepDifference]
    moved: Moved
    notes: tuple[str, ...] = ()


def difference_picture(shown: Difference) -> Picture:
    """The two texts, a line a step, and the signed heat map."""
    moved = shown.moved
    full = max(LEAST_FULL, float(np.abs(moved.matrix).max()))
    body = Group(
        _side("A", shown.a), _side("B", shown.b), Text(),
        _steps(shown.steps), Text(),
        Text(f"attention of B − A · {NAMES[moved.kind]} · {moved.heads}", style=STRONG),
        Grid(moved.matrix, moved.rows.labels, moved.columns.labels, signed=True, full=full), Text(),
        Scale(signed=True, full=full),
    )  # fmt: skip
    rows = [(number, *_row(step)) for number, step in enumerate(shown.steps, 1)]
    header = ("step", "piece", "log_probability_a", "log_probability_b", "divergence", "favourite_a", "favourite_b")
    return Picture(VIEW, f"diff · {shown.what}", body, tuple(_says(shown)), _values(shown), Table(header, rows))


def _side(letter: str, side: Side) -> Text:
    line = Text(f"{letter}  ", style=ACCENT)
    name = visible(f"{side.name}: ") if side.name else ""
    return line.append(
        f"{name}{clip(side.text, MOST_CELLS)} → {clip(side.target, MOST_CELLS)}", Style(bold=False, color="default")
    )


def _steps(steps: Sequence[StepDifference]) -> Strips:
    header = ("piece", "log p A", "log p B", "B − A", "KL bit", "A likes", "B likes")
    strips = [Strip("step", header, [QUIET] * len(header))]
    for number, step in enumerate(steps, 1):
        likes = [step.favourite_a[0], step.favourite_b[0]]
        cells = [step.piece, _number(step.a), _number(step.b), _number(step.change, "+.2f"),
                 _number(step.divergence, ".3f"), *likes]  # fmt: skip
        plain = Style.null()
        strips.append(Strip(str(number), cells, [plain] * 5 + [ACCENT if step.differs else QUIET] * 2))
    return Strips(strips, align="right")


def _number(value: float | None, form: str = ".2f") -> str:
    if value is None:
        return "–"
    text = f"{value:{form}}"
    # No sign before a zero.
    return (text if text.strip("+-0.") else text.lstrip("+-")).replace("-", "−")


def _row(step: StepDifference) -> tuple[object, ...]:
    known = ("" if value is None else value for value in (step.a, step.b, step.divergence))
    return (step.piece, *known, step.favourite_a[0], step.favourite_b[0])


def _says(shown: Difference) -> list[str]:
    steps = shown.steps
    said = [shown.read, _first_difference(steps)]
    known = [(step.divergence, number, step) for number, step in enumerate(steps, 1) if step.divergence is not None]
    if known:
        most, number, step = max(known, key=lambda one: one[0])
        mean = sum(one[0] for one in known) / len(known)
        said.append(
            f"KL(A‖B) = Σ p_A log2(p_A / p_B) over all pieces is at most {most:.3f} bit, at step {number} "
            f"({word(step.piece)}), {mean:.3f} on average."
        )
    else:
        said.append("KL(A‖B) needs the whole distributions, which these decodings do not have.")
    changes = [step.change for step in steps if step.change is not None]
    if len(changes) == len(steps):
        change = sum(changes)
        nats = f"{abs(change):.2f}"
        much = f"{nats} nats {'less' if change < 0 else 'more'} likely than A" if float(nats) else "as likely as A"
        said.append(f"B finds what was read {much} (log-probability).")
    return [*said, *_moved(shown.moved), *shown.notes]


def _first_difference(steps: Sequence[StepDifference]) -> str:
    for number, step in enumerate(steps, 1):
        if step.differs:
            (a, how_a), (b, how_b) = step.favourite_a, step.favourite_b
            return (
                f"The next tokens first differ at step {number} of {len(steps)}: A prefers {word(a)} {how_a:.2f}, "
                f"B prefers {word(b)} {how_b:.2f}."
            )
    return f"Both prefer the same token at each of the {len(steps)} steps."


def _moved(moved: Moved) -> list[str]:
    row, column = np.unravel_index(int(np.abs(moved.matrix).argmax()), moved.matrix.shape)
    most = float(moved.matrix[row, column])
    if not most:
        return ["Attention is the same everywhere."]
    more = "more" if most > 0 else "less"
    said = [
        f"Attention changes most in {_plain(moved.rows.labels[row])}: it reads {_plain(moved.columns.labels[column])} "
        f"{abs(most):.3f} {more} in B than in A."
    ]
    if any(place is None for place in (*moved.columns.a, *moved.columns.b)):
        said.append("A piece with − is only in A, one with + only in B: where it is not, its attention counts as 0.")
    return said


def _plain(label: str) -> str:
    """Without the marks of spaces."""
    return quoted(label.replace("▁", "") or label)


def _values(shown: Difference) -> dict[str, Any]:
    moved = shown.moved
    steps = [
        {"piece": one.piece, "log_probability_a": one.a, "log_probability_b": one.b, "divergence": one.divergence,
         "favourite_a": one.favourite_a, "favourite_b": one.favourite_b, "differs": one.differs}
        for one in shown.steps
    ]  # fmt: skip
    first = next((number for number, step in enumerate(shown.steps, 1) if step.differs), None)
    attention = {"kind": moved.kind, "heads": moved.heads, "rows": moved.rows.labels,
                 "columns": moved.columns.labels, "difference": moved.matrix}  # fmt: skip
    return {"a": asdict(shown.a), "b": asdict(shown.b), "read": shown.read, "first_difference": first,
            "steps": steps, "attention": attention}  # fmt: skip
