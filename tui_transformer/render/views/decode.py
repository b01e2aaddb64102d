"""A decoding step by step: candidates, entropy, and what each new piece reads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Group, RenderableType
from rich.style import Style
from rich.text import Text

from tui_transformer.analysis.alignment import Heads, mean_of_heads
from tui_transformer.events import Floats, Step, Trace
from tui_transformer.render.bars import Bars, Profile, sparkline
from tui_transformer.render.cards import Cards
from tui_transformer.render.labels import fraction, quoted, visible
from tui_transformer.render.palette import ACCENT, QUIET, STRONG, cell, levels
from tui_transformer.render.picture import Picture, Table
from tui_transformer.render.strips import Strip, Strips

VIEW = "decode"
Weights = npt.NDArray[np.float64]
NAMED = 3
"""So many source pieces are named in a sentence about attention."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Which part of a decoding is shown: `top` candidates a step, cross-attention as the mean of `heads`."""

    trace: Trace
    top: int
    heads: Heads
    way: str = "greedy"
    """How the pieces were chosen."""

    @property
    def source(self) -> tuple[str, ...]:
        """The pieces that were read."""
        return self.trace.encoded.pieces

    @property
    def whose(self) -> str:
        """Whose attention is shown."""
        if len(self.heads) == 1:
            ((layer, head),) = self.heads
            return f"layer {layer + 1}, head {head + 1}"
        return f"the mean of {len(self.heads)} heads"

    def attention(self, cross_attention: Floats) -> Weights:
        """(L, H, S) of one step → (S,)."""
        mean: Weights = mean_of_heads(cross_attention[:, :, None], self.heads)[0]
        return mean

    def reads(self, attention: Weights, count: int = NAMED) -> str:
        """The source pieces that were read most, with their weights."""
        return ", ".join(f"{quoted(self.source[i])} {fraction(attention[i])}" for i in np.argsort(-attention)[:count])

    def values(self) -> dict[str, object]:
        """What every picture of a decoding gives as JSON."""
        finished = self.trace.finished
        return {
            "text": self.trace.encoded.text, "source_pieces": self.source, "translation": finished.text,
            "pieces": finished.pieces, "log_probability": finished.log_probability, "score": finished.score,
            "complete": finished.complete, "heads": [[layer + 1, head + 1] for layer, head in self.heads],
        }  # fmt: skip


def decode_picture(shown: Shown) -> Picture:
    """Every step of a decoding as a card, below a line of all of them. The trace must have such steps."""
    steps = shown.trace.steps
    body = Group(_line(steps), Text(), Cards([_card(shown, step) for step in steps]))
    title = f"decode · {shown.way} · {len(steps)} steps · {visible(shown.trace.finished.text)}"
    values = {**shown.values(), "steps": [_values(shown, step) for step in steps]}
    return Picture(VIEW, title, body, tuple(_says(shown)), values, _table(shown, steps))


def step_picture(shown: Shown, number: int) -> Picture:
    """One step, counted from 0, large: its candidates, and every source piece with what is read of it."""
    step = shown.trace.steps[number]
    attention = shown.attention(step.cross_attention)
    before = " ".join(visible(one.chosen.piece) for one in shown.trace.steps[:number])
    body = Group(
        Text(f"after  {before or 'nothing yet'}", style=QUIET), Text(),
        _bars(shown, step), Text(),
        Text(f"reads, {shown.whose}", style=STRONG), weighed(shown.source, attention),
    )  # fmt: skip
    title = f"decode · step {number + 1} of {len(shown.trace.steps)} · {visible(step.chosen.piece)}"
    values = {**shown.values(), "steps": [_values(shown, step)]}
    says = (_chose(step), f"{quoted(step.chosen.piece)} reads {shown.reads(attention)}.")
    return Picture(VIEW, title, body, says, values, _table(shown, [step]))


def weighed(pieces: Sequence[str], weights: Weights) -> Strips:
    """Pieces on the colours of their weights 0…1, which stand below as a column and a number."""
    styles = [cell(int(level)) for level in levels(weights)]
    return Strips([
        Strip("piece", pieces, styles),
        Strip("", [column * 3 for column in sparkline(weights, high=1)], [QUIET] * len(pieces)),
        Strip("weight", [fraction(float(weight)) for weight in weights]),
    ])  # fmt: skip


