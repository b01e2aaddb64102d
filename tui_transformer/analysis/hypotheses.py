"""The tree of a beam search: what followed what, what ended, what was pruned and when."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tui_transformer.errors import InputError
from tui_transformer.events import BeamStep, EndedHypothesis, LiveHypothesis, Trace


@dataclass(slots=True, eq=False)
class Node:
    """One piece of a hypothesis, chosen at a step (from 0), with the log-probability of all up to it, in nats.

    The root has no piece and no parent. Its `children` are those that the beam kept. `ended` says that the
    hypothesis chose its end here, `pruned` is the step at which the beam dropped it; a leaf with neither was still
    alive when the search was over.
    """

    step: int
    piece: str = ""
    id: int = -1
    row: int = 0
    log_probability: float = 0.0
    children: list[Node] = field(default_factory=list)
    ended: EndedHypothesis | None = None
    pruned: int | None = None
    parent: Node | None = field(default=None, repr=False)

    @property
    def alive(self) -> bool:
        """Whether it was kept because it is possible, and not only to fill a row."""
        return self.log_probability > float("-inf")

    def path(self) -> list[Node]:
        """From the first piece to this node; the root has none."""
        found, node = list[Node](), self
        while node.parent is not None:
            found.append(node)
            node = node.parent
        return found[::-1]

    def nodes(self) -> Iterator[Node]:
        """The node and all below it, parents first."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.children

    def chain(self) -> list[Node]:
        """The node and what follows it as long as there is but one way to go."""
        found = [self]
        while len(found[-1].children) == 1:
            found.append(found[-1].children[0])
        return found


class Hypotheses:
    """The tree of a beam search as it grows, below what was forced (ids): `add` takes a step after the other.

    `rows` are, of each step, the nodes that its rows became, `ended` those that chose the end, in that order.
    Children stand in the order in which the beam had them.
    """

    def __init__(self, position: int, forced: tuple[int, ...] = ()) -> None:
        """`position` is that of the first step of the beam."""
        self.root = Node(position - 1)
        self.rows: list[list[Node]] = []
        self.ended: list[Node] = []
        self._forced = forced
        self._paths: list[tuple[int, ...]] = []

    def add(self, step: BeamStep) -> None:
        """Grow by a step. Raises InputError if it does not follow from the one before."""
        if not step.live:
            raise InputError("the trace is broken: a step of the beam has no rows")
        # At first all rows of the beam are the same.
        rows = self.rows[-1] if self.rows else [self.root] * len(step.live)
        paths = self._paths or [self._forced] * len(rows)
        for ended in step.ended:
            if ended.ids not in paths:
                raise InputError(f"the trace is broken: what ends at step {step.position + 1} was not alive before")
            self.ended.append(_end(rows[paths.index(ended.ids)], step.position, ended))
        # What was not read has not been computed either.
        read = rows[: len(step.cross_attention)]
        alive = [_follow(read, live, step.position, row) for row, live in enumerate(step.live)]
        for node in rows:
            if not node.children:
                node.pruned = step.position
        self._paths = [(*paths[live.parent], live.id) for live in step.live]
        self.rows.append(alive)

    def at(self, steps: int) -> list[Node]:
        """The nodes that were alive after so many steps, likeliest first."""
        return [node for node in self.rows[steps - 1] if node.alive] if steps else [self.root]

    def best(self, steps: int) -> Node:
        """The end with the best score so far or, where none has ended, the likeliest node that is alive."""
        ended = [node for node in self.ended if node.step <= self.root.step + steps]
        alive = next(iter(self.at(steps)), self.root)
        return max(ended, key=lambda node: node.ended.score if node.ended else 0.0, default=alive)

    def living(self, steps: int) -> set[int]:
        """The identities of the nodes of which, after so many steps, something was alive or had ended."""
        found: set[int] = set()
        for leaf in [*self.at(steps), *(node for node in self.ended if node.step <= self.root.step + steps)]:
            node: Node | None = leaf
            while node is not None and id(node) not in found:
                found.add(id(node))
                node = node.parent
        return found


def tree(trace: Trace) -> Node:
    """All hypotheses of a beam search, below what was forced, best outcome last. The trace must have steps of a beam.

    Raises InputError if its steps do not follow from one another.
    """
    hypotheses = grown(trace)
    _sort(hypotheses.root)
    return hypotheses.root


def grown(trace: Trace) -> Hypotheses:
    """The same with children in the order in which the beam had them. Raises InputError like `tree`."""
    hypotheses = Hypotheses(trace.beam_steps[0].position, tuple(step.chosen.id for step in trace.steps))
    for step in trace.beam_steps:
        hypotheses.add(step)
    return hypotheses


def inferred_alpha(ended: Sequence[EndedHypothesis], forced: int = 0) -> float | None:
    """The exponent of the length penalty ((5 + length) / 6)^α, from what log-probabilities were divided by.

    `forced` pieces do not count. None if nothing tells it: nothing has ended, or only what has length 1 or no score.
    """
    for one in ended:
        length = len(one.ids) - forced + 1
        if one.score and one.log_probability and length > 1:
            return math.log(one.log_probability / one.score) / math.log((5 + length) / 6)
    return None


def _end(parent: Node, step: int, ended: EndedHypothesis) -> Node:
    node = Node(step, log_probability=ended.log_probability, ended=ended, parent=parent)
    parent.children.append(node)
    return node


def _follow(rows: Sequence[Node], live: LiveHypothesis, step: int, row: int) -> Node:
    """What a row became, below the node that it comes from; what has no probability is not part of the tree."""
    if not 0 <= live.parent < len(rows):
        raise InputError(f"the trace is broken: row {live.parent} is continued at step {step + 1}, but is not there")
    node = Node(step, live.piece, live.id, row, live.log_probability, parent=rows[live.parent])
    if node.alive:
        rows[live.parent].children.append(node)
    return node


def _sort(root: Node) -> None:
    """Children by what came of them: the score of the best end, else how long they lived and how likely they were."""
    outcomes: dict[int, tuple[float, int, float]] = {}
    for node in reversed(list(root.nodes())):
        own = (node.ended.score if node.ended else float("-inf"), node.step, node.log_probability)
        node.children.sort(key=lambda child: outcomes[id(child)])
        outcomes[id(node)] = outcomes[id(node.children[-1])] if node.children else own
