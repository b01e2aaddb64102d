"""`ttx export` as a user meets it. What is exported is tested in tests/export/test_package.py."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tui_transformer.bundle import verify_bundle

Ttx = Callable[..., Any]
IN_THE_FOREGROUND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from tui_transformer.entry import main
main()
"""
DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def run(untrained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(untrained, tmp_path / "run"))


def is_one_line(text: str) -> bool:
    return text.startswith("ttx: ") and text.count("\n") == 1


def test_the_folder_goes_to_stdout_and_the_rest_to_stderr(ttx_process: Ttx, run: Path, tmp_path: Path) -> None:
    done = ttx_process("export", run / "last.pt", "model", "--precision", "fp32", "--no-score")
    assert (done.code, done.out) == (0, "model\n")
    assert is_one_line(done.err)
    assert "parity with PyTorch" in done.err
    assert verify_bundle(tmp_path / "model").manifest.precision == "fp32"


def test_a_run_folder_will_do_and_scores_need_data(ttx_here: Ttx, run: Path, tmp_path: Path) -> None:
    done = ttx_here("export", run, tmp_path / "model", "--precision", "fp32", "--beam", "2", TTX_DATA=str(DATA))
    assert (done.code, done.out) == (0, f"{tmp_path / 'model'}\n")
    scores = verify_bundle(tmp_path / "model").manifest.scores
    assert [(score["metric"], score["beam"]) for score in scores] == [("BLEU", 2), ("chrF", 2)]
    (tmp_path / "model" / "README.md").unlink()
    again = ttx_here("export", run, tmp_path / "model", "--precision", "fp32", "--data", DATA)
    assert again.code == 0
    assert verify_bundle(tmp_path / "model").manifest.scores[0]["beam"] == 4


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_it_and_leaves_nothing(environment: dict[str, str], run: Path, tmp_path: Path, name: str) -> None:
    number, models = signal.Signals[name], tmp_path / "models"
    command = [sys.executable, "-c", IN_THE_FOREGROUND, "export", run, models / "model", "--data", DATA]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, cwd=tmp_path) as process:
        while not (models.is_dir() and any(models.iterdir())):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        assert process.communicate()[1] == b""
    assert process.returncode == (130 if name == "SIGINT" else -number)
    assert [*models.iterdir()] == []


def damaged(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:1000])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def no_checkpoint(file: Path) -> None:
    import torch

    torch.save({"weights": {}}, file)


def other_weights(file: Path) -> None:
    import torch

    content = torch.load(file, weights_only=True)
    torch.save({**content, "weights": {"projection.bias": torch.zeros(2)}}, file)


def no_recipe(file: Path) -> None:
    import torch

    content = torch.load(file, weights_only=True)
    del content["recipe"]
    torch.save(content, file)


def gone(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("harm", [damaged, emptied, no_checkpoint, other_weights, no_recipe, gone])
@pytest.mark.parametrize("named", ["last.pt", "."])
def test_a_checkpoint_that_cannot_be_used(
    ttx_here: Ttx, run: Path, tmp_path: Path, harm: Callable[[Path], None], named: str
) -> None:
    harm(run / "last.pt")
    done = ttx_here("export", run / named, tmp_path / "model", "--precision", "fp32", "--no-score")
    assert (done.code, done.out) == (6, "")
    assert is_one_line(done.err)
    assert not (tmp_path / "model").exists()


def test_a_place_that_is_taken(ttx_here: Ttx, run: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.tex").write_text("years of work")
    done = ttx_here("export", run, tmp_path / "model", "--precision", "fp32", "--no-score")
    assert (done.code, done.out) == (6, "")
    assert is_one_line(done.err)
    assert (tmp_path / "model" / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("options", [[], ["--precision", "fp32"], ["--precision", "int8", "--no-score"]], ids=" ".join)
def test_text_that_is_missing(ttx_here: Ttx, run: Path, tmp_path: Path, options: list[str]) -> None:
    done = ttx_here("export", run, tmp_path / "model", *options)
    assert (done.code, done.out) == (6, "")
    assert is_one_line(done.err)
    assert "--data" in done.err


def test_without_scores_text_is_only_for_int8(ttx_here: Ttx, run: Path, tmp_path: Path) -> None:
    done = ttx_here("export", run, tmp_path / "model", "--precision", "fp32", "--no-score", TTX_DATA=str(tmp_path))
    assert done.code == 0


def test_sets_of_one_name_are_refused(ttx_here: Ttx, run: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    for place in (tmp_path, tmp_path / "other"):
        (place / "pairs.tsv").write_text("Hi.\tHallo!\n")
        (place / "test.tsv").write_text("Hi.\tHallo!\n")
    tests = [tmp_path / "test.tsv", tmp_path / "other" / "test.tsv"], [tmp_path / "other" / "pairs.tsv"]
    for files in tests:
        named = [part for file in files for part in ("--test", file)]
        done = ttx_here("export", run, tmp_path / "model", "--precision", "fp32", "--data", DATA, *named)
        assert (done.code, done.out) == (6, "")
        assert "there is another set called" in done.err


def test_the_folder_one_is_in_is_not_replaced(
    ttx_here: Ttx, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    done = ttx_here("export", run, ".", "--precision", "fp32", "--no-score")
    assert (done.code, done.out) == (6, "")
    assert "choose another" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["run"],
        ["run", "model", "--precision", "int4"],
        ["run", "model", "--beam", "0"],
        ["run", "model", "--no-score", "--test", "test.tsv"],
        ["run", "model", "--no-score", "--beam", "2"],
    ],
    ids=" ".join,
)
def test_wrong_usage(ttx_here: Ttx, arguments: list[str]) -> None:
    done = ttx_here("export", *arguments)
    assert (done.code, done.out) == (2, "")
    assert is_one_line(done.err) or (not arguments and not done.err)


def test_without_the_extra_it_says_what_to_install(ttx_here: Ttx, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "onnx" else find_spec(name))
    done = ttx_here("export", run, "model")
    assert (done.code, done.out) == (7, "")
    assert done.err == "ttx: `ttx export` needs onnx: pip install 'tui-transformer[train]'\n"
