"""The graphs of a bundle as functions of arrays, and the key/value cache. `sessions` has ONNX Runtime itself.

Axis letters: B batch, S source, T target so far, L layer, H head, K d_k, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import bundle, probes
from .bundle import Bundle
from .errors import BundleError
from .sessions import Device, device_of, open_session, usable_cores
from .sessions import as_numpy as _numpy
from .sessions import as_ort as _ort

__all__ = [
    "Cache",
    "Candidates",
    "DecoderStep",
    "Device",
    "Encoding",
    "Floats",
    "Ids",
    "Inside",
    "Runtime",
    "open_runtime",
    "usable_cores",
]

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
Inside = Mapping[str, Any]
"""OrtValues by their names in `probes`: what a probe graph gives beyond the translating one."""


@dataclass(frozen=True, slots=True)
class Cache:
    """What the decoder remembers: position T, and its caches on the device.

    Each of R rows is a hypothesis about one of N sentences, R / N for each, side by side. `own` holds the keys and
    values (R, H, T, K) of each row, `sources` those (N, H, S, K) of each sentence, under their input
    names, `bias` (N, 1, 1, S) what hides the padding: all OrtValues.
    """

    position: int
    rows: int
    own: Mapping[str, Any]
    sources: Mapping[str, Any]
    bias: Any
    _runtime: Runtime

    def select(self, rows: Places, sentences: Places | None = None) -> Cache:
        """The cache of chosen rows, in that order, repeats allowed, and of chosen sentences, all if None."""
        own, sources, bias = self.own, self.sources, self.bias
        moved = len(rows) != self.rows or (rows != np.arange(self.rows)).any()
        if not moved and sentences is None:
            return self
        if moved:
            own = self._runtime.reorder(own, rows)
        if sentences is not None:
            sources, bias = self._runtime.reorder(sources, sentences), _ort(_numpy(bias)[sentences])
        return Cache(self.position, len(rows), own, sources, bias, self._runtime)


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoder's answer: the decoder's first cache, and attentions (L, B, H, S, S) if they were asked for.

    `inside` is empty except for a probe that was asked for attentions.
    """

    cache: Cache
    attentions: Floats | None
    inside: Inside


@dataclass(frozen=True, slots=True)
class Candidates:
    """The likeliest next tokens of each row: ids and log-probabilities (R, count), likeliest first.

    `chosen` (R,) is the log-probability of the one id per row that was asked about.
    """

    ids: Ids
    log_probabilities: Floats
    chosen: Floats


@dataclass(frozen=True, slots=True, eq=False)
class DecoderStep:
    """One token later. `next_id` (R,) is the arg-max; attentions are None unless they were asked for.

    The scores stay where they were computed; `candidates` and `logits` fetch what is wanted of them.
    `inside` is empty except for a probe that was asked for attentions.
    """

    cache: Cache
    next_id: Ids
    self_attentions: Floats | None  # (L, R, H, T+1)
    cross_attentions: Floats | None  # (L, R, H, S)
    _scores: Mapping[str, Any]
    _runtime: Runtime
    inside: Inside

    def candidates(self, count: int, chosen: Ids | None = None) -> Candidates:
        """The `count` likeliest ids of each row, and the log-probability of the `chosen` ones (R,)."""
        return self._runtime.candidates(self._scores, count, self.next_id if chosen is None else chosen)

    def logits(self) -> Floats:
        """All scores (R, V)."""
        vocabulary = self._runtime.architecture.target_vocabulary
        return _numpy(self._scores[bundle.LOGITS])[:, :vocabulary].astype(np.float32, copy=False)


def open_runtime(model: Bundle, device: Device = "auto", threads: int = 1) -> Runtime:
    """The runtime for the graphs that a bundle has. Raises DeviceError or BundleError."""
    if model.manifest.layout == "ttx":
        return Runtime(model, device, threads)
    from .optimum_runtime import OptimumRuntime  # it is built on this module

    return OptimumRuntime(model, device, threads)


