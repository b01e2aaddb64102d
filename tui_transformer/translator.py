"""The main path: text goes in, a stream of events or a translation comes out."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .beam import BeamSearch
from .bundle import SOURCE_VOCABULARY, TARGET_VOCABULARY, Bundle, read_bundle
from .catalogue import find_model
from .decoding import Options, decode, make_search, pad
from .events import Encoded, Event, Finished
from .runtime import Device, Runtime
from .search import Floats, Forced, Hypothesis
from .splitting import split_line
from .tokenizer import Tokenizer, TokenizerOptions
from .watching import watch_beam, watch_step

__all__ = ["ForcedTarget", "Hypothesis", "Options", "Source", "Translator"]

_EDGES = re.compile(r"(\s*)(.*?)(\s*)", re.DOTALL)
_LINE_BREAKS = re.compile(r"[\r\n]+")


@dataclass(frozen=True, slots=True)
class Source:
    """A part of a line, ready for the encoder: ids end with the end piece. `before`/`after`: its white space."""

    text: str
    ids: tuple[int, ...]
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class ForcedTarget:
    """What the model makes of a given translation: its log-probabilities, end included, in nats, and attention.

    `cross_attention` (L, H, T, S), T the target with its end; None unless it was asked for.
    """

    ids: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    cross_attention: Floats | None


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
        source = self.whole(text)
        search = make_search([source.ids], options, *self._ends, scored=True)
        encoding = self.runtime.encode(*pad([source.ids], self.special.source_pad), attentions=True)
        assert encoding.attentions is not None
        yield Encoded(text, self.source.pieces(source.ids), source.ids, encoding.attentions[:, 0])
        before = 0.0
        turns = decode(self.runtime, encoding.cache, search, self.special.target_bos, options.prefix, attentions=True)
        for position, turn in enumerate(turns):
            if turn.chosen is None:
                assert isinstance(search, BeamSearch)
                yield watch_beam(position, turn, search, self.target)
                continue
            step = watch_step(position, int(turn.chosen[0]), turn.step, self.target, options.candidates)
            before += math.log(max(step.chosen.probability, 1e-300)) if position < len(options.prefix) else 0.0
            yield step
        best = search.results()[0][0]
        ids = (*options.prefix, *best.ids)
        yield Finished(
            self.target.decode(ids), self.target.pieces(ids), ids,
            before + best.log_probability, best.score, best.complete,
        )  # fmt: skip

    # -- many lines ------------------------------------------------------------------------------------

    def split(self, line: str) -> list[Source]:
        """A line as the parts to be translated: one, unless it is longer than the model's sentences."""
        limit = min(self.bundle.manifest.sentence_limit, self.runtime.architecture.positions) - 1
        parts = split_line(line, lambda part: len(self.source.encode(_readable(part))) <= limit)
        return [self._source(part, limit) for part in parts]

    def whole(self, text: str) -> Source:
        """A text in one part, cut at the model's positions."""
        return self._source(text, self.runtime.architecture.positions - 1)

    def _source(self, text: str, limit: int) -> Source:
        before, core, after = _EDGES.fullmatch(text).groups()  # type: ignore[union-attr]
        core = _readable(core)
        ids = (*self.source.encode(core)[:limit], self.special.source_eos) if core else ()
        return Source(core, ids, before, after)

    def translate_batch(self, sources: Sequence[Source], options: Options | None = None) -> list[list[Hypothesis]]:
        """The hypotheses of each source, best first. A source without text gives the empty hypothesis.

        Log-probabilities are those of what follows a forced beginning; greedy search does not know them.
        """
        options = options or Options()
        found = [[Hypothesis((), 0.0, 0.0)] for _ in sources]
        real = [i for i, source in enumerate(sources) if source.ids]
        if real:
            ids = [sources[i].ids for i in real]
            search = make_search(ids, options, *self._ends)
            cache = self.runtime.encode(*pad(ids, self.special.source_pad)).cache
            for _ in decode(self.runtime, cache, search, self.special.target_bos, options.prefix):
                pass
            for i, hypotheses in zip(real, search.results(), strict=True):
                found[i] = [
                    Hypothesis((*options.prefix, *h.ids), h.log_probability, h.score, h.complete) for h in hypotheses
                ]
        return found

    def force(
        self, sources: Sequence[Source], targets: Sequence[Sequence[int]], attentions: bool = False
    ) -> list[ForcedTarget]:
        """What the model makes of given translations (ids without start and end), each cut at its positions."""
        limit = self.runtime.architecture.positions - 1
        targets = [tuple(target[:limit]) for target in targets]
        # A blank source still has its end to look at.
        ids = [source.ids or (self.special.source_eos,) for source in sources]
        search = Forced([self.special.target_bos] * len(ids), targets, self.special.target_eos)
        cache = self.runtime.encode(*pad(ids, self.special.source_pad)).cache
        maps: list[list[Floats]] = [[] for _ in ids]
        for turn in decode(self.runtime, cache, search, self.special.target_bos, attentions=attentions):
            if turn.step.cross_attentions is not None:
                for row, sentence in enumerate(turn.sentences):
                    maps[sentence].append(turn.step.cross_attentions[:, row, :, : len(ids[sentence])])
        return [
            # Rows kept a while beyond their end have gathered a few maps too many.
            ForcedTarget(tuple(t), tuple(scores), np.stack(rows[: len(t) + 1], axis=2) if attentions else None)
            for t, scores, rows in zip(targets, search.log_probabilities, maps, strict=True)
        ]

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

    @property
    def _ends(self) -> tuple[int, int, int]:
        return self.runtime.architecture.positions, self.special.target_bos, self.special.target_eos


def _readable(text: str) -> str:
    """What the model gets to read of a text: composed characters in one line, no white space around."""
    return _LINE_BREAKS.sub(" ", unicodedata.normalize("NFC", text.strip()))
