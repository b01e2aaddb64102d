"""`ttx diff`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tui_transformer.cli.diff import Wanted, _of_traces
from tui_transformer.render.picture import Picture
from tui_transformer.translator import Translator

from .conftest import Ttx, refused, values

TRACES = Path(__file__).parents[1] / "data" / "traces"
PAIR = [TRACES / "a.trace", TRACES / "b.trace"]
A, B = "Don't buy that.", "Give me that."


@pytest.fixture
def diff(ttx: Ttx, bundle_folder: Path) -> Ttx:
    return lambda *arguments, **stdin: ttx("diff", "--model", bundle_folder, *arguments, **stdin)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("diff", Wanted("cross", None, None, no_special=False, words=False)),
        ("diff-words", Wanted("encoder", None, None, no_special=True, words=True)),
        ("diff-decoder", Wanted("decoder", "2", "3", no_special=False, words=False)),
    ],
)
def test_it_is_drawn_as_it_was(golden: Callable[[Picture, str], None], name: str, wanted: Wanted) -> None:
    golden(_of_traces(PAIR, wanted), name)


def test_steps_are_those_of_a_forced_target(diff: Ttx, translator: Translator) -> None:
    found = values(diff(A, B, "--format", "json"))
    assert found["read"] == "Both read the translation of A."
    target = translator.target_ids(found["a"]["target"])
    scores = translator.force([translator.whole(text) for text in (A, B)], [target, target])
    for letter, score in zip("ab", scores, strict=True):
        logs = [step[f"log_probability_{letter}"] for step in found["steps"]]
        np.testing.assert_allclose(logs, score.log_probabilities, rtol=1e-3, atol=1e-5)
    assert [step["differs"] for step in found["steps"]].index(True) + 1 == found["first_difference"]
    assert all(step["divergence"] >= 0 for step in found["steps"])
    assert found["b"]["target"] == "Nimm mich in den Arm!"


@pytest.mark.parametrize("options", [(), ("--kind", "decoder"), ("--layer", "2", "--head", "1", "--words")])
def test_differences_of_attention_sum_to_zero(diff: Ttx, options: tuple[str, ...]) -> None:
    moved = values(diff(A, B, *options, "--format", "json"))["attention"]
    np.testing.assert_allclose(np.sum(moved["difference"], axis=1), 0, atol=1e-5)
    assert np.shape(moved["difference"]) == (len(moved["rows"]), len(moved["columns"]))


def test_the_same_sentence_does_not_differ(diff: Ttx) -> None:
    found = values(diff(A, A, "--format", "json"))
    assert found["first_difference"] is None
    assert not np.any(found["attention"]["difference"])
    assert "Attention is the same everywhere." in found["says"]


def test_a_copy_of_a_model_does_not_differ(diff: Ttx, bundle_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle_folder, tmp_path / "copy")
    found = values(diff(A, "--against", tmp_path / "copy", "--format", "json"))
    assert (found["a"]["name"], found["a"]["target"]) == (found["b"]["name"], found["b"]["target"])
    assert {step["divergence"] for step in found["steps"]} == {0}


def test_models_that_write_other_pieces_are_refused(diff: Ttx) -> None:
    refused(diff(A, "--against", "en-de"), "tiny (fp32) and en-de (int8) have different target vocabularies")


def test_a_given_target_is_read_by_both(diff: Ttx) -> None:
    target = "Mary hat eine Blume im Haar."
    found = values(diff(A, B, "--target", target, "--format", "json"))
    assert found["read"] == f'Both read "{target}".'
    assert (found["a"]["target"], found["b"]["target"]) == ("Kauf das nicht!", "Nimm mich in den Arm!")


def test_traces_are_saved_and_compared_again(diff: Ttx, ttx: Ttx, tmp_path: Path) -> None:
    files = [part for option in ("--trace", "--from-trace") for name in "ab" for part in (option, tmp_path / name)]
    first = values(diff(A, B, *files[:4], "--format", "json"))
    again = values(ttx("diff", "--model", "/nowhere", *files[4:], "--format", "json"))
    assert again["read"] == "Both read the same target."
    for one, other in zip(first["steps"], again["steps"], strict=True):
        assert one["divergence"] == pytest.approx(other["divergence"], abs=0.02)
    np.testing.assert_allclose(first["attention"]["difference"], again["attention"]["difference"], atol=1e-3)


def test_decodings_that_part_are_compared_until_there(ttx: Ttx, bundle_folder: Path, tmp_path: Path) -> None:
    for name, text in zip("ab", (A, B), strict=True):
        ttx("inspect", "attention", "--model", bundle_folder, text, "--trace", tmp_path / name)
    done = ttx("diff", "--from-trace", tmp_path / "a", "--from-trace", tmp_path / "b", "--format", "json")
    found = values(done)
    assert len(found["steps"]) == found["first_difference"]
    assert found["steps"][-1]["divergence"] is None
    assert any("needs the whole distributions" in line for line in found["says"])


def test_each_line_of_standard_input(diff: Ttx, bundle_folder: Path) -> None:
    done = diff(stdin=f"{A}\t{B}\n\n{A}\n")
    objects = [json.loads(line) for line in done.out.splitlines()]
    assert objects[0]["b"]["text"] == B
    assert objects[1]["empty"] is True
    assert objects[2]["error"] == "a line must have two sentences, A<TAB>B"
    assert done.code == 2
    alone = diff("--against", bundle_folder, stdin=f"{A}\n{B}\n")
    assert [json.loads(line)["b"]["text"] for line in alone.out.splitlines()] == [A, B]


def test_a_table_has_a_row_a_step(diff: Ttx) -> None:
    rows = [line.split("\t") for line in diff(A, B, "--format", "tsv").out.splitlines()]
    assert rows[0][:5] == ["step", "piece", "log_probability_a", "log_probability_b", "divergence"]
    assert [row[0] for row in rows[1:]] == [str(i + 1) for i in range(len(rows) - 1)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((A,), "give two sentences, or one and --against MODEL"),
        ((A, B, "--against", "tiny"), "give two sentences, or one and --against MODEL"),
        ((A, " "), "the text is empty"),
        ((A, B, "--target", " "), "the target is empty"),
        ((A, B, "--layer", "3"), "layer 3: it must be from 1 to 2"),
        ((A, B, "--kind", "all"), "unknown kind 'all'"),
        ((A, B, *["--trace", "t"] * 3), "only two decodings"),
        (("--target", "Ja."), "need sentences"),
        (("--from-trace", PAIR[0]), "must be given twice"),
        ((A, "--from-trace", PAIR[0]), "replaces sentences"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(diff: Ttx, arguments: tuple[str, ...], said: str) -> None:
    refused(diff(*arguments), said)


def test_several_hypotheses_cannot_be_compared(diff: Ttx, ttx: Ttx, bundle_folder: Path, tmp_path: Path) -> None:
    ttx("inspect", "attention", "--model", bundle_folder, A, "--beam", "3", "--trace", tmp_path / "t")
    refused(diff("--from-trace", tmp_path / "t", "--from-trace", PAIR[0]), "several hypotheses cannot be compared")


def test_either_side_that_is_cut_is_named(diff: Ttx) -> None:
    long = "Tom called Mary " * 40
    for sides, said in (((A, long), "B: The model reads no more"), ((long, B), "A: The model reads no more")):
        told = " ".join(diff(*sides).out.split())
        assert said in told
        assert told.count("reads no more at once") == 1
