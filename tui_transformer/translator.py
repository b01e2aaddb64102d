"""The main path: text goes in, a stream of events or a translation comes out.

One loop, `_decode`, drives the runtime for one watched sentence and for a batch of many alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .bundle import SOURCE_VOCABULARY, TARGET_VOCABULARY, Bundle, read_bundle
from .catalogue import find_model
from .events import BeamStep, Candidate, Encoded, EndedHypothesis, Event, Finished, LiveHypothesis, Step
from .runtime import Cache, DecoderStep, Device, Runtime
from .search import BeamSearch, Greedy, Hypothesis, Ids, Moves, Search, log_softmax
from .splitting import split_line
from .tokenizer import Tokenizer, TokenizerOptions

_EDGES = re.compile(r"(\s*)(.*?)(\s*)", re.DOTALL)
_LINE_BREAKS = re.compile(r"[\r\n]+")


@dataclass(frozen=True, slots=True)
class Options:
    """How to translate. `beam` 1 is greedy; `max_length` in pieces, None for twice the source and 10 more."""

    beam: int = 4
    length_penalty: float = 0.6
    max_length: int | None = None
    candidates: int = 5
    """How many candidates a `Step` lists."""


@dataclass(frozen=True, slots=True)
class Source:
    """A part of a line, ready for the encoder: ids end with the end piece. `before`/`after`: its white space."""

    text: str
    ids: tuple[int, ...]
    before: str = ""
    after: str = ""


class _Observed(NamedTuple):
    """One turn of the loop: what was read, what the decoder said, what the search made of it."""

    step: DecoderStep
    moves: Moves


class Translator:
    """A loaded model. Safe to use from several threads: all that changes lives in the call."""

    def __init__(self, bundle: Bundle, device: Device = "auto", threads: int = 1) -> None:
        """Raises BundleError or DeviceError."""
        manifest = bundle.manifest
        options = TokenizerOptions.from_dict(manifest.tokenizer)
        self.bundle = bundle
        self.special = manifest.special
        self.source = Tokenizer.load(bundle.file(SOURCE_VOCABULARY), options)
        self.target = Tokenizer.load(bundle.file(TARGET_VOCABULARY), options)
        self.runtime = Runtime(bundle, device, threads)

    @classmethod
    def load(cls, model: str = "en-de", device: Device = "auto", threads: int = 1) -> Translator:
        """A model by name or folder. Raises BundleError or DeviceError."""
        return cls(read_bundle(find_model(model)), device, threads)

    # -- one sentence, watched -----------------------------------------------------------------------

    def stream(self, text: str, options: Options | None = None) -> Iterator[Event]:
        """Translate one sentence and tell everything as it happens. Stop reading, and decoding stops.

        A text longer than the model's positions is cut at that many pieces: what is watched is one pass.
        """
        options = options or Options()
        ids = (*self._encode(_readable(text))[: self.runtime.architecture.positions - 1], self.special.source_eos)
        source = Source(text, ids)
        search = self._search([source], options, scored=True)
        encoding = self.runtime.encode(*self._pad([source]), attentions=True)
        assert encoding.attentions is not None
        yield Encoded(text, self.source.pieces(ids), ids, encoding.attentions[:, 0])
        for position, observed in enumerate(self._decode(encoding.cache, search, attentions=True)):
            if isinstance(search, BeamSearch):
                yield self._beam_step(position, observed, search)
            else:
                yield self._step(position, observed, options)
        best = search.results()[0][0]
        yield Finished(
            self.target.decode(best.ids), self.target.pieces(best.ids), best.ids,
            best.log_probability, best.score, best.complete,
        )  # fmt: skip

    def _step(self, position: int, observed: _Observed, options: Options) -> Step:
        step = observed.step
        assert step.logits is not None
        assert step.self_attentions is not None
        assert step.cross_attentions is not None
        probabilities = np.exp(log_softmax(step.logits)[0, : self.target.size].astype(np.float64))
        likely = np.argsort(-probabilities, kind="stable")[: options.candidates]
        positive = probabilities[probabilities > 0]
        return Step(
            position,
            self._candidate(int(step.next_id[0]), probabilities),
            tuple(self._candidate(int(i), probabilities) for i in likely),
            float(-(positive * np.log2(positive)).sum()),
            step.self_attentions[:, 0],
            step.cross_attentions[:, 0],
        )

    def _candidate(self, piece_id: int, probabilities: np.ndarray) -> Candidate:
        return Candidate(piece_id, self.target.piece(piece_id), float(probabilities[piece_id]))

    def _beam_step(self, position: int, observed: _Observed, search: BeamSearch) -> BeamStep:
        step = observed.step
        assert step.self_attentions is not None
        assert step.cross_attentions is not None
        live, ended = search.live[0], search.finished[0]
        rows = range(step.cache.batch)
        return BeamStep(
            position,
            tuple(
                LiveHypothesis(self.target.piece(beam.ids[-1]), beam.ids[-1], beam.parent, beam.log_probability)
                for beam in live
            ),
            tuple(
                EndedHypothesis(h.ids, self.target.decode(h.ids), h.log_probability, h.score)
                for h in ended
                if len(h.ids) == position
            ),
            tuple(sorted(set(rows) - {beam.parent for beam in live})),
            step.self_attentions.swapaxes(0, 1),
            step.cross_attentions.swapaxes(0, 1),
        )

    # -- many lines ------------------------------------------------------------------------------------

    def split(self, line: str) -> list[Source]:
        """A line as the parts to be translated: one, unless it is longer than the model's sentences."""
        limit = min(self.bundle.manifest.sentence_limit, self.runtime.architecture.positions) - 1
        parts = split_line(line, lambda part: len(self._encode(_readable(part))) <= limit)
        sources = []
        for part in parts:
            before, core, after = _EDGES.fullmatch(part).groups()  # type: ignore[union-attr]
            core = _readable(core)
            ids = (*self._encode(core)[:limit], self.special.source_eos) if core else ()
            sources.append(Source(core, ids, before, after))
        return sources

    def translate_batch(self, sources: Sequence[Source], options: Options | None = None) -> list[list[Hypothesis]]:
        """The hypotheses of each source, best first. A source without text gives the empty hypothesis."""
        options = options or Options()
        found = [[Hypothesis((), 0.0, 0.0)] for _ in sources]
        real = [i for i, source in enumerate(sources) if source.ids]
        if real:
            chosen = [sources[i] for i in real]
            search = self._search(chosen, options)
            for _ in self._decode(self.runtime.encode(*self._pad(chosen)).cache, search):
                pass
            for i, hypotheses in zip(real, search.results(), strict=True):
                found[i] = hypotheses
        return found

    def join(self, sources: Sequence[Source], translations: Sequence[Hypothesis]) -> str:
        """The parts of one line put together again, each with the white space it had.

        A line stays a line: the model has a piece for every byte, line breaks too.
        """
        return "".join(
            part.before + _LINE_BREAKS.sub(" ", self.target.decode(translation.ids)) + part.after
            for part, translation in zip(sources, translations, strict=True)
        )

    def translate(self, line: str, options: Options | None = None) -> str:
        """One line of text. For many lines `batching.translate_lines` is faster."""
        sources = self.split(line)
        return self.join(sources, [found[0] for found in self.translate_batch(sources, options)])

    # -- what both share -------------------------------------------------------------------------------

    def _encode(self, text: str) -> list[int]:
        return self.source.encode(text)

    def _search(self, sources: Sequence[Source], options: Options, scored: bool = False) -> Search:
        positions = self.runtime.architecture.positions
        limits = [
            min(options.max_length if options.max_length is not None else 2 * len(s.ids) + 10, positions)
            for s in sources
        ]
        bos, eos = self.special.target_bos, self.special.target_eos
        if options.beam == 1:
            return Greedy(limits, bos, eos, scored)
        return BeamSearch(limits, bos, eos, options.beam, options.length_penalty)

    def _pad(self, sources: Sequence[Source]) -> tuple[Ids, Ids]:
        """Ids and mask (B, S), S the longest source."""
        longest = max(len(source.ids) for source in sources)
        ids = np.full((len(sources), longest), self.special.source_pad, np.int64)
        mask = np.zeros_like(ids)
        for row, source in enumerate(sources):
            ids[row, : len(source.ids)] = source.ids
            mask[row, : len(source.ids)] = 1
        return ids, mask

    def _decode(self, cache: Cache, search: Search, attentions: bool = False) -> Iterator[_Observed]:
        """The one loop: feed the last ids, let the search choose, move the cache."""
        cache = cache.select(search.first_rows)
        while not search.done:
            step = self.runtime.step(search.ids, cache, logits=search.needs_logits, attentions=attentions)
            moves = search.advance(step.next_id, step.logits)
            yield _Observed(step, moves)
            if not search.done:
                cache = step.cache.select(moves.rows, moves.same_sources)


def _readable(text: str) -> str:
    """What the model gets to read of a text: composed characters in one line, no white space around."""
    return _LINE_BREAKS.sub(" ", unicodedata.normalize("NFC", text.strip()))
