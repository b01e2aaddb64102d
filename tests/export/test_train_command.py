"""`ttx train` as a user meets it: run, Ctrl-C, kill, the same command again, several processes."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from run_checks import assert_same_state, until
from ttx_export.checkpoint import load_checkpoint
from ttx_export.prepare import Prepared, prepare
from ttx_export.recipe import Recipe, load_recipe
from ttx_export.start import read_start
from ttx_export.train import Trainer

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80", "LINES": "24", "TERM": "xterm"}


def command(recipe: Path, data: Path, run: Path, *more: str) -> list[str]:
    options = ["train", str(recipe), "--data", str(data), "--out", str(run), "--device", "cpu", *more]
    return [sys.executable, "-m", "tui_transformer", *options]


def metrics(run: Path) -> list[dict[str, Any]]:
    try:
        text = (run / "metrics.jsonl").read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def starts(run: Path) -> list[int]:
    """After which step each start of the run went on."""
    return [line["step"] for line in metrics(run) if line["event"] == "started"]


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command; whatever still runs when the test ends is killed."""
    started: list[subprocess.Popen[str]] = []

    def popen(arguments: list[str], stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=stderr, stdin=subprocess.DEVNULL, text=True, env=ENVIRONMENT
        )
        started.append(process)
        return process

    yield popen
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_ctrl_c_saves_and_the_same_command_goes_on(
    recipe_file: Callable[..., Path], data_folder: Path, tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    run = tmp_path / "run"
    process = start(command(recipe_file(epochs=300), data_folder, run))
    wait_for(lambda: any(line["event"] == "evaluated" for line in metrics(run)), process)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    lines = stderr.splitlines()
    assert lines[0] == f"preparing the text in {data_folder} …"
    assert lines[1].startswith("tiny · 22,375 parameters · cpu · 56 pairs")
    assert any(line.startswith("step 7 · everyday · loss ") for line in lines)
    assert sum(line.startswith("  Good night. → ") for line in lines) >= 1
    stopped = metrics(run)[-1]
    assert (stopped["event"], stopped["reason"]) == ("ended", "interrupted")
    assert lines[-1].startswith(f"ttx: stopped after step {stopped['step']:,} and saved; to resume: ttx train ")
    assert f"--out {run}" in lines[-1]

    # The same command, but shorter, and this time with a terminal for stderr.
    epochs = load_checkpoint(run / "last.pt").progress["epoch"] + 2
    controller, terminal = pty.openpty()
    process = start(command(tmp_path / "tiny.toml", data_folder, run, "--epochs", str(epochs)), stderr=terminal)
    os.close(terminal)
    screen = read_terminal(controller)
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert stdout in (f"{run / 'best.pt'}\n", f"{run / 'average.pt'}\n")
    assert "╭─ finished, after step" in screen
    assert load_recipe(run / "recipe.toml").training.epochs == epochs
    events = metrics(run)
    assert starts(run) == [0, stopped["step"]]
    assert events[-1]["step"] == 7 * epochs


def read_terminal(controller: int) -> str:
    """All that is written there, without colours and cursor movements."""
    written = b""
    while True:
        try:
            read = os.read(controller, 65_536)
        except OSError:  # what Linux says when the other side has closed
            read = b""
        if not read:
            os.close(controller)
            return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())
        written += read


def test_killed_at_any_moment_the_run_ends_in_the_same_weights(
    recipe_file: Callable[..., Path], data_folder: Path, tmp_path: Path, prepared: Prepared,
    tiny: Callable[..., Recipe], start: Callable[..., subprocess.Popen[str]],
) -> None:  # fmt: skip
    options = {"epochs": 15, "evaluate_every": 40, "checkpoint_minutes": 0.0}
    list(Trainer(tiny(**options), prepared, tmp_path / "whole").run())
    run = tmp_path / "killed"
    for awaited in ((run / "metrics.jsonl").exists, (run / "last.pt").exists, (run / "best.pt").exists):
        begun = len(starts(run))
        process = start(command(recipe_file(**options), data_folder, run))
        wait_for(lambda: len(starts(run)) > begun and awaited(), process)  # noqa: B023
        time.sleep(random.uniform(0, 0.5))
        process.kill()
        process.communicate()
    list(Trainer(tiny(**options), prepared, run).run())
    assert starts(run)[-1] > 0
    assert_same_state(tmp_path / "whole", run)


