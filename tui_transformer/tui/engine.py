"""Where decodings come from: a model, or a kept trace. What the shell asks of either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tui_transformer.errors import UsageError

from .live import Request

if TYPE_CHECKING:
    from tui_transformer.ablation import Ablation
    from tui_transformer.events import Event, Finished, Trace
    from tui_transformer.ranking import Ranking
    from tui_transformer.traces import Inside, Recording
    from tui_transformer.translator import Options, Source, Translator


CANDIDATES = 8
"""So many of the likeliest pieces are known of each step."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the status line says of a model."""

    name: str
    languages: tuple[str, ...]
    precision: str
    device: str
    replay: bool = False
    """Whether nothing is computed, so that speed means nothing."""

    def __str__(self) -> str:
        return " · ".join([" → ".join(self.languages), self.name, self.precision, self.device])


class Engine(Protocol):
    """Whatever can be watched. Called from threads; several calls may be under way at once."""

    facts: Facts
    text: str | None
    """The only text that it knows, None if it can decode any."""
    beam: int
    """How many hypotheses it keeps if nobody says otherwise."""

    def sentences(self, text: str) -> tuple[str, ...]:
        """The sentences of a text that are translated one by one; at least one, which may be blank."""

    def decode(self, request: Request) -> Iterator[tuple[bool, Event]]:
        """Everything that happens, as it happens, each event with whether it belongs to the reading (`Live`).

        Stop reading, and decoding stops. Raises a TtxError for what cannot be done.
        """

    def translate(self, request: Request, found: Finished) -> Iterator[str]:
        """The translation of each line of the text, as `ttx translate` gives it.

        The watched sentence was `found` to be this; after a forced beginning no other way leads there.
        """

    def inside(self, request: Request, target: Sequence[int], width: int = 0) -> Inside:
        """All that happens inside while the watched sentence gets this target (ids without its end).

        A shorter source is padded to `width`.
        """

    def ranking(self, request: Request) -> Ranking | None:
        """How a beam's hypotheses are compared; None where only their scores tell."""

    def ablated(self, request: Request, target: Sequence[int] | None) -> Ablation:
        """What the watched sentence loses without the heads that are off, by a target (ids without its end).

        The whole model's own translation, if there is no target.
        """

    @property
    def translator(self) -> Translator:
        """The model itself, for views that show more of it. Raises UsageError if there is none."""