def _line(steps: Sequence[Step]) -> Strips:
    entropies = [step.entropy for step in steps]
    styles = [Style.null() if step.chosen.probability >= 0.5 else ACCENT for step in steps]
    return Strips([
        Strip("step", [str(step.position + 1) for step in steps], [QUIET] * len(steps)),
        Strip("piece", [step.chosen.piece for step in steps], styles),
        Strip("probability", [fraction(step.chosen.probability) for step in steps]),
        Strip("entropy", ["" if math.isnan(entropy) else f"{entropy:.1f} {column}" for entropy, column in
                          zip(entropies, sparkline(entropies, high=max(1.0, *entropies)), strict=True)]),
    ])  # fmt: skip


def _card(shown: Shown, step: Step) -> RenderableType:
    attention = shown.attention(step.cross_attention)
    head = Text(f"{step.position + 1} {visible(step.chosen.piece)}", style=STRONG)
    return Group(
        head.append("" if math.isnan(step.entropy) else f"  entropy {step.entropy:.2f} bit", style=QUIET),
        _bars(shown, step),
        Text(f"reads {shown.reads(attention, 2)}", style=QUIET, no_wrap=True, overflow="ellipsis"),
        Profile(attention, [piece.removeprefix("▁") for piece in shown.source]),
    )


def _bars(shown: Shown, step: Step) -> Bars:
    """The candidates; the chosen one is marked, and added where it is not among them (it was forced)."""
    listed = [*step.candidates[: shown.top]]
    if step.chosen.id not in [one.id for one in listed]:
        listed.append(step.chosen)
    places = [one.id for one in listed].index(step.chosen.id)
    return Bars(
        [("▸ " if one.id == step.chosen.id else "  ") + one.piece for one in listed],
        [one.probability for one in listed],
        [_probability(one.probability) for one in listed],
        full=1.0, highlight=places,
    )  # fmt: skip


def _probability(value: float) -> str:
    """Three decimals without the zero."""
    return f"{value:.3f}".removeprefix("0")


def _says(shown: Shown) -> list[str]:
    trace = shown.trace
    said = [_total(trace)]
    unsure = max(trace.steps, key=lambda step: -step.chosen.probability if math.isnan(step.entropy) else step.entropy)
    said.append(f"It was least sure at step {unsure.position + 1}: {_chose(unsure)}")
    attention = shown.attention(unsure.cross_attention)
    said.append(
        f"There it reads {shown.reads(attention)}: below each step, a column for each of {len(shown.source)} "
        f"source pieces, {shown.whose}."
    )
    return said


def _total(trace: Trace) -> str:
    finished = trace.finished
    cut = "" if finished.complete else ", cut off by the length limit"
    return f"The whole translation has log-probability {finished.log_probability:.2f}{cut}."


def _chose(step: Step) -> str:
    others = [one for one in step.candidates if one.id != step.chosen.id]
    rival = f", {quoted(others[0].piece)} {_probability(others[0].probability)}" if others else ""
    chose = f"{quoted(step.chosen.piece)} {_probability(step.chosen.probability)}{rival}"
    if math.isnan(step.entropy):
        return f"{chose}; its entropy was not kept."
    return f"{chose}; {step.entropy:.2f} bit, as undecided as among {2**step.entropy:.1f} equally likely pieces."


def _values(shown: Shown, step: Step) -> dict[str, object]:
    return {
        "step": step.position + 1,
        "chosen": _candidate(step.chosen.piece, step.chosen.id, step.chosen.probability),
        "entropy_bits": step.entropy,
        "candidates": [_candidate(one.piece, one.id, one.probability) for one in step.candidates[: shown.top]],
        "attention": shown.attention(step.cross_attention),
    }


def _candidate(piece: str, number: int, probability: float) -> dict[str, object]:
    logarithm = math.log(probability) if probability > 0 else -math.inf
    return {"piece": piece, "id": number, "probability": probability, "log_probability": logarithm}


def _table(shown: Shown, steps: Sequence[Step]) -> Table:
    rows = [
        (step.position + 1, rank, one.piece, one.id, one.probability, one.id == step.chosen.id, step.entropy)
        for step in steps
        for rank, one in enumerate(step.candidates[: shown.top], 1)
    ]
    return Table(("step", "rank", "piece", "id", "probability", "chosen", "entropy_bits"), rows)
