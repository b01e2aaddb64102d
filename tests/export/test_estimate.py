"""`ttx train --dry-run`: measured on the real thing, and nothing is left behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from run_checks import until
from ttx_export import estimate as measuring
from ttx_export.estimate import checkpoint_sizes, measure_steps
from ttx_export.prepare import prepare
from ttx_export.recipe import load_recipe
from ttx_export.session import Wanted, dry_run
from ttx_export.train import Trainer

from tui_transformer.cli import main
from tui_transformer.errors import RecipeError
from tui_transformer.render.picture import Picture
from tui_transformer.render.views.estimate import Estimate, estimate_picture

FOUND = Estimate(
    "en-de", "cpu", 1, 13_555_987, "463,112 pairs (tatoeba 463,112); left out: none", 11, 6061, 40, 2.5, 2.75, 2.25,
    5150.2, 11, 42.0, 31.0, 2_345_678_901, 8_000_000_000, None, 163_000_000, 54_500_000, 8, 45_678, 71_000_000,
    82_000_000_000, "runs/en-de",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "MEASURED_STEPS", 4)


def words(found: Estimate) -> str:
    return "\n".join(estimate_picture(found).says)


def test_it_is_drawn_as_it_was(golden: Callable[[Picture, str], None]) -> None:
    golden(estimate_picture(FOUND), "dry-run")


def test_what_follows_from_what_was_measured() -> None:
    assert FOUND.seconds == 6061 * 2.5 + 11 * 42
    assert FOUND.range == (6061 * 2.25 + 11 * 42, 6061 * 2.75 + 11 * 42)
    assert FOUND.disk == 2 * 163_000_000 + 8 * 54_500_000 + 11 * 45_678 + 71_000_000
    assert "That is 29% of this machine's memory" in words(FOUND)
    assert "nothing was left behind" in words(FOUND)
    assert "too little" not in words(FOUND)


def test_what_will_not_fit_is_said() -> None:
    assert "runs/en-de has 1.0 MB free: too little." in words(replace(FOUND, free_disk=1_000_000))
    crowded = words(replace(FOUND, processes=4))
    assert "4 processes need 117% of this machine's memory" in crowded
    assert "It will not fit" in crowded
    assert "memory" not in words(replace(FOUND, memory=None, memory_of_machine=None))


def test_real_steps_are_measured_and_saved_nowhere(
    recipe_file: Callable[..., Path], data_folder: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    wanted = Wanted(str(recipe_file(epochs=3, evaluate_every=5)), data_folder, tmp_path / "run", "cpu")
    found = dry_run(wanted, said.append)
    assert found
    assert said == [f"preparing the text in {data_folder} …", "measuring …"]
    assert (found.steps, found.epochs, found.measured_steps, found.evaluations) == (21, 3, 4, 5)
    assert 0 < found.fastest_step <= found.step_seconds <= found.slowest_step
    assert min(found.tokens_per_second, found.trace, found.corpus, found.weights) > 0
    assert found.last_checkpoint > 2 * found.weights
    assert not (tmp_path / "run").exists()
    assert found.left_behind == ""


def test_text_that_is_prepared_already_is_used(
    recipe_file: Callable[..., Path], data_folder: Path, tmp_path: Path
) -> None:
    path, run = recipe_file(epochs=1), tmp_path / "run"
    prepare(load_recipe(path), data_folder, run / "corpus")
    before = sorted(run.rglob("*"))
    found = dry_run(Wanted(str(path), data_folder, run, "cpu"), lambda _: None)
    assert found
    assert "it was there before, in" in found.left_behind
    assert sorted(run.rglob("*")) == before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [("warmup = 20", 'optimizer = "muon"', "has used adam so far"), ("d_ff = 32", "d_ff = 48", "with another shape")],
)
def test_what_could_not_go_on_is_refused(
    train: Callable[..., Trainer], recipe_file: Callable[..., Path], data_folder: Path, tmp_path: Path,
    old: str, new: str, said: str,
) -> None:  # fmt: skip
    until(train("run", epochs=1), 2)
    path = recipe_file()
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(RecipeError, match=said):
        dry_run(Wanted(str(path), data_folder, tmp_path / "run", "cpu"), lambda _: None)


def test_sizes_are_those_of_the_files(train: Callable[..., Trainer], tmp_path: Path) -> None:
    trainer = train("run", epochs=1)
    list(trainer.run())
    last, weights = checkpoint_sizes(trainer)
    assert last == pytest.approx((tmp_path / "run" / "last.pt").stat().st_size, rel=0.02)
    assert weights == pytest.approx((tmp_path / "run" / "best.pt").stat().st_size, rel=0.02)


def test_measuring_ends_when_there_is_no_more_time(
    train: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "MEASURED_STEPS", 1000)
    monkeypatch.setattr(measuring, "MEASURED_SECONDS", 0.0)
    assert len(measure_steps(train("run")).seconds) == 2


def test_measured_steps_are_those_that_training_does(train: Callable[..., Trainer]) -> None:
    measured, trained = train("a"), train("b")
    measure_steps(measured)
    until(trained, measuring.WARM_UP_STEPS + 4)
    for mine, yours in zip(measured.model.parameters(), trained.model.parameters(), strict=True):
        assert torch.equal(mine, yours)


def test_the_command_shows_it_and_gives_it_as_json(
    recipe_file: Callable[..., Path], data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    path = recipe_file(epochs=2)

    def ttx(*arguments: str) -> tuple[Any, str]:
        options = ["train", str(path), "--data", str(data_folder), "--device", "cpu", "--dry-run"]
        monkeypatch.setattr(sys, "argv", ["ttx", *options, *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, capfd.readouterr().out

    code, out = ttx("--format", "json")
    content = json.loads(out)
    assert (code, content["view"], content["steps"]) == (0, "dry-run", 14)
    assert content["disk"] > 2 * content["last_checkpoint"]
    code, out = ttx()
    assert code == 0
    assert "the whole training" in out
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
