"""Asks, decodes, folds: what `ttx tui` does between a key and a picture.

Decoding runs in one thread worker, which posts a message an event. Whatever is asked anew gets a number of its own,
and what comes in under an older number is dropped: no token of an old sentence is ever shown.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.app import App
from textual.message import Message
from textual.worker import get_current_worker

from tui_transformer.errors import TtxError

from .live import MODES, Live, Mode, Playback, Request
from .sitting import Sitting

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from tui_transformer.events import Event
    from tui_transformer.heads import Head

    from .engine import Engine

FRAME_SECONDS = 1 / 60
DEBOUNCE_SECONDS = 0.08
SETTLED_SECONDS = 1.5
"""A text that stays as it is for so long is remembered."""


@dataclass
class Loaded(Message):
    """The engine is there."""

    engine: Engine


@dataclass
class Happened(Message):
    """An event of a decoding, by the number of what was asked."""

    run: int
    reading: bool
    event: Event


@dataclass
class Said(Message):
    """What is known of the whole text: its sentences at first, its translation at last."""

    run: int
    sentences: tuple[str, ...] = ()
    text: str | None = None


@dataclass
class Failed(Message):
    """Something could not be done; `run` is 0 if it was no decoding."""

    run: int
    error: str


class Conductor(App[None]):
    """`load` makes the engine, in a thread; `sitting` is where one goes on; decodings are kept in `record`.

    Subclasses draw (`draw`).
    """

    def __init__(self, load: Callable[[], Engine], sitting: Sitting | None = None, record: Path | None = None) -> None:
        super().__init__()
        self._recorded_in = record
        self._load = load
        self.sitting = sitting or Sitting()
        self.engine: Engine | None = None
        self.not_loaded: TtxError | None = None
        """Why the first engine could not be made."""
        self.no_model = False
        """Whether the engine could not be made: nothing comes until another one takes its place."""
        self.playback = Playback(speed=self.sitting.speed)
        request = Request(self.sitting.text, next((mode for mode in MODES if mode == self.sitting.mode), "beam"))
        self.live = Live(0, request)
        """What is shown: of an older request until something of the newest has happened."""
        self._runs = 0
        self.asked = self.live
        """The newest request, and what is known of it."""
        self.other: Live | None = None
        """The decoding that a branch was taken from."""
        self.busy = False
        self.rate = 0.0
        """Tokens a second of the last decoding."""
        self._started = 0.0
        self._last_tick = time.monotonic()
        self._drawing: TimerHandle | None = None
        self._waiting: TimerHandle | None = None
        self._settling: TimerHandle | None = None

    def start(self) -> None:
        """Load the engine and decode what there is; to be called when the first frame has been drawn."""
        self._clock = self.set_interval(2 * FRAME_SECONDS, self._follow, pause=True)
        self._load_engine()

    def draw(self) -> None:
        """Show the moment."""
        raise NotImplementedError

    def later(self, seconds: float, act: Callable[[], object]) -> TimerHandle:
        """Do this once, after so long.

        Not `set_timer`: Textual drops a timer that is late before it has begun to wait, and a frame is short enough for
        a busy machine to be that late.
        """
        return asyncio.get_running_loop().call_later(seconds, self.call_next, act)

    # -- what is asked ---------------------------------------------------------------------------------

    @property
    def fixed(self) -> bool:
        """Whether there is one text only, and nothing else can be asked about it: a replay."""
        return self.engine is not None and self.engine.text is not None

    def edit(self, text: str) -> None:
        """The text is now this: decode it as soon as nothing more is typed for a moment."""
        if text == self.asked.request.text or self.fixed:
            return
        request = replace(self.asked.request, text=text, prefix=(), sentence=0)
        self.other = None
        self._ask(request, DEBOUNCE_SECONDS)

    def ask(self, request: Request) -> None:
        """Decode this now."""
        self._ask(request, 0.0)

    def _ask(self, request: Request, delay: float) -> None:
        # From here on whatever comes under an older number is late.
        self._runs += 1
        self.asked = Live(self._runs, request)
        self.busy = True
        if self._waiting:
            self._waiting.cancel()
            self._waiting = None
        if delay:
            self._waiting = self.later(delay, self._decode_asked)
        else:
            self._decode_asked()
        self.draw_soon()

    def _decode_asked(self) -> None:
        self._waiting = None
        if not self.asked.request.text.strip():
            # Nothing to watch, and what is under way is of no interest any more.
            self.workers.cancel_group(self, "decoding")
            self._show_asked()
            self.live.text, self.busy, self.playback.playing = self.asked.request.text, False, False
            self.draw_soon()
        elif self.engine:
            self._started = time.monotonic()
            self._decode(self.engine, self.asked.run, self.asked.request)
        else:
            self.busy = not self.no_model

    @work(thread=True, exclusive=True, group="loading")
    def _load_engine(self) -> None:
        try:
            self.post_message(Loaded(self._load()))
        except TtxError as error:
            self.not_loaded = error
            self.post_message(Failed(0, str(error)))

    @work(thread=True, exclusive=True, group="decoding")
    def _decode(self, engine: Engine, run: int, request: Request) -> None:
        worker = get_current_worker()
        try:
            self.post_message(Said(run, sentences=engine.sentences(request.text)))
            event = None
            for reading, event in engine.decode(request):
                if worker.is_cancelled:
                    return
                self.post_message(Happened(run, reading, event))
            lines = []
            for line in engine.translate(request, event):  # type: ignore[arg-type]
                if worker.is_cancelled:
                    return
                lines.append(line)
            self.post_message(Said(run, text="\n".join(lines)))
        except TtxError as error:
            self.post_message(Failed(run, str(error)))

    # -- what happens ----------------------------------------------------------------------------------

    def on_loaded(self, message: Loaded) -> None:
        """The engine is there: decode what has been typed meanwhile."""
        self.engine = message.engine
        request = replace(self.asked.request, beam=self.engine.beam)
        if self.engine.text is not None:
            request = replace(request, text=self.engine.text, mode="beam" if self.engine.beam > 1 else "greedy")
            self.show_only(self.engine.text)
        elif self.asked.run == 0 and self.sitting.model == message.engine.facts.name:
            request = self._as_it_was(request)
        self.ask(request)

    def change_engine(self, engine: Engine) -> None:
        """Another model from now on: the same text from its beginning, with all heads."""
        request = self.asked.request
        # A beam that nobody chose was the other model's own.
        beam = engine.beam if self.engine is None or request.beam == self.engine.beam else request.beam
        self.engine, self.other, self.rate = engine, None, 0.0
        self.ask(replace(request, beam=beam, prefix=(), off=frozenset()))
        # What the other model decoded goes at once: no key may take its ids to this one.
        self._show_asked()

    def show_only(self, text: str) -> None:
        """The engine knows this text and no other."""

    def _as_it_was(self, request: Request) -> Request:
        """Sentence, branch and heads of the last sitting; heads that the model does not have are left out."""
        from tui_transformer.heads import parse_head

        off = set()
        for written in self.sitting.off:
            try:
                off.add(parse_head(written, self.engine.translator.runtime.architecture))  # type: ignore[union-attr]
            except TtxError:
                continue
        # Another model may have come to the same place: a beginning that it cannot have is left out.
        size = self.engine.translator.target.size  # type: ignore[union-attr]
        prefix = tuple(self.sitting.prefix) if all(0 <= piece < size for piece in self.sitting.prefix) else ()
        return replace(request, sentence=max(0, self.sitting.sentence), prefix=prefix, off=frozenset(off))

    def on_happened(self, message: Happened) -> None:
        """Fold an event, unless it comes too late."""
        if message.run != self.asked.run:
            return
        self._show_asked()
        self.live.add(message.reading, message.event)
        if self.live.done and self.engine and not self.engine.facts.replay:
            self.rate = len(self.live.steps) / max(1e-6, time.monotonic() - self._started)
        self._follow()

    def on_said(self, message: Said) -> None:
        """What is known of the whole text, unless it comes too late."""
        if message.run != self.asked.run:
            return
        if message.sentences:
            self.asked.sentences = message.sentences
            # Another model may part the text in fewer sentences.
            there = min(self.asked.request.sentence, len(message.sentences) - 1)
            self.asked.request = replace(self.asked.request, sentence=there)
        if message.text is not None:
            self._show_asked()
            self.live.text, self.busy = message.text, False
            self._settle()
            self._record()
        self.draw_soon()

    def on_failed(self, message: Failed) -> None:
        """Say what could not be done; what has been typed stays, and what is shown of the same text."""
        if message.run not in (0, self.asked.run):
            return
        self.no_model = self.no_model or message.run == 0
        if message.run and self.live.request.text == self.asked.request.text:
            self.asked = self.live
            self.other = None if self.other is self.live else self.other
        elif message.run:
            self._show_asked()
        self.busy = self.playback.playing = False
        self.notify(message.error, title="ttx", severity="error", timeout=8)
        self.draw_soon()

    def _show_asked(self) -> None:
        if self.live is not self.asked:
            self.live = self.asked
            self.playback.restart()

    def _settle(self) -> None:
        """A text that stays is remembered."""
        if self._settling:
            self._settling.cancel()
        text = self.live.request.text
        self._settling = self.later(SETTLED_SECONDS, lambda: self._remember(text))

    def _remember(self, text: str) -> None:
        self.sitting.remember(text)
        self.remembered()

    def remembered(self) -> None:
        """What there is now has stayed for a while: subclasses keep it."""

    def _record(self) -> None:
        """Keep the decoding for a replay, if that was asked for."""
        recording = self.live.recording()
        if self._recorded_in is None or recording is None:
            return
        from tui_transformer.traces import save_trace

        try:
            save_trace(recording, self._recorded_in)
        except TtxError as error:
            self.notify(str(error), severity="error", timeout=8)

    # -- the moment ------------------------------------------------------------------------------------

    def _follow(self) -> None:
        now = time.monotonic()
        self.playback.follow(len(self.live.steps), self.live.done, now - self._last_tick)
        self._last_tick = now
        if self.playback.playing and self.playback.pace:
            self._clock.resume()
        else:
            self._clock.pause()
        self.draw_soon()

    def draw_soon(self) -> None:
        """Draw once at the end of this frame, however much happens in it."""
        if self._drawing is None and self.is_running:
            self._drawing = self.later(FRAME_SECONDS, self._draw)

    def _draw(self) -> None:
        self._drawing = None
        # Between the last key and the end there may be no screen any more.
        if self.screen_stack:
            self.draw()

    @property
    def settled(self) -> bool:
        """Whether nothing is under way: all that was asked for is there and drawn."""
        return not self.busy and self._drawing is None and self._waiting is None and not self.playback.playing

    def action_play(self) -> None:
        """Play or pause."""
        if not self.live.steps and not self.busy:
            return  # nothing will ever be there to be played
        self._last_tick = time.monotonic()
        self.playback.toggle(len(self.live.steps))
        self._follow()

    def action_step(self, by: int) -> None:
        """So many steps on or back."""
        self.go_to(self.playback.moment + by)

    def action_jump(self, moment: int) -> None:
        """To a moment, −1 the newest."""
        self.go_to(moment if moment >= 0 else len(self.live.steps))

    def go_to(self, moment: int) -> None:
        """Show the decoding after so many steps."""
        self.playback.jump(moment, len(self.live.steps))
        self.draw_soon()

    def action_speed(self, by: int) -> None:
        """Slower or faster."""
        self.playback.faster(by)
        self.sitting.speed = self.playback.speed
        speed = f"{self.playback.speed:g} tokens a second" if self.playback.speed else "as fast as it comes"
        self.notify(speed, timeout=1.5)
        self._follow()

    # -- how it is decoded -----------------------------------------------------------------------------

    def action_mode(self) -> None:
        """Beam, greedy or sampling."""
        self.choose_mode(MODES[(MODES.index(self.asked.request.mode) + 1) % len(MODES)])

    def choose_mode(self, mode: Mode) -> None:
        """Decode like this from now on."""
        if self.fixed:
            self.notify("this is a replay: there is no model that could decode anything else", severity="error")
            return
        self.ask(replace(self.asked.request, mode=mode))

    def action_again(self) -> None:
        """Decode once more; when sampling, draw anew."""
        request = self.asked.request
        self.ask(replace(request, seed=request.seed + (request.mode == "sample")))

    def action_sentence(self, by: int) -> None:
        """Watch another sentence of the text."""
        request, there = self.asked.request, len(self.asked.sentences)
        wanted = max(0, min(request.sentence + by, there - 1))
        if there and wanted != request.sentence:
            self.other = None
            self.ask(replace(request, sentence=wanted, prefix=()))

    def take_branch(self, candidate: int) -> None:
        """Go on from the moment shown with another piece (its id) instead of the newest; keep the old branch."""
        before = tuple(step.chosen.id for step in self.live.steps[: self.playback.moment - 1])
        self.branch_off((*before, candidate))

    def branch_off(self, prefix: tuple[int, ...]) -> None:
        """Decode what is shown once more, made to begin with these target ids; keep the old branch."""
        if self.live.request.text != self.asked.request.text:
            self.notify("the text has changed: wait for its translation", severity="warning", timeout=3)
            return
        self.other = self.live
        self.ask(self.live.request.beginning(prefix))

    def action_other_branch(self) -> None:
        """Back to the decoding that a branch was taken from, and back again."""
        if self.other is None:
            self.notify("there is no other branch: choose a candidate first", timeout=3)
            return
        request, self.other = self.other.request, self.live
        self.ask(request)

    def switch_head(self, head: Head) -> None:
        """A head off or on: everything is decoded again, behind the same beginning."""
        self.ask(self.asked.request.switching(head))

    def action_heads_on(self) -> None:
        """All heads on."""
        self.ask(replace(self.asked.request, off=frozenset()))
