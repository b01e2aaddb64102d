"""What is lost without some heads or pieces: one translation before and after, or all heads ranked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from tui_transformer.ablation import Ablation
from tui_transformer.heads import Head
from tui_transformer.probes import KINDS, Kind
from tui_transformer.render.labels import quoted, visible
from tui_transformer.render.ledger import Column, Gauges, Ledger, Words
from tui_transformer.render.palette import QUIET, STRONG, Floats, cell, levels
from tui_transformer.render.picture import Picture, Table

VIEW = "ablate"
MOST = 40
"""Most pieces of a source that are shown: those that matter most."""
NAMES: dict[Kind, str] = {
    "encoder": "encoder self-attention",
    "decoder": "decoder self-attention",
    "cross": "encoder–decoder attention",
}


@dataclass(frozen=True, slots=True)
class Ablated:
    """A sentence, what was taken away, and what became of its translation.

    `pieces` are those of the judged translation with its end, `taken` the names of heads and pieces.
    """

    source: str
    taken: tuple[str, ...]
    pieces: tuple[str, ...]
    text: str
    changed_text: str
    result: Ablation


def ablation_picture(shown: Ablated) -> Picture:
    """Both translations, and piece by piece how much less likely the first one became."""
    result = shown.result
    before, after = math.fsum(result.before), math.fsum(result.after)
    lines = Ledger([
        Words("", ["before", "after"]),
        Words("own log p", [f"{before:.2f}", f"{result.changed_log_probability:.2f}"], "right"),
        Words("log p of the first", [f"{before:.2f}", f"{after:.2f}"], "right"),
    ], 2)  # fmt: skip
    body = Group(
        Text(visible(f"before  {shown.text}")), Text(visible(f"after   {shown.changed_text}"), style=STRONG), Text(),
        lines, Text(), Text("the first translation, piece by piece: log p in nats", style=STRONG), _by_piece(shown),
    )  # fmt: skip
    values = {
        "source": shown.source, "taken": shown.taken, "translation": shown.text, "log_probability": before,
        "log_probability_after": after, "loss": result.loss, "changed": shown.changed_text,
        "changed_log_probability": result.changed_log_probability, "pieces": shown.pieces,
        "log_probabilities": result.before, "log_probabilities_after": result.after,
    }  # fmt: skip
    rows = list(zip(shown.pieces, result.before, result.after, strict=True))
    title = f"ablate · without {', '.join(shown.taken)}"
    return Picture(VIEW, title, body, tuple(_says(shown)), values,
                   Table(("piece", "log_probability", "log_probability_after"), rows))  # fmt: skip


def loss_line(off: Sequence[str], result: Ablation, log_probability: float, before: str, after: str) -> str:
    """What became of a translation, in a line: `before` with all heads, now `after`, of this log-probability."""
    change = f"log p {math.fsum(result.before):.2f} → {log_probability:.2f}".replace("-", "−")
    same = before.strip() == after.strip()
    which = "same text, " if same else ""
    old = "" if same else f" than now is {quoted(before.strip())}"
    return f"off {', '.join(off)} · {change} · {which}{_times(result.loss)}{old}"


def _by_piece(shown: Ablated) -> Ledger:
    before, after = np.array(shown.result.before), np.array(shown.result.after)
    change = after - before
    columns: list[Column] = [
        Words("piece", shown.pieces),
        Words("before", [f"{value:.2f}" for value in before.tolist()], "right"),
        Words("after", [f"{value:.2f}" for value in after.tolist()], "right"),
        Gauges("change", change, float(np.abs(change).max()), [_signed(value) for value in change.tolist()]),
    ]
    return Ledger(columns, len(shown.pieces))


def _says(shown: Ablated) -> list[str]:
    result = shown.result
    change = np.subtract(result.after, result.before)
    worst = int(change.argmin())
    said = [
        f"Without {', '.join(shown.taken)} the first translation's log-probability goes from "
        f"{math.fsum(result.before):.2f} to {math.fsum(result.after):.2f} nats: "
        f"it is {_times(result.loss)}.",
    ]
    if change[worst] < 0:
        before, after = (f"{math.exp(one[worst]):.2g}" for one in (result.before, result.after))
        said.append(f"{quoted(shown.pieces[worst])} suffers most: its probability goes from {before} to {after}.")
    if result.changed == result.target:
        said.append("The model says the same as before.")
    else:
        said.append(f"The model now says: {visible(shown.changed_text)}")
    return said


def _times(loss: float) -> str:
    if abs(loss) < 0.005:
        return "as likely as before"
    factor = math.exp(min(abs(loss), 20))
    shown = f"{factor:.2f}" if factor < 10 else f"{factor:,.0f}" if factor < 1e6 else "more than a million"
    return f"{shown} times {'less' if loss > 0 else 'more'} likely"


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """What a sentence's translation loses in nats without each head, and without each of its source pieces."""

    source: str
    text: str
    log_probability: float
    heads: Sequence[tuple[Head, float]]
    pieces: Sequence[str]
    by_piece: Floats  # (S,)

    @property
    def ranking(self) -> list[tuple[Head, float]]:
        """Heads, those that matter most first."""
        return sorted(self.heads, key=lambda one: -one[1])

    def map_of(self, kind: Kind) -> Floats:
        """The loss of each head of a kind (L, H)."""
        mine = [(head, loss) for head, loss in self.heads if head.kind == kind]
        losses = np.zeros((1 + max(head.layer for head, _ in mine), 1 + max(head.head for head, _ in mine)))
        for head, loss in mine:
            losses[head.layer, head.head] = loss
        return losses


