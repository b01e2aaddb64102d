"""A beam search as a tree: who followed whom, who ended with which score, who was pruned and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from rich.console import Group, RenderableType
from rich.style import Style
from rich.text import Text

from tui_transformer.analysis.hypotheses import Node, tree
from tui_transformer.events import BeamStep, EndedHypothesis, Trace
from tui_transformer.render.bars import Profile
from tui_transformer.render.branches import ENDED, PRUNED, Branches, Seen, WholeTree
from tui_transformer.render.cards import Cards
from tui_transformer.render.labels import cell_len, quoted, visible
from tui_transformer.render.outline import Line, Outline
from tui_transformer.render.palette import ACCENT, QUIET, STRONG
from tui_transformer.render.picture import Picture, Table
from tui_transformer.render.strips import blocks

from .decode import VIEW, Shown

MOST = 40
"""So many cells of pieces stand in a line of the tree."""

ALIVE = "●"


def beam_picture(shown: Shown, going: bool = False, tree_seen: tuple[Branches, Seen] | None = None) -> Picture:
    """All hypotheses of a beam search. The trace must have steps of a beam; it may end while the search is `going` on.

    The tree as it is seen on a screen is drawn from left to right, where it fits. Raises InputError for a broken one.
    """
    trace = shown.trace
    root = tree(trace)
    nodes = list(root.nodes())[1:]
    best = {id(node) for node in best_path(root)}
    outline = Outline(("hypotheses", "steps", "log p", "fate"), list(_lines(trace, root, best, going)), optional=(0,))
    body: list[RenderableType] = [
        WholeTree(*tree_seen, otherwise=outline) if tree_seen else outline,
        Text(f"\n{ALIVE} went on   {PRUNED} was pruned   {ENDED} chose the end", style=QUIET),
    ]
    if ended := ranked(trace):
        body += [Text(), ranking(ended)]
    width = len(trace.beam_steps[0].live)
    title = f"decode · beam {width} · {len(trace.beam_steps)} steps{' so far' * going} · {visible(trace.finished.text)}"
    values = {**shown.values(), "width": width, "steps": [_values(shown, step) for step in trace.beam_steps],
              "ended": [_described(one) for one in ended]}  # fmt: skip
    return Picture(VIEW, title, Group(*body), tuple(_says(trace, nodes, ended, going)), values, _table(nodes))


def beam_step_picture(shown: Shown, number: int) -> Picture:
    """One step of the beam, counted from 0 behind what was forced: the rows after it, and what each of them read.

    Raises InputError for a broken trace.
    """
    tree(shown.trace)
    step = shown.trace.beam_steps[number]
    body = Group(row_cards(shown, number), *_ended_here(step))
    title = f"decode · beam {len(step.live)} · step {step.position + 1} · {len(step.live)} rows"
    dropped = ", ".join(str(row + 1) for row in step.pruned)
    if number == 0:
        says = ["Before it all rows were the same beginning."]
    else:
        says = [f"Of the rows before, {f'row {dropped} is' if len(step.pruned) == 1 else f'rows {dropped} are'} not "
                "continued." if dropped else "Every row before is continued."]  # fmt: skip
    first = shown.attention(step.cross_attention[step.live[0].parent])
    says.append(f"The likeliest, {quoted(step.live[0].piece)}, reads {shown.reads(first)}.")
    values = {**shown.values(), "steps": [_values(shown, step)]}
    rows = [(step.position + 1, row + 1, live.piece, live.id, live.parent + 1, live.log_probability)
            for row, live in enumerate(step.live)]  # fmt: skip
    return Picture(VIEW, title, body, tuple(says), values,
                   Table(("step", "row", "piece", "id", "parent", "log_probability"), rows))  # fmt: skip


def row_cards(shown: Shown, number: int, rows: slice = slice(None)) -> Cards:
    """Rows after a step of the beam, counted from 0: what each became, and what it has read."""
    step = shown.trace.beam_steps[number]
    before = shown.trace.beam_steps[number - 1].live if number else ()
    names = [before[live.parent].piece if before else "" for live in step.live]
    return Cards([_card(shown, step, row, name) for row, name in list(enumerate(names))[rows]])


def best_path(root: Node) -> list[Node]:
    """From the root to the end of the hypothesis that won."""
    path = [root]
    while path[-1].children:
        path.append(path[-1].children[-1])
    return path


def ranked(trace: Trace) -> list[EndedHypothesis]:
    """The hypotheses that chose the end, best score first."""
    return sorted((one for step in trace.beam_steps for one in step.ended), key=lambda one: -one.score)


def _lines(trace: Trace, root: Node, best: set[int], going: bool) -> Iterator[Line]:
    forced = " ".join(step.chosen.piece for step in trace.steps)
    yield Line(f"{ALIVE} start {forced}".rstrip(), ("", "", ""), style=ACCENT)
    over = "alive" if going else "left over"
    for indent, chain in _below(root):
        yield _line(chain, indent, best, over)


def _below(node: Node, indent: str = "") -> Iterator[tuple[str, list[Node]]]:
    """Of each line the branch and its nodes: side branches, likeliest first; then the way on, in the same column."""
    while node.children:
        *others, main = node.children
        for other in sorted(others, key=lambda child: -child.log_probability):
            first, *rest = _parts(other.chain())
            yield indent + "├─", first
            yield from ((indent + "│ ", part) for part in rest)
            yield from _below(other.chain()[-1], indent + "│ ")
        chain = main.chain()
        yield from ((indent, part) for part in _parts(chain))
        node = chain[-1]


def _parts(chain: Sequence[Node]) -> list[list[Node]]:
    """A chain in parts that fit a line."""
    widths = [cell_len(visible(node.piece)) + 1 for node in chain]
    return [list(chain[start:stop]) for start, stop in blocks(widths, MOST)]


def _line(chain: Sequence[Node], branch: str, best: set[int], over: str) -> Line:
    last = chain[-1]
    mark = ENDED if last.ended else PRUNED if last.pruned is not None else ALIVE
    pieces = " ".join(node.piece or "end" for node in chain)
    steps = str(chain[0].step + 1) + (f"–{last.step + 1}" if len(chain) > 1 else "")
    style = ACCENT if id(last) in best else QUIET if last.pruned is not None else Style.null()
    fate = _fate(last, over).replace("score", "best") if id(last) in best else _fate(last, over)
    return Line(f"{mark} {pieces}", (steps, f"{last.log_probability:.2f}", fate), branch, style)


def _fate(node: Node, over: str) -> str:
    if node.ended:
        return f"score {node.ended.score:.2f}"
    if node.pruned is not None:
        return f"pruned at {node.pruned + 1}"
    return "" if node.children else over


def ranking(ended: Sequence[EndedHypothesis], cursor: int | None = None) -> Outline:
    """Ended hypotheses in the order they have, and what their scores are made of; ▸ stands at the `cursor`, if any."""
    lines = [
        Line(f"{_mark(place, cursor)}{place + 1}  {one.text}",
             (f"{one.log_probability:.2f}", _penalty(one), f"{one.score:.2f}"),
             style=ACCENT if place == 0 else Style.null())
        for place, one in enumerate(ended)
    ]  # fmt: skip
    return Outline(("ended, best score first", "log p", "/ penalty", "= score"), lines, optional=(1,))


def _mark(place: int, cursor: int | None) -> str:
    return "" if cursor is None else "▸ " if place == cursor else "  "


def penalty(one: EndedHypothesis) -> float | None:
    """What the log-probability was divided by; unknown if there was nothing to divide."""
    return one.log_probability / one.score if one.score else None


def _penalty(one: EndedHypothesis) -> str:
    found = penalty(one)
    return "" if found is None else f"{found:.2f}"


def _says(trace: Trace, nodes: Sequence[Node], ended: Sequence[EndedHypothesis], going: bool) -> list[str]:
    pruned = sum(node.pruned is not None for node in nodes)
    tried = len(nodes) - len(ended)
    said = [f"{tried} pieces were tried; {len(ended)} hypotheses chose the end, {pruned} were pruned."]
    finished = trace.finished
    if ended and (divisor := penalty(ended[0])):
        length = len(ended[0].ids) - len(trace.steps) + 1
        said.append(
            f"The best has log-probability {ended[0].log_probability:.2f}, divided by the penalty for its length of "
            f"{length}, which is {divisor:.2f}: score {ended[0].score:.2f}."
        )
    if going:
        said.append(f"The search goes on; the best so far is {quoted(finished.text)}.")
    elif not finished.complete:
        who = "What the length limit cut off ranks first" if ended else "None chose the end before the length limit"
        said.append(f"{who}: the likeliest beginning is {quoted(finished.text)}.")
    return said


def _card(shown: Shown, step: BeamStep, row: int, parent: str) -> RenderableType:
    live = step.live[row]
    attention = shown.attention(step.cross_attention[live.parent])
    after = f"after row {live.parent + 1} {visible(parent)}, " if parent else ""
    head = Text(f"{row + 1} {visible(live.piece)}", style=STRONG)
    return Group(
        head.append(f"  log p {live.log_probability:.2f}", style=QUIET),
        Text(f"{after}reads {shown.reads(attention, 1)}", style=QUIET, no_wrap=True, overflow="ellipsis"),
        Profile(attention, [piece.removeprefix("▁") for piece in shown.source]),
    )


def _ended_here(step: BeamStep) -> list[RenderableType]:
    if not step.ended:
        return []
    return [Text(), ranking(sorted(step.ended, key=lambda one: -one.score))]


def _values(shown: Shown, step: BeamStep) -> dict[str, object]:
    return {
        "step": step.position + 1,
        "live": [{"row": row + 1, "piece": one.piece, "id": one.id, "parent": one.parent + 1,
                  "log_probability": one.log_probability} for row, one in enumerate(step.live)],
        "ended": [_described(one) for one in step.ended],
        "pruned": [row + 1 for row in step.pruned],
        "attention": np.stack([shown.attention(row) for row in step.cross_attention]),
    }  # fmt: skip


def _described(one: EndedHypothesis) -> dict[str, object]:
    return {"text": one.text, "ids": one.ids, "log_probability": one.log_probability,
            "length_penalty": penalty(one), "score": one.score}  # fmt: skip


def _table(nodes: Sequence[Node]) -> Table:
    rows = []
    parents = {id(child): node for node in nodes for child in node.children}
    for node in sorted(nodes, key=lambda node: (node.step, node.row)):
        parent = parents.get(id(node))
        rows.append((
            node.step + 1, None if node.ended else node.row + 1, node.piece or "end",
            parent.row + 1 if parent else None, node.log_probability,
            node.ended.score if node.ended else None, node.pruned + 1 if node.pruned else None,
        ))  # fmt: skip
    return Table(("step", "row", "piece", "parent", "log_probability", "score", "pruned_at"), rows)
