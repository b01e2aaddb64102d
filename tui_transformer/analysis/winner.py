"""What a beam search has found, told from its rows alone: the best so far, and the steps that led there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from tui_transformer.events import Candidate, Finished, Step, Trace
from tui_transformer.pieces import text_of

from .hypotheses import Node, grown


def winner_steps(trace: Trace) -> Iterator[Step]:
    """The steps to the translation, its end included: for a kept beam search that no model can read once more.

    Candidates are only those of its continuations that the beam kept, and the entropy, which nobody knows, is NaN.
    The id of the end is -1. Raises InputError if the steps of the beam do not follow from one another.
    """
    yield from trace.steps
    if not trace.beam_steps:
        return
    hypotheses = grown(trace)
    for node in hypotheses.best(len(hypotheses.rows)).path():
        parent = node.parent
        assert parent is not None
        moved = trace.beam_steps[node.step - trace.beam_steps[0].position]
        known = sorted((_candidate(trace, child) for child in parent.children), key=lambda one: -one.probability)
        yield Step(
            node.step, _candidate(trace, node), tuple(known), math.nan,
            moved.self_attention[parent.row], moved.cross_attention[parent.row],
        )  # fmt: skip


def so_far(trace: Trace) -> Trace:
    """The trace of a search that still goes on, as if it had found what is best by now.

    Raises InputError if the steps of the beam do not follow from one another.
    """
    pieces = [step.chosen for step in trace.steps]
    hypotheses = grown(trace)
    best = hypotheses.best(len(hypotheses.rows))
    way = [node for node in best.path() if not node.ended]
    names = (*(one.piece for one in pieces), *(node.piece for node in way))
    ids = (*(one.id for one in pieces), *(node.id for node in way))
    text = best.ended.text if best.ended else text_of(names)
    score = best.ended.score if best.ended else 0.0
    found = Finished(text, names, ids, best.log_probability, score, complete=best.ended is not None)
    return replace(trace, finished=found)


def _candidate(trace: Trace, node: Node) -> Candidate:
    """With its probability behind its parent. The end is written as the source's end is."""
    assert node.parent is not None
    probability = min(1.0, math.exp(node.log_probability - node.parent.log_probability))
    return Candidate(node.id, trace.encoded.pieces[-1] if node.ended else node.piece, probability)
