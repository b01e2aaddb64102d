"""One hypothesis of a beam search in words and numbers: what it says, what its score is made of, what became of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from tui_transformer.analysis.hypotheses import Hypotheses, Node
from tui_transformer.events import EndedHypothesis
from tui_transformer.pieces import text_of
from tui_transformer.ranking import PaperRanking, Ranking, TransformersRanking
from tui_transformer.render.labels import fraction, quoted, visible
from tui_transformer.render.palette import ACCENT, QUIET, STRONG

NAMED = 3
"""So many of the nodes that took a place are named."""


@dataclass(frozen=True, slots=True)
class Known:
    """A tree as it was after so many `steps`; `forced` are pieces. `ranking` is None where nothing tells it."""

    hypotheses: Hypotheses
    steps: int
    ranking: Ranking | None
    forced: Sequence[str] = ()
    over: bool = False
    """Whether the search has ended with these steps."""

    @property
    def newest(self) -> int:
        """The step that was taken last."""
        return self.hypotheses.root.step + self.steps

    def pruned(self) -> int:
        """How many branches the beam had dropped by then."""
        nodes = (node for row in self.hypotheses.rows for node in row)
        return sum(node.alive and node.pruned is not None and node.pruned <= self.newest for node in nodes)

    def ended(self) -> list[Node]:
        """Those that had chosen the end by then, best score first."""
        ended = [node for node in self.hypotheses.ended if node.step <= self.newest]
        return sorted(ended, key=lambda node: -_ended(node).score)

    def text(self, node: Node) -> str:
        """All that a hypothesis says up to a node."""
        if node.ended:
            return node.ended.text
        return text_of([*self.forced, *(one.piece for one in node.path())])


def hypothesis_lines(known: Known, node: Node) -> Text:
    """Four lines: its text, its log-probability, its score, its fate."""
    said = visible(known.text(node)) or ("the beginning" if node.parent is None else "nothing but the end")
    lines = [Text(said, style=STRONG)]
    if node.parent is not None:
        lines += [_log_probability(node, node.parent), _score(known, node)]
    return Text("\n").join([*lines, *_fate(known, node)])


def formula(ranking: Ranking | None) -> str:
    """How a score is made: by the paper (Wu et al. 2016, equation 14), or as the library transformers does it."""
    return f"score = log p / {penalty_of(ranking, 'length')}"


def penalty_of(ranking: Ranking | None, length: object) -> str:
    """The length penalty as it is written."""
    match ranking:
        case TransformersRanking(alpha=alpha):
            return f"{length}^{alpha:.2g}"
        case PaperRanking(alpha=alpha):
            return f"((5 + {length}) / 6)^{alpha:.2g}"
    return "length penalty"


def _log_probability(node: Node, parent: Node) -> Text:
    own = node.log_probability - parent.log_probability
    what = "the end" if node.ended else quoted(node.piece)
    return Text.assemble(
        f"log p {node.log_probability:.2f}",
        (f" = {parent.log_probability:.2f} before {own:+.2f} for {what}, p {fraction(math.exp(min(0.0, own)))}", QUIET),
    )


def _score(known: Known, node: Node) -> Text:
    length = len(node.path())
    if known.ranking is None:
        return Text(f"length {length} · its score is not known before a hypothesis has ended", style=QUIET)
    divisor = known.ranking.penalty(length)
    score = _ended(node).score if node.ended else node.log_probability / divisor
    return Text.assemble(
        f"score {'' if node.ended else 'so far '}{score:.2f}",
        (f" = {node.log_probability:.2f} / {divisor:.2f}, penalty {penalty_of(known.ranking, length)}", QUIET),
    )  # fmt: skip


def _fate(known: Known, node: Node) -> Iterator[Text]:
    if node.ended:
        ended = known.ended()
        rank = ended.index(node) + 1
        yield Text(f"chose the end at step {node.step + 1}: rank {rank} of {len(ended)}", style=ACCENT)
    elif node.pruned is not None and node.pruned <= known.newest:
        yield Text(f"pruned at step {node.pruned + 1}: {_instead(known, node.pruned)}")
    elif node.step == known.newest and node.parent is not None:
        width = len(known.hypotheses.at(known.steps))
        yield Text(f"row {node.row + 1} of {width}: " + ("left over when the search ended" if known.over else "alive"))
    elif node.step < known.newest:
        kept = [one for one in node.children if not one.ended]
        ends = ", and chose the end" * (len(kept) < len(node.children))
        yield Text(f"went on with {', '.join(quoted(one.piece) for one in kept) or 'nothing else'}{ends}")


def _instead(known: Known, step: int) -> str:
    """Who took its place."""
    kept = known.hypotheses.at(step - known.hypotheses.root.step)
    names = [f"{quoted(one.piece)} {one.log_probability:.2f}" for one in kept]
    more = f" … {names[-1]}" if len(names) > NAMED + 1 else f", {names[-1]}" if len(names) == NAMED + 1 else ""
    return f"the {len(kept)} likeliest were others: {', '.join(names[:NAMED])}{more}"


def _ended(node: Node) -> EndedHypothesis:
    assert node.ended is not None
    return node.ended
