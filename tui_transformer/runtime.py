"""ONNX Runtime: the only file that imports it. Sessions, devices, threads, and the key/value cache.

Axis letters: B batch, S source, T target so far, L layer, H head, K d_k, V vocabulary.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime

from . import bundle
from .bundle import Bundle
from .errors import BundleError, DeviceError

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Device = Literal["auto", "cpu", "cuda"]

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_ERRORS_ONLY = 3

VERSION: str = onnxruntime.__version__

# The smallest model there is, y = max(x, 0) for one number: what can run it is there and works.
_PROBE = bytes.fromhex(
    "08083a330a0c0a0178120179220452656c75120170"  # ONNX IR 8; graph "p": Relu from x to y
    "5a0f0a0178120a0a08080112040a020801620f0a0179120a0a08080112040a020801"  # x and y: one float each
    "42040a00100d"  # opset 13
)


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
    """The encoder's answer: the decoder's first cache, and attentions (L, B, H, S, S) if they were asked for."""

    cache: Cache
    attentions: Floats | None


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
    """

    cache: Cache
    next_id: Ids
    self_attentions: Floats | None  # (L, R, H, T+1)
    cross_attentions: Floats | None  # (L, R, H, S)
    _scores: Any
    _runtime: Runtime

    def candidates(self, count: int, chosen: Ids | None = None) -> Candidates:
        """The `count` likeliest ids of each row, and the log-probability of the `chosen` ones (R,)."""
        return self._runtime.candidates(self._scores, count, self.next_id if chosen is None else chosen)

    def logits(self) -> Floats:
        """All scores (R, V)."""
        vocabulary = self._runtime.architecture.target_vocabulary
        return _numpy(self._scores)[:, :vocabulary].astype(np.float32, copy=False)


class Runtime:
    """The two graphs of a bundle, loaded on one device. Safe to use from several threads."""

    def __init__(self, model: Bundle, device: Device = "auto", threads: int = 1) -> None:
        """`threads` are those that one operator uses. Raises DeviceError, or BundleError for a damaged graph."""
        self.architecture = model.manifest.architecture
        self._float: Any = np.float16 if model.manifest.precision == "fp16" else np.float32
        self._encoder = _session(model.file(bundle.ENCODER), device, threads)
        self._decoder = _session(model.file(bundle.DECODER), device, threads)
        self._candidates = _session(model.file(bundle.CANDIDATES), device, threads)
        self.device = "cuda" if _PROVIDERS["cuda"] in self._decoder.get_providers() else "cpu"
        layers = range(self.architecture.decoder_layers)
        self._encoder_maps = [bundle.encoder_attention(i) for i in range(self.architecture.encoder_layers)]
        self._self_maps = [bundle.decoder_attention(i) for i in layers]
        self._cross_maps = [bundle.cross_attention(i) for i in layers]
        self._cross_caches = [bundle.cross_cache(i, part) for i in layers for part in bundle.PARTS]
        self._past = [bundle.past_cache(i, part) for i in layers for part in bundle.PARTS]
        self._present = [bundle.present_cache(i, part) for i in layers for part in bundle.PARTS]
        self._check_names(model.path)

    def _check_names(self, path: Path) -> None:
        encoder = {o.name for o in self._encoder.get_outputs()}
        decoder = {o.name for o in self._decoder.get_outputs()}
        wanted = {bundle.LOGITS, bundle.NEXT_ID, *self._present, *self._self_maps, *self._cross_maps}
        missing = ({*self._encoder_maps, *self._cross_caches} - encoder) | (wanted - decoder)
        if missing:
            raise BundleError(f"the graphs in {path} do not give {', '.join(sorted(missing))}")

    def encode(self, ids: Ids, mask: Ids, attentions: bool = False) -> Encoding:
        """ids (B, S), mask (B, S) with 1 for a piece and 0 for padding."""
        names = self._cross_caches + (self._encoder_maps if attentions else [])
        mask_value = _ort(mask)
        feeds = {bundle.INPUT_IDS: _ort(ids), bundle.ATTENTION_MASK: mask_value}
        outputs = dict(zip(names, self._encoder.run_with_ort_values(names, feeds), strict=True))
        values = {name: outputs[name] for name in self._cross_caches}
        values[bundle.ENCODER_ATTENTION_MASK] = mask_value
        sources = frozenset(values)
        batch = len(ids)
        empty = np.zeros((batch, self.architecture.heads, 0, self.architecture.d_k), self._float)
        values |= {name: _ort(empty) for name in self._past}
        maps = [_numpy(outputs[name]) for name in self._encoder_maps] if attentions else None
        return Encoding(Cache(0, batch, values, sources), _stack(maps))

    def step(self, ids: Ids, cache: Cache, scores: bool = True, attentions: bool = False) -> DecoderStep:
        """Read one token a row, ids (R,): what comes next, and the cache one position longer.

        Without `scores` the step's `candidates` and `logits` are not to be had.
        """
        names = [bundle.NEXT_ID, *self._present]
        names += [bundle.LOGITS] if scores else []
        names += [*self._self_maps, *self._cross_maps] if attentions else []
        feeds = {
            bundle.INPUT_IDS: _ort(ids[:, None]),
            bundle.POSITION: _ort(np.array([cache.position], np.int64)),
            **cache.values,
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
        )

    def candidates(self, scores: Any, count: int, chosen: Ids) -> Candidates:
        """What `DecoderStep.candidates` promises, from the scores on the device."""
        count = min(count, self.architecture.target_vocabulary)
        names = [bundle.CANDIDATE_IDS, bundle.CANDIDATE_LOG_PROBABILITIES, bundle.CHOSEN_LOG_PROBABILITY]
        feeds = {bundle.LOGITS: scores, bundle.COUNT: _ort(np.array([count], np.int64)), bundle.CHOSEN: _ort(chosen)}
        return Candidates(*(_numpy(value) for value in self._candidates.run_with_ort_values(names, feeds)))


