"""The graphs of a bundle as functions of arrays, and the key/value cache. `sessions` has ONNX Runtime itself.

Axis letters: B batch, S source, T target so far, L layer, H head, K d_k, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    "usable_cores",
]

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Inside = Mapping[str, Any]
"""OrtValues by their names in `probes`: what a probe graph gives beyond the translating one."""


@dataclass(slots=True)
class Cache:
    """What the decoder remembers of B rows: position T, the source mask, and its caches on the device.

    `values` holds an OrtValue for each input name of the decoder graph but the ids and the position;
    `sources` are the names of those that depend on the source sentence alone.
    """

    position: int
    batch: int
    values: dict[str, Any]
    sources: frozenset[str]

    def select(self, rows: npt.NDArray[np.intp], same_sources: bool = False) -> Cache:
        """The cache of chosen rows, in that order, repeats allowed: (B,) → (len(rows),).

        `same_sources` says that each row still belongs to the sentence that stood there before, so that
        only the decoder's own keys and values have to move.
        """
        if len(rows) == self.batch and (rows == np.arange(self.batch)).all():
            return self
        values = {
            name: value if same_sources and name in self.sources else _ort(_numpy(value)[rows])
            for name, value in self.values.items()
        }
        return Cache(self.position, len(rows), values, self.sources)


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoder's answer: the decoder's first cache, and attentions (L, B, H, S, S) if they were asked for.

    `inside` is empty but for a probe that was asked for attentions.
    """

    cache: Cache
    attentions: Floats | None
    inside: Inside


@dataclass(frozen=True, slots=True)
class Candidates:
    """The likeliest next tokens of each row: ids and log-probabilities (R, count), likeliest first.

    `chosen` (R,) is the log-probability of the one id a row that was asked about.
    """

    ids: Ids
    log_probabilities: Floats
    chosen: Floats


@dataclass(frozen=True, slots=True, eq=False)
class DecoderStep:
    """One token further. `next_id` (R,) is the arg-max; attentions are None unless they were asked for.

    The scores stay where they were computed; `candidates` and `logits` fetch of them what is wanted.
    `inside` is empty but for a probe that was asked for attentions.
    """

    cache: Cache
    next_id: Ids
    self_attentions: Floats | None  # (L, R, H, T+1)
    cross_attentions: Floats | None  # (L, R, H, S)
    _scores: Any
    _runtime: Runtime
    inside: Inside

    def candidates(self, count: int, chosen: Ids | None = None) -> Candidates:
        """The `count` likeliest ids of each row, and the log-probability of the `chosen` ones (R,)."""
        return self._runtime.candidates(self._scores, count, self.next_id if chosen is None else chosen)

    def logits(self) -> Floats:
        """All scores (R, V)."""
        vocabulary = self._runtime.architecture.target_vocabulary
        return _numpy(self._scores)[:, :vocabulary].astype(np.float32, copy=False)


