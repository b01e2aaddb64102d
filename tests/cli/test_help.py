"""What `ttx` says of itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import tui_transformer

Ttx = Callable[..., Any]
COMMANDS = ["translate", "train", "export", "models", "models list", "models verify"]
CODES = ["0 done", "2 wrong usage", "3 model", "4 device", "5 input", "6 recipe", "7 an extra", "130 interrupted"]


def words(text: str) -> str:
    """Without line breaks and boxes."""
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_of_every_command(ttx_here: Ttx, command: str) -> None:
    done = ttx_here(*command.split(), "--help")
    assert (done.code, done.err) == (0, "")
    assert re.search(rf"Usage: .*{command} \[OPTIONS\]", done.out)
    assert ttx_here(*command.split(), "-h") == done


@pytest.mark.parametrize("command", ["", "translate", "train", "export", "models"])
def test_help_names_the_exit_codes(ttx_here: Ttx, command: str) -> None:
    said = words(ttx_here(*command.split(), "--help").out)
    assert [code for code in CODES if code not in said] == []


def test_help_lists_the_commands(ttx_here: Ttx) -> None:
    lines = words(ttx_here("--help").out)
    assert all(f" {command.split()[0]} " in lines for command in COMMANDS)


def test_without_a_command_there_is_help_too(ttx_here: Ttx) -> None:
    done = ttx_here()
    assert done.code == 2
    assert "Usage: " in done.out + done.err


def test_help_in_a_process_of_its_own(ttx_process: Ttx) -> None:
    done = ttx_process("--help")
    assert (done.code, done.err) == (0, "")
    assert "130 interrupted" in words(done.out)


def test_version(ttx_here: Ttx) -> None:
    assert ttx_here("--version") == (0, f"ttx {tui_transformer.__version__}\n", "")


@pytest.mark.parametrize("arguments", [["transalte", "Hello."], ["--nonsense"], ["models", "delete", "en-de"]])
def test_what_is_no_command_is_wrong_usage(ttx_here: Ttx, arguments: list[str]) -> None:
    done = ttx_here(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("ttx: no such ")
    assert done.err.count("\n") == 1
