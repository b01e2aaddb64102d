"""`ttx train` says in a line what is wrong, with the exit code that is documented, and stops when told."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from ttx_export.distributed import Processes
from ttx_export.session import StopSignals
from ttx_export.train import Trainer
from ttx_export.view import View

from tui_transformer import cli
from tui_transformer.errors import DeviceError


def fail(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code and stderr of a `ttx` command that must end badly, run in this process."""
    monkeypatch.setattr(sys, "argv", ["ttx", *arguments])
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "7")
    with pytest.raises(SystemExit) as ended:
        cli.main()
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "7", "the user's own setting stays"
    return int(ended.value.code or 0), stderr


def test_without_torch_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, stderr = fail(["train", "en-de"], monkeypatch, capsys)
    assert code == 7
    assert stderr.count("\n") == 1
    assert "pip install 'tui-transformer[train]'" in stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["klingon"], 6, "ttx: no recipe 'klingon'"),
        (["en-de", "--data", "/nowhere"], 6, "ttx: no data folder /nowhere: give it with --data or TTX_DATA\n"),
        (["en-de", "--data", "."], 6, "ttx: cannot read en-de/train.tsv.gz: No such file"),
        (["en-de", "--epochs", "0"], 2, "--epochs"),
        (["en-de", "--device", "tpu"], 2, "--device"),
    ],
)
def test_mistakes_are_said_in_a_line(
    arguments: list[str], code: int, message: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    found, stderr = fail(["train", *arguments], monkeypatch, capsys)
    assert found == code
    assert message in stderr
    assert not list(tmp_path.iterdir()), "nothing is left behind"


@pytest.mark.parametrize(
    ("start", "target", "code", "message"),
    [
        ("nowhere", "de", 3, "ttx: no model 'nowhere': neither a model's folder nor an installed model ("),
        ("deep/nowhere", "de", 3, "ttx: no model at deep/nowhere: no such folder\n"),
        ("gone.pt", "de", 6, "ttx: no checkpoint gone.pt\n"),
        ("tiny.toml", "de", 6, "ttx: tiny.toml is not a ttx checkpoint: "),
        ("{folder}/", "de", 3, "manifest.json\n"),
        ("{data}/foreign", "de", 3, "ttx: cannot start from {data}/foreign: weights cannot be read "),
        ("{data}/tiny", "de", 6, "ttx: model.encoder_layers is 1 in the recipe, but 2 in {data}/tiny: to start "),
        ("{data}/tiny", "es", 6, "ttx: the recipe is for en → es, {data}/tiny for en → de: "),
    ],
)
def test_what_no_run_can_start_from(
    start: str, target: str, code: int, message: str, recipe_file: Callable[..., Path], data_folder: Path,
    tmp_path: Path, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = recipe_file()
    path.write_text(path.read_text(encoding="utf-8").replace('target = "de"', f'target = "{target}"'), encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    places = {"data": bundle_folder.parent, "folder": data_folder}
    arguments = ["train", str(path), "--data", str(data_folder), "--start-from", start.format(**places)]
    found, stderr = fail(arguments, monkeypatch, capsys)
    assert found == code
    assert message.format(**places) in stderr
    assert stderr.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before, "nothing is left behind"


def test_a_plot_starts_from_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, stderr = fail(["train", "--plot", "run", "--start-from", "en-de"], monkeypatch, capsys)
    assert (code, stderr) == (2, "ttx: --start-from is for training; --plot RUN trains nothing\n")


def test_the_data_folder_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTX_DATA", "/from/the/environment")
    assert "no data folder /from/the/environment" in fail(["train", "en-de"], monkeypatch, capsys)[1]


def test_a_gpu_that_cannot_be_had_is_an_error(
    recipe_file: Callable[..., Path], data_folder: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    arguments = ["train", str(recipe_file()), "--data", str(data_folder), "--device", "cuda"]
    assert fail(arguments, monkeypatch, capsys) == (
        4, "ttx: --device cuda: 0 usable GPUs here for 1 training processes\n"
    )  # fmt: skip


def test_auto_takes_a_gpu_only_if_every_process_can_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_device", lambda _: None)
    assert [Processes().device(wanted) for wanted in ("auto", "cpu", "cuda")] == ["cuda:0", "cpu", "cuda:0"]
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert Processes().device("auto") == "cpu"
    with pytest.raises(DeviceError, match="1 usable GPUs here for 2"):
        Processes().device("cuda")


def test_ctrl_c_before_there_is_anything_to_save(
    recipe_file: Callable[..., Path], data_folder: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("ttx_export.session.prepare", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    code, stderr = fail(["train", str(recipe_file()), "--data", str(data_folder)], monkeypatch, capsys)
    assert code == 130
    assert stderr.splitlines()[-1].startswith("ttx: interrupted at once")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_asks_and_the_second_ends_at_once(
    number: signal.Signals, train: Callable[..., Trainer]
) -> None:
    # Where tests are to outlive their terminal, SIGHUP is ignored.
    before = signal.signal(number, signal.default_int_handler)
    trainer, view = train("run"), View()
    try:
        with StopSignals() as stop:
            stop.watch(trainer, view)
            signal.raise_signal(number)
            assert trainer.stop_requested
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(number)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_a_run_that_is_to_outlive_its_terminal_does(train: Callable[..., Trainer]) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    trainer = train("run")
    try:
        with StopSignals() as stop:
            stop.watch(trainer, View())
            signal.raise_signal(signal.SIGHUP)
            assert not trainer.stop_requested
    finally:
        signal.signal(signal.SIGHUP, before)