def usable_cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_providers() -> dict[str, bool]:
    """ONNX Runtime's providers of computation, and whether each works here: by trying, for it lists what it was
    built for, and falls back without a word.
    """
    return {provider: _works(provider) for provider in onnxruntime.get_available_providers()}


def _works(provider: str) -> bool:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    try:
        with _quiet_stderr():
            session = onnxruntime.InferenceSession(_PROBE, options, providers=[provider], enable_fallback=0)
            session.run(None, {"x": np.ones(1, np.float32)})
    except Exception:
        # Each provider fails in its own way; all of them mean no.
        return False
    return provider in session.get_providers()


def _session(path: Path, device: Device, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    # The graphs are written as they should run; the optimiser would fuse them into slower operators.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    wanted = _wanted_providers(device)
    try:
        with _quiet_stderr() if len(wanted) > 1 else contextlib.nullcontext():
            session = onnxruntime.InferenceSession(path, options, providers=wanted)
    except Exception as error:
        # ONNX Runtime raises a dozen classes of its own for a file that is damaged in various ways.
        raise BundleError(f"ONNX Runtime cannot load {path}: {str(error).splitlines()[0]}") from None
    if device == "cuda" and _PROVIDERS["cuda"] not in session.get_providers():
        raise DeviceError(
            "the GPU cannot be used: ONNX Runtime found no working CUDA (driver, CUDA and cuDNN libraries); "
            "use --device cpu"
        )
    return session


def _wanted_providers(device: Device) -> Sequence[str]:
    available = onnxruntime.get_available_providers()
    if device == "cpu" or _PROVIDERS["cuda"] not in available:
        if device == "cuda":
            raise DeviceError("this ONNX Runtime was built without CUDA: install onnxruntime-gpu or use --device cpu")
        return [_PROVIDERS["cpu"]]
    if device == "auto" and not _has_nvidia_driver():
        return [_PROVIDERS["cpu"]]
    return [_PROVIDERS["cuda"], _PROVIDERS["cpu"]]


def _has_nvidia_driver() -> bool:
    """Without a driver, asking for CUDA costs half a second and prints errors of its own."""
    return Path("/dev/nvidiactl").exists() or sys.platform == "win32"


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """A CUDA that cannot be loaded is reported by ONNX Runtime straight to file descriptor 2; we say it ourselves."""
    saved = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _ort(array: npt.NDArray[Any]) -> Any:
    array = np.ascontiguousarray(array)
    value = onnxruntime.OrtValue.ortvalue_from_numpy(array)
    value._owner = array  # the value only borrows the array's memory: keep both together
    return value


def _numpy(value: Any) -> npt.NDArray[Any]:
    return value.numpy()  # type: ignore[no-any-return]


def _stack(maps: list[npt.NDArray[Any]] | None) -> Floats | None:
    return None if maps is None else np.stack(maps).astype(np.float32, copy=False)
