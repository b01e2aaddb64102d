"""`ttx` run in this very process: what it wrote, and how it ended."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tui_transformer.cli import main


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


Ttx = Callable[..., Done]


@pytest.fixture(autouse=True)
def _nobody_s_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TTX_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def ttx(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ttx:
    """`ttx("score", "--help", stdin="text")`."""

    def run(*arguments: str | Path, stdin: str | bytes = "") -> Done:
        file = tmp_path / "stdin"
        file.write_bytes(stdin if isinstance(stdin, bytes) else stdin.encode())
        code: object = 0
        capfd.readouterr()
        with open(file, encoding="utf-8") as stream, monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", stream)
            patch.setattr(sys, "argv", ["ttx", *map(str, arguments)])
            try:
                main()
            except SystemExit as end:
                code = end.code or 0
        assert isinstance(code, int)
        return Done(code, *capfd.readouterr())

    return run
