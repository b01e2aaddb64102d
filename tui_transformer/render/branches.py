"""The tree of a beam search from left to right: a column a step, a line a leaf. Laid out once, drawn line by line.

Children of a node are all born at the same step, so that what has been drawn keeps its column, and its place above
or below its siblings, however far the tree grows: the way on of the likeliest stays in its parent's line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style

from tui_transformer.analysis.hypotheses import Hypotheses, Node

from .labels import cell_len, clip, fit
from .palette import ACCENT, QUIET, has_colour

MOST = 12
"""So many cells a piece gets at most."""
GAP = 4
"""Between two columns: a space, the fork, its line and a space."""
PRUNED, ENDED, START = "○", "■", "●"
LIGHT, HEAVY, DOTTED = "─", "━", "┄"
CURSOR = Style(reverse=True, bold=True)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of a tree: so many steps of the beam. `living` and `best` are identities of nodes."""

    steps: int
    living: frozenset[int]
    best: frozenset[int]
    cursor: Node | None = None

    @classmethod
    def of(cls, hypotheses: Hypotheses, steps: int, cursor: Node | None = None) -> Seen:
        """The tree as it was after so many steps; `best` is the way to the best end, or to the likeliest node."""
        best = hypotheses.best(steps)
        way = [hypotheses.root, *best.path()]
        return cls(steps, frozenset(hypotheses.living(steps)), frozenset(map(id, way)), cursor)


@dataclass(frozen=True, slots=True)
class Row:
    """A line: nodes of consecutive steps. `bars` are the columns behind which a branch of a line above passes."""

    nodes: list[Node]
    bars: tuple[int, ...] = ()
    last: bool = True
    """Whether no sibling of the first node stands below."""


