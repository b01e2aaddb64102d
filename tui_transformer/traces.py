"""A whole decoding in a file, or everything that happened inside: saved once, viewed without a model.

The file is a zip: `trace.json` with the schema's number, what is kept, and all that is not an array, and one .npy per
array, in half precision. Nothing in it is ever unpickled. Attention read back is within 0.0005 of what was saved; its
rows sum to 1 as closely as that. A score that hides a position comes back as the least that half precision has.
"""

from __future__ import annotations

import io
import json
import tokenize
import typing
import zipfile
import zlib
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .events import BeamStep, Encoded, Step, Trace
from .probed import Attended, Probed, Stream
from .whole_file import whole_file

SCHEMA = 1
_CONTENT = "trace.json"
_OPTIONAL_ARRAYS = ("log_probabilities", "lens")
_MOST = np.finfo(np.float16).max
_BROKEN = (KeyError, TypeError, ValueError, EOFError, RecursionError, MemoryError, NotImplementedError, RuntimeError,
           OverflowError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Inside:
    """What a view of the model's inside needs: all that happened, the names of target ids, and what to say about it.

    `vocabulary` has the pieces of all target ids, for the logit lens.
    """

    probed: Probed
    vocabulary: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """A decoding as it was watched: the beam searches that came first, if any, and the reading."""

    searches: tuple[Trace, ...]
    reading: Trace


Kept = Trace | Inside | Recording
_KINDS: dict[str, type[Kept]] = {"decoding": Trace, "inside": Inside, "recording": Recording}


def save_trace(trace: Kept, path: Path) -> None:
    """Write a trace, all of it or nothing. Raises InputError if the path cannot be written."""
    arrays: dict[str, Any] = {}
    kind = next(name for name, known in _KINDS.items() if isinstance(trace, known))
    content = {"schema": SCHEMA, "kind": kind, **{field.name: _plain(getattr(trace, field.name), field.name, arrays)
                                                  for field in fields(trace)}}  # fmt: skip
    try:
        with whole_file(path) as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(_CONTENT, json.dumps(content, ensure_ascii=False))
            for name, array in arrays.items():
                with io.BytesIO() as buffer:
                    np.lib.format.write_array(buffer, _halved(array), allow_pickle=False)
                    file.writestr(f"{name}.npy", buffer.getvalue())
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def load_trace(path: Path) -> Kept:
    """Read what `save_trace` wrote. Raises InputError that says what is wrong with the file."""
    try:
        with zipfile.ZipFile(path) as file:
            content = json.loads(file.read(_CONTENT))
            found = content.get("schema") if isinstance(content, dict) else None
            if found != SCHEMA:
                raise InputError(f"{path} is a trace of schema {found!r}, this ttx reads schema {SCHEMA}")
            kept = _KINDS[content["kind"]]
            trace = kept(**{
                name: _build(hint, content[name], name, file) for name, hint in typing.get_type_hints(kept).items()
            })  # fmt: skip
            _check_kept(trace)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except _BROKEN as error:
        raise InputError(f"{path} is not a trace, or is broken: {error}") from None
    return trace


def as_decoding(kept: Kept, path: Path) -> Trace:
    """What was read from `path`, a decoding; of a recording its reading. Raises InputError if it is not one."""
    if isinstance(kept, Recording):
        return kept.reading
    if not isinstance(kept, Trace):
        raise InputError(f"{path} shows the inside of a model (ttx inspect qkv, layers, masks), not a decoding")
    return kept


def as_recording(kept: Kept, path: Path) -> Recording:
    """What was read from `path`, to be watched again. Raises InputError if it is not a decoding."""
    if isinstance(kept, Recording):
        return kept
    trace = as_decoding(kept, path)
    return Recording((trace,), trace) if trace.beam_steps else Recording((), trace)


def as_inside(kept: Kept, path: Path) -> Inside:
    """What was read from `path`, a model's inside. Raises InputError if it is not one."""
    if not isinstance(kept, Inside):
        raise InputError(
            f"{path} shows a decoding, not the inside of a model: ttx inspect qkv, layers, masks save that"
        )
    return kept


def _plain(value: Any, name: str, arrays: dict[str, Any]) -> Any:
    """Values for JSON; arrays are set aside under the name of their place."""
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return None
    if isinstance(value, tuple):
        return [_plain(one, f"{name}.{i}", arrays) for i, one in enumerate(value)]
    if is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name), f"{name}.{field.name}", arrays) for field in fields(value)
        }
    return value


