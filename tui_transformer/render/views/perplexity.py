"""How surprising each piece of a translation is to the model, and what perplexity makes of that."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.segment import Segment
from rich.text import Text

from tui_transformer.render.bars import sparkline
from tui_transformer.render.labels import cell_len, graphemes, isolated, quoted, short, visible
from tui_transformer.render.palette import QUIET, STRONG, cell, foreground, glyph, has_colour, levels
from tui_transformer.render.picture import Picture, Table
from tui_transformer.render.strips import Strip, Strips

VIEW = "perplexity"
FULL_BITS = 10
"""Surprisal of a piece with probability 1/1024: where the colours end."""

Base = Literal["2", "e"]
Floats = npt.NDArray[np.float64]
UNITS: dict[Base, str] = {"2": "bit", "e": "nat"}


@dataclass(frozen=True, slots=True)
class Scored:
    """A source, and a translation of it: its pieces, the end last, with their log-probabilities in nats.

    `own`: the model chose the translation itself; `cut`: only the beginning of a side was read.
    """

    source: str
    target: str
    pieces: tuple[str, ...]
    log_probabilities: tuple[float, ...]
    own: bool = False
    cut: bool = False

    def surprisals(self, base: Base) -> Floats:
        """−log p of each piece, in bits or nats."""
        return -np.array(self.log_probabilities, np.float64) / (math.log(2) if base == "2" else 1.0)

    def running(self) -> Floats:
        """The perplexity of the pieces up to each: exp of their mean surprisal in nats."""
        with np.errstate(over="ignore"):
            return np.exp(np.cumsum(self.surprisals("e")) / np.arange(1, len(self.pieces) + 1))


@dataclass(frozen=True, slots=True)
class Coloured:
    """Pieces as running text, each on the colour of its value 0…1; without colour, with glyphs in the line below."""

    pieces: Sequence[str]
    shares: Floats

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        colours = has_colour(console)
        for line in self._lines(options.max_width):
            for text, level in line:
                yield Segment(text, cell(level) if colours else None)
            yield Segment.line()
            if not colours:
                yield Segment("".join(glyph(level) * cell_len(text) for text, level in line) + "\n")

    def _lines(self, width: int) -> Iterator[list[tuple[str, int]]]:
        line, used = list[tuple[str, int]](), 0
        for piece, level in zip(self.pieces, levels(self.shares).tolist(), strict=True):
            for part in _chunks(visible(piece), width):
                if line and used + cell_len(part) > width:
                    yield line
                    line, used = [], 0
                line.append((part, level))
                used += cell_len(part)
        if line:
            yield line


def _chunks(text: str, width: int) -> Iterator[str]:
    """The text in parts no wider than that; right-to-left letters turn within their own piece only."""
    kept = list[str]()
    for grapheme in graphemes(text):
        if kept and cell_len("".join(kept) + grapheme) > width:
            yield "".join(isolated(kept))
            kept = []
        kept.append(grapheme)
    if kept:
        yield "".join(isolated(kept))


def perplexity_picture(scored: Scored, base: Base) -> Picture:
    """Surprisal of each piece and the running perplexity. There must be pieces."""
    surprisals, running, unit = scored.surprisals(base), scored.running(), UNITS[base]
    shares = scored.surprisals("2") / FULL_BITS
    styles = [cell(int(level)) for level in levels(shares)]
    # The dark end of the scale would not be seen on a dark ground.
    columns = [foreground(int(level)) for level in levels(0.3 + 0.7 * shares)]
    body = Group(
        Text(visible(scored.source), style=QUIET), Coloured(_spelled(scored.pieces), shares), Text(),
        Strips([
            Strip("piece", scored.pieces, styles),
            Strip(f"−log p, {unit}", [f"{value:.2f}" for value in surprisals], [STRONG] * len(styles)),
            Strip("", [column * 4 for column in sparkline(shares, high=1)], columns),
            Strip("running ppl", [short(value) for value in running], [QUIET] * len(styles)),
        ]),
        Text(f"\ncolours end at {FULL_BITS} bit, p = 1/1024", style=QUIET),
    )  # fmt: skip
    title = f"perplexity {short(running[-1])} · {len(scored.pieces)} pieces · {surprisals.sum():.2f} {unit}"
    return Picture(VIEW, title, body, tuple(_says(scored, base)), _values(scored, base), _table(scored, base))


def _spelled(pieces: Sequence[str]) -> list[str]:
    """With spaces where they are, and none before the first."""
    return [piece.replace("▁", " " if i else "", 1) for i, piece in enumerate(pieces)]


def _says(scored: Scored, base: Base) -> list[str]:
    surprisals, unit = scored.surprisals(base), UNITS[base]
    total, count, result = float(surprisals.sum()), len(surprisals), short(scored.running()[-1])
    worst = int(surprisals.argmax())
    probability = math.exp(scored.log_probabilities[worst])
    logarithm = "log₂" if base == "2" else "ln"
    said = [
        f"Surprisal of a piece: −{logarithm} p(piece | source, the pieces before it), in {unit}s.",
        f"Perplexity: {base}^(mean surprisal) = {base}^({total:.2f} / {count}) = {result}, as undecided as among "
        f"{result} equally likely pieces.",
        f"{quoted(scored.pieces[worst])} is the most surprising: {surprisals[worst]:.2f} {unit}, probability "
        f"{probability:.2g}.",
    ]
    if scored.own:
        said.append("The translation is the model's own: by greedy search it chose what surprises it least.")
    if scored.cut:
        said.append("The model reads no more at once: only the beginning was scored.")
    return said


def _values(scored: Scored, base: Base) -> dict[str, object]:
    running = scored.running()
    return {
        "source": scored.source, "target": scored.target, "own": scored.own, "cut": scored.cut, "base": base,
        "unit": UNITS[base], "pieces": scored.pieces, "log_probabilities": scored.log_probabilities,
        "surprisals": scored.surprisals(base), "running_perplexity": running, "perplexity": running[-1],
        "log_probability": math.fsum(scored.log_probabilities),
    }  # fmt: skip


def _table(scored: Scored, base: Base) -> Table:
    rows = [
        (i, piece, log_probability, float(surprisal), float(perplexity))
        for i, (piece, log_probability, surprisal, perplexity) in enumerate(
            zip(scored.pieces, scored.log_probabilities, scored.surprisals(base), scored.running(), strict=True), 1
        )
    ]
    return Table(("position", "piece", "log_probability", f"surprisal_{UNITS[base]}s", "running_perplexity"), rows)
