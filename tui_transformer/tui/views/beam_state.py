"""What the Beam screen knows: the tree as far as it has grown, the moment of it that is shown, and the cursor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_transformer.analysis.hypotheses import Hypotheses, Node
    from tui_transformer.render.branches import Branches, Seen
    from tui_transformer.render.views.decode import Shown
    from tui_transformer.render.views.hypothesis import Known
    from tui_transformer.tui.live import Live, Playback

MANY = 1000
"""A tree of so many nodes is not laid out anew at every step while it grows."""
SELDOM = 8


class BeamState:
    """One search at a time; another run begins anew."""

    def __init__(self) -> None:
        self.hypotheses: Hypotheses | None = None
        self.branches: Branches | None = None
        self.cursor: Node | None = None
        """Where somebody has gone; None follows the best."""
        self.broken = False
        self.wanted: list[int] | None = None
        """Where somebody was at the last sitting: the ids on the way there."""
        self._run = -1
        self._seen: tuple[tuple[int, int, int], Seen] | None = None

    def grow(self, live: Live) -> None:
        """Take the steps of the beam that are new. Raises InputError if they do not follow from one another."""
        if self._run != live.run:
            self._run, self.broken = live.run, False
            self.hypotheses, self.branches, self.cursor = None, None, None
        steps, forced = live.search.beam_steps, live.search.steps
        if not steps or self.broken:
            return
        from tui_transformer.analysis.hypotheses import Hypotheses
        from tui_transformer.render.branches import Branches

        if self.hypotheses is None:
            self.hypotheses = Hypotheses(steps[0].position, tuple(step.chosen.id for step in forced))
        there = len(self.hypotheses.rows)
        many = there * len(steps[0].live) > MANY and live.search.finished is None
        if there == len(steps) or (many and len(steps) < there + SELDOM):
            return
        self.broken = True
        for step in steps[there:]:
            self.hypotheses.add(step)
        self.broken = False
        self.branches = Branches(self.hypotheses, " ".join(step.chosen.piece for step in forced))

    def known(self, live: Live, playback: Playback, replay: bool) -> Known | None:
        """The tree at the moment: all of it at the newest one, and of a replay only what its own numbers tell."""
        if self.hypotheses is None or self.broken:
            return None
        from tui_transformer.analysis.hypotheses import inferred_alpha
        from tui_transformer.beam import BeamOptions
        from tui_transformer.render.views.hypothesis import Known

        there, forced = len(self.hypotheses.rows), live.search.steps
        # At a pace the tree grows with the reading, which is not there before the search has ended.
        waiting = playback.playing and playback.pace is not None and not live.done
        newest = playback.moment >= len(live.steps) and not waiting
        steps = there if newest else max(0, min(playback.moment - len(forced), there))
        alpha = inferred_alpha([node.ended for node in self.hypotheses.ended if node.ended], len(forced))
        if alpha is None and not replay:
            alpha = BeamOptions().alpha
        over = newest and live.search.finished is not None and there == len(live.search.beam_steps)
        return Known(self.hypotheses, steps, alpha, [step.chosen.piece for step in forced], over)

    def looked_at(self, known: Known) -> Node:
        """The cursor, or what it came from where it has not been born yet."""
        if self.wanted is not None and known.over:
            self.cursor, self.wanted = _at(known.hypotheses.root, self.wanted), None
        node = self.cursor or known.hypotheses.best(known.steps)
        while node.parent and node.step > known.newest:
            node = node.parent
        return node

    def seen(self, known: Known, cursor: Node) -> Seen:
        """What is seen of the tree; walking about in it computes nothing anew."""
        from tui_transformer.render.branches import Seen

        key = self._run, known.steps, len(known.hypotheses.rows)
        if self._seen is None or self._seen[0] != key:
            self._seen = key, Seen.of(known.hypotheses, known.steps)
        return replace(self._seen[1], cursor=cursor)


def shown_of(live: Live, known: Known) -> Shown | None:
    """The search up to the moment, its attention as the mean of all heads above the first layer."""
    from tui_transformer.analysis.alignment import default_heads
    from tui_transformer.render.views.decode import Shown

    if not known.steps:
        return None
    trace = live.search.trace(None if known.over else known.steps + len(live.search.steps))
    assert trace is not None
    return Shown(trace, 0, default_heads(*trace.beam_steps[0].cross_attention.shape[1:3]))


def _at(root: Node, ids: list[int]) -> Node | None:
    """The node on whose way stand these ids; None if there is none."""
    node: Node | None = root
    for one in ids:
        node = next((child for child in node.children if child.id == one), None) if node else None
    return node
