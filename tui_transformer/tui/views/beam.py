"""The third screen: the tree of hypotheses of a beam search as it grows, and what each of them scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from tui_transformer.errors import TtxError
from tui_transformer.tui.picture_view import PictureView
from tui_transformer.tui.view import View
from tui_transformer.tui.widgets.knobs import Knobs, Part, knob

from .beam_ranking import Ranking
from .beam_state import BeamState, shown_of
from .beam_tree import BeamTree

if TYPE_CHECKING:
    from tui_transformer.analysis.hypotheses import Node
    from tui_transformer.render.branches import Branches
    from tui_transformer.render.picture import Picture
    from tui_transformer.render.views.hypothesis import Known

CARDS = 4
"""So many rows of a step are shown with what they read."""
WIDTHS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64)


class Hypothesis(PictureView):
    """The hypothesis that is looked at, in words and numbers."""

    SAYS = "The chosen hypothesis, in words and numbers."


class BeamView(View):
    """A tree above; below it one hypothesis and the ranking."""

    NAME = "beam"
    TITLE = "Beam"
    HELP: ClassVar[str] = (
        "A beam search keeps the likeliest beginnings, as many as the beam is wide. Each column is a step, each piece "
        "follows the one to its left. Heavy lines lead to the best so far; a dotted branch has died out: ○ marks "
        "where the beam dropped it because others were likelier. ■ chose the end, and its score stands beside it.\n\n"
        "A score is the log-probability divided by a length penalty, ((5 + length) / 6)^α: every further piece makes a "
        "hypothesis less likely, and without the division the shortest would win. The search ends when as many have "
        "ended as the beam is wide and none that is alive scores better.\n\n"
        "Arrows walk from piece to piece; enter makes the translation begin as the piece that is looked at does, and "
        "searches on from there (o goes back). n and N go through those that have ended, v to their "
        "ranking. w and W make the beam wider and narrower. t, or a click on the number "
        "of a step, goes to that moment."
    )
    SCOPED_CSS = False  # it asks for the classes that the app's size gives the screen
    DEFAULT_CSS = """
    #beam-below {
        height: 6;
    }
    #hypothesis, #ranking, #beam-rows {
        width: 1fr;
    }
    .-normal #beam-below, .-wide #beam-below {
        height: 9;
    }
    .-tall #beam-below {
        height: 12;
    }
    .-wide.-tall #beam-below {
        height: 21;
    }
    .-narrow #ranking, .-narrow #beam-rows, .-normal #beam-rows, .-narrow .-ranked #hypothesis {
        display: none;
    }
    .-narrow .-ranked #ranking {
        display: block;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "width(1)", "Wider", id="beam.wider"),
        Binding("W", "width(-1)", "Narrower", show=False, id="beam.narrower"),
        Binding("n", "ended(1)", "Next ended", id="beam.next-ended"),
        Binding("N", "ended(-1)", "Ended before", show=False, id="beam.ended-before"),
        Binding("v", "ranking", "Ranking", id="beam.ranking"),
    ]

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._state = BeamState()

    def compose(self) -> ComposeResult:
        """How wide, the tree, the one hypothesis, the ranking."""
        yield Knobs(id="beam-knobs")
        yield BeamTree(id="tree")
        with Horizontal(id="beam-below"):
            yield Hypothesis(id="hypothesis")
            yield Ranking(id="ranking")
            yield PictureView(id="beam-rows")

    def entered(self) -> None:
        """Walk about in the tree."""
        self.query_one(BeamTree).focus()

    # -- what is drawn ---------------------------------------------------------------------------------

    def show(self) -> None:
        """Draw the moment."""
        try:
            self._state.grow(self.live)
        except TtxError as error:
            self.notify(str(error), title="ttx", severity="error", timeout=8)
        known, branches = self._known(), self._state.branches
        self._tell(known)
        if known and branches:
            self._show_tree(known, branches)
        else:
            self.query_one(BeamTree).say(self._why())
            for view in self.query(PictureView):
                view.show(None)
                view.border_title = view.border_subtitle = ""
            self.query_one(Ranking).tell([], -1)

    def _show_tree(self, known: Known, branches: Branches) -> None:
        from tui_transformer.render.views.hypothesis import formula, hypothesis_lines

        node = self._state.looked_at(known)
        following = self._state.cursor is None
        self.query_one(BeamTree).show(branches, self._state.seen(known, node), following)
        one, ranking = self.query_one(Hypothesis), self.query_one(Ranking)
        one.show(hypothesis_lines(known, node))
        one.border_title = "this hypothesis"
        ended = known.ended()
        place = ended.index(node) if node in ended else -1
        ranking.tell([end.ended for end in ended if end.ended], place)
        ranking.border_title = f"{len(ended)} ended" if ended else "none has ended yet"
        ranking.border_subtitle = formula(known.ranking)
        rows = self.query_one("#beam-rows", PictureView)
        if rows.display:
            self._show_rows(rows, known, node)

    def _show_rows(self, view: PictureView, known: Known, node: Node) -> None:
        """What the rows of the node's step have read."""
        from tui_transformer.render.views.beam import row_cards

        number = min(node.step - known.hypotheses.root.step, known.steps) - 1
        shown = shown_of(self.live, known) if number >= 0 else None
        if shown is None:
            view.show(None)
            view.border_title = ""
            return
        width, first = len(shown.trace.beam_steps[number].live), node.row // CARDS * CARDS
        view.show(row_cards(shown, number, slice(first, first + CARDS)))
        view.border_title = f"step {node.step + 1}: rows {first + 1}–{min(first + CARDS, width)} of {width}"

    def _known(self) -> Known | None:
        ranking = self.ttx.engine.ranking(self.live.request) if self.ttx.engine else None
        return self._state.known(self.live, self.ttx.playback, ranking)

    @property
    def _replay(self) -> bool:
        return self.ttx.engine is not None and self.ttx.engine.facts.replay

    def _tell(self, known: Known | None) -> None:
        """The line at the top: how wide, how far, how many."""
        request = self.ttx.asked.request
        parts = list(knob(f"beam {request.beam}", "width")) if request.mode == "beam" else [Part(f" {request.mode} ")]
        if known:
            there = f"{len(known.hypotheses.rows)}{'' if self.live.search.finished else ' …'}"
            alive = f"{len(known.hypotheses.at(known.steps))} {'left over' if known.over else 'alive'}"
            counts = f"{alive} · {len(known.ended())} ended · {known.pruned()} pruned"
            parts.append(Part(f"  step {known.steps} of {there} · {counts}"))
        elif request.mode != "beam":
            parts.append(Part(" search with a beam ", "search"))
        self.query_one(Knobs).tell(parts)

    def _why(self) -> str:
        """Why there is no tree."""
        mode = self.live.request.mode
        if self.no_model:
            return self.no_model
        if not self.live.request.text.strip():
            return "there is no text to translate\n\ni  write one"
        if self._state.broken:
            return "the steps of this search do not follow from one another"
        if mode == "beam" and self.live.request.beam > 1:
            return "searching …"
        one = "sampling draws a piece" if mode == "sample" else "greedy search takes the likeliest piece"
        return f"{one} at every step\nand keeps one hypothesis only: there is no tree.\n\nenter  search with a beam"

    # -- what is done ----------------------------------------------------------------------------------

    def action_width(self, by: int) -> None:
        """A wider or a narrower beam."""
        request = self.ttx.asked.request
        wider = [width for width in WIDTHS if width > request.beam][:1]
        narrower = [width for width in WIDTHS if width < request.beam][-1:]
        self.search(*(wider if by > 0 else narrower) or (request.beam,))

    def action_search(self) -> None:
        """Beam search, where something else was chosen."""
        self.search(self.ttx.asked.request.beam)

    def search(self, width: int) -> None:
        """Search with a beam of this width."""
        request = self.ttx.asked.request
        if self._replay:
            self.notify("this is a replay: there is no model that could decode anything else", severity="error")
        elif (request.mode, request.beam) != ("beam", width):
            self.ttx.ask(replace(request, mode="beam", beam=width))
        else:
            self.notify(f"the beam can be {WIDTHS[0]} to {WIDTHS[-1]} wide", timeout=3)

    def on_knobs_turned(self, message: Knobs.Turned) -> None:
        """The mouse does what keys do."""
        self.call_later(self.run_action, message.action)

    def on_beam_tree_moved(self, message: BeamTree.Moved) -> None:
        """Look at another node."""
        self._look(message.node)

    def on_beam_tree_timed(self, message: BeamTree.Timed) -> None:
        """The moment after so many steps of the beam."""
        self.ttx.go_to(message.steps + len(self.live.search.steps))

    def on_beam_tree_opened(self) -> None:
        """Let the translation begin like this; without a tree, search for one."""
        known = self._known()
        if known is None:
            if self.live.request.mode != "beam":
                self.action_search()
            return
        node = self._state.looked_at(known)
        way = [one.id for one in node.path() if not one.ended]
        forced = tuple(step.chosen.id for step in self.live.search.steps)
        if not way:
            self.notify("choose a piece to go on from", timeout=3)
            return
        self.ttx.branch_off((*forced, *way))

    def on_ranking_moved(self, message: Ranking.Moved) -> None:
        """Look at another hypothesis that has ended."""
        if message.place is None:
            self.action_ended(message.by)
        elif (known := self._known()) and message.place < len(ended := known.ended()):
            self._look(ended[message.place])

    def action_ended(self, by: int) -> None:
        """Look at the one that is so many ranks worse; at the best, if none is looked at."""
        known = self._known()
        ended = known.ended() if known else []
        if known is None or not ended:
            self.notify("no hypothesis has chosen the end yet", timeout=3)
            return
        node = self._state.looked_at(known)
        place = ended.index(node) + by if node in ended else 0
        self._look(ended[max(0, min(place, len(ended) - 1))])

    def action_ranking(self) -> None:
        """The ranking where there is room for one of them only, and back; its focus otherwise."""
        self.toggle_class("-ranked")
        self.query_one(Ranking if self.has_class("-ranked") else BeamTree).focus()

    def _look(self, node: Node | None) -> None:
        self._state.cursor = node
        self.show()

    # -- what is taken away and kept -------------------------------------------------------------------

    def picture(self) -> Picture | None:
        """The tree up to the moment, and the ranking."""
        from tui_transformer.analysis.winner import so_far
        from tui_transformer.render.views.beam import beam_picture

        known = self._known()
        shown = shown_of(self.live, known) if known else None
        if known is None or shown is None or self._state.branches is None:
            return None
        shown = shown if known.over else replace(shown, trace=so_far(shown.trace))
        seen = self._state.seen(known, self._state.looked_at(known))
        return beam_picture(shown, not known.over, (self._state.branches, seen))

    def commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """A beam of any width; those that have ended."""
        for width in WIDTHS:
            yield f"Beam of {width}", f"Search with {width} hypotheses at a time", partial(self.search, width)
        known = self._known()
        for place, node in enumerate(known.ended() if known else [], 1):
            text = node.ended.text if node.ended else ""
            yield f"Hypothesis {place}: {text}", "Look at it in the tree", partial(self._look, node)

    def place(self) -> dict[str, Any]:
        """The node that is looked at, by the ids on the way there."""
        cursor = self._state.cursor
        return {"at": [one.id for one in cursor.path()]} if cursor else {}

    def take(self, place: dict[str, Any]) -> None:
        """Go back there, as soon as there is such a node."""
        at = place.get("at")
        self._state.wanted = at if isinstance(at, list) and all(isinstance(one, int) for one in at) else None
