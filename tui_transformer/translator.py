"""The main path: text goes in, a stream of events or a translation comes out."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .banning import Banned
from .beam import BeamSearch
from .bundle import Bundle
from .catalogue import find_model, read_model
from .decoding import Options, decode, make_search, pad
from .events import Encoded, Event, Finished
from .mapped import load_tokenizers
from .reading import Reading
from .runtime import Device, open_runtime, usable_cores
from .search import Floats, Forced, Greedy, Hypothesis, Ids
from .source import ForcedTarget, Source, in_one_line, readable
from .watching import Watcher

if TYPE_CHECKING:
    from .heads import Head
    from .probe_runtime import ProbeRuntime
    from .probed import Probed
    from .probes import TextSide
    from .scoring import PairScore
    from .translation import Candidate

__all__ = ["ForcedTarget", "Hypothesis", "Options", "Source", "Translator"]


class Translator:
    """A loaded model. Safe to use from several threads: all that changes lives in the call.

    >>> from tui_transformer import Options, Translator
    >>> translator = Translator.load("tests/data/tiny")
    >>> list(translator.translate(["Tom called Mary's bluff.", ""]))
    ['Tom zwang Mary, Farbe zu bekennen.', '']
    """

    def __init__(self, bundle: Bundle, device: Device = "auto", threads: int = 1) -> None:
        """Raises BundleError or DeviceError."""
        manifest = bundle.manifest
        self.bundle = bundle
        self.special = manifest.special
        self.generation = manifest.generation
        first = () if self.generation.may_be_empty else (self.special.target_eos,)
        self.banned = Banned(self.generation.banned, self.generation.renormalize, first)
        self.source, self.target = load_tokenizers(bundle)
        self.runtime = open_runtime(bundle, device, threads)
        self.reading = Reading.of(manifest, self.source, self.target)
        self._computed_by = device, threads

    @classmethod
    def load(cls, model: str | Path = "en-de", device: Device = "auto", threads: int = 1) -> Translator:
        """A model by name or folder. Raises BundleError or DeviceError."""
        return cls(read_model(find_model(model)), device, threads)

    @property
    def defaults(self) -> Options:
        """The model's own defaults: its beam; the other options leave it to the model anyway."""
        return Options(beam=self.generation.beam)

    # -- one sentence, watched -----------------------------------------------------------------------

    def stream(self, text: str | Source, options: Options | None = None) -> Iterator[Event]:
        """Translate one sentence and report everything as it happens. Stop reading, and decoding stops.

        A text longer than the model's positions is cut at that many pieces: what is watched is one pass. With a
        `target` in the options the events are those of reading it. Raises ValueError for ids that are not pieces.

        >>> events = Translator.load("tests/data/tiny").stream("Tom called Mary's bluff.", Options(beam=1))
        >>> [type(event).__name__ for event in events][:3]
        ['Encoded', 'Step', 'Step']
        """
        options = options or self.defaults
        self._check(options.prefix, options.target or ())
        # A blank text still has its end to look at.
        source = self.whole(text) if isinstance(text, str) else text
        ids = source.ids or (self.special.source_eos,)
        search = make_search([ids], options, *self._ends, scored=True, generation=self.generation)
        encoding = self.runtime.encode(*self._padded([ids], [source]), attentions=True)
        assert encoding.attentions is not None
        length = len(ids)
        watch = Watcher(self.target, length, options)
        yield Encoded(source.whole, self.source.pieces(ids), ids, encoding.attentions[:, 0, :, :length, :length])
        before = 0.0
        # For nothing, nothing is a good translation.
        banned = self.banned if source.ids else replace(self.banned, first=())
        turns = decode(self.runtime, encoding.cache, search, self.special.target_bos, [options.prefix], True, banned)
        for position, turn in enumerate(turns):
            if turn.chosen is None:
                assert isinstance(search, BeamSearch)
                yield watch.beam(position, turn.step, search)
                continue
            step = watch.step(position, int(turn.chosen[0]), turn.step)
            before += math.log(max(step.chosen.probability, 1e-300)) if position < len(options.prefix) else 0.0
            yield step
        best = search.results()[0][0]
        said = (*options.prefix, *best.ids)
        yield Finished(
            self.target.decode(said), self.target.pieces(said), said,
            before + best.log_probability, best.score, best.complete,
        )  # fmt: skip

    # -- many lines ------------------------------------------------------------------------------------

    def split(
        self, line: str, language: str = "", clause_limit: int | None = None,
        spans: Sequence[tuple[int, int]] = (), quotes: bool = False,
    ) -> list[Source]:  # fmt: skip
        """A line as the parts to be translated (`Reading.split`)."""
        return self.reading.split(line, language, clause_limit, spans, quotes)

    def source_ids(self, text: str) -> tuple[int, ...]:
        """All pieces of a text, without the end."""
        return tuple(self.source.encode(readable(text)))

    def target_ids(self, text: str) -> tuple[int, ...]:
        """The pieces of a given translation, without start and end, written as the training texts are."""
        return tuple(self.target.encode(readable(text)))

    def whole(self, text: str) -> Source:
        """A text in one part, cut at the model's positions (`Reading.whole`)."""
        return self.reading.whole(text)

    def translate_batch(
        self,
        sources: Sequence[Source],
        options: Options | None = None,
        prefixes: Sequence[tuple[int, ...]] | None = None,
    ) -> list[list[Hypothesis]]:
        """The hypotheses of each source, best first. A source without text gives the empty hypothesis.

        `prefixes` are forced beginnings, one for each source and all equally long, instead of the options' one.
        Log-probabilities are those of what follows a forced beginning; greedy search does not know them.
        Raises ValueError for ids that are not pieces.
        """
        options = options or self.defaults
        found = [[Hypothesis((), 0.0, 0.0)] for _ in sources]
        real = [i for i, source in enumerate(sources) if source.ids]
        if real:
            ids = [sources[i].ids for i in real]
            forced = [prefixes[i] if prefixes else options.prefix for i in real]
            self._check(*forced, options.target or ())
            search = make_search(ids, options, *self._ends, prefixes=forced, generation=self.generation)
            cache = self.runtime.encode(*self._padded(ids, [sources[i] for i in real])).cache
            for _ in decode(self.runtime, cache, search, self.special.target_bos, forced, banned=self.banned):
                pass
            for i, prefix, hypotheses in zip(real, forced, search.results(), strict=True):
                found[i] = [Hypothesis((*prefix, *h.ids), h.log_probability, h.score, h.complete) for h in hypotheses]
        return found

    def next_pieces(
        self, sources: Sequence[Source], prefixes: Sequence[tuple[int, ...]], count: int
    ) -> list[list[tuple[int, float]]]:
        """What may follow a beginning of each translation, all equally long: ids and log-probabilities in nats.

        Likeliest first, at most `count` for each source; the end is one of them, what no text has is not.
        Raises ValueError for ids that are not pieces.
        """
        self._check(*prefixes)
        first = [prefix[-1] if prefix else self.special.target_bos for prefix in prefixes]
        search = Greedy(first, [1] * len(first), self.special.target_eos, scored=True)
        # A blank source still has its end to look at.
        ids = [source.ids or (self.special.source_eos,) for source in sources]
        cache = self.runtime.encode(*self._padded(ids, sources)).cache
        *_, last = decode(self.runtime, cache, search, self.special.target_bos, prefixes)
        banned = self.banned.at(begins=not any(prefixes))
        silent = {self.special.target_pad, self.special.target_bos, self.special.target_unk, *banned.ids}
        likely = banned.without(last.step).candidates(count + len(silent))
        rows = zip(likely.ids.tolist(), likely.log_probabilities.tolist(), strict=True)
        return [[(i, p) for i, p in zip(*row, strict=True) if i not in silent][:count] for row in rows]

    def force(
        self, sources: Sequence[Source], targets: Sequence[Sequence[int]], attentions: bool = False
    ) -> list[ForcedTarget]:
        """What the model makes of given translations (ids without start and end), each cut at its positions.

        Raises ValueError for ids that are not pieces.
        """
        self._check(*targets)
        limit = self.runtime.architecture.positions - 1
        targets = [tuple(target[:limit]) for target in targets]
        # A blank source still has its end to look at.
        ids = [source.ids or (self.special.source_eos,) for source in sources]
        search = Forced([self.special.target_bos] * len(ids), targets, self.special.target_eos)
        cache = self.runtime.encode(*self._padded(ids, sources)).cache
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

    def text(self, source: Source, translation: Hypothesis) -> str:
        """What a hypothesis says, as it stands in the line of its source (`Reading.placed`).

        A line stays a line: the model has a piece for every byte, line breaks too.
        """
        return self.reading.placed(source, in_one_line(self.target.decode(translation.ids)))

    def translate_line(self, line: str, options: Options | None = None) -> str:
        """One line of text as the model itself puts it: nothing is kept, and quotes are read in their sentence.

        For many lines `translate` is faster.

        >>> Translator.load("tests/data/tiny").translate_line("Tom called Mary's bluff.", Options(beam=1))
        'Tom zwang Mary, Farbe zu bekennen.'
        """
        sources = self.split(line, clause_limit=(options or self.defaults).clause_limit)
        found = self.translate_batch(sources, options)
        return "".join(self.text(source, hypotheses[0]) for source, hypotheses in zip(sources, found, strict=True))

    def translate(self, lines: Iterable[str], options: Options | None = None, keep: bool = True) -> Iterator[str]:
        """One translation for each line, in order, on all processor cores.

        With `keep`, what `ttx translate` keeps comes through unchanged: numbers, addresses, code, names (`keep`).
        Lazy: lines are read a little ahead of what is taken, by another thread, so they may come from an endless pipe.
        Raises TypeError for a single string, whose letters would be taken for lines, and for non-string lines.

        >>> translator = Translator.load("tests/data/tiny")
        >>> next(translator.translate(line for line in ["Mary has a flower in her hair.", "Good night."]))
        'Mary hat eine Blume im Haar.'
        """
        if isinstance(lines, str | bytes):
            raise TypeError("translate() takes an iterable of lines; translate_line() takes one line")
        from .batching import Batching, translate_lines  # it is built on this module
        from .keep import Keeper
        from .translation import Wanted

        wanted = Wanted(keeper=Keeper.of() if keep else None)
        return (found.text for found in translate_lines(self, lines, options, Batching(usable_cores()), wanted))

    def alternatives(self, line: str, position: int, count: int = 5, options: Options | None = None) -> list[Candidate]:
        """What else a line's translation could say from its piece `position` (from 1) on, likeliest piece first.

        The pieces before it stay, each of the `count` likeliest pieces is tried there, and the search continues.
        A candidate's `score` is the log-probability of its piece. Pieces are counted through all sentences of
        the line, the end of each included; without a piece there, there is the translation alone, scored 0.
        Raises ValueError for a position or count below 1, and for options that do not apply here.

        >>> translator = Translator.load("tests/data/tiny")
        >>> for found in translator.alternatives("Mary has a flower in her hair.", 9, count=2):
        ...     print(f"{found.score:.1f} {found.text}")
        -0.0 Mary hat eine Blume im Haar.
        -9.0 Mary hat eine Bl im Haar.
        """
        from .batching import translate_lines  # it is built on this module
        from .translation import Wanted

        if position < 1 or count < 1:
            raise ValueError("position and count are counted from 1")
        options = options or self.defaults
        if options.sampling or options.no_repeat_ngram or options.target is not None:
            raise ValueError("alternatives cannot be combined with sampling, no_repeat_ngram or a target")
        wanted = Wanted(n_best=count, alternatives=position)
        (found,) = translate_lines(self, [line], options, wanted=wanted)
        return found.n_best(count)

    def score(self, pairs: Iterable[tuple[str, str]]) -> Iterator[PairScore]:
        """How likely the model finds given translations: a score for each (source, target), in order. Lazy.

        >>> translator = Translator.load("tests/data/tiny")
        >>> good, bad = translator.score([
        ...     ("Tom called Mary's bluff.", "Tom zwang Mary, Farbe zu bekennen."),
        ...     ("Tom called Mary's bluff.", "Mary hat eine Blume im Haar."),
        ... ])
        >>> good.pieces[-1], len(good.log_probabilities) == len(good.pieces)
        ('</s>', True)
        >>> good.perplexity < 2 < bad.perplexity
        True
        """
        from .scoring import score_pairs  # it is built on this module

        return score_pairs(self, pairs)

    # -- inside ----------------------------------------------------------------------------------------

    def probe(
        self, text: str | Source, target: Sequence[int] | None = None, options: Options | None = None,
        lens: bool = False, width: int = 0,
    ) -> Probed:  # fmt: skip
        """All that happens inside while a sentence gets this target (ids without start and end), or is translated.

        `lens` fetches the logits after each layer as well; a shorter source is padded to `width`. Either side is cut
        at the model's positions. The probe graphs are loaded on the first call. Raises BundleError if they cannot be,
        and UsageError for models in Optimum's layout, whose graphs do not give what happens inside.

        >>> probed = Translator.load("tests/data/tiny").probe("Tom called Mary's bluff.")
        >>> probed.decoder.cross_attention.weights.shape  # (L, H, T, S)
        (2, 4, 19, 15)
        """
        from .probing import probe_sentence  # it is built on this module

        source = self.whole(text) if isinstance(text, str) else text
        return probe_sentence(self, source, target, options or self.defaults, lens, width)

    def without(self, heads: Iterable[Head]) -> Translator:
        """A translator with these attention heads off, on the probe graphs; tokenizers and sessions are shared.

        What is off already stays off. Raises UsageError for a head that is not there.

        >>> from tui_transformer.heads import Head
        >>> translator = Translator.load("tests/data/tiny")
        >>> deaf = translator.without([Head("cross", 1, head) for head in range(4)])
        >>> deaf.translate_line("Tom called Mary's bluff.") == translator.translate_line("Tom called Mary's bluff.")
        False
        """
        other = copy.copy(self)
        other.runtime = other.probes = self.probes.without(heads)
        return other

    def embeddings(self, side: TextSide, ids: Sequence[int] | None = None) -> Floats:
        """The rows (N, D) of a side's embedding, all if no ids are given, times √d_model as the model reads them."""
        size = (self.source if side == "source" else self.target).size
        return self.runtime.embeddings(side, np.arange(size) if ids is None else np.array(ids, np.int64))

    def lens(self, residual: Floats) -> Floats:
        """What the decoder would say if its residual stream (N, D) ended like this: logits (N, V)."""
        return self.runtime.lens(residual)

    @cached_property
    def probes(self) -> ProbeRuntime:
        """The runtime on the probe graphs, loaded when it is asked for."""
        from .probe_runtime import ProbeRuntime  # only needed to look inside

        return ProbeRuntime(self.bundle, *self._computed_by)

    def _check(self, *targets: Sequence[int]) -> None:
        """Raises ValueError for ids that the target's vocabulary lacks: a graph would take −1 for its last piece."""
        for wrong in (i for target in targets for i in target if not 0 <= i < self.target.size):
            raise ValueError(f"there is no piece {wrong}: the target's vocabulary has {self.target.size:,}, from 0")

    def _padded(self, sequences: Sequence[Sequence[int]], sources: Sequence[Source]) -> tuple[Ids, Ids]:
        hidden = [source.hidden for source in sources]
        return pad(sequences, self.special.source_pad, self.runtime.architecture.positions, hidden)

    @property
    def _ends(self) -> tuple[int, int, int]:
        return self.runtime.architecture.positions, self.special.target_bos, self.special.target_eos
