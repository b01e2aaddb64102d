"""The tree of a beam search: what followed what, what ended, what was pruned and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tui_transformer.errors import InputError
from tui_transformer.events import EndedHypothesis, LiveHypothesis, Trace


@dataclass(slots=True, eq=False)
class Node:
    """One piece of a hypothesis, chosen at a step (from 0), with the log-probability of all up to it, in nats.

    The root has no piece. Its `children` are those that the beam kept, best outcome last. `ended` says that the
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


def tree(trace: Trace) -> Node:
    """All hypotheses of a beam search, below what was forced. The trace must have steps of a beam.

    Raises InputError if its steps do not follow from one another.
    """
    root = Node(trace.beam_steps[0].position - 1)
    if not all(step.live for step in trace.beam_steps):
        raise InputError("the trace is broken: a step of the beam has no rows")
    # At first all rows of the beam are the same.
    rows = [root] * len(trace.beam_steps[0].live)
    paths = [tuple(step.chosen.id for step in trace.steps)] * len(rows)
    for step in trace.beam_steps:
        for ended in step.ended:
            if ended.ids not in paths:
                raise InputError(f"the trace is broken: what ends at step {step.position + 1} was not alive before")
            parent = rows[paths.index(ended.ids)]
            parent.children.append(Node(step.position, log_probability=ended.log_probability, ended=ended))
        # What was not read has not been computed either.
        read = rows[: len(step.cross_attention)]
        alive = [_follow(read, live, step.position, row) for row, live in enumerate(step.live)]
        for node in rows:
            if not node.children:
                node.pruned = step.position
        paths = [(*paths[live.parent], live.id) for live in step.live]
        rows = alive
    _sort(root)
    return root


def _follow(rows: Sequence[Node], live: LiveHypothesis, step: int, row: int) -> Node:
    """What a row became, below the node that it comes from; what has no probability is not part of the tree."""
    if not 0 <= live.parent < len(rows):
        raise InputError(f"the trace is broken: row {live.parent} is continued at step {step + 1}, but is not there")
    node = Node(step, live.piece, live.id, row, live.log_probability)
    if live.log_probability > float("-inf"):
        rows[live.parent].children.append(node)
    return node


def _sort(root: Node) -> None:
    """Children by what came of them: the score of the best end, else how long they lived and how likely they were."""
    outcomes: dict[int, tuple[float, int, float]] = {}
    for node in reversed(list(root.nodes())):
        own = (node.ended.score if node.ended else float("-inf"), node.step, node.log_probability)
        node.children.sort(key=lambda child: outcomes[id(child)])
        outcomes[id(node)] = outcomes[id(node.children[-1])] if node.children else own
