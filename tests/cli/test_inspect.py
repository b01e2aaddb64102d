"""What all views share: where pictures go, with what colour, from which text; and how layers and pieces are chosen."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from tui_transformer.cli.inspect import selection
from tui_transformer.cli.inspect.options import ColorName, Options, with_options_and_traces
from tui_transformer.cli.inspect.show import show_view
from tui_transformer.errors import UsageError
from tui_transformer.render.picture import Picture, Table

from .conftest import LONG, Ttx

SMALL = ["inspect", "positions", "--positions", "4", "--dimensions", "4"]


def one_line(done: Any, code: int, *said: str) -> None:
    assert (done.code, done.out) == (code, "")
    assert done.err.count("\n") == 1
    assert all(text in done.err for text in said), done.err


# Where it goes


def test_text_has_picture_and_sentences(ttx: Ttx) -> None:
    done = ttx(*SMALL)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("positions 0–3 · d_model 4 · interleaved\n\n0 ")
    assert done.out.endswith("0.55 at distance 3.\n") or "at distance 3." in done.out
    assert "\x1b" not in done.out


def test_width_is_the_terminal_s_or_as_told(ttx: Ttx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "33")
    assert "50 × 256 shown as 50 × 30" in " ".join(ttx("inspect", "positions").out.split())
    assert "50 × 256 shown as 50 × 57" in ttx("inspect", "positions", "--width", "60").out.replace("\n", " ")


def test_values_as_table_and_json(ttx: Ttx) -> None:
    rows = [line.split("\t") for line in ttx(*SMALL, "--format", "tsv").out.splitlines()]
    assert rows[0] == ["position", "label", "s0", "c0", "s1", "c1"]
    assert rows[2] == ["1", "1", "0.841471", "0.540302", "0.00999983", "0.99995"]
    content = json.loads(ttx(*SMALL, "--format", "json").out)
    assert (content["schema"], content["view"]) == (1, "positions")
    assert len(content["encoding"]) == 4


def test_saving_replaces_showing_unless_a_format_is_named(ttx: Ttx, tmp_path: Path) -> None:
    files = [tmp_path / f"a.{kind}" for kind in ("svg", "txt", "json")]
    save = [part for file in files for part in ("--save", str(file))]
    assert ttx(*SMALL, *save) == (0, "", "")
    assert all(file.stat().st_size for file in files)
    assert ttx(*SMALL, *save, "--format", "json").out == files[2].read_text(encoding="utf-8")
    assert "\x1b[" in ttx(*SMALL, *save, "--color", "always", "--format", "text").out
    assert "\x1b[" in files[1].read_text(encoding="utf-8")


def test_names_are_checked_before_anything_is_written(ttx: Ttx, tmp_path: Path) -> None:
    done = ttx(*SMALL, "--save", tmp_path / "a.svg", "--save", tmp_path / "b.bmp")
    one_line(done, 2, "b.bmp", ".svg, .html, .txt, .tsv, .json, .png")
    assert not (tmp_path / "a.svg").exists()
    one_line(ttx(*SMALL, "--save", tmp_path / "nowhere" / "a.svg"), 5, "cannot write")


# Colour


@pytest.mark.parametrize(
    ("color", "environment", "expected"),
    [("auto", {}, False), ("always", {}, True), ("never", {}, False), ("always", {"NO_COLOR": "1"}, True),
     ("always", {"TERM": "dumb"}, True)],
)  # fmt: skip
def test_colour_in_a_pipe(
    ttx: Ttx, monkeypatch: pytest.MonkeyPatch, color: str, environment: dict[str, str], expected: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in ttx(*SMALL, "--color", color).out) is expected


class Terminal:
    """The real `ttx` on a terminal of 80 × 24."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str, **settings: str) -> tuple[int, str]:
        """Exit code, and all that the terminal was sent."""
        ours, its = pty.openpty()
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("TTX_", "NO_COLOR"))}
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "80", "LINES": "24"} | settings
        with subprocess.Popen(
            [sys.executable, "-m", "tui_transformer", *arguments],
            stdin=its, stdout=its, stderr=its, env=environment, cwd=self.folder,
        ) as process:  # fmt: skip
            os.close(its)
            sent = b""
            while chunk := self._read(ours):
                sent += chunk
            os.close(ours)
            return process.wait(LONG), sent.decode().replace("\r\n", "\n")

    @staticmethod
    def _read(descriptor: int) -> bytes:
        try:
            return os.read(descriptor, 1 << 16)
        except OSError:  # how a terminal says that nobody is left
            return b""


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_a_terminal_gets_colour_unless_it_or_the_user_wants_none(terminal: Terminal) -> None:
    assert "\x1b[38;2;" in terminal.run(*SMALL)[1]
    for settings in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        code, sent = terminal.run(*SMALL, **settings)
        assert code == 0
        assert "\x1b[" not in sent


