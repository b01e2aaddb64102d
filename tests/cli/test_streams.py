"""Standard streams that are closed, full or read by nobody: documented exit codes, and never a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these are POSIX shells' ways")
TTX = f"{sys.executable} -m tui_transformer"
Shell = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def shell(environment: dict[str, str], tmp_path: Path) -> Shell:
    """Run a line of bash in which `ttx` is ours."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", "-c", f"set -o pipefail; {line.replace('ttx', TTX)}"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", ["models list", "config show", "info --json", "--version", "--help"])
def test_a_full_disk_is_said_in_a_line(shell: Shell, command: str) -> None:
    done = shell(f"ttx {command} > /dev/full")
    assert (done.returncode, done.stderr) == (5, "ttx: cannot write standard output: No space left on device\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_where_no_error_can_be_said_the_exit_code_tells(shell: Shell) -> None:
    assert shell("ttx translate -m nope X 2> /dev/full").returncode == 3


@pytest.mark.parametrize("command", ["config show", "info --json", "--help"])
def test_when_nobody_reads_on_it_ends_quietly(shell: Shell, command: str) -> None:
    done = shell(f"ttx {command} | true")
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("translate <&-", 5), ("shell <&-", 5), ("inspect tour X <&-", 0), ("inspect attention X >&-", 5),
        ("info >&-", 5), ("translate X >&-", 5), ("translate -m nope X 2>&-", 3), ("inspect tokens X 2>&-", 0),
    ],
)  # fmt: skip
def test_closed_streams(shell: Shell, command: str, code: int) -> None:
    done = shell(f"ttx {command}")
    assert done.returncode == code
    if "2>&-" in command:
        assert "ttx:" not in done.stdout
    elif code:
        assert done.stderr.count("\n") == 1


def test_what_an_encoding_lacks_is_replaced(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui_transformer", "info"],
        capture_output=True, env=environment | {"PYTHONIOENCODING": "latin-1"}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"en?de" in done.stdout


@pytest.mark.parametrize("seconds", [0.1, 0.3])
def test_ctrl_c_while_it_starts(environment: dict[str, str], seconds: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "from tui_transformer.entry import main; print(flush=True); main()", "tui"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip
    assert process.stdout
    process.stdout.readline()
    time.sleep(seconds * 0.1)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert b"Traceback" not in stderr
    # On a fast machine it may have ended by itself: there is no terminal here.
    assert process.returncode in (130, 2)