class ModelEngine:
    """A model at work."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator
        manifest = translator.bundle.manifest
        path = translator.bundle.path
        name = f"{path.parent.name}/{path.name}" if path.parent.name else path.name
        languages = manifest.source_language, manifest.target_language
        self.text: str | None = None
        self.beam = translator.generation.beam
        self.facts = Facts(name, languages, manifest.precision, translator.runtime.device)

    @property
    def translator(self) -> Translator:
        """The model."""
        return self._translator

    def sentences(self, text: str) -> tuple[str, ...]:
        """See `Engine`."""
        return tuple(source.whole for source in self._sources(text))

    def decode(self, request: Request) -> Iterator[tuple[bool, Event]]:
        """See `Engine`."""
        from tui_transformer.events import Finished

        translator = self._without(request)
        source = self._watched(request)
        options = options_of(request)
        if options.beam == 1:
            yield from ((True, event) for event in translator.stream(source, options))
            return
        found: Finished | None = None
        for event in translator.stream(source, options):
            yield False, event
            found = event if isinstance(event, Finished) else found
        assert found is not None
        yield from ((True, event) for event in _read(translator, source, found))

    def translate(self, request: Request, found: Finished) -> Iterator[str]:
        """See `Engine`."""
        from tui_transformer.batching import translate_lines
        from tui_transformer.keep import Keeper
        from tui_transformer.translation import Wanted

        translator, options = self._without(request), options_of(replace(request, prefix=()))
        lines = request.text.split("\n")
        translations = (
            one.text for one in translate_lines(translator, lines, options, wanted=Wanted(keeper=Keeper.of()))
        )
        watched, before = min(request.sentence, len(self._sources(request.text)) - 1), 0
        for line, translation in zip(lines, translations, strict=True):
            sources = [source for source in translator.split(line) if source.ids]
            mine = request.prefix and before <= watched < before + len(sources)
            yield _branched(translator, line, watched - before, found, options) if mine else translation
            before += len(sources)

    def inside(self, request: Request, target: Sequence[int], width: int = 0) -> Inside:
        """See `Engine`."""
        from tui_transformer.traces import Inside

        translator = self._without(request)
        probed = translator.probe(self._watched(request), target, width=width)
        return Inside(probed, translator.target.pieces(range(translator.target.size)), ())

    def ranking(self, request: Request) -> Ranking | None:
        """See `Engine`."""
        from tui_transformer.decoding import ranking

        return ranking(options_of(request), self._translator.generation)

    def ablated(self, request: Request, target: Sequence[int] | None) -> Ablation:
        """See `Engine`."""
        from tui_transformer.ablation import ablate

        return ablate(self._translator, self._watched(request), request.off, target=target)

    def _without(self, request: Request) -> Translator:
        return self._translator.without(request.off) if request.off else self._translator

    def _watched(self, request: Request) -> Source:
        sources = self._sources(request.text)
        return sources[min(request.sentence, len(sources) - 1)]

    def _sources(self, text: str) -> list[Source]:
        sources = [source for line in text.split("\n") for source in self._translator.split(line)]
        # Lines without text have nothing to watch, a text without any still has its end.
        return [source for source in sources if source.ids] or [self._translator.whole("")]


class ReplayEngine:
    """A kept decoding, played without any model."""

    def __init__(self, recording: Recording, path: Path) -> None:
        self.recording = recording
        self.text: str | None = recording.reading.encoded.text
        steps = recording.searches[-1].beam_steps if recording.searches else ()
        self.beam = len(steps[-1].live) if steps else 1
        self.facts = Facts(path.name, ("replay",), "kept", "no model", replay=True)

    @property
    def translator(self) -> Translator:
        """Raises UsageError: there is none."""
        raise UsageError("this is a replay: there is no model to ask")

    def sentences(self, text: str) -> tuple[str, ...]:
        """See `Engine`."""
        return (text,)

    def decode(self, request: Request) -> Iterator[tuple[bool, Event]]:
        """See `Engine`. Raises UsageError for another text, a branch or a head that is off."""
        from tui_transformer.analysis.winner import winner_steps

        if request.text != self.recording.reading.encoded.text or request.prefix or request.off:
            raise UsageError("this is a replay: there is no model that could decode anything else")
        for trace in self.recording.searches:
            yield from ((False, event) for event in events_of(trace))
        reading = self.recording.reading
        # What only a beam saw has no reading of its own.
        if any(reading is search for search in self.recording.searches):
            reading = replace(reading, steps=tuple(winner_steps(reading)), beam_steps=())
        yield from ((True, event) for event in events_of(reading))

    def translate(self, request: Request, found: Finished) -> Iterator[str]:  # noqa: ARG002
        """See `Engine`."""
        yield self.recording.reading.finished.text

    def inside(self, request: Request, target: Sequence[int], width: int = 0) -> Inside:  # noqa: ARG002
        """Raises UsageError: a decoding does not keep it."""
        raise UsageError("this is a replay of a decoding, which does not keep queries, keys and values")

    def ranking(self, request: Request) -> Ranking | None:  # noqa: ARG002
        """None: only the scores tell."""
        return None

    def ablated(self, request: Request, target: Sequence[int] | None) -> Ablation:  # noqa: ARG002
        """Raises UsageError: nothing can be taken away from what is over."""
        raise UsageError("this is a replay: there is no model whose heads could be switched off")


def events_of(trace: Trace) -> Iterator[Event]:
    """The stream that a trace was folded from."""
    yield trace.encoded
    yield from trace.steps
    yield from trace.beam_steps
    yield trace.finished


def options_of(request: Request) -> Options:
    """How to decode what was asked for."""
    from tui_transformer.search import SamplingOptions
    from tui_transformer.translator import Options

    sampling = SamplingOptions(seed=request.seed) if request.mode == "sample" else None
    return Options(request.beam if request.mode == "beam" else 1, sampling=sampling, prefix=request.prefix,
                   candidates=CANDIDATES)  # fmt: skip


def _branched(translator: Translator, line: str, watched: int, found: Finished, options: Options) -> str:
    """A line of which one sentence, counted from 0, says what was found after a forced beginning."""
    from tui_transformer.search import Hypothesis

    sources = translator.split(line)
    hypotheses = [best for best, *_ in translator.translate_batch(sources, options)]
    place = [i for i, source in enumerate(sources) if source.ids][watched]
    hypotheses[place] = Hypothesis(found.ids, found.log_probability, found.score)
    return "".join(translator.text(*both) for both in zip(sources, hypotheses, strict=True))


def _read(translator: Translator, source: Source, found: Finished) -> Iterator[Event]:
    """The model reads what it has found: the steps that led there, and what had been found as the end of it."""
    from itertools import islice

    from tui_transformer.translator import Options

    events = translator.stream(source, Options(target=found.ids, candidates=CANDIDATES))
    # Its start, each piece, and the end unless the translation was cut off.
    yield from islice(events, 1 + len(found.ids) + found.complete)
    yield found
