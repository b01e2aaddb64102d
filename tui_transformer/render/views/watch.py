"""One moment of a decoding, in parts: the source as it is read, the translation so far, candidates, heads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rich.console import Group
from rich.style import Style
from rich.text import Text

from tui_transformer.analysis.alignment import coverage, default_heads, mean_of_heads
from tui_transformer.events import Step, Trace
from tui_transformer.render.bars import Bars, sparkline
from tui_transformer.render.flow import Flow, Token
from tui_transformer.render.grid import Grid
from tui_transformer.render.head_rows import HeadRows
from tui_transformer.render.labels import fraction, visible
from tui_transformer.render.palette import QUIET, cell, levels

from .attention import word
from .decode import Weights

UNREAD = "○"
LITTLE = 0.2
"""A source piece that got less attention than this from all tokens together counts as not looked at."""
NAMED = 3


def source_flow(pieces: Sequence[str], trace: Trace | None) -> Flow:
    """Source pieces on the colour of what the newest token reads; below each what all tokens so far read of it."""
    if trace is None:
        return Flow([Token(piece) for piece in pieces])
    read = cross_attention(trace.steps)
    newest = read[-1]
    total = [*coverage(read), None]
    return Flow([
        Token(piece, cell(int(level)), _covered(share))
        for piece, level, share in zip(pieces, levels(newest), total, strict=True)
    ])  # fmt: skip


def most_read(trace: Trace | None) -> int:
    """The source piece, from 0, that the newest token reads most."""
    return int(cross_attention(trace.steps[-1:])[0].argmax()) if trace else 0


def target_flow(steps: Sequence[Step], moment: int) -> Flow:
    """The translation on the colours of its probabilities, which stand below; what comes after the moment is dim."""
    tokens = [
        Token(step.chosen.piece, cell(int(levels(np.array(step.chosen.probability)))),
              fraction(step.chosen.probability) if number < moment else "", later=number >= moment)
        for number, step in enumerate(steps)
    ]  # fmt: skip
    return Flow(tokens, cursor=moment - 1 if moment else None)


def searched_flow(pieces: Sequence[str]) -> Flow:
    """What a beam has found so far: it may still change its mind."""
    return Flow([Token(piece, Style(dim=True)) for piece in pieces])


def clipped(flow: Flow, lines: int) -> Flow:
    """At most so many lines of it: where the cursor is, or the last."""
    return replace(flow, lines=lines)


def candidate_bars(step: Step, cursor: int) -> Bars:
    """The likeliest pieces; ▸ marks the one looked at, • the one that was taken."""
    marks = ["▸" if i == cursor else " " for i in range(len(step.candidates))]
    taken = ["•" if one.id == step.chosen.id else " " for one in step.candidates]
    return Bars(
        [f"{a}{b}{one.piece}" for a, b, one in zip(marks, taken, step.candidates, strict=True)],
        [one.probability for one in step.candidates],
        [fraction(one.probability, digits=3) for one in step.candidates],
        full=1.0, highlight=cursor,
    )  # fmt: skip


def step_title(step: Step) -> str:
    """Such as: step 5 · entropy 1.2 bit. A kept beam search does not know the entropy."""
    entropy = "not kept" if math.isnan(step.entropy) else f"{step.entropy:.1f} bit"
    return f"step {step.position + 1} · entropy {entropy}"


def heads_of_step(step: Step, off: frozenset[tuple[int, int]] = frozenset()) -> HeadRows:
    """The encoder–decoder attention of one step, head by head."""
    return HeadRows(step.cross_attention, off)


def heads_and_all(trace: Trace, off: frozenset[tuple[int, int]] = frozenset()) -> Group:
    """The same, and below it what every token so far reads: the mean of all heads above the first layer."""
    rows = [step.chosen.piece for step in trace.steps]
    told = Text("all tokens so far, the mean of the heads above the first layer", style=QUIET)
    return Group(heads_of_step(trace.steps[-1], off), Text(), told,
                 Grid(cross_attention(trace.steps), rows, trace.encoded.pieces))  # fmt: skip


def reads(step: Step, source: Sequence[str]) -> str:
    """Such as: "große" reads "great" .71 "a" .12 "as" .06."""
    weights = cross_attention([step])[0]
    most = np.argsort(-weights, kind="stable")[:NAMED]
    return f"{word(step.chosen.piece)} reads " + " ".join(
        f"{word(visible(source[i]))} {fraction(weights[i])}" for i in most
    )


def cross_attention(steps: Sequence[Step]) -> Weights:
    """(T, S): the mean of all heads above the first layer."""
    stacked = np.stack([step.cross_attention for step in steps], axis=2)
    return mean_of_heads(stacked, default_heads(*stacked.shape[:2]))


def _covered(share: float | None) -> str:
    if share is None:
        return ""
    return UNREAD if share < LITTLE else sparkline([min(share, 1.0)], high=1) * 2
