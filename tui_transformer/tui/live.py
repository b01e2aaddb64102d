"""One sentence's decoding as far as it has come, and the moment of it that is looked at. Neither Textual nor a model.

The model is usually done long before a person has looked. So decoding and looking are apart: events are folded as
they come, and `Playback` says how many of the steps are shown. All screens show that same moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from tui_transformer.pieces import text_of

if TYPE_CHECKING:
    from tui_transformer.events import BeamStep, Candidate, Encoded, Event, Finished, Step, Trace
    from tui_transformer.heads import Head
    from tui_transformer.traces import Recording

Mode = Literal["greedy", "beam", "sample"]
MODES: tuple[Mode, ...] = ("beam", "greedy", "sample")


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be decoded: which sentence of a text (from 0), how, after which forced beginning, without which heads.

    `prefix` are target ids. `seed` counts for "sample".
    """

    text: str
    mode: Mode = "beam"
    beam: int = 4
    sentence: int = 0
    prefix: tuple[int, ...] = ()
    off: frozenset[Head] = frozenset()
    seed: int = 1

    def beginning(self, prefix: tuple[int, ...]) -> Request:
        """The same sentence, made to begin with these target ids."""
        return replace(self, prefix=prefix)

    def switching(self, head: Head) -> Request:
        """The same with a head off, or on again."""
        return replace(self, off=self.off ^ {head})


@dataclass(slots=True)
class Fold:
    """Events as they come, folded; `trace` makes a `Trace` of the beginning that is shown."""

    encoded: Encoded | None = None
    steps: list[Step] = field(default_factory=list)
    beam_steps: list[BeamStep] = field(default_factory=list)
    finished: Finished | None = None

    def add(self, event: Event) -> None:
        """Take the next event of the stream."""
        from tui_transformer.events import BeamStep, Encoded, Step

        if isinstance(event, Encoded):
            self.encoded = event
        elif isinstance(event, Step):
            self.steps.append(event)
        elif isinstance(event, BeamStep):
            self.beam_steps.append(event)
        else:
            self.finished = event

    def trace(self, steps: int | None = None) -> Trace | None:
        """What happened up to so many steps; None before there is a step.

        Until the end is shown it is a trace of a translation that was cut off there.
        """
        from tui_transformer.events import Finished, Trace

        there = len(self.beam_steps) + len(self.steps)
        shown = there if steps is None else min(steps, there)
        if self.encoded is None or shown == 0:
            return None
        if self.finished and shown == there:
            return Trace(self.encoded, tuple(self.steps), tuple(self.beam_steps), self.finished)
        chosen = [step.chosen for step in self.steps[:shown]]
        beam_steps = tuple(self.beam_steps[: max(0, shown - len(self.steps))])
        ids, pieces = tuple(one.id for one in chosen), tuple(one.piece for one in chosen)
        so_far = Finished(text_of(pieces), pieces, ids, log_probability(chosen), 0.0, complete=False)
        return Trace(self.encoded, tuple(self.steps[:shown]), beam_steps, so_far)

    def searched(self) -> list[str]:
        """The pieces of the likeliest hypothesis that a beam has now, first to last."""
        row, found = 0, list[str]()
        for step in reversed(self.beam_steps):
            if row >= len(step.live):
                break
            found.append(step.live[row].piece)
            row = step.live[row].parent
        return [*(step.chosen.piece for step in self.steps), *reversed(found)]


def log_probability(chosen: list[Candidate]) -> float:
    """Of a sequence of choices, in nats."""
    import math

    return math.fsum(math.log(max(one.probability, 1e-300)) for one in chosen)


class Live:
    """All that is known of one request: the `search` of a beam, if there was one, and the `reading` of what it found.

    Beam search has no candidates of its own for each token of the translation, so that the model reads the
    translation once more; greedy search and sampling are a reading themselves.
    """

    def __init__(self, run: int, request: Request) -> None:
        self.run, self.request = run, request
        self.search, self.reading = Fold(), Fold()
        self.sentences: tuple[str, ...] = ()
        self.text: str | None = None
        """The translation of the whole text, as `ttx translate` gives it; None until it is known."""

    @property
    def done(self) -> bool:
        """Whether the watched sentence has all its steps."""
        return self.reading.finished is not None

    @property
    def steps(self) -> list[Step]:
        """Those of the reading."""
        return self.reading.steps

    @property
    def encoded(self) -> Encoded | None:
        """The source, once it has been read."""
        return self.reading.encoded or self.search.encoded

    @property
    def source(self) -> tuple[str, ...]:
        """Its pieces."""
        return self.encoded.pieces if self.encoded else ()

    def add(self, reading: bool, event: Event) -> None:
        """Fold an event of the search or of the reading."""
        (self.reading if reading else self.search).add(event)

    def recording(self) -> Recording | None:
        """All of it, to be kept; None until the watched sentence is done."""
        from tui_transformer.traces import Recording

        reading, search = self.reading.trace(), self.search.trace()
        if reading is None or not self.done:
            return None
        return Recording((search,) if search else (), reading)


@dataclass(slots=True)
class Playback:
    """Which moment is shown: after so many steps. Without a `speed` the newest, with one so many steps a second.

    While not `playing` it stays where it is.
    """

    SPEEDS = (1.0, 2.0, 4.0, 8.0, 16.0, None)
    AGAIN = 8.0
    """What has all happened already is played at this speed where none was chosen."""

    moment: int = 0
    playing: bool = True
    speed: float | None = None
    owed: float = 0.0
    again: bool = False

    @property
    def pace(self) -> float | None:
        """Steps a second; None for as they come."""
        return self.speed or (self.AGAIN if self.again else None)

    def restart(self) -> None:
        """Another decoding begins."""
        self.moment, self.playing, self.owed, self.again = 0, True, 0.0, False

    def follow(self, there: int, done: bool, seconds: float) -> None:
        """So much time has passed, and so many steps are there now."""
        if self.playing and self.pace is None:
            self.moment = there
        elif self.playing and self.pace:
            self.owed = min(self.owed + seconds * self.pace, float(there - self.moment) + 1)
            self.moment = min(self.moment + int(self.owed), there)
            self.owed %= 1
        self.moment = min(self.moment, there)
        if done and self.moment == there:
            self.playing = False

    def jump(self, moment: int, there: int) -> None:
        """Look at one moment, and stay there."""
        self.moment, self.playing = max(0, min(moment, there)), False

    def toggle(self, there: int) -> None:
        """Play or pause; from the end, play again from the start."""
        if not self.playing and self.moment >= there:
            self.moment = 0
        self.playing, self.owed, self.again = not self.playing, 0.0, True

    def faster(self, by: int) -> None:
        """One of the `SPEEDS` up or down from what is now the pace."""
        place = self.SPEEDS.index(self.pace) + by
        self.speed = self.SPEEDS[max(0, min(place, len(self.SPEEDS) - 1))]
        self.again = self.again and self.speed is not None
