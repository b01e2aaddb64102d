"""A decoding survives its file, and a file that is none is refused in one sentence."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tui_transformer.errors import InputError
from tui_transformer.events import Trace
from tui_transformer.traces import load_trace, save_trace
from tui_transformer.translator import Options, Translator

SENTENCE = "Tom called Mary's bluff."


def same(a: Any, b: Any) -> bool:
    """Equal, arrays to half precision."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype == np.float32 and a.shape == b.shape and np.allclose(a, b, atol=5e-4)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    return type(a) is type(b) and bool(a == b)


@pytest.fixture(scope="module")
def greedy(translator: Translator) -> Trace:
    return Trace.of(translator.stream(SENTENCE, Options(beam=1)))


@pytest.mark.parametrize(
    "options",
    [Options(beam=1), Options(beam=1, max_length=2), Options(beam=4), Options(beam=3, prefix=(300, 301)),
     Options(beam=1, prefix=(300,))],
)  # fmt: skip
@pytest.mark.parametrize("text", [SENTENCE, "", "ünïcödé 中文 \n שלום"])
def test_a_trace_comes_back(translator: Translator, tmp_path: Path, options: Options, text: str) -> None:
    trace = Trace.of(translator.stream(text, options))
    save_trace(trace, tmp_path / "a.trace")
    assert same(load_trace(tmp_path / "a.trace"), trace)
    assert [path.name for path in tmp_path.iterdir()] == ["a.trace"]


def test_the_file_has_half_precision_and_no_pickle(greedy: Trace, tmp_path: Path) -> None:
    save_trace(greedy, tmp_path / "a")
    with zipfile.ZipFile(tmp_path / "a") as file:
        names = file.namelist()
        assert json.loads(file.read("trace.json"))["schema"] == 1
        for name in names[1:]:
            assert np.load(io.BytesIO(file.read(name)), allow_pickle=False).dtype == np.float16
    assert len(names) == 2 + 2 * len(greedy.steps)


def rewritten(source: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    with zipfile.ZipFile(source) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    with zipfile.ZipFile(source, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


def content(change: Callable[[Any], object]) -> Callable[[dict[str, bytes]], object]:
    def apply(members: dict[str, bytes]) -> None:
        whole = json.loads(members["trace.json"])
        change(whole)
        members["trace.json"] = json.dumps(whole).encode()

    return apply


def array(values: Any, *, pickled: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=pickled)
    return buffer.getvalue()


ATTENTION = "encoded.attention.npy"
BROKEN: dict[str, Callable[[dict[str, bytes]], object]] = {
    "another schema": content(lambda whole: whole.update(schema=2)),
    "no schema": content(lambda whole: whole.pop("schema")),
    "no steps": content(lambda whole: whole.pop("steps")),
    "not one step": content(lambda whole: whole.update(steps=[])),
    "a wrong type": content(lambda whole: whole["encoded"].update(text=1)),
    "a missing field": content(lambda whole: whole["finished"].pop("score")),
    "no list": content(lambda whole: whole.update(steps=7)),
    "no object": content(lambda whole: whole.update(finished=[])),
    "wrong ids": content(lambda whole: whole["encoded"].update(ids=["a"])),
    "fewer pieces": content(lambda whole: whole["encoded"]["pieces"].pop()),
    "no JSON": lambda members: members.update({"trace.json": b"{"}),
    "a list": lambda members: members.update({"trace.json": b"[]"}),
    "deep JSON": lambda members: members.update({"trace.json": b"[" * 100_000}),
    "no UTF-8": lambda members: members.update({"trace.json": b'"\xff"'}),
    "no content": lambda members: members.pop("trace.json"),
    "a missing array": lambda members: members.pop(ATTENTION),
    "objects in an array": lambda members: members.update({ATTENTION: array(np.array([{}]), pickled=True)}),
    "another precision": lambda members: members.update({ATTENTION: array(np.zeros((1, 1, 1, 1)))}),
    "another shape": lambda members: members.update({ATTENTION: array(np.zeros((1, 1, 2, 3), np.float16))}),
    "half an array": lambda members: members.update({ATTENTION: members[ATTENTION][:90]}),
    "a flat array": lambda members: members.update({ATTENTION: array(np.zeros(3, np.float16))}),
    "a flat step": lambda members: members.update({"steps.0.cross_attention.npy": array(np.zeros(3, np.float16))}),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_broken_trace_is_refused(greedy: Trace, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "broken"
    save_trace(greedy, path)
    rewritten(path, BROKEN[damage])
    with pytest.raises(InputError) as error:
        load_trace(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_cut_short_anywhere_is_refused(greedy: Trace, tmp_path: Path) -> None:
    path = tmp_path / "cut"
    save_trace(greedy, path)
    whole = path.read_bytes()
    for length in range(0, len(whole), len(whole) // 20):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError):
            load_trace(path)


def test_damage_inside_is_refused(greedy: Trace, tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    save_trace(greedy, path)
    whole = bytearray(path.read_bytes())
    for place in range(60, 200, 10):
        whole[place] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(InputError):
        load_trace(path)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f2', 'fortran_order': False, 'shape': (10**30,)}",
        f"{{'descr': '<f2', 'fortran_order': False, 'shape': ({10**30},)}}",
        "{'descr': (",
    ],
)
def test_an_array_s_odd_header_is_refused(greedy: Trace, tmp_path: Path, header: str) -> None:
    path = tmp_path / "t"
    save_trace(greedy, path)
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    name = next(name for name in parts if name.endswith(".npy"))
    text = header.encode() + b"\n"
    parts[name] = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    with zipfile.ZipFile(path, "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)
    with pytest.raises(InputError):
        load_trace(path)


@pytest.mark.parametrize("what", [b"", b"no zip", array(np.zeros(3)), b"\x80\x04]."], ids=len)
def test_what_is_no_zip_is_refused(tmp_path: Path, what: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(what)
    with pytest.raises(InputError, match="is not a trace"):
        load_trace(path)


def test_places_that_cannot_be_read_or_written(greedy: Trace, tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere" / "a", tmp_path):
        with pytest.raises(InputError, match="cannot"):
            load_trace(path)
        with pytest.raises(InputError, match="cannot write"):
            save_trace(greedy, path)
    assert list(tmp_path.iterdir()) == []
