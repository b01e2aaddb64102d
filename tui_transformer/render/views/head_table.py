"""What each head does, in numbers; and which heads align words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from rich.console import Group
from rich.style import Style

from tui_transformer.analysis.aligners import Aligner
from tui_transformer.render.bars import Bars
from tui_transformer.render.labels import fraction
from tui_transformer.render.palette import cell, levels
from tui_transformer.render.picture import Picture, Table
from tui_transformer.render.strips import Strip, Strips

from .attention import NAMES, VIEW, Shown

COLUMNS = ("entropy", "focus", "previous", "diagonal", "next", "first", "last", "coverage")
LISTED = 12
BEST = 3


def stats_picture(shown: Shown) -> Picture:
    """A line a head: its name, entropy, and how much of its weight lies where."""
    found = [shown.head_values(*place) for place in shown.heads]
    known = [name for name in COLUMNS if any(math.isfinite(head[name]) for head in found)]
    strips = [Strip("", known)]
    for head in found:
        numbers = [head[name] for name in known]
        strips.append(
            Strip(
                f"L{head['layer']} H{head['head']}  {head['name']}",
                [_number(name, value) for name, value in zip(known, numbers, strict=True)],
                [_style(name, value) for name, value in zip(known, numbers, strict=True)],
            )
        )
    kind = shown.attention.kind
    most = "half (the diagonal: three quarters)" if kind == "cross" else "half"
    diagonal = "within one of the straight line from first to last" if kind == "cross" else "itself"
    says = (
        "entropy: of a row's weights, in bits; focus: a row's largest weight; coverage: the share of columns read, "
        f"each at most once. The others are the weight on a place: diagonal is {diagonal}. Means over rows.",
        f'A head is named after the place that has {most} of its weight or more; "broad" is near-equal weight, '
        '"focused" half of it on one piece elsewhere, "mixed" the rest.',
    )
    rows = [[head[column] for column in ("layer", "head", "name", "evenness", *COLUMNS)] for head in found]
    title = f"heads · {NAMES[kind]} · {shown.size}"
    return Picture(VIEW, title, Group(shown.texts(), Strips(strips, align="right")), (*says, *shown.notes),
                   shown.values() | {"heads": found},
                   Table(("layer", "head", "name", "evenness", *COLUMNS), rows))  # fmt: skip


def aligners_picture(shown: Shown, ranked: Sequence[Aligner]) -> Picture:
    """The heads that align words best, the best first."""
    best = ranked[:LISTED]
    same = best[0].same_words
    numbers = [
        f"{one.agreement:.2f}  cov {fraction(one.coverage)}" + (f"  same {one.same}/{same}" if same else "")
        for one in best
    ]
    bars = Bars([f"L{one.layer + 1} H{one.head + 1}" for one in best], [one.agreement for one in best], numbers, full=1)
    choice = ",".join(f"{one.layer + 1}:{one.head + 1}" for one in ranked[:BEST])
    says = [
        "The bar is how far a head's word pairs agree with those of the mean of all other heads above the first layer "
        "(F-measure); cov is the share of source words it paired.",
        f"In this sentence {choice.replace(',', ', ')} align best: ttx translate --alignment hard --align-heads "
        f"{choice} uses them.",
    ]
    if same:
        says.insert(1, f"same: how many of the words that are equal on both sides ({same}) it paired with each other.")
    if len(ranked) > len(best):
        says.append(f"{len(ranked) - len(best)} more heads agree no better; --format tsv lists all.")
    rows = [(one.layer + 1, one.head + 1, one.agreement, one.same, one.same_words, one.coverage) for one in ranked]
    values = shown.values() | {
        "heads": [asdict(one) | {"layer": one.layer + 1, "head": one.head + 1} for one in ranked],
        "align_heads": choice,
    }
    table = Table(("layer", "head", "agreement", "same", "same_words", "coverage"), rows)
    title = f"heads that align · {len(ranked)} heads of {NAMES['cross']}"
    return Picture(VIEW, title, Group(shown.texts(), bars), (*says, *shown.notes), values, table)


def _number(name: str, value: float) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:.2f}" if name == "entropy" else fraction(value)


def _style(name: str, value: float) -> Style:
    if name == "entropy" or not math.isfinite(value):
        return Style.null()
    return cell(int(levels(np.array(value))))