def pager(folder: Path, script: str) -> str:
    (folder / "pager").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "pager").chmod(0o755)
    return str(folder / "pager")


def test_what_is_taller_than_the_terminal_is_paged(terminal: Terminal, tmp_path: Path) -> None:
    paged = {"PAGER": pager(tmp_path, "echo paged; cat")}
    assert terminal.run("inspect", "positions", **paged)[1].startswith("paged\n")
    assert not terminal.run("inspect", "positions", "--no-pager", **paged)[1].startswith("paged")
    assert not terminal.run(*SMALL, **paged)[1].startswith("paged")


@pytest.mark.parametrize("script", ["exit 0", "head -1 >/dev/null; exit 1"])
def test_a_pager_that_is_left_early_is_no_error(terminal: Terminal, tmp_path: Path, script: str) -> None:
    wide = ("inspect", "positions", "--positions", "1000", "--width", "200")
    assert terminal.run(*wide, PAGER=pager(tmp_path, script)) == (0, "")


@pytest.mark.parametrize("name", ["", "/nowhere/pager", "'"])
def test_without_a_pager_it_is_printed(terminal: Terminal, name: str) -> None:
    code, sent = terminal.run("inspect", "positions", PAGER=name)
    assert code == 0
    assert "at distance 49." in sent


def test_rings_turn_on_a_terminal_and_all_frames_are_shown(terminal: Terminal) -> None:
    code, sent = terminal.run(*SMALL, "--rings", NO_COLOR="1")
    assert code == 0
    places = [sent.index(f"position {p}\n") for p in range(4)]
    assert places == sorted(places)
    assert "each point turns" in sent


# From which text: a view that shows a decoding, for all of them


