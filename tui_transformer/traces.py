"""A whole decoding in a file: saved once, looked at without a model.

The file is a zip: `trace.json` with the schema's number and all that is not an array, and one .npy a step and kind
of attention, in half precision. Nothing in it is ever unpickled. Attention read back is within 0.0005 of what was
saved; its rows sum to 1 as closely as that.
"""

from __future__ import annotations

import io
import json
import typing
import zipfile
import zlib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .events import BeamStep, Encoded, Step, Trace

SCHEMA = 1
_CONTENT = "trace.json"
_OPTIONAL_ARRAYS = ("log_probabilities",)
_ARRAYS = ("attention", "self_attention", "cross_attention", *_OPTIONAL_ARRAYS)
_BROKEN = (KeyError, TypeError, ValueError, EOFError, RecursionError, MemoryError, NotImplementedError, RuntimeError,
           zipfile.BadZipFile, zlib.error)  # fmt: skip


def save_trace(trace: Trace, path: Path) -> None:
    """Write a trace; all of it or nothing. Raises InputError if the place cannot be written."""
    arrays: dict[str, Any] = {}
    content = {"schema": SCHEMA, **{field.name: _plain(getattr(trace, field.name), field.name, arrays)
                                    for field in fields(trace)}}  # fmt: skip
    partial = path.with_name(f".{path.name}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(_CONTENT, json.dumps(content, ensure_ascii=False))
            for name, array in arrays.items():
                with io.BytesIO() as buffer:
                    np.lib.format.write_array(buffer, array.astype(np.float16), allow_pickle=False)
                    file.writestr(f"{name}.npy", buffer.getvalue())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def load_trace(path: Path) -> Trace:
    """Read what `save_trace` wrote. Raises InputError that says what is wrong with the file."""
    try:
        with zipfile.ZipFile(path) as file:
            content = json.loads(file.read(_CONTENT))
            found = content.get("schema") if isinstance(content, dict) else None
            if found != SCHEMA:
                raise InputError(f"{path} is a trace of schema {found!r}, this ttx reads schema {SCHEMA}")
            trace = Trace(**{
                field.name: _build(hint, content[field.name], field.name, file)
                for field, hint in zip(fields(Trace), typing.get_type_hints(Trace).values(), strict=True)
            })  # fmt: skip
            _check(trace)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except _BROKEN as error:
        raise InputError(f"{path} is no trace, or a broken one: {error}") from None
    return trace


def _plain(value: Any, name: str, arrays: dict[str, Any]) -> Any:
    """Values for JSON; arrays go aside, under the name of their place."""
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return None
    if isinstance(value, tuple):
        return [_plain(one, f"{name}.{i}", arrays) for i, one in enumerate(value)]
    if is_dataclass(value):
        parts = {field.name: _plain(getattr(value, field.name), f"{name}.{field.name}", arrays)
                 for field in fields(value)}  # fmt: skip
        return {key: part for key, part in parts.items() if key not in _ARRAYS}
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
            key: _array(file, f"{name}.{key}") if key in _ARRAYS else _build(inner, value[key], f"{name}.{key}", file)
            for key, inner in hints.items()
        })  # fmt: skip
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint:
        raise TypeError(f"{name} is not of type {getattr(hint, '__name__', hint)}")
    return value


def _array(file: zipfile.ZipFile, name: str) -> Any:
    if name.endswith(_OPTIONAL_ARRAYS) and f"{name}.npy" not in file.NameToInfo:
        return None
    with file.open(f"{name}.npy") as stream:
        array = np.lib.format.read_array(stream, allow_pickle=False)
    if array.dtype != np.float16:
        raise ValueError(f"{name} is not in half precision")
    return array.astype(np.float32)


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
        raise ValueError("the log-probabilities are not one a piece at every step")


def _shape(event: Encoded | Step | BeamStep, name: str, shape: tuple[int, ...]) -> None:
    found = getattr(event, name).shape
    if found != shape:
        raise ValueError(f"{name} has shape {found}, not {shape}")