class Runtime:
    """The two graphs of a bundle, loaded on one device. Safe to use from several threads."""

    encoder_file, decoder_file = bundle.ENCODER, bundle.DECODER
    gives_attention = True

    def __init__(self, model: Bundle, device: Device = "auto", threads: int = 1) -> None:
        """`threads` is how many one operator uses. Raises DeviceError, or BundleError for a damaged graph."""
        self.architecture = model.manifest.architecture
        self._float: Any = np.float16 if model.manifest.precision == "fp16" else np.float32
        self._model, self._computed_by = model, (device, threads)
        self._encoder = self._open(self.encoder_file)
        self._decoder = self._open(self.decoder_file)
        self.device = device_of(self._decoder)
        layers = range(self.architecture.decoder_layers)
        self._encoder_maps = [bundle.encoder_attention(i) for i in range(self.architecture.encoder_layers)]
        self._self_maps = [bundle.decoder_attention(i) for i in layers]
        self._cross_maps = [bundle.cross_attention(i) for i in layers]
        self._sources = [bundle.cross_cache(i, part) for i in layers for part in bundle.PARTS]
        self._past = [bundle.past_cache(i, part) for i in layers for part in bundle.PARTS]
        self._present = [bundle.present_cache(i, part) for i in layers for part in bundle.PARTS]
        self._encoder_inside, self._decoder_inside = self._inside()
        self._encoder_feeds, self._decoder_feeds = dict[str, Any](), dict[str, Any]()
        self._check_names(model.path)

    def _open(self, name: str) -> Any:
        return open_session(self._model.file(name), *self._computed_by)

    def _inside(self) -> tuple[list[str], list[str]]:
        """Names of what the encoder's and the decoder's graph give of their inside: nothing, except for a probe."""
        return [], []

    def _check_names(self, path: Path) -> None:
        encoder = {o.name for o in self._encoder.get_outputs()}
        decoder = {o.name for o in self._decoder.get_outputs()}
        of_encoder = {bundle.CROSS_ATTENTION_BIAS, *self._encoder_maps, *self._sources, *self._encoder_inside}
        of_decoder = {
            bundle.LOGITS,
            bundle.BLOCK_MAXIMA,
            bundle.NEXT_ID,
            *self._present,
            *self._self_maps,
            *self._cross_maps,
        }
        missing = (of_encoder - encoder) | ({*of_decoder, *self._decoder_inside} - decoder)
        if missing:
            raise BundleError(f"the graphs in {path} do not give {', '.join(sorted(missing))}")

    def encode(self, ids: Ids, mask: Ids, attentions: bool = False) -> Encoding:
        """ids (B, S), mask (B, S) with 1 for a piece and 0 for padding."""
        names = [bundle.CROSS_ATTENTION_BIAS, *self._sources]
        names += [*self._encoder_maps, *self._encoder_inside] if attentions else []
        feeds = {bundle.INPUT_IDS: _ort(ids), bundle.ATTENTION_MASK: _ort(mask), **self._encoder_feeds}
        outputs = dict(zip(names, self._encoder.run_with_ort_values(names, feeds), strict=True))
        sources = {name: outputs[name] for name in self._sources}
        empty = _ort(np.zeros((len(ids), self.architecture.heads, 0, self.architecture.d_k), self._float))
        own = dict.fromkeys(self._past, empty)
        cache = Cache(0, len(ids), own, sources, outputs[bundle.CROSS_ATTENTION_BIAS], self)
        maps = [_numpy(outputs[name]) for name in self._encoder_maps] if attentions else None
        inside = {name: outputs[name] for name in self._encoder_inside} if attentions else {}
        return Encoding(cache, _stack(maps), inside)

    def step(self, ids: Ids, cache: Cache, scores: bool = True, attentions: bool = False) -> DecoderStep:
        """Read one token per row, ids (R,): what comes next, and the cache one position longer.

        Without `scores` the step's `candidates` and `logits` are not available.
        """
        names = [bundle.NEXT_ID, *self._present]
        names += [bundle.LOGITS, bundle.BLOCK_MAXIMA] if scores else []
        names += [*self._self_maps, *self._cross_maps, *self._decoder_inside] if attentions else []
        feeds = {
            bundle.INPUT_IDS: _ort(ids[:, None]),
            bundle.POSITION: _ort(np.array([cache.position], np.int64)),
            bundle.CROSS_ATTENTION_BIAS: cache.bias,
            **cache.own,
            **cache.sources,
            **self._decoder_feeds,
        }
        outputs = dict(zip(names, self._decoder.run_with_ort_values(names, feeds), strict=True))
        own = {past: outputs[present] for past, present in zip(self._past, self._present, strict=True)}
        return DecoderStep(
            replace(cache, position=cache.position + 1, own=own),
            _numpy(outputs[bundle.NEXT_ID]),
            _stack([_numpy(outputs[n])[:, :, 0] for n in self._self_maps] if attentions else None),
            _stack([_by_row(_numpy(outputs[n])) for n in self._cross_maps] if attentions else None),
            {name: outputs[name] for name in (bundle.LOGITS, bundle.BLOCK_MAXIMA)} if scores else {},
            self,
            {name: outputs[name] for name in self._decoder_inside} if attentions else {},
        )

    def candidates(self, scores: Mapping[str, Any], count: int, chosen: Ids) -> Candidates:
        """What `DecoderStep.candidates` promises, from the scores on the device.

        Raises BundleError if they are not numbers: no search could end.
        """
        count = min(count, self.architecture.target_vocabulary)
        names = [bundle.CANDIDATE_IDS, bundle.CANDIDATE_LOG_PROBABILITIES, bundle.CHOSEN_LOG_PROBABILITY]
        feeds = {**scores, bundle.COUNT: _ort(np.array([count], np.int64)), bundle.CHOSEN: _ort(chosen)}
        return self._sound(Candidates(*map(_numpy, self._candidates.run_with_ort_values(names, feeds))))

    def _sound(self, found: Candidates) -> Candidates:
        """The same. Raises BundleError if its scores are no numbers."""
        if np.isnan(found.log_probabilities).any():
            path = self._model.path
            raise BundleError(f"the scores of {path} are not numbers: its weights are broken (ttx models verify)")
        return found

    def reorder(self, caches: Mapping[str, Any], places: Places) -> dict[str, Any]:
        """The chosen places of each of the 2·L caches' first axis; on the device, where they stay."""
        feeds = dict(zip(self._past, caches.values(), strict=True)) | {bundle.PLACES: _ort(places)}
        return dict(zip(caches, self._reorder.run_with_ort_values(self._present, feeds), strict=True))

    # -- graphs that not every search needs, loaded when they are asked for ------------------------------

    @cached_property
    def _candidates(self) -> Any:
        return self._open(bundle.CANDIDATES)

    @cached_property
    def _reorder(self) -> Any:
        return self._open(bundle.REORDER)

    # -- what is only looked at, loaded when it is asked for ---------------------------------------------

    def lens(self, residual: Floats) -> Floats:
        """The decoder's residual stream (N, D) → logits (N, V), as if the stack of layers ended there."""
        feeds = {probes.RESIDUAL: _ort(residual.astype(self._float, copy=False))}
        (logits,) = self._lens.run_with_ort_values([bundle.LOGITS], feeds)
        return _numpy(logits)[:, : self.architecture.target_vocabulary].astype(np.float32, copy=False)

    def embeddings(self, side: probes.TextSide, ids: Ids) -> Floats:
        """ids (N,) → their rows of a side's embedding (N, D), times √d_model as the model reads them."""
        wanted = {probes.embedding_ids(each): _ort(ids if each == side else ids[:0]) for each in probes.TEXT_SIDES}
        (rows,) = self._embeddings.run_with_ort_values([probes.embedding_rows(side)], wanted)
        return _numpy(rows).astype(np.float32, copy=False)

    @cached_property
    def _lens(self) -> Any:
        return self._open(bundle.LENS)

    @cached_property
    def _embeddings(self) -> Any:
        return self._open(bundle.EMBEDDINGS)


def _by_row(attention: Floats) -> Floats:
    """(N, H, R/N, S) → (R, H, S)."""
    return attention.swapaxes(1, 2).reshape(-1, attention.shape[1], attention.shape[3])


def _stack(maps: list[npt.NDArray[Any]] | None) -> Floats | None:
    return None if maps is None else np.stack(maps).astype(np.float32, copy=False)