def sweep_picture(sweep: Sweep, top: int) -> Picture:
    """A map of all heads, layer by layer, and the `top` heads; then what each source piece is worth."""
    full = max(abs(loss) for _, loss in sweep.heads) or 1.0
    body: list[RenderableType] = [Text(visible(sweep.text)), Text()]
    for kind in KINDS:
        body += [Text(f"{NAMES[kind]}: loss in nats without a head", style=STRONG),
                 _map(sweep.map_of(kind), full), Text()]  # fmt: skip
    ranking = sweep.ranking
    best = ranking[:top]
    body += [Text(f"the {len(best)} heads of {len(ranking)} that matter most", style=STRONG), _bars(
        [str(head) for head, _ in best], np.array([loss for _, loss in best]), "head"), Text()]  # fmt: skip
    body += [Text("without a piece of the source", style=STRONG), _by_source_piece(sweep)]
    title = f"ablate · sweep of {len(ranking)} heads · log p {sweep.log_probability:.2f}"
    ranked = [{"head": str(head), "loss": loss} for head, loss in ranking]
    values = {
        "source": sweep.source, "translation": sweep.text, "log_probability": sweep.log_probability,
        "heads": ranked, "pieces": sweep.pieces, "loss_by_piece": sweep.by_piece,
    }  # fmt: skip
    table = Table(("rank", "head", "loss"), [(i, str(head), loss) for i, (head, loss) in enumerate(ranking, 1)])
    return Picture(VIEW, title, Group(*body), tuple(_sweep_says(sweep)), values, table)


def _map(losses: Floats, full: float) -> Ledger:
    layers, heads = losses.shape
    columns: list[Column] = [Words("", [f"L{layer + 1}" for layer in range(layers)])]
    for head in range(heads):
        styles = [cell(int(level), True) for level in levels(losses[:, head] / full, True)]
        shown = [f" {_signed(loss)} " for loss in losses[:, head].tolist()]
        columns.append(Words(f"H{head + 1} ", shown, "right", styles))
    return Ledger(columns, layers)


def _bars(names: Sequence[str], losses: Floats, what: str) -> Ledger:
    columns: list[Column] = [
        Words(what, names),
        Gauges("loss", losses, float(np.nanmax(np.abs(losses))), [_signed(loss) for loss in losses.tolist()]),
    ]
    return Ledger(columns, len(names))


def _by_source_piece(sweep: Sweep) -> RenderableType:
    if np.isnan(sweep.by_piece).all():
        return Text("the source has one piece only, without which there is nothing", style=QUIET)
    kept = sorted(np.argsort(-np.abs(sweep.by_piece), kind="stable")[:MOST].tolist())
    bars = _bars([sweep.pieces[i] for i in kept], sweep.by_piece[kept], "piece")
    left_out = len(sweep.pieces) - len(kept)
    if not left_out:
        return bars
    return Group(bars, Text(f"{left_out} pieces that matter less are not shown", style=QUIET))


def _sweep_says(sweep: Sweep) -> list[str]:
    ranking = sweep.ranking
    listed = ", ".join(f"{head} ({loss:.2f})" for head, loss in ranking[:3])
    better = sum(_signed(loss).startswith("-") for _, loss in ranking)
    said = [
        f"Heads that matter most to this translation, with the log-probability lost without them: {listed}.",
    ]
    if better:
        head, loss = ranking[-1]
        said.append(f"Without one of {better} other heads the translation becomes more likely, most of all without "
                    f"{head} ({-loss:+.2f}).")  # fmt: skip
    if not np.isnan(sweep.by_piece).all():
        most = int(np.nanargmax(sweep.by_piece))
        said.append(f"Of the source, {quoted(sweep.pieces[most])} matters most: {sweep.by_piece[most]:.2f} nats.")
    return said


def _signed(value: float) -> str:
    text = f"{value:+.2f}"
    return " 0.00" if float(text) == 0 else text