@dataclass(slots=True, eq=False)
class Branches:
    """Where every node stands. Columns count from the root, 0; `start` is written there."""

    hypotheses: Hypotheses
    start: str = ""
    rows: list[Row] = field(init=False, default_factory=list)
    widths: list[int] = field(init=False, default_factory=list)
    _places: dict[int, int] = field(init=False, default_factory=dict)
    _lefts: list[int] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._lay_out()
        self._lefts = [0, *accumulate(width + GAP for width in self.widths)]

    @property
    def width(self) -> int:
        """Cells of a line."""
        return self._lefts[-1]

    def row_of(self, node: Node) -> int:
        """The line of a node."""
        return self._places[id(node)]

    def cells_of(self, node: Node) -> tuple[int, int]:
        """The first cell of a node, and how many it has."""
        column = self._column(node)
        return self._lefts[column], self.widths[column]

    def left_of(self, column: int) -> int:
        """The first cell of a column; behind the last one the cell behind it."""
        return self._lefts[min(column, len(self.widths))]

    def at(self, x: int, y: int, steps: int) -> Node | None:
        """The node that is drawn at a cell."""
        if not 0 <= y < len(self.rows):
            return None
        column = self.column_at(x)
        return next((node for node in self._shown(self.rows[y], steps) if self._column(node) == column), None)

    def column_at(self, x: int) -> int:
        """The column of a cell, 0 for that of the root: as many steps as have been taken there."""
        return max(0, min(bisect_right(self._lefts, x) - 1, len(self.widths) - 1))

    def on(self, node: Node, seen: Seen) -> Node | None:
        """What follows a node: the way of the best if that leads through it, else what stands in its line."""
        children = [child for child in _ordered(node) if child.step <= self.hypotheses.root.step + seen.steps]
        return next((child for child in children if id(child) in seen.best), children[0] if children else None)

    def beside(self, node: Node, by: int, steps: int) -> Node:
        """The node of the same step so many lines further; the nearest one that the line has, if it has another."""
        place, way = self.row_of(node) + by, 1 if by > 0 else -1
        while 0 <= place < len(self.rows):
            if shown := self._shown(self.rows[place], steps):
                wanted = self._column(node) - self._column(shown[0])
                return shown[max(0, min(wanted, len(shown) - 1))]
            place += way
        return node

    # -- layout ----------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        root = self.hypotheses.root
        self.widths = [1] + [3] * len(self.hypotheses.rows)
        waiting: list[tuple[Node, tuple[int, ...], bool]] = [(root, (), True)]
        while waiting:
            node, bars, last = waiting.pop()
            row = Row([node], bars, last)
            opened = bars if last else (*bars, self._column(node) - 1)
            while True:
                self._place(node)
                if not node.children:
                    break
                first, *others = _ordered(node)
                # What branches off later stands above: it is taken from the end of those that wait.
                waiting += [(other, opened, other is others[-1]) for other in reversed(others)]
                opened = (*opened, self._column(node)) if others else opened
                node = first
                row.nodes.append(node)
            self.rows.append(row)

    def _place(self, node: Node) -> None:
        self._places[id(node)] = len(self.rows)
        column = self._column(node)
        self.widths[column] = max(self.widths[column], _clipped(self._label(node))[1])

    def _column(self, node: Node) -> int:
        return node.step - self.hypotheses.root.step

    def _label(self, node: Node) -> str:
        if node.ended:
            return f"{ENDED} {node.ended.score:.2f}"
        return node.piece if node.parent else f"{START} {self.start}".rstrip()

    # -- drawing ---------------------------------------------------------------------------------------

    def header(self, seen: Seen) -> Iterator[Segment]:
        """The numbers of the steps; the newest one stands out."""
        for column, width in enumerate(self.widths):
            number = self.hypotheses.root.step + 1 + column
            style = ACCENT if column == seen.steps else QUIET
            yield Segment(fit(str(number) if column else "", width + GAP), style)

    def line(self, y: int, seen: Seen) -> Iterator[Segment]:
        """A line, as far as it is seen."""
        row = self.rows[y]
        shown = self._shown(row, seen.steps)
        begins = self._column(row.nodes[0])
        for column in range(min(begins, seen.steps)):
            bar = "│" if column in row.bars else " "
            if column == begins - 1:
                yield Segment(" " * (self.widths[column] + 1))
                yield self._fork("└" if row.last else "├", row.nodes[0], seen)
            else:
                yield Segment(" " * (self.widths[column] + 1) + bar + " " * (GAP - 2), QUIET)
        for place, node in enumerate(shown, 1):
            yield from self._drawn(node, shown[place] if place < len(shown) else None, seen)

    def _shown(self, row: Row, steps: int) -> list[Node]:
        newest = self.hypotheses.root.step + steps
        return [node for node in row.nodes if node.step <= newest]

    def _drawn(self, node: Node, after: Node | None, seen: Seen) -> Iterator[Segment]:
        width = self.widths[self._column(node)]
        label, cells = _clipped(self._label(node))
        yield Segment(label, CURSOR if node is seen.cursor else self._style(node, seen))
        room = width - cells
        if after is None:
            gone = node.pruned is not None and node.pruned <= self.hypotheses.root.step + seen.steps
            fate = f" {PRUNED}" if gone else ""
            yield Segment(fate.ljust(room + GAP), QUIET)
            return
        stroke = self._stroke(after, seen)
        yield Segment(" " + stroke * room, self._style(after, seen))
        if len(node.children) == 1:
            yield Segment(stroke * 2 + " ", self._style(after, seen))
        else:
            yield self._fork("┯" if stroke == HEAVY else "┬", after, seen)

    def _fork(self, sign: str, child: Node, seen: Seen) -> Segment:
        return Segment(sign + self._stroke(child, seen) + " ", self._style(child, seen))

    def _stroke(self, node: Node, seen: Seen) -> str:
        return HEAVY if id(node) in seen.best else LIGHT if id(node) in seen.living else DOTTED

    def _style(self, node: Node, seen: Seen) -> Style:
        return ACCENT if id(node) in seen.best else Style.null() if id(node) in seen.living else QUIET


def _ordered(node: Node) -> list[Node]:
    """Children, likeliest first."""
    return sorted(node.children, key=lambda child: -child.log_probability)


@lru_cache(4096)
def _clipped(label: str) -> tuple[str, int]:
    """What is written of a label, and its cells."""
    kept = clip(label, MOST)
    return fit(kept, cell_len(kept)), cell_len(kept)


@dataclass(frozen=True, slots=True, eq=False)
class WholeTree:
    """All lines of a tree, for a picture; where they do not fit the width, what is to be drawn `otherwise`."""

    branches: Branches
    seen: Seen
    otherwise: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.branches.width > options.max_width:
            yield self.otherwise
            return
        colours = has_colour(console)
        lines = [self.branches.line(y, self.seen) for y in range(len(self.branches.rows))]
        for line in [self.branches.header(self.seen), *lines]:
            yield from line if colours else (Segment(part.text) for part in line)
            yield Segment.line()
