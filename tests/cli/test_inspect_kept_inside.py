"""What happened inside a model is kept in a trace, and shown again where no model is."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tui_transformer.errors import InputError
from tui_transformer.masks import HIDDEN_SCORE
from tui_transformer.probed import Attended
from tui_transformer.traces import Inside, as_decoding, as_inside, load_trace, save_trace
from tui_transformer.translator import Translator

from .conftest import Ttx

SENTENCE = "Tom called Mary's bluff."
VIEWS = [["qkv", "--layer", "2", "--kind", "cross"], ["masks"], ["layers"]]


@pytest.fixture(scope="module")
def inside(translator: Translator) -> Inside:
    pieces = translator.target.pieces(range(translator.target.size))
    return Inside(translator.probe(SENTENCE, lens=True, width=16), pieces, ("A note.",))


def test_it_comes_back_in_half_precision(inside: Inside, tmp_path: Path) -> None:
    save_trace(inside, tmp_path / "a")
    kept = load_trace(tmp_path / "a")
    assert isinstance(kept, Inside)
    probed, before = kept.probed, inside.probed
    assert (kept.vocabulary, kept.notes) == (inside.vocabulary, inside.notes)
    for name in ("text", "ids", "pieces", "visible", "read", "read_pieces", "said", "said_pieces", "complete"):
        assert getattr(probed, name) == getattr(before, name)
    for kind in ("encoder", "decoder", "cross"):
        one, other = probed.attended(kind), before.attended(kind)
        for name in Attended.__slots__:
            read, saved = getattr(one, name), getattr(other, name)
            hidden = saved < HIDDEN_SCORE / 2
            assert read.dtype == np.float32
            assert (read[hidden] < -6e4).all()
            np.testing.assert_allclose(read[~hidden], saved[~hidden], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(probed.decoder.lens, before.decoder.lens, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view[0])
def test_a_view_of_it_needs_no_model(view: list[str], ttx: Ttx, bundle_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.trace"
    first = ttx("inspect", *view, SENTENCE, "--model", bundle_folder, "--trace", file, "--format", "json")
    again = ttx("inspect", *view, "--model", "nowhere", "--from-trace", file, "--format", "json")
    assert (first.code, again.code, again.err) == (0, 0, "")
    assert_alike(json.loads(again.out), json.loads(first.out))


def assert_alike(again: Any, first: Any) -> None:
    """The same but for the rounding; sentences may name a number that is rounded otherwise."""
    if isinstance(first, dict):
        assert again.keys() == first.keys()
        for key in first.keys() - {"says"}:
            assert_alike(again[key], first[key])
    elif isinstance(first, list):
        assert len(again) == len(first)
        for one, other in zip(again, first, strict=True):
            assert_alike(one, other)
    elif isinstance(first, float):
        assert again == pytest.approx(first, rel=0.01, abs=0.01) or (first < -6e4 and again < -6e4)
    else:
        assert again == first


def test_a_kept_inside_is_no_decoding_and_the_other_way_round(
    ttx: Ttx, bundle_folder: Path, inside: Inside, tmp_path: Path
) -> None:
    deep, flat = tmp_path / "inside", tmp_path / "decoding"
    save_trace(inside, deep)
    assert ttx("inspect", "decode", SENTENCE, "--model", bundle_folder, "--trace", flat).code == 0
    for view, file, what in (("decode", deep, "inside of a model"), ("qkv", flat, "shows a decoding")):
        done = ttx("inspect", view, "--from-trace", file)
        assert (done.code, done.out) == (5, "")
        assert what in done.err
        assert done.err.count("\n") == 1
    with pytest.raises(InputError, match="not a decoding"):
        as_decoding(inside, deep)
    with pytest.raises(InputError, match="shows a decoding"):
        as_inside(load_trace(flat), flat)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["qkv", "--layer", "9"], "layer 9: the model has layers 1 to"),
        (["qkv", "--target", "Tom"], "it takes no target"),
        (["masks", "--beside", "Tom"], "it takes no --beside"),
        (["layers"], "has no logit lens"),
        (["qkv", "Tom"], "give either TEXT or --from-trace"),
    ],
)
def test_what_it_cannot_show_is_said_in_one_line(
    arguments: list[str], said: str, ttx: Ttx, bundle_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "a"
    assert ttx("inspect", "qkv", SENTENCE, "--model", bundle_folder, "--trace", file).code == 0
    done = ttx("inspect", *arguments, "--from-trace", file)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("member", ["probed.encoder.attention.query.npy", "probed.decoder.logits.npy"])
def test_a_broken_one_is_refused(member: str, inside: Inside, tmp_path: Path) -> None:
    save_trace(inside, tmp_path / "whole")
    with zipfile.ZipFile(tmp_path / "whole") as whole, zipfile.ZipFile(tmp_path / "broken", "w") as broken:
        other = whole.read("probed.encoder.memory.npy")
        for name in whole.namelist():
            broken.writestr(name, other if name == member else whole.read(name))
    with pytest.raises(InputError, match="not a trace, or is broken"):
        load_trace(tmp_path / "broken")
