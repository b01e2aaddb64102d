"""`ttx shell`: in a pipe, and at a (pretended) terminal."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui_transformer import Translator
from tui_transformer.cli.shell import converse
from tui_transformer.dialogue import Dialogue, Manner

from .conftest import Ttx

LINE, TRANSLATION = "Tom called Mary's bluff.", "Tom zwang Mary, Farbe zu bekennen."


def test_a_pipe_gets_translations_alone(ttx: Ttx, bundle_folder: Path) -> None:
    done = ttx("shell", "-m", bundle_folder, stdin=f"{LINE}\n\n:beam 1\n:nonsense\n{LINE}")
    assert done.code == 0
    assert done.out == f"{TRANSLATION}\n\n{TRANSLATION}\n"
    assert done.err.splitlines() == ["beam 1", "ttx: there is no :nonsense; :help lists the commands"]


def test_a_model_that_is_not_there(ttx: Ttx) -> None:
    done = ttx("shell", "-m", "nowhere")
    assert (done.code, done.out) == (3, "")


def test_a_terminal_gets_a_way_back_and_a_history(
    bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = []
    typed: Iterator[str | type[BaseException]] = iter([LINE, "", KeyboardInterrupt, LINE, EOFError])

    def answer(prompt: str) -> str:
        prompts.append(prompt)
        line = next(typed)
        if not isinstance(line, str):
            raise line
        return line

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("builtins.input", answer)
    converse(Dialogue(Manner(str(bundle_folder)), lambda name: Translator.load(name, "cpu")))
    assert prompts == ["en→de> "] * 5
    assert capsys.readouterr().out == f"{TRANSLATION}\n\n{TRANSLATION}\n\n"
    assert (tmp_path / "ttx" / "history").exists() == (importlib.util.find_spec("readline") is not None)
