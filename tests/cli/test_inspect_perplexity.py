"""`ttx inspect perplexity`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.decoding import Options
from tui_transformer.events import Trace
from tui_transformer.render.labels import cell_len
from tui_transformer.render.picture import Picture, drawn
from tui_transformer.render.views.perplexity import Coloured, Scored, perplexity_picture
from tui_transformer.scoring import perplexity as perplexity_of
from tui_transformer.translator import Translator

from .conftest import Ttx

SOURCE, TARGET = "Tom called Mary's bluff.", "Mary hat eine Blume im Haar."
PIECES = ("▁Er", "▁bewunder", "te", "▁中文", "▁שלום", "🎬", "▁a\x1b", "▁Unvorstellbarkeiten", ".", "</s>")
LOGS = (-0.1, -0.25, -0.01, -4.5, -7.5, -20.0, -0.7, -2.5, -0.0, -0.05)


def test_it_is_drawn_as_it_was(golden: Callable[[Picture, str], None]) -> None:
    golden(perplexity_picture(Scored("He admired 中文 שלום", "…", PIECES, LOGS), "2"), "perplexity-bits")
    golden(perplexity_picture(Scored("He", "…", PIECES[:3], LOGS[:3], own=True, cut=True), "e"), "perplexity-nats")


@pytest.fixture
def perplexity(ttx: Ttx, bundle_folder: Path) -> Callable[..., Any]:
    return lambda *arguments, **more: ttx("inspect", "perplexity", "--model", bundle_folder, *arguments, **more)


def test_it_is_what_ttx_score_says(perplexity: Callable[..., Any], ttx: Ttx, bundle_folder: Path) -> None:
    content = json.loads(perplexity(SOURCE, TARGET, "--format", "json").out)
    scored = ttx("score", "--model", bundle_folder, "--format", "jsonl", "--per-token", stdin=f"{SOURCE}\t{TARGET}\n")
    expected = json.loads(scored.out)
    assert content["perplexity"] == pytest.approx(expected["perplexity"], rel=1e-6)
    assert content["log_probability"] == pytest.approx(expected["log_probability"], abs=1e-6)
    assert content["pieces"] == [token["piece"] for token in expected["tokens"]]
    assert content["surprisals"] == pytest.approx([token["bits"] for token in expected["tokens"]], abs=1e-6)
    assert content["running_perplexity"][-1] == content["perplexity"]


def test_bases_differ_by_the_logarithm_of_two_and_perplexity_does_not(perplexity: Callable[..., Any]) -> None:
    bits, nats = (json.loads(perplexity(SOURCE, TARGET, "--base", base, "--format", "json").out) for base in ("2", "e"))
    np.testing.assert_allclose(np.array(bits["surprisals"]) * math.log(2), nats["surprisals"])
    assert bits["perplexity"] == nats["perplexity"]
    assert (bits["unit"], nats["unit"]) == ("bit", "nat")
    mean = np.mean(bits["surprisals"])
    assert 2**mean == pytest.approx(bits["perplexity"])


@given(st.lists(st.floats(-30, 0), min_size=1, max_size=40))
def test_the_running_perplexity_is_that_of_each_beginning(logs: list[float]) -> None:
    running = Scored("", "", ("x",) * len(logs), tuple(logs)).running()
    expected = [perplexity_of(math.fsum(logs[: i + 1]), i + 1) for i in range(len(logs))]
    np.testing.assert_allclose(running, expected, rtol=1e-9)


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=12), st.integers(4, 40))
def test_running_text_keeps_the_width(pieces: list[str], width: int) -> None:
    lines = drawn(Coloured(pieces, np.full(len(pieces), 1.0)), width, None).splitlines()
    assert all(cell_len(line) <= width for line in lines)
    # Every line of text has its line of glyphs.
    assert len(lines) % 2 == 0


def test_without_a_target_it_is_the_model_s_own(perplexity: Callable[..., Any], translator: Translator) -> None:
    content = json.loads(perplexity(SOURCE, "--format", "json").out)
    trace = Trace.of(translator.stream(SOURCE, Options(beam=1)))
    assert (content["own"], content["target"]) == (True, trace.finished.text)
    (score,) = translator.score([(SOURCE, trace.finished.text)])
    assert content["log_probabilities"] == pytest.approx(score.log_probabilities, abs=1e-5)


def test_a_trace_shows_the_same_without_a_model(perplexity: Callable[..., Any], ttx: Ttx, tmp_path: Path) -> None:
    first = perplexity(SOURCE, "--trace", tmp_path / "t")
    again = ttx("inspect", "perplexity", "--model", "/nowhere", "--from-trace", tmp_path / "t")
    assert again == first


def test_a_beam_does_not_keep_it(perplexity: Callable[..., Any], ttx: Ttx, bundle_folder: Path, tmp_path: Path) -> None:
    ttx("inspect", "decode", SOURCE, "--beam", "2", "--trace", tmp_path / "b", "--model", bundle_folder)
    done = ttx("inspect", "perplexity", "--from-trace", tmp_path / "b")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "of a beam search" in done.err


def test_each_line_of_standard_input_with_or_without_a_target(perplexity: Callable[..., Any]) -> None:
    done = perplexity(stdin=f"{SOURCE}\t{TARGET}\n\n{SOURCE}\n{SOURCE}\t\n")
    objects = [json.loads(line) for line in done.out.splitlines()]
    assert [one.get("own") for one in objects] == [False, None, True, None]
    assert objects[0]["target"] == TARGET
    assert objects[3]["error"] == "the text is empty"
    assert done.code == 2


def test_a_long_target_is_cut_and_the_picture_says_so(perplexity: Callable[..., Any]) -> None:
    assert "only the beginning was scored" in " ".join(perplexity(SOURCE, "Haar " * 500).out.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((SOURCE, " "), "the text is empty"), (("", TARGET), "the text is empty"), (("",), "the text is empty"),
     ((SOURCE, TARGET, "--trace", "t"), "a trace is a decoding")],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_line(perplexity: Callable[..., Any], arguments: Any, said: str) -> None:
    done = perplexity(*arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err
