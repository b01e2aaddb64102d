"""The tree of hypotheses is drawn where it stands, and stays there while it grows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.text import Text

from tui_transformer.analysis.hypotheses import Node, grown
from tui_transformer.events import Trace
from tui_transformer.render.branches import DOTTED, ENDED, GAP, HEAVY, PRUNED, Branches, Seen, WholeTree
from tui_transformer.render.picture import drawn
from tui_transformer.traces import as_recording, load_trace

KEPT = Path(__file__).parents[1] / "data" / "traces" / "beam.trace"


@pytest.fixture(scope="module")
def trace() -> Trace:
    return as_recording(load_trace(KEPT), KEPT).searches[0]


def lines(branches: Branches, seen: Seen) -> list[str]:
    return ["".join(part.text for part in branches.line(y, seen)) for y in range(len(branches.rows))]


def nodes(branches: Branches, steps: int) -> list[Node]:
    newest = branches.hypotheses.root.step + steps
    return [node for node in branches.hypotheses.root.nodes() if node.step <= newest]


@pytest.mark.parametrize("steps", [0, 1, 5, 14])
def test_every_node_that_is_seen_is_written_where_it_stands(trace: Trace, steps: int) -> None:
    branches = Branches(grown(trace))
    text = lines(branches, Seen.of(branches.hypotheses, steps))
    for node in nodes(branches, steps):
        left, _ = branches.cells_of(node)
        name = node.piece or (ENDED if node.ended else "●")
        assert text[branches.row_of(node)][left:].startswith(name)
        assert branches.at(left, branches.row_of(node), steps) is node
    written = sum(part.count(ENDED) for part in text)
    assert written == sum(node.ended is not None for node in nodes(branches, steps))


def test_what_is_pruned_is_marked_from_that_step_on(trace: Trace) -> None:
    branches = Branches(grown(trace))
    for steps in range(1, len(trace.beam_steps) + 1):
        text = "".join(lines(branches, Seen.of(branches.hypotheses, steps)))
        gone = [node for node in nodes(branches, steps) if node.pruned is not None and node.pruned < steps]
        assert text.count(PRUNED) == len(gone)


def test_heavy_lines_lead_to_the_best_and_dotted_ones_to_the_dead(trace: Trace) -> None:
    branches = Branches(grown(trace))
    steps = len(trace.beam_steps)
    seen = Seen.of(branches.hypotheses, steps)
    text = lines(branches, seen)
    best = branches.hypotheses.best(steps)
    assert best.ended
    assert best.ended.text == trace.finished.text
    assert HEAVY in text[branches.row_of(best)]
    assert not any(HEAVY in line for y, line in enumerate(text) if y not in {branches.row_of(n) for n in best.path()})
    dead = [node for node in nodes(branches, steps) if node.pruned is not None and node.piece]
    assert dead
    for node in dead:
        left, _ = branches.cells_of(node)
        assert DOTTED in text[branches.row_of(node)][:left] or "└" in text[branches.row_of(node)][:left]


def test_columns_stay_while_it_grows(trace: Trace) -> None:
    before: list[int] = []
    for steps in range(1, len(trace.beam_steps) + 1):
        branches = Branches(grown(replace(trace, beam_steps=trace.beam_steps[:steps])))
        assert branches.widths[: len(before)] == before
        before = branches.widths


def test_all_lines_are_as_wide_as_the_tree_at_most(trace: Trace) -> None:
    branches = Branches(grown(trace), "▁forced ▁beginning")
    seen = Seen.of(branches.hypotheses, len(trace.beam_steps))
    assert all(cell_len(line) <= branches.width for line in lines(branches, seen))
    assert sum(branches.widths) + GAP * len(branches.widths) == branches.width


def test_one_walks_from_line_to_line_and_stays_in_the_column(trace: Trace) -> None:
    branches = Branches(grown(trace))
    steps = len(trace.beam_steps)
    node = branches.hypotheses.best(steps)
    below = branches.beside(node, 1, steps)
    assert branches.row_of(below) == branches.row_of(node) + 1
    assert branches.beside(branches.hypotheses.root, -1, steps) is branches.hypotheses.root
    assert branches.on(branches.hypotheses.root, Seen.of(branches.hypotheses, steps)) is node.path()[0]
    # Lines that nothing stands in yet are passed over.
    first = branches.on(branches.hypotheses.root, Seen.of(branches.hypotheses, 1))
    assert first
    assert branches.beside(first, 1, 1).step == first.step


def test_where_it_does_not_fit_something_else_is_drawn(trace: Trace) -> None:
    branches = Branches(grown(trace))
    tree = WholeTree(branches, Seen.of(branches.hypotheses, len(trace.beam_steps)), Text("narrow"))
    assert drawn(tree, 60, None) == "narrow\n"
    assert drawn(tree, branches.width, None).count("\n") == len(branches.rows) + 1
