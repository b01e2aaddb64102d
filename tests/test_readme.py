"""The papers and CI say the same words, and CI fails when a step of it does."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

import tui_transformer
from tui_transformer.cli import app

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
    "python -m pytest -n auto --dist worksteal",
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


# -- what README tells one to type ---------------------------------------------------------------------

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_examples_in_python_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"^```python\n(.+?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    exec("\n".join(blocks), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "['Guten Morgen.', 'Wo ist der Bahnhof?']"
    assert all(re.fullmatch(r"\S+ [01]\.\d\d \d+\.\d bit \(4, 8, \d+\)", line) for line in said[1:])
    assert len(said) > 8


def commands() -> Iterator[list[str]]:
    """What stands behind each `ttx` in code, up to the end of its command."""
    code = [*re.findall(r"^```sh\n(.+?)^```$", README, re.MULTILINE | re.DOTALL), *re.findall(r"`(ttx [^`]+)`", README)]
    for line in "\n".join(code).splitlines():
        for command in re.split(r"[|;]|&&", line.split(" # ")[0].replace("\\|", " ")):
            words = shlex.split(command.replace("…", " ")) if "ttx" in command else []
            if any(Path(word).name == "ttx" for word in words):
                yield words[[Path(word).name for word in words].index("ttx") + 1 :]


def options_of(words: list[str]) -> set[str]:
    """All options that the command takes which stands at the beginning of these words."""
    command = get_command(app)
    for word in words:
        if word not in getattr(command, "commands", {}):
            break
        command = command.commands[word]  # type: ignore[attr-defined]
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def test_commands_have_the_options_that_they_are_given() -> None:
    found = list(commands())
    assert len(found) > 45
    for words in found:
        given = {word.split("=")[0] for word in words if re.match("--?[a-z]", word)}
        assert given <= options_of(words) | {"--help"}, words


def test_options_in_tables_are_those_of_some_command() -> None:
    known = {name for words in commands() for name in options_of(words)}
    cells = [cell for line in README.splitlines() if line.startswith("|") for cell in re.findall("`([^`]+)`", line)]
    given = {option for cell in cells for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", cell)}
    assert len(given) > 40
    assert given <= known


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", README)
    assert len(links) > 20
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
