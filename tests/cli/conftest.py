"""The real `ttx`, in a process of its own or, where that makes no difference, in this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tui_transformer.cli import main

LONG = 120
"""Seconds that no command takes, however busy the machine is."""


class Done(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


Ttx = Callable[..., Done]


def values(done: Done) -> Any:
    """What a command that went well gave as JSON."""
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def refused(done: Done, *said: str) -> None:
    """Wrong usage, told in one line that has all of this in it."""
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert all(text in done.err for text in said), done.err


@pytest.fixture(autouse=True)
def _nobody_s_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TTX_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def ttx(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ttx:
    """Run `ttx` in this process, without settings: `ttx("score", "--help", stdin="text")`."""

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


@pytest.fixture(scope="session")
def environment(bundle_folder: Path) -> dict[str, str]:
    """No settings but the tiny model; wide, plain help."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TTX_")}
    return kept | {"TTX_MODEL": str(bundle_folder), "COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb"}


@pytest.fixture
def ttx_process(environment: dict[str, str], tmp_path: Path) -> Callable[..., Done]:
    """Run `ttx` in an empty folder: `ttx_process("translate", "Hello.", TTX_MODEL="en-de")`."""

    def run(*arguments: str | bytes | Path, stdin: bytes = b"", **settings: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "tui_transformer", *arguments],
            input=stdin, capture_output=True, env=environment | settings, cwd=tmp_path, timeout=LONG, check=False,
        )  # fmt: skip
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def ttx_here(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Run `ttx` in this process, for what needs no process of its own."""
    for name in [name for name in os.environ if name.startswith("TTX_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: Any, **settings: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["ttx", *map(str, arguments)])
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        code: Any = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        out, err = capfd.readouterr()
        return Done(code, out, err)

    return run


@pytest.fixture(scope="session")
def untrained(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a checkpoint that knows nothing."""
    import torch
    from ttx_export.checkpoint import describe, save_atomically
    from ttx_export.model import Transformer
    from ttx_export.recipe import load_recipe
    from ttx_export.vocabulary import Vocabularies

    from tui_transformer.bundle import read_bundle
    from tui_transformer.tokenizer import Tokenizer

    torch.manual_seed(0)
    vocabularies = Vocabularies(*(Tokenizer.load(bundle_folder / f"{side}.spm") for side in ("source", "target")))
    shape = read_bundle(bundle_folder).manifest.architecture
    fixed = describe(load_recipe(Path(__file__).parents[1] / "data" / "tiny.toml"), shape, vocabularies, {})
    progress = {"step": 0, "epochs": 0.0, "tokens": 0, "seconds": 0.0}
    run = tmp_path_factory.mktemp("run")
    save_atomically({**fixed, "weights": Transformer(shape, 0).state_dict(), "progress": progress}, run / "last.pt")
    return run