@pytest.mark.parametrize("begun", [False, True], ids=["from random weights", "from a model"])
def test_two_processes_do_what_one_does(
    begun: bool, recipe_file: Callable[..., Path], data_folder: Path, tmp_path: Path, prepared: Prepared,
    tiny: Callable[..., Recipe], start: Callable[..., subprocess.Popen[str]],
) -> None:  # fmt: skip
    options = {"epochs": 2, "evaluate_every": 1, "dropout": 0.2}
    one, two, earlier = tmp_path / "one", tmp_path / "two", tmp_path / "earlier"
    until(Trainer(tiny(**options), prepared, earlier), 3)
    model = read_start(str(earlier)) if begun else None
    list(Trainer(tiny(**options), prepared, one, start=model).run())
    module = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    more = ["--start-from", str(earlier)] if begun else []
    python, *arguments = command(recipe_file(**options), data_folder, two, *more)
    process = start([python, *module, *arguments])
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert stdout in (f"{two / 'best.pt'}\n", f"{two / 'average.pt'}\n"), "only one process speaks"
    assert stderr.count("preparing the text") == 1
    curves = [[line["loss"] for line in metrics(run) if line["event"] == "progress"] for run in (one, two)]
    assert len(curves[0]) == 14
    assert curves[1] == pytest.approx(curves[0], rel=1e-4)
    mine, yours = (load_checkpoint(run / "last.pt").weights for run in (one, two))
    for name, weight in mine.items():
        torch.testing.assert_close(yours[name], weight, rtol=1e-2, atol=1e-3)


def test_what_one_process_cannot_do_ends_all_of_them_in_a_line(
    recipe_file: Callable[..., Path], data_folder: Path, tmp_path: Path,
    start: Callable[..., subprocess.Popen[str]],
) -> None:  # fmt: skip
    recipe = recipe_file()
    recipe.write_text(recipe.read_text().replace("train.tsv", "none.tsv"))
    python, *arguments = command(recipe, data_folder, tmp_path / "run")
    process = start([python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments])
    _, stderr = process.communicate(timeout=120)
    # torchrun itself tells at length that its processes have ended.
    ours = stderr.split("torch/distributed")[0]
    assert process.returncode != 0
    assert stderr.count("cannot read") == 1
    assert "gloo" not in ours
    assert "Traceback" not in ours


def test_a_disk_that_is_full_is_said_and_the_last_checkpoint_goes_on(
    recipe_file: Callable[..., Path], data_folder: Path, tmp_path: Path, prepared: Prepared,
    tiny: Callable[..., Recipe], start: Callable[..., subprocess.Popen[str]],
) -> None:  # fmt: skip
    """The system itself refuses to write: no file may grow beyond half a checkpoint."""
    options = {"epochs": 4, "checkpoint_minutes": 0.0}
    list(Trainer(tiny(**options), prepared, tmp_path / "whole").run())
    run = tmp_path / "run"
    until(Trainer(tiny(**options), prepared, run), 3)
    prepare(tiny(**options), data_folder, run / "corpus")
    intact = (run / "last.pt").read_bytes()
    limited = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({len(intact) // 2}, {len(intact) // 2}))\n"
        "from tui_transformer.cli import main; main()"
    )
    python, _, _, *arguments = command(recipe_file(**options), data_folder, run)
    process = start([python, "-c", limited, *arguments])
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (6, "")
    assert re.fullmatch(
        r"ttx: cannot save .*last\.pt: .*; the previous checkpoint is intact", stderr.splitlines()[-1]
    ), stderr
    assert "Traceback" not in stderr
    assert (run / "last.pt").read_bytes() == intact
    assert not list(run.glob(".*partial"))
    list(Trainer(tiny(**options), prepared, run).run())
    assert_same_state(tmp_path / "whole", run)
