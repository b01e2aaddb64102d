"""The runtime on the graphs of Optimum's layout: like `Runtime`, except for what these graphs do not give.

The encoder gives a memory, the first decoder turns it into keys and values, and every row, a hypothesis about a
sentence, needs its own copy. The scores come whole: the next id and the candidates are chosen here, in numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from . import bundle, optimum
from .bundle import Bundle, not_given
from .errors import BundleError
from .probes import TextSide
from .runtime import Cache, Candidates, DecoderStep, Encoding, Floats, Ids, Places, Runtime
from .search import log_softmax
from .sessions import Device, as_numpy, as_ort, input_types, open_session


@dataclass(frozen=True, slots=True)
class RowsCache(Cache):
    """A cache in which every row has its own copy of its sentence's keys and values, and mask.

    `sources` are the memory before the first step, the cross-attention's keys and values after it, all (R, …);
    `bias` is the mask (R, S). `owners` (R,): the sentence of each row.
    """

    owners: Places

    def select(self, rows: Places, sentences: Places | None = None) -> RowsCache:  # noqa: ARG002
        """The cache of chosen rows, in that order, repeats allowed."""
        if np.array_equal(rows, np.arange(self.rows)):
            return self
        owners = self.owners[rows]
        sources = {**self.sources, optimum.READ_MASK: self.bias}
        if not np.array_equal(owners, self.owners):
            sources = self._runtime.reorder(sources, rows)
        bias = sources.pop(optimum.READ_MASK)
        own = self._runtime.reorder(self.own, rows)
        return RowsCache(self.position, len(rows), own, sources, bias, self._runtime, owners)


class OptimumRuntime(Runtime):
    """The graphs of such a folder, loaded on one device. Safe to use from several threads."""

    encoder_file = optimum.ENCODER
    gives_attention = False

    def __init__(self, model: Bundle, device: Device = "auto", threads: int = 1) -> None:
        """Raises DeviceError, or BundleError for graphs that are damaged, unknown, or do not fit together."""
        self._merged = not model.file(optimum.DECODER_WITH_PAST).is_file()
        self.decoder_file = optimum.DECODER_MERGED if self._merged else optimum.DECODER
        super().__init__(model, device, threads)
        self._with_past = self._decoder if self._merged else self._open(optimum.DECODER_WITH_PAST)
        self._crossed = [
            optimum.present_cross(i, part) for i in range(self.architecture.decoder_layers) for part in bundle.PARTS
        ]
        self._reads = [input_types(session) for session in (self._decoder, self._with_past)]
        self._float = np.float16 if "tensor(float16)" in self._reads[1].values() else np.float32
        self._check_graphs(model.path)

    def _open(self, name: str) -> Any:
        # These graphs were written for ONNX Runtime to optimise.
        return open_session(self._model.file(name), *self._computed_by, optimize=True)

    # -- what a folder must have -------------------------------------------------------------------------

    def _check_names(self, path: Path) -> None:
        """Left to `_check_graphs`, for which all graphs must be there."""

    def _check_graphs(self, path: Path) -> None:
        """By their names, and by translating a piece. Raises BundleError."""
        known = {bundle.INPUT_IDS, optimum.READ_MASK, optimum.READ_MEMORY, *self._past, *self._sources}
        known |= {optimum.USE_CACHE} if self._merged else set()
        strange = {name for reads in self._reads for name in reads} - known
        strange |= input_types(self._encoder).keys() - {bundle.INPUT_IDS, bundle.ATTENTION_MASK}
        if strange:
            raise BundleError(
                f"the graphs in {path} need inputs that this ttx does not have: {', '.join(sorted(strange))}"
            )
        wanted = {
            self._encoder: {optimum.MEMORY},
            self._decoder: {bundle.LOGITS, *self._present, *self._crossed},
            self._with_past: {bundle.LOGITS, *self._present},
        }
        missing = {name for graph, names in wanted.items() for name in names - {o.name for o in graph.get_outputs()}}
        if missing or set(self._past) - self._reads[1].keys():
            names = sorted(missing | (set(self._past) - self._reads[1].keys()))
            raise BundleError(f"the graphs in {path} lack {', '.join(names)}")
        self._try(path)

    def _try(self, path: Path) -> None:
        """Read a piece and say two: sizes that do not fit show up here, not in the middle of a text."""
        shape, one = self.architecture, np.zeros((1, 1), np.int64)
        try:
            encoding = self.encode(one, one + 1)
            step = self.step(one[0], encoding.cache)
            step = self.step(one[0], step.cache)
        except Exception as error:
            # ONNX Runtime has its own exception classes for failures in a graph.
            reason = " ".join(str(error).split())
            raise BundleError(f"the graphs in {path} do not fit {optimum.CONFIG} or each other: {reason}") from None
        found = {
            "memory": (encoding.cache.sources[optimum.READ_MEMORY], (1, 1, shape.d_model)),
            "cache": (step.cache.own[self._past[0]], (1, shape.heads, 2, shape.d_k)),
            "scores": (step._scores[bundle.LOGITS], (1, shape.target_vocabulary)),
        }
        for what, (value, wanted) in found.items():
            if (size := tuple(as_numpy(value).shape)) != wanted:
                raise BundleError(
                    f"the graphs in {path} do not fit {optimum.CONFIG}: {what} of shape {size}, not {wanted}"
                )

    # -- what `Runtime` promises -------------------------------------------------------------------------

    def encode(self, ids: Ids, mask: Ids, attentions: bool = False) -> Encoding:
        """ids (B, S), mask (B, S) with 1 for a piece and 0 for padding. Raises UsageError if asked for attentions."""
        self._refuse(attentions)
        read = as_ort(mask)
        feeds = {bundle.INPUT_IDS: as_ort(ids), bundle.ATTENTION_MASK: read}
        (memory,) = self._encoder.run_with_ort_values([optimum.MEMORY], feeds)
        own, sources = dict[str, Any](), {optimum.READ_MEMORY: memory}
        if self._merged:
            empty = as_ort(np.zeros((len(ids), self.architecture.heads, 0, self.architecture.d_k), self._float))
            own, sources = dict.fromkeys(self._past, empty), {**sources, **dict.fromkeys(self._sources, empty)}
        cache = RowsCache(0, len(ids), own, sources, read, self, np.arange(len(ids)))
        return Encoding(cache, None, {})

    def step(self, ids: Ids, cache: Cache, scores: bool = True, attentions: bool = False) -> DecoderStep:
        """Read one token per row, ids (R,): what comes next, and the cache one position longer."""
        self._refuse(attentions)
        first = cache.position == 0
        session = self._decoder if first else self._with_past
        names = [bundle.LOGITS, *self._present, *(self._crossed if first else [])]
        given = {
            bundle.INPUT_IDS: as_ort(ids[:, None]),
            optimum.READ_MASK: cache.bias,
            optimum.USE_CACHE: as_ort(np.array([not first])),
            **cache.own,
            **cache.sources,
        }
        feeds = {name: given[name] for name in self._reads[0 if first else 1]}
        outputs = dict(zip(names, session.run_with_ort_values(names, feeds), strict=True))
        own = {past: outputs[present] for past, present in zip(self._past, self._present, strict=True)}
        sources = self._sources_after(cache, outputs) if first else cache.sources
        logits = as_numpy(outputs[bundle.LOGITS])[:, -1]
        return DecoderStep(
            replace(cache, position=cache.position + 1, own=own, sources=sources),
            logits.argmax(axis=1),
            None,
            None,
            {bundle.LOGITS: as_ort(logits)} if scores else {},
            self,
            {},
        )

    def _sources_after(self, cache: Cache, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """What the first step computed from the source; the memory only where the later steps read it too."""
        memory = cache.sources if optimum.READ_MEMORY in self._reads[1] else {}
        found = {name: outputs[crossed] for name, crossed in zip(self._sources, self._crossed, strict=True)}
        return {**memory, **found}

    def candidates(self, scores: Mapping[str, Any], count: int, chosen: Ids) -> Candidates:
        """What `Runtime.candidates` does; of equal ones the lower id comes first."""
        log_probabilities = log_softmax(as_numpy(scores[bundle.LOGITS]).astype(np.float32, copy=False))
        count = min(count, log_probabilities.shape[1])
        ids = np.sort(np.argpartition(-log_probabilities, count - 1, axis=1)[:, :count], axis=1)
        found = np.take_along_axis(log_probabilities, ids, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        return self._sound(
            Candidates(
                np.take_along_axis(ids, order, axis=1),
                np.take_along_axis(found, order, axis=1),
                np.take_along_axis(log_probabilities, chosen[:, None], axis=1)[:, 0],
            )
        )

    def reorder(self, caches: Mapping[str, Any], places: Places) -> dict[str, Any]:
        """The chosen places of each cache's first axis."""
        return {name: as_ort(as_numpy(value)[places]) for name, value in caches.items()}

    # -- what these graphs do not give -------------------------------------------------------------------

    def lens(self, residual: Floats) -> Floats:  # noqa: ARG002
        """Not here. Raises UsageError."""
        raise not_given(self._model, "logit lens")

    def embeddings(self, side: TextSide, ids: Ids) -> Floats:  # noqa: ARG002
        """Not here. Raises UsageError."""
        raise not_given(self._model, "embeddings")

    def _refuse(self, attentions: bool) -> None:
        if attentions:
            raise not_given(self._model, "attention")
