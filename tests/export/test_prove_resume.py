"""The script that proves resuming tells a difference when there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from run_checks import until
from ttx_export.recipe import load_recipe
from ttx_export.train import Trainer

OPTIONS = {"epochs": 2, "evaluate_every": 6, "average_last": 2}


@pytest.fixture(scope="module")
def prove_resume(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("prove_resume")


@pytest.fixture
def runs(train: Callable[..., Trainer], tmp_path: Path) -> tuple[Path, Path]:
    """One run in one sitting and the same in two."""
    list(train("whole", **OPTIONS).run())
    until(train("parts", **OPTIONS), 8)
    list(train("parts", **OPTIONS).run())
    return tmp_path / "whole", tmp_path / "parts"


def test_runs_that_are_the_same_do_not_differ(prove_resume: ModuleType, runs: tuple[Path, Path]) -> None:
    compared, found = prove_resume.differences(*runs)
    assert found == []
    assert compared == len(list(runs[0].glob("*.pt"))) + 3, "and three evaluations"


@pytest.mark.parametrize("name", ["last.pt", "best.pt", "average.pt"])
def test_one_number_that_differs_is_found(prove_resume: ModuleType, runs: tuple[Path, Path], name: str) -> None:
    path = runs[1] / name
    content = torch.load(path, weights_only=True)
    content["weights"]["projection.bias"][3] += 1e-6
    torch.save(content, path)
    assert prove_resume.differences(*runs)[1] == [f"{name}: /weights/projection.bias"]


def test_a_missing_file_another_place_and_another_evaluation_are_found(
    prove_resume: ModuleType, runs: tuple[Path, Path]
) -> None:
    (runs[1] / "best.pt").unlink()
    content = torch.load(runs[1] / "last.pt", weights_only=True)
    content["state"]["tokens"] += 1
    torch.save(content, runs[1] / "last.pt")
    metrics = runs[1] / "metrics.jsonl"
    metrics.write_text(metrics.read_text(encoding="utf-8").replace("Good night.", "Good day."), encoding="utf-8")
    assert prove_resume.differences(*runs)[1] == [
        "best.pt: only one run has it", "last.pt: /state/tokens", "metrics.jsonl: the evaluations differ",
    ]  # fmt: skip


def test_its_recipe_saves_and_evaluates_often(prove_resume: ModuleType, tmp_path: Path) -> None:
    recipe = load_recipe(prove_resume.write_recipe(tmp_path, 7))
    assert {name: getattr(recipe.training, name) for name in prove_resume.OPTIONS} == prove_resume.OPTIONS
    assert (recipe.training.epochs, len(recipe.samples)) == (7, 2)