def _build(hint: Any, value: Any, name: str, file: zipfile.ZipFile) -> Any:
    """The inverse of `_plain`. Raises TypeError for a value that is not of its field's type."""
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        if not isinstance(value, list):
            raise TypeError(f"{name} is not a list")
        return tuple(_build(inner, one, f"{name}.{i}", file) for i, one in enumerate(value))
    if is_dataclass(hint):
        if not isinstance(value, dict):
            raise TypeError(f"{name} is not an object")
        hints = typing.get_type_hints(hint)
        return typing.cast(type, hint)(**{
            key: _build(inner, value.get(key), f"{name}.{key}", file) for key, inner in hints.items()
        })  # fmt: skip
    if _is_array(hint):
        return _array(file, name)
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint:
        raise TypeError(f"{name} is not of type {getattr(hint, '__name__', hint)}")
    return value


def _is_array(hint: Any) -> bool:
    """Whether a field holds an array, or one that may be missing."""
    return any(typing.get_origin(one) is np.ndarray for one in (hint, *typing.get_args(hint)))


def _halved(array: Any) -> Any:
    return np.clip(array, -_MOST, _MOST).astype(np.float16)


def _array(file: zipfile.ZipFile, name: str) -> Any:
    if name.endswith(_OPTIONAL_ARRAYS) and f"{name}.npy" not in file.NameToInfo:
        return None
    with file.open(f"{name}.npy") as stream:
        array = np.lib.format.read_array(stream, allow_pickle=False)
    if array.dtype != np.float16:
        raise ValueError(f"{name} is not in half precision")
    return array.astype(np.float32)


def _check_kept(kept: Kept) -> None:
    if isinstance(kept, Inside):
        _check_inside(kept)
        return
    for trace in (*kept.searches, kept.reading) if isinstance(kept, Recording) else (kept,):
        _check(trace)


def _check(trace: Trace) -> None:
    """Every attention has the shape its step must have."""
    source = len(trace.encoded.pieces)
    layers, heads = trace.encoded.attention.shape[:2]
    _shape(trace.encoded, "attention", (layers, heads, source, source))
    # Beam search after a forced beginning has both kinds of steps, in this order.
    steps: tuple[Step | BeamStep, ...] = (*trace.steps, *trace.beam_steps)
    if not steps:
        raise ValueError("it has no steps")
    for position, step in enumerate(steps):
        # The decoder may have other numbers of layers than the encoder, but the same ones at every step.
        rows = step.self_attention.shape[:-3]
        decoder = step.cross_attention.shape[len(rows) : -1]
        _shape(step, "self_attention", (*rows, *decoder, position + 1))
        _shape(step, "cross_attention", (*rows, *decoder, source))
    known = [step.log_probabilities for step in trace.steps if step.log_probabilities is not None]
    if any(array.shape != known[0].shape or array.ndim != 1 for array in known):
        raise ValueError("the log-probabilities are not one per piece at every step")


def _check_inside(inside: Inside) -> None:
    """Every array has the shape that the number of pieces calls for."""
    probed = inside.probed
    source, target = len(probed.pieces), len(probed.said_pieces)
    encoder, decoder = probed.encoder, probed.decoder
    asked = ((encoder.attention, source, source), (decoder.self_attention, target, target),
             (decoder.cross_attention, target, source))  # fmt: skip
    for attended, asking, answering in asked:
        layers, heads, _, size = attended.query.shape
        for name in ("query", "context"):
            _shape(attended, name, (layers, heads, asking, size))
        for name in ("key", "value"):
            _shape(attended, name, (layers, heads, answering, size))
        for name in ("scores", "masked_scores", "weights"):
            _shape(attended, name, (layers, heads, asking, answering))
    for stream, places in ((encoder.stream, source), (decoder.stream, target)):
        sublayers, _, width = stream.added.shape
        _shape(stream, "added", (sublayers, places, width))
        _shape(stream, "residual", (1 + sublayers, places, width))
    texts = (probed.ids, probed.visible, probed.pieces, probed.read, probed.read_pieces, probed.said)
    if [len(one) for one in texts] != [source] * 3 + [target] * 3 or not source or not target:
        raise ValueError("its pieces and ids differ in number")
    if decoder.logits.shape != (target, len(inside.vocabulary)):
        raise ValueError("its logits are not one per piece of the vocabulary")
    if decoder.lens is not None and decoder.lens.shape[1:] != decoder.logits.shape:
        raise ValueError("its lens does not fit its logits")


def _shape(event: Encoded | Step | BeamStep | Attended | Stream, name: str, shape: tuple[int, ...]) -> None:
    found = getattr(event, name).shape
    if found != shape:
        raise ValueError(f"{name} has shape {found}, not {shape}")
