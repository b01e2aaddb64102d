"""A sentence on its way through the model: shapes, sizes, likeness of positions, and the prediction as it forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.segment import Segment
from rich.text import Text

from tui_transformer.analysis.cosine import cosines, mean_cosine
from tui_transformer.analysis.stream import Forming, norms
from tui_transformer.probed import Probed, Stream
from tui_transformer.render.grid import Grid
from tui_transformer.render.heatmap import HeatMap, Scale
from tui_transformer.render.labels import cell_len, fit, fraction, quoted, visible
from tui_transformer.render.ledger import Column, Gauges, Ledger, Words
from tui_transformer.render.palette import QUIET, STRONG, Floats, cell, levels
from tui_transformer.render.picture import Picture, Table

from .heads import shape

VIEW = "layers"
MOST = 32
"""Cells and lines of one of several maps side by side."""
TOP_WIDTH = 9
SUBLAYERS = {2: ("self-attention", "feed-forward"), 3: ("self-attention", "cross-attention", "feed-forward")}


@dataclass(frozen=True, slots=True)
class Stack:
    """The encoder or the decoder: its residual stream at the positions of `pieces`."""

    name: str
    pieces: tuple[str, ...]
    stream: Stream

    @property
    def steps(self) -> list[str]:
        """What made each state of the stream, the embedding first."""
        named = SUBLAYERS[self.stream.per_layer]
        count = len(self.stream.added)
        return ["embedding + position", *(f"L{i // len(named) + 1} {named[i % len(named)]}" for i in range(count))]

    @property
    def sizes(self) -> Floats:
        """The mean norm of the stream over the positions, of each state (1 + N)."""
        means: Floats = norms(self.stream.residual).mean(axis=1)
        return means

    @property
    def additions(self) -> Floats:
        """The mean norm of what each sub-layer adds (N)."""
        means: Floats = norms(self.stream.added).mean(axis=1)
        return means

    @property
    def likeness(self) -> Floats:
        """The cosine of each two positions, before the first layer and after each (1 + L, S, S)."""
        return cosines(self.stream.after_layers)


@dataclass(frozen=True, slots=True, eq=False)
class Likeliest:
    """A column of a ledger: a piece and its probability on the colour of that."""

    head: str
    pieces: Sequence[str]
    shares: Floats

    def heading(self, width: int) -> str:
        """Above the piece."""
        return fit(self.head, width)

    def widths(self) -> tuple[int, int]:
        """Enough for most pieces, or for the longest."""
        longest = max(cell_len(visible(text)) for text in (self.head, *self.pieces))
        return TOP_WIDTH + 4, max(TOP_WIDTH, longest) + 4

    def drawn(self, row: int, width: int, colours: bool) -> list[Segment]:
        """Both in one cell."""
        share = float(self.shares[row])
        text = f"{fit(self.pieces[row], max(0, width - 4))} {fraction(share)}"
        return [Segment(text, cell(int(levels(self.shares[row]))) if colours else None)]


def stacks_of(probed: Probed) -> tuple[Stack, Stack]:
    """Encoder and decoder of a probed sentence."""
    return (
        Stack("encoder", probed.pieces, probed.encoder.stream),
        Stack("decoder", probed.read_pieces, probed.decoder.stream),
    )


def layers_picture(probed: Probed, forming: Forming, layer: int | None = None) -> Picture:
    """All layers, or the likeness of positions after one `layer` (0: before the first) large."""
    stacks = stacks_of(probed)
    parts: list[RenderableType] = []
    for stack in stacks:
        heading = f"{stack.name} · the stream, and what each sub-layer adds: mean norms over the positions"
        parts += [Text(heading, style=STRONG), _sizes(stack), Text()]
    for stack in stacks:
        heading = f"{stack.name} · cosine of each two positions of the stream"
        parts += [Text(heading, style=STRONG), _likeness(stack, layer)]
    parts += [Scale(signed=True), Text()]
    logits = shape(1, *probed.decoder.logits.shape)
    parts += [Text(f"the prediction as it forms · logits {logits} after each layer", style=STRONG), _forming(forming)]
    counts = " and ".join(f"{len(stack.likeness) - 1} {stack.name}" for stack in stacks)
    title = f"layers · {counts} layers · {len(probed.pieces)} pieces in, {len(probed.said)} out"
    says = [sentence for stack in stacks for sentence in _says(stack)] + _forming_says(forming, probed.read_pieces)
    return Picture(VIEW, title, Group(*parts), tuple(says), _values(stacks, forming), _table(stacks))


def _sizes(stack: Stack) -> Ledger:
    residual, added = stack.sizes, np.concatenate([[np.nan], stack.additions])
    columns: list[Column] = [
        Words("after", stack.steps, most=24),
        Words("shape", [shape(1, *stack.stream.residual.shape[1:])] * len(residual)),
        Gauges("stream", residual, float(residual.max()), [f"{size:.2f}" for size in residual.tolist()]),
        Gauges("added", added, float(residual.max()), ["", *(f"{size:.2f}" for size in added[1:].tolist())]),
    ]
    return Ledger(columns, len(residual))


def _likeness(stack: Stack, layer: int | None) -> RenderableType:
    if layer is not None:
        after = stack.likeness[layer]
        return Group(Text(_after(layer), style=QUIET), Grid(after, stack.pieces, stack.pieces, signed=True), Text())
    maps = [
        Group(
            Text(f"{_after(number)} {mean_cosine(likeness):.2f}", style=QUIET),
            HeatMap(likeness, signed=True, max_lines=MOST, max_columns=MOST),
            Text(),
        )
        for number, likeness in enumerate(stack.likeness)
    ]
    return Columns(maps, padding=(0, 3))


def _after(layer: int) -> str:
    return f"after L{layer}" if layer else "embedding"


def _forming(forming: Forming) -> Ledger:
    columns: list[Column] = [Words("says", forming.said)]
    settled = [str(layer) if layer is not None else "–" for layer in forming.settled]
    for number, (pieces, row) in enumerate(zip(forming.top, forming.probabilities, strict=True)):
        columns.append(Likeliest(_after(number), pieces, row))
    columns.append(Words("from", settled, "right"))
    return Ledger(columns, len(forming.said))


def _says(stack: Stack) -> list[str]:
    sizes, added = stack.sizes, stack.additions
    largest = int(added.argmax())
    first, last = (mean_cosine(stack.likeness[i]) for i in (0, -1))
    return [
        f"{stack.name}: the stream's norm goes from {sizes[0]:.1f} to {sizes[-1]:.1f}; "
        f"{stack.steps[largest + 1]} adds most, {added[largest]:.1f}.",
        f"{stack.name}: two positions have a cosine of {first:.2f} on average before the first layer, "
        f"{last:.2f} after the last.",
    ]


def _forming_says(forming: Forming, read: Sequence[str]) -> list[str]:
    last, settled = len(forming.top) - 1, forming.settled
    late = sum(layer == last for layer in settled)
    said = [f"The last layer settles {late} of {len(settled)} pieces; in column \"from\" is the layer after which the "
            "piece said stays the likeliest."]  # fmt: skip
    early = [(layer, t) for t, layer in enumerate(settled) if layer is not None]
    if early:
        layer, t = min(early)
        said.append(f"{quoted(forming.said[t])} is settled first: {forming.of_said[layer, t]:.2f} {_after(layer)}.")
    if forming.top[0] == tuple(read):
        said.append("Before the first layer the model would repeat the piece it has just read.")
    unlikely = sum(layer is None for layer in settled)
    if unlikely:
        said.append(f"{unlikely} pieces are not what the model finds likeliest there.")
    return said


def _values(stacks: Sequence[Stack], forming: Forming) -> dict[str, object]:
    described = {
        stack.name: {
            "pieces": stack.pieces, "shape": (1, *stack.stream.residual.shape[1:]), "steps": stack.steps,
            "norms": stack.sizes, "added_norms": stack.additions, "cosines": stack.likeness,
        }
        for stack in stacks
    }  # fmt: skip
    lens = {
        "said": forming.said, "top": forming.top, "probabilities": forming.probabilities,
        "probabilities_of_said": forming.of_said, "settled_after_layer": forming.settled,
    }  # fmt: skip
    return {**described, "lens": lens}


def _table(stacks: Sequence[Stack]) -> Table:
    rows = [
        (stack.name, number, step, float(size), None if number == 0 else float(stack.additions[number - 1]))
        for stack in stacks
        for number, (step, size) in enumerate(zip(stack.steps, stack.sizes, strict=True))
    ]
    return Table(("stack", "sublayers", "after", "norm", "added_norm"), rows)
