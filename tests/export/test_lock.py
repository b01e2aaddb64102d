"""Two trainings do not write into one folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ttx_export.lock import LOCK, RunLock
from ttx_export.session import Wanted, train_session

from tui_transformer.errors import RecipeError

HOLD = """
import sys
from pathlib import Path
from ttx_export.lock import RunLock
with RunLock(Path(sys.argv[1])) as lock:
    assert lock.take()
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of the folder `run`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_training_is_refused_in_one_line(
    other: subprocess.Popen[str], recipe_file: Callable[..., Path], data_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        RecipeError, match=rf"another ttx train \(process {other.pid} on .*\) is at work in .*run: wait for it"
    ):
        train_session(Wanted(str(recipe_file(epochs=1)), data_folder, tmp_path / "run", "cpu"))
    assert [path.name for path in (tmp_path / "run").iterdir()] == [LOCK]


def test_a_folder_that_was_locked_meanwhile_is_refused_too(
    recipe_file: Callable[..., Path], data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ttx_export import session

    prepare, faster = session.prepare, RunLock(tmp_path / "run")

    def slowly(*arguments: object, **more: object) -> object:
        assert faster.take()
        return prepare(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "prepare", slowly)
    with faster, pytest.raises(RecipeError, match=rf"another ttx train \(process {os.getpid()} on"):
        train_session(Wanted(str(recipe_file(epochs=1)), data_folder, tmp_path / "run", "cpu"))
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_dead_process_is_free(
    other: subprocess.Popen[str], number: signal.Signals, tmp_path: Path
) -> None:
    with RunLock(tmp_path / "run") as lock:
        assert not lock.take()
        other.send_signal(number)
        other.wait()
        assert lock.take()
        assert lock.take(), "whoever has it keeps it"


def test_whoever_leaves_gives_it_back(tmp_path: Path) -> None:
    with RunLock(tmp_path / "run") as first:
        assert first.take()
        with RunLock(tmp_path / "run") as second:
            assert not second.take()
            assert second.holder == f"process {os.getpid()} on {os.uname().nodename}"
    with RunLock(tmp_path / "run") as third:
        assert third.take()


def test_a_lock_that_nobody_takes_leaves_nothing(tmp_path: Path) -> None:
    with RunLock(tmp_path / "run"):
        pass
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_locked_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RecipeError, match=r"cannot write .*file/run/\.lock: Not a directory"):
        RunLock(tmp_path / "file" / "run").take()

    def unknown(_: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("ttx_export.lock._lock", unknown)
    with pytest.raises(
        RecipeError, match=r"cannot lock .*\.lock: Function not implemented; choose a folder on another"
    ):
        RunLock(tmp_path / "run").take()
