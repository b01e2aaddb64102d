"""The tree of a beam search holds what its events tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tui_transformer.analysis.hypotheses import Node, tree
from tui_transformer.decoding import Options
from tui_transformer.errors import InputError
from tui_transformer.events import Trace
from tui_transformer.translator import Translator

TEXTS = ["Tom called Mary's bluff.", "He admired her hair as a flower."]
CASES = [(text, width, prefix) for text in TEXTS for width in (2, 5) for prefix in ((), (300, 41))]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{len(case[0])}-{case[1]}-{len(case[2])}")
def trace(request: pytest.FixtureRequest, translator: Translator) -> Trace:
    text, width, prefix = request.param
    return Trace.of(translator.stream(text, Options(beam=width, prefix=prefix)))


def paths(node: Node, so_far: tuple[int, ...]) -> dict[int, tuple[int, ...]]:
    """The ids up to each node, by the node's identity."""
    own = (*so_far, node.id) if node.piece else so_far
    return {id(node): own} | {key: path for child in node.children for key, path in paths(child, own).items()}


def test_every_kept_piece_and_every_end_is_a_node(trace: Trace) -> None:
    nodes = list(tree(trace).nodes())[1:]
    live = [node for node in nodes if not node.ended]
    assert sorted((node.step, node.row, node.id, node.log_probability) for node in live) == sorted(
        (step.position, row, one.id, one.log_probability)
        for step in trace.beam_steps
        for row, one in enumerate(step.live)
    )
    assert sorted(node.ended.text for node in nodes if node.ended) == sorted(
        one.text for step in trace.beam_steps for one in step.ended
    )


def test_paths_are_those_of_the_hypotheses_forced_beginning_included(trace: Trace) -> None:
    root = tree(trace)
    forced = tuple(step.chosen.id for step in trace.steps)
    known = paths(root, forced)
    ended = [node for node in root.nodes() if node.ended]
    assert ended or not trace.finished.complete
    for node in ended:
        assert node.ended
        assert node.ended.ids == known[id(node)]
        assert node.step == len(node.ended.ids)
        assert node.ended.ids[: len(forced)] == forced


def test_what_was_pruned_is_what_the_events_call_pruned(trace: Trace) -> None:
    nodes = list(tree(trace).nodes())[1:]
    for before, step in zip(trace.beam_steps, trace.beam_steps[1:], strict=False):
        continued = {live.parent for live in step.live}
        rows = {node.row: node for node in nodes if node.step == before.position and not node.ended}
        for row in range(len(before.live)):
            assert (row in step.pruned) == (row not in continued)
            ended_here = any(child.ended for child in rows[row].children)
            assert (rows[row].pruned == step.position) == (row in step.pruned and not ended_here)


def test_the_last_child_all_the_way_is_the_translation(trace: Trace) -> None:
    node = tree(trace)
    ids = tuple(step.chosen.id for step in trace.steps)
    while node.children:
        node = node.children[-1]
        ids += (node.id,) if node.piece else ()
    assert ids == trace.finished.ids
    if node.ended:
        assert node.ended.score == trace.finished.score


def test_log_probability_never_grows_along_a_path(trace: Trace) -> None:
    for node in tree(trace).nodes():
        assert all(child.log_probability <= node.log_probability for child in node.children)


def test_a_chain_ends_where_ways_part(trace: Trace) -> None:
    for node in tree(trace).nodes():
        *inner, last = node.chain()
        assert all(len(one.children) == 1 for one in inner)
        assert len(last.children) != 1


def test_a_trace_whose_steps_do_not_follow_is_broken(trace: Trace) -> None:
    first, second, *rest = trace.beam_steps
    for parent in (-1, 99):
        lost = replace(second, live=tuple(replace(live, parent=parent) for live in second.live))
        with pytest.raises(InputError, match="the trace is broken"):
            tree(replace(trace, beam_steps=(first, lost, *rest)))
    for broken in (replace(second, live=()), replace(second, cross_attention=second.cross_attention[:0])):
        with pytest.raises(InputError, match="the trace is broken"):
            tree(replace(trace, beam_steps=(first, broken, *rest)))
    ended = next((step for step in trace.beam_steps if step.ended), None)
    if ended:
        made_up = replace(ended, ended=(replace(ended.ended[0], ids=(1, 2)),))
        steps = tuple(made_up if step is ended else step for step in trace.beam_steps)
        with pytest.raises(InputError, match="was not alive before"):
            tree(replace(trace, beam_steps=steps))
