"""Which weights an ONNX graph has, and where: read from the file itself, without the onnx package.

Only what is asked for is decoded. The field numbers are those of onnx.proto3, the encoding is that of Protocol
Buffers: a key (field number and wire type) before each value, integers in seven bits per byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import BundleError

TYPES = {1: ("fp32", 4), 2: ("uint8", 1), 3: ("int8", 1), 6: ("int32", 4), 7: ("int64", 8), 9: ("bool", 1),
         10: ("fp16", 2), 11: ("fp64", 8), 16: ("bf16", 2)}  # fmt: skip
"""Name and bytes of the element types that our graphs may have."""

_GRAPH, _INITIALIZER = 7, 5
_DIMS, _TYPE, _NAME, _EXTERNAL = 1, 2, 8, 13
_KEY, _VALUE = 1, 2
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class GraphTensor:
    """A weight: `file` holds its numbers, from byte `offset` on; None if they are inside the graph's file."""

    name: str
    type: str
    shape: tuple[int, ...]
    bytes: int
    file: str
    offset: int | None


def graph_tensors(graph: Path) -> list[GraphTensor]:
    """The weights of a graph, in its order. Raises BundleError if the file cannot be read."""
    try:
        content = memoryview(graph.read_bytes())
        graphs = [value for field, value in _fields(content) if field == _GRAPH]
        return [
            _tensor(_view(value), graph.name)
            for one in graphs for field, value in _fields(_view(one)) if field == _INITIALIZER
        ]  # fmt: skip
    except OSError as error:
        raise BundleError(f"cannot read {graph}: {error.strerror}") from None
    except (ValueError, IndexError, KeyError) as error:
        raise BundleError(f"{graph} is not an ONNX graph: {error}") from None


def _tensor(content: memoryview, graph: str) -> GraphTensor:
    shape, kind, name, outside = list[int](), 0, "", dict[str, str]()
    for field, value in _fields(content):
        if field == _DIMS:
            shape += [value] if isinstance(value, int) else _varints(value)
        elif field == _TYPE and isinstance(value, int):
            kind = value
        elif field == _NAME:
            name = _text(value)
        elif field == _EXTERNAL:
            entry = {field: _text(text) for field, text in _fields(_view(value))}
            outside[entry[_KEY]] = entry[_VALUE]
    named, size = TYPES[kind]
    for length in shape:
        size *= length
    file = outside.get("location", graph)
    return GraphTensor(name, named, tuple(shape), size, file, int(outside.get("offset", 0)) if outside else None)


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Each field of a message: its number, and an integer or its bytes."""
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(content, place)
            yield field, value
            continue
        if wire == _LENGTH:
            length, place = _varint(content, place)
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if wire == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"wire type {wire}")
        if place + length > len(content):
            raise ValueError("it ends too early")
        yield field, content[place : place + length]
        place += length


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    """An integer and the position after it."""
    value = shift = 0
    while True:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def _varints(content: memoryview) -> list[int]:
    found, place = list[int](), 0
    while place < len(content):
        value, place = _varint(content, place)
        found.append(value)
    return found


def _view(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value


def _text(value: int | memoryview) -> str:
    return str(_view(value), "utf-8")