class Runtime:
    """The two graphs of a bundle, loaded on one device. Safe to use from several threads."""

    encoder_file, decoder_file = bundle.ENCODER, bundle.DECODER

    def __init__(self, model: Bundle, device: Device = "auto", threads: int = 1) -> None:
        """`threads` are those that one operator uses. Raises DeviceError, or BundleError for a damaged graph."""
        self.architecture = model.manifest.architecture
        self._float: Any = np.float16 if model.manifest.precision == "fp16" else np.float32
        self._model, self._computed_by = model, (device, threads)
        self._encoder = self._open(self.encoder_file)
        self._decoder = self._open(self.decoder_file)
        self._candidates = self._open(bundle.CANDIDATES)
        self.device = device_of(self._decoder)
        layers = range(self.architecture.decoder_layers)
        self._encoder_maps = [bundle.encoder_attention(i) for i in range(self.architecture.encoder_layers)]
        self._self_maps = [bundle.decoder_attention(i) for i in layers]
        self._cross_maps = [bundle.cross_attention(i) for i in layers]
        self._cross_caches = [bundle.cross_cache(i, part) for i in layers for part in bundle.PARTS]
        self._past = [bundle.past_cache(i, part) for i in layers for part in bundle.PARTS]
        self._present = [bundle.present_cache(i, part) for i in layers for part in bundle.PARTS]
        self._encoder_inside, self._decoder_inside = self._inside()
        self._encoder_feeds, self._decoder_feeds = dict[str, Any](), dict[str, Any]()
        self._check_names(model.path)

    def _open(self, name: str) -> Any:
        return open_session(self._model.file(name), *self._computed_by)

    def _inside(self) -> tuple[list[str], list[str]]:
        """Names of what the encoder's and the decoder's graph give of their inside: nothing, but for a probe."""
        return [], []

    def _check_names(self, path: Path) -> None:
        encoder = {o.name for o in self._encoder.get_outputs()}
        decoder = {o.name for o in self._decoder.get_outputs()}
        of_encoder = {*self._encoder_maps, *self._cross_caches, *self._encoder_inside}
        of_decoder = {bundle.LOGITS, bundle.NEXT_ID, *self._present, *self._self_maps, *self._cross_maps}
        missing = (of_encoder - encoder) | ({*of_decoder, *self._decoder_inside} - decoder)
        if missing:
            raise BundleError(f"the graphs in {path} do not give {', '.join(sorted(missing))}")

    def encode(self, ids: Ids, mask: Ids, attentions: bool = False) -> Encoding:
        """ids (B, S), mask (B, S) with 1 for a piece and 0 for padding."""
        names = self._cross_caches + ([*self._encoder_maps, *self._encoder_inside] if attentions else [])
        mask_value = _ort(mask)
        feeds = {bundle.INPUT_IDS: _ort(ids), bundle.ATTENTION_MASK: mask_value, **self._encoder_feeds}
        outputs = dict(zip(names, self._encoder.run_with_ort_values(names, feeds), strict=True))
        values = {name: outputs[name] for name in self._cross_caches}
        values[bundle.ENCODER_ATTENTION_MASK] = mask_value
        sources = frozenset(values)
        batch = len(ids)
        empty = np.zeros((batch, self.architecture.heads, 0, self.architecture.d_k), self._float)
        values |= {name: _ort(empty) for name in self._past}
        maps = [_numpy(outputs[name]) for name in self._encoder_maps] if attentions else None
        inside = {name: outputs[name] for name in self._encoder_inside} if attentions else {}
        return Encoding(Cache(0, batch, values, sources), _stack(maps), inside)

    def step(self, ids: Ids, cache: Cache, scores: bool = True, attentions: bool = False) -> DecoderStep:
        """Read one token a row, ids (R,): what comes next, and the cache one position longer.

        Without `scores` the step's `candidates` and `logits` are not to be had.
        """
        names = [bundle.NEXT_ID, *self._present]
        names += [bundle.LOGITS] if scores else []
        names += [*self._self_maps, *self._cross_maps, *self._decoder_inside] if attentions else []
        feeds = {
            bundle.INPUT_IDS: _ort(ids[:, None]),
            bundle.POSITION: _ort(np.array([cache.position], np.int64)),
            **cache.values,
            **self._decoder_feeds,
        }
        outputs = dict(zip(names, self._decoder.run_with_ort_values(names, feeds), strict=True))
        values = dict(cache.values)
        for past, present in zip(self._past, self._present, strict=True):
            values[past] = outputs[present]
        return DecoderStep(
            Cache(cache.position + 1, cache.batch, values, cache.sources),
            _numpy(outputs[bundle.NEXT_ID]),
            _stack([_numpy(outputs[n])[:, :, 0] for n in self._self_maps] if attentions else None),
            _stack([_numpy(outputs[n])[:, :, 0] for n in self._cross_maps] if attentions else None),
            outputs.get(bundle.LOGITS),
            self,
            {name: outputs[name] for name in self._decoder_inside} if attentions else {},
        )

    def candidates(self, scores: Any, count: int, chosen: Ids) -> Candidates:
        """What `DecoderStep.candidates` promises, from the scores on the device."""
        count = min(count, self.architecture.target_vocabulary)
        names = [bundle.CANDIDATE_IDS, bundle.CANDIDATE_LOG_PROBABILITIES, bundle.CHOSEN_LOG_PROBABILITY]
        feeds = {bundle.LOGITS: scores, bundle.COUNT: _ort(np.array([count], np.int64)), bundle.CHOSEN: _ort(chosen)}
        return Candidates(*(_numpy(value) for value in self._candidates.run_with_ort_values(names, feeds)))

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


def _stack(maps: list[npt.NDArray[Any]] | None) -> Floats | None:
    return None if maps is None else np.stack(maps).astype(np.float32, copy=False)