@pytest.fixture
def decode(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ttx inspect decoded`: the translation, without a model if it has a trace."""
    import tui_transformer.cli as cli

    @with_options_and_traces
    def decoded(options: Options, text: str | None = typer.Argument(None)) -> None:
        from tui_transformer.decoding import Options as Decoding

        def make(text: str) -> Picture:
            if text == "bad":
                raise UsageError("this one cannot be shown")
            said = options.decoding(text, Decoding(beam=1)).finished.text
            return Picture("decoded", "", "", (), {"text": text, "said": said}, Table((), ()))

        show_view("decoded", text, make, options)

    app = typer.Typer(pretty_exceptions_enable=False)
    app.command("decoded")(decoded)
    app.command("other")(lambda: None)
    monkeypatch.setattr(cli, "app", app)


SAID = "Tom zwang Mary, Farbe zu bekennen."


@pytest.fixture
def decoded(decode: None, ttx: Ttx, bundle_folder: Path) -> Callable[..., Any]:
    def run(*arguments: Any, stdin: str = "", model: Any = bundle_folder) -> Any:
        return ttx("decoded", "--model", model, "--format", "json", *arguments, stdin=stdin)

    return run


def test_a_decoding_is_saved_and_shown_again_without_a_model(decoded: Callable[..., Any], tmp_path: Path) -> None:
    first = decoded("Tom called Mary's bluff.", "--trace", tmp_path / "t")
    assert json.loads(first.out)["said"] == SAID
    assert decoded("--from-trace", tmp_path / "t", model="/nowhere") == first


def test_a_trace_that_cannot_be_used(decoded: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"no trace")
    one_line(decoded("--from-trace", tmp_path / "t"), 5, "is not a trace")
    one_line(decoded("--from-trace", tmp_path / "none"), 5, "cannot read")
    one_line(decoded("Hi.", "--trace", tmp_path / "nowhere" / "t"), 5, "cannot write")
    decoded("Hi.", "--trace", tmp_path / "good")
    one_line(decoded("Hi.", "--from-trace", tmp_path / "good"), 2, "either TEXT or --from-trace")


def test_each_line_of_standard_input_becomes_an_object(decoded: Callable[..., Any]) -> None:
    done = decoded(stdin="Tom called Mary's bluff.\n\nbad\nGood night.")
    objects = [json.loads(line) for line in done.out.splitlines()]
    assert [one["text"] for one in objects] == ["Tom called Mary's bluff.", "", "bad", "Good night."]
    assert [one["view"] for one in objects] == ["decoded"] * 4
    assert objects[0]["said"] == SAID
    assert objects[1]["empty"] is True
    assert objects[2]["error"] == "this one cannot be shown"
    assert (done.code, done.err) == (2, "ttx: 1 line(s) could not be shown; first: this one cannot be shown\n")


@pytest.mark.parametrize("options", [["--save", "a.svg"], ["--trace", "t"], ["--format", "tsv"], ["--format", "text"]])
def test_standard_input_becomes_nothing_but_json(decoded: Callable[..., Any], options: list[str]) -> None:
    one_line(decoded(*options, stdin="Hi.\n"), 2, "need TEXT")


def test_blank_text_is_refused(decoded: Callable[..., Any], ttx: Ttx) -> None:
    one_line(decoded(" \t"), 2, "the text is empty")


# What is chosen


def test_layers_and_heads_count_from_one() -> None:
    assert [selection.layer(n, 4) for n in (1, 4)] == [0, 3]
    assert [selection.head(n, 8) for n in (1, 8)] == [0, 7]
    assert selection.step(2, 3) == 1
    assert selection.kind("cross", ("self", "cross")) == "cross"
    assert selection.numbers("pair", " 0,8, 3,8", 0, 9) == (0, 8, 3)


PIECES = ("▁Hop", "kins", "▁a", "▁2", "kins", "</s>")


@pytest.mark.parametrize(("wanted", "place"), [("kins", 1), ("▁Hop", 0), ("Hop", 0), ("5", 4), ("2", 3), ("</s>", 5)])
def test_a_piece_is_named_as_written_or_by_number(wanted: str, place: int) -> None:
    assert selection.piece(wanted, PIECES) == place


@pytest.mark.parametrize(
    ("choose", "said"),
    [
        (lambda: selection.layer(9, 4), "layer 9: the model has layers 1 to 4"),
        (lambda: selection.layer(0, 1), "layer 0: the model has layer 1 only"),
        (lambda: selection.head(-1, 8), "head -1: each layer has heads 1 to 8"),
        (lambda: selection.step(8, 7), "step 8: the decoding has steps 1 to 7"),
        (lambda: selection.kind("all", ("self", "cross")), "unknown kind 'all': it must be one of self, cross"),
        (lambda: selection.numbers("pair", "1,9", 0, 7), "pair 9: it must be from 0 to 7"),
        (lambda: selection.numbers("pair", "1,,2", 0, 7), "pair '1,,2': write whole numbers from 0 to 7"),
        (lambda: selection.numbers("pair", "a", 0, 7), "pair 'a': write whole numbers from 0 to 7"),
        (lambda: selection.piece("Bay", PIECES), "no piece 'Bay' in the sentence, which has 1:▁Hop 2:kins"),
        (lambda: selection.piece("7", PIECES), "no piece '7'"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(choose: Callable[[], object], said: str) -> None:
    with pytest.raises(UsageError) as error:
        choose()
    assert str(error.value).startswith(said)


def test_color_names_are_those_of_the_help() -> None:
    assert [name.value for name in ColorName] == ["auto", "always", "never"]
