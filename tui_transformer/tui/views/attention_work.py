"""What the attention screen has threads do: prepare moments where there is much to see, and measure losses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import work
from textual.message import Message

from tui_transformer.errors import TtxError
from tui_transformer.pieces import text_of
from tui_transformer.tui.live import Request
from tui_transformer.tui.view import View

from .attention_moment import QUICK, Known, Moment, Prepared, prepare

if TYPE_CHECKING:
    from tui_transformer.ablation import Ablation
    from tui_transformer.events import Finished
    from tui_transformer.tui.engine import Engine
    from tui_transformer.tui.live import Fold


@dataclass(frozen=True, slots=True)
class Loss:
    """What became of the translation `before`, when all heads were on, in a run."""

    run: int
    before: str
    result: Ablation


class PreparingView(View):
    """Has `prepared`, which may be a little behind the moment, and `loss` when it is known."""

    class Ready(Message):
        """A moment has been prepared; `last` if the thread is through with it."""

        def __init__(self, prepared: Prepared, last: bool) -> None:
            super().__init__()
            self.prepared, self.last = prepared, last

    class Lost(Message):
        """A loss has been measured."""

        def __init__(self, loss: Loss) -> None:
            super().__init__()
            self.loss = loss

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.prepared: Prepared | None = None
        self.loss: Loss | None = None
        self._wanted: tuple[Known, Moment] | None = None
        self._working = False
        self._whole: tuple[Engine, Request, Finished] | None = None
        self._asked_loss = -1

    @property
    def fold(self) -> Fold:
        """What is looked at: the reading, or the beam of a replay, which nothing has read."""
        live, engine = self.live, self.ttx.engine
        replayed = live.search.finished is not None and engine is not None and engine.facts.replay
        return live.search if replayed and not live.steps else live.reading

    # -- moments ---------------------------------------------------------------------------------------

    def want(self, known: Known, moment: Moment) -> None:
        """Have a moment prepared: now, if that is done at once."""
        if self._wanted and self._wanted[1] == moment:
            return
        self._wanted = known, moment
        if self.prepared and (self.prepared.moment.run, self.prepared.moment.look) != (moment.run, moment.look):
            self.prepared = None
        if known.weights(moment.look.kind) <= QUICK:
            self.prepared = prepare(known, moment).with_stats()
        elif not self._working:
            self._working = True
            self._prepare(known, moment)

    def forget(self) -> None:
        """There is no sentence: what is known of the one before is of no interest, even if it is still to come."""
        self.prepared = self._wanted = None

    # Without a description, Textual writes out all arguments.
    @work(thread=True, group="attention", description="prepare a moment")
    def _prepare(self, known: Known, moment: Moment) -> None:
        prepared = prepare(known, moment)
        # Read once: it may be forgotten meanwhile.
        wanted = self._wanted
        newest = wanted is not None and wanted[1] == moment
        self.post_message(self.Ready(prepared, last=not newest))
        if newest:
            self.post_message(self.Ready(prepared.with_stats(), last=True))

    def on_preparing_view_ready(self, message: Ready) -> None:
        """Show it, unless it comes too late; go on with what is wanted by now."""
        if self._wanted is None:
            self._working = not message.last
            return
        known, moment = self._wanted
        mine = message.prepared.moment
        if (mine.run, mine.look) == (moment.run, moment.look):
            self.prepared = self._with_older_stats(message.prepared)
            self.ttx.draw_soon()
        if message.last:
            self._working = mine != moment and known.weights(moment.look.kind) > QUICK
            if self._working:
                self._prepare(known, moment)

    def _with_older_stats(self, prepared: Prepared) -> Prepared:
        """Numbers of a moment ago, rather than none, until there are new ones."""
        older = self.prepared.stats if self.prepared else None
        return replace(prepared, stats=older) if prepared.stats is None and prepared.attention else prepared

    # -- losses ----------------------------------------------------------------------------------------

    def compare(self) -> None:
        """Remember what all heads found, and measure what becomes of it without some of them."""
        live, engine = self.live, self.ttx.engine
        finished = live.reading.finished
        if finished is None or engine is None:
            return
        if not live.request.off:
            self._whole, self.loss = (engine, live.request, finished), None
        elif self._asked_loss != live.run:
            self._asked_loss = live.run
            self._measure(engine, live.run, live.request, self._found_by_all(engine, live.request))

    def _found_by_all(self, engine: Engine, request: Request) -> Finished | None:
        """What this model said of the same sentence with all its heads, if that was seen."""
        if self._whole is None:
            return None
        of, whole, finished = self._whole
        return finished if of is engine and (whole.text, whole.sentence) == (request.text, request.sentence) else None

    @work(thread=True, exclusive=True, group="attention-loss", description="measure a loss")
    def _measure(self, engine: Engine, run: int, request: Request, before: Finished | None) -> None:
        try:
            result = engine.ablated(request, before.ids if before else None)
            pieces = engine.translator.target.pieces(result.target)
        except TtxError as error:
            self.app.call_from_thread(self.notify, str(error), severity="error")
            return
        text = before.text if before else text_of(pieces).removesuffix("</s>").strip()
        self.post_message(self.Lost(Loss(run, text, result)))

    def on_preparing_view_lost(self, message: Lost) -> None:
        """Show it, unless it comes too late."""
        if message.loss.run == self.live.run:
            self.loss = message.loss
            self.ttx.draw_soon()
