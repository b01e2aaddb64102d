"""Scaled dot-product attention step by step, with the numbers of one token in one head.

softmax(QKᵀ / √d_k)V, and how heads are split and concatenated: "Attention Is All You Need", 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table as Grid
from rich.text import Text

from tui_transformer.probes import SUBLAYERS
from tui_transformer.render.labels import quoted
from tui_transformer.render.ledger import Column, Gauges, Ledger, Strokes, Words
from tui_transformer.render.numerals import Numerals
from tui_transformer.render.palette import ACCENT, QUIET, STRONG, Floats
from tui_transformer.render.picture import Picture, Table

from .heads import HeadInside, largest, score_text, shape, strongest, weight_text

VIEW = "qkv"
KEYS = 40

TWO_COLUMNS = 150
"""From so many cells on, sections stand side by side."""

Section = tuple[str, RenderableType]
"""A heading and what belongs to it."""


@dataclass(frozen=True)
class Sections:
    """One below the other, or where there is room the second half beside the first."""

    sections: Sequence[Section]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width < TWO_COLUMNS:
            yield self._column(self.sections)
            return
        half = len(self.sections) // 2
        table = Grid.grid(expand=True, padding=(0, 3))
        table.add_column(ratio=1)
        table.add_column(ratio=1)
        table.add_row(self._column(self.sections[:half]), self._column(self.sections[half:]))
        yield table

    def _column(self, sections: Sequence[Section]) -> Group:
        body: list[RenderableType] = []
        for number, (heading, drawn) in enumerate(sections):
            body += [*([Text()] if number else []), Text(heading, style=STRONG), drawn]
        return Group(*body)


@dataclass(frozen=True)
class Attending(HeadInside):
    """One token attends in one head. Axis letters: T ask, S answer, H heads, K d_k, D d_model."""

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """T, S, H and K."""
        _, H, T, K = self.attended.query.shape
        return T, self.attended.key.shape[2], H, K

    @property
    def query(self) -> Floats:
        """What the token asks (K)."""
        return self._row(self.attended.query)

    @property
    def scores(self) -> Floats:
        """query · key / √d_k (S)."""
        return self._row(self.attended.scores)

    @property
    def masked_scores(self) -> Floats:
        """The same with the mask, what the softmax gets (S)."""
        return self._row(self.attended.masked_scores)

    @property
    def weights(self) -> Floats:
        """The softmax of the masked scores (S)."""
        return self._row(self.attended.weights)

    @property
    def context(self) -> Floats:
        """The head's answer, Σ weights · values (K)."""
        return self._row(self.attended.context)

    @property
    def contexts(self) -> Floats:
        """The answers of all heads of the layer (H, K)."""
        answers: Floats = self.attended.context[self.which.layer, :, self.token]
        return answers

    @property
    def added(self) -> Floats:
        """What the sub-layer adds to the residual stream of the token (D)."""
        encoder = self.which.kind == "encoder"
        stream = self.probed.encoder.stream if encoder else self.probed.decoder.stream
        per_layer = SUBLAYERS["encoder" if encoder else "decoder"]
        row: Floats = stream.added[per_layer * self.which.layer + (self.which.kind == "cross"), self.token]
        return row

    def _row(self, part: Floats) -> Floats:
        row: Floats = self.of(part)[self.token]
        return row


def qkv_picture(asked: Attending, most: int = KEYS) -> Picture:
    """From the query of a token to what its sub-layer adds, a step a section.

    Of more than `most` keys, those with the largest weights are shown, and the others as one row.
    """
    places = strongest(asked.weights, most)
    title = f"Q·K·V · {asked.name} · {quoted(asked.asking[asked.token])} · softmax(QKᵀ / √{asked.sizes[-1]}) V"
    body = Sections(_sections(asked, places))
    return Picture(VIEW, title, body, tuple(_says(asked, places)), _as_json(asked), _table(asked))


def _sections(asked: Attending, places: Sequence[int]) -> list[Section]:
    T, S, H, K = asked.sizes
    D, asking = H * K, quoted(asked.asking[asked.token])
    if T == S:
        whole, heads = f"queries, keys and values {shape(1, T, D)}", ""
    else:
        whole = f"queries {shape(1, T, D)}, keys and values {shape(1, S, D)}"
        heads = f" and {shape(1, H, S, K)}"
    return [
        (f"1 · {whole} are split into {H} heads {shape(1, H, T, K)}{heads}",
         _split(asked)),
        (f"2 · the query of {asking} {shape(1, K)}",
         Group(_vectors([("query", asked.query)]), Numerals(asked.query))),
        (f"3 · keys {shape(S, K)}ᵀ → scores {shape(1, S)} → softmax → weights {shape(1, S)}",
         _keys(asked, places)),
        (f"4 · weights {shape(1, S)} · values {shape(S, K)}", _values(asked, places)),
        (f"5 · their sum, the answer of this head {shape(1, K)}",
         Group(_vectors([("answer", asked.context)]), Numerals(asked.context))),
        (f"6 · heads are concatenated {shape(1, H, T, K)} → {shape(1, T, D)}, projected and added",
         _concatenated(asked)),
    ]  # fmt: skip


def _split(asked: Attending) -> Ledger:
    _, _, H, K = asked.sizes
    mine = asked.which.head
    styles = [ACCENT if head == mine else QUIET for head in range(H)]
    used = [f"{head * K}–{(head + 1) * K - 1}" for head in range(H)]
    return Ledger([
        Words("head", [f"H{head + 1}" for head in range(H)], styles=styles),
        Words("numbers", used, styles=styles),
        Strokes("query", asked.attended.query[asked.which.layer, :, asked.token],
                largest([asked.attended.query[asked.which.layer]])),
    ], H, [mine])  # fmt: skip


