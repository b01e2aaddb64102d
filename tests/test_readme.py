"""The papers and CI say the same words, and CI fails when a step of it does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import tui_transformer

ROOT = Path(__file__).parents[1]
CI = ROOT / ".ci" / "run"
STEPS = [
    "python3 -m venv .venv",
    "pip install -e .[train,dev]",
    "ruff check .",
    "ruff format --check .",
    "mypy ",
    "python3 -m venv .venv",
    "pip install -e .[train,dev]",
    "python -m pytest",
]
# Stands for python3 and, in the environment that it "makes", for every tool: writes down that it was called.
STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
if [ "$(basename "$0") $*" = "$FAILS" ]; then exit 9; fi
if [ "$2" = venv ]; then mkdir -p .venv/bin; for tool in pip ruff mypy python; do cp "$0" .venv/bin/$tool; done; fi
"""


@pytest.mark.parametrize("paper", ["README.md", "CONTRIBUTING.md"])
def test_papers_give_the_command_that_ci_runs(paper: str) -> None:
    (command,) = re.findall(r'^test_command="(.+)"$', CI.read_text(encoding="utf-8"), re.MULTILINE)
    assert command in [line.strip() for line in (ROOT / paper).read_text(encoding="utf-8").splitlines()]


def test_changelog_has_this_version_first() -> None:
    versions = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert versions[0] == tui_transformer.__version__


def run_ci(folder: Path, fails: str = "") -> tuple[int, list[str]]:
    """Exit code of .ci/run in a folder of its own with stand-ins for all tools, and what it called."""
    (folder / ".ci").mkdir()
    (folder / "bin").mkdir()
    shutil.copy(CI, folder / ".ci" / "run")
    (folder / "bin" / "python3").write_text(STAND_IN)
    (folder / "bin" / "python3").chmod(0o755)
    calls = folder / "calls"
    environment = {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "CALLS": str(calls), "FAILS": fails}
    done = subprocess.run(["bash", ".ci/run"], cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=False)
    return done.returncode, calls.read_text().splitlines()


needs_bash = pytest.mark.skipif(not shutil.which("bash"), reason="CI runs in bash")


@needs_bash
def test_ci_installs_checks_and_tests(tmp_path: Path) -> None:
    assert run_ci(tmp_path) == (0, STEPS)


@needs_bash
@pytest.mark.parametrize("step", dict.fromkeys(STEPS))
def test_ci_fails_and_stops_at_the_first_step_that_fails(step: str, tmp_path: Path) -> None:
    assert run_ci(tmp_path, fails=step) == (9, STEPS[: STEPS.index(step) + 1])


@needs_bash
@pytest.mark.skipif(os.name == "nt", reason="files have no such mode here")
def test_ci_can_be_run_as_a_command() -> None:
    assert os.access(CI, os.X_OK)