def _vectors(named: Sequence[tuple[str, Floats]]) -> Ledger:
    vectors = np.stack([vector for _, vector in named])
    return Ledger([Words("", [name for name, _ in named]), Strokes("", vectors, largest([vectors]))], len(named))


def _keys(asked: Attending, places: Sequence[int]) -> Ledger:
    _, S, _, K = asked.sizes
    keys, weights = asked.of(asked.attended.key)[places], asked.weights[places]
    scores, masked = asked.scores[places].tolist(), asked.masked_scores[places].tolist()
    rest = S - len(places)
    more, empty = ([""] if rest else []), np.full((min(1, rest), K), np.nan)
    shown = np.concatenate([weights, [_others(asked.weights, places)] if rest else []])
    columns: list[Column] = [
        Words("piece", [*_pieces(asked, places), *_others_named(rest)]),
        Strokes("key", np.concatenate([keys, empty]), largest([keys])),
        Words("q·k", [*(f"{score * math.sqrt(K):.2f}" for score in scores), *more], "right"),
        Words(f"/ √{K}", [*(score_text(score) for score in scores), *more], "right"),
    ]
    if scores != masked:
        columns.append(Words("with mask", [*(score_text(score) for score in masked), *more], "right"))
    written = [weight_text(weight) for weight in shown.tolist()]
    columns.append(Gauges("weight", shown, float(shown.max()), written))
    return Ledger(columns, len(shown))


def _values(asked: Attending, places: Sequence[int]) -> Ledger:
    _, S, _, K = asked.sizes
    values = asked.of(asked.attended.value)
    weighted = asked.weights[:, None] * values
    rest = S - len(places)
    others = np.delete(np.arange(S), places)
    weights = [*asked.weights[places].tolist(), *([_others(asked.weights, places)] if rest else [])]
    blank = np.full((1 + min(1, rest), K), np.nan)
    products = [weighted[places], *([weighted[others].sum(axis=0)[None]] if rest else []), asked.context[None]]
    rows = len(weights) + 1
    return Ledger([
        Words("piece", [*_pieces(asked, places), *_others_named(rest), "Σ"]),
        Strokes("value", np.concatenate([values[places], blank]), largest([values[places]])),
        Words("weight", [*(weight_text(weight) for weight in weights), f"{asked.weights.sum():.3f}"], "right"),
        Strokes("weight · value", np.concatenate(products), largest(products)),
    ], rows, [rows - 1])  # fmt: skip


def _concatenated(asked: Attending) -> Group:
    _, _, H, K = asked.sizes
    mine = asked.which.head
    styles = [ACCENT if head == mine else QUIET for head in range(H)]
    used = [f"{head * K}–{(head + 1) * K - 1}" for head in range(H)]
    heads = Ledger([
        Words("head", [f"H{head + 1}" for head in range(H)], styles=styles),
        Words("numbers", used, styles=styles),
        Strokes("answer", asked.contexts, largest([asked.contexts])),
        Words("norm", [f"{np.linalg.norm(row):.2f}" for row in asked.contexts], "right", styles),
    ], H)  # fmt: skip
    return Group(heads, _vectors([("added", asked.added)]))


def _pieces(asked: Attending, places: Sequence[int]) -> list[str]:
    return [asked.answering[place] for place in places]


def _others(weights: Floats, places: Sequence[int]) -> float:
    return float(np.delete(weights, places).sum())


def _others_named(rest: int) -> list[str]:
    return [f"{rest} others"] if rest else []


def _says(asked: Attending, places: Sequence[int]) -> list[str]:
    said = [
        asked.reads(),
        f"The weights sum to {asked.weights.sum():.3f}; the sum of weights · values is what this head answers.",
        f"With the answers of the other heads it is projected to what is added to the residual stream: "
        f"a vector of {len(asked.added)} numbers and norm {np.linalg.norm(asked.added):.2f}.",
    ]
    rest = asked.sizes[1] - len(places)
    if rest:
        said.append(f"{rest} keys with smaller weights are shown as one row; JSON and TSV have them all.")
    return said


def _as_json(asked: Attending) -> dict[str, object]:
    T, S, H, K = asked.sizes
    shapes = {
        "residual": (1, T, H * K), "query": (1, H, T, K), "key": (1, H, S, K), "scores": (1, H, T, S),
        "weights": (1, H, T, S), "context": (1, H, T, K), "added": (1, T, H * K),
    }  # fmt: skip
    return {
        **asked.values(), "shapes": shapes, "query": asked.query, "keys": asked.of(asked.attended.key),
        "scores": asked.scores, "masked_scores": asked.masked_scores, "weights": asked.weights,
        "values": asked.of(asked.attended.value), "context": asked.context, "contexts": asked.contexts,
        "added": asked.added,
    }  # fmt: skip


def _table(asked: Attending) -> Table:
    _, _, _, K = asked.sizes
    header = ("place", "piece", "score", "masked_score", "weight",
              *(f"k{i}" for i in range(K)), *(f"v{i}" for i in range(K)))  # fmt: skip
    columns = (asked.scores, asked.masked_scores, asked.weights)
    keys, values = asked.of(asked.attended.key), asked.of(asked.attended.value)
    rows = [
        (s + 1, piece, *(float(part[s]) for part in columns), *keys[s].tolist(), *values[s].tolist())
        for s, piece in enumerate(asked.answering)
    ]
    return Table(header, rows)
