"""`scripts/recard.py`: a finished bundle gets a new card, and nothing else of it changes."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from tui_transformer.bundle import read_bundle, verify_bundle

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def recard(monkeypatch: pytest.MonkeyPatch, script: Callable[[str], ModuleType]) -> Callable[..., int]:
    module = script("recard")

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["recard.py", *map(str, arguments)])
        return int(module.main())

    return run


@pytest.fixture
def model(bundle_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_folder, tmp_path / "tiny"))


def test_card_and_scores_are_new_and_all_else_is_as_it_was(
    recard: Callable[..., int], model: Path, bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.tsv").write_text("The roof leaks.\tDas Dach leckt.\n", encoding="utf-8")
    assert recard(model, "--data", DATA, "--beam", 2, "--test", tmp_path / "own.tsv") == 0
    assert capsys.readouterr().out == f"{model}\n"
    before, after = read_bundle(bundle_folder).manifest, verify_bundle(model).manifest
    assert [(s["set"], s["metric"], s["role"]) for s in after.scores] == [
        ("pairs", "BLEU", "development"),
        ("pairs", "chrF", "development"),
        ("own", "BLEU", "test"),
        ("own", "chrF", "test"),
    ]
    assert after.provenance["corpora"][0]["pairs"] == 50
    assert {**after.files, "README.md": None} == {**before.files, "README.md": None}
    assert (after.architecture, after.parity) == (before.architecture, before.parity)
    card = (model / "README.md").read_text(encoding="utf-8")
    assert f"| pairs | BLEU | {after.scores[0]['value']:.2f} | {after.scores[0]['interval']:.2f} | 50 | 2 |" in card
    assert sorted(path.name for path in model.iterdir()) == sorted(path.name for path in bundle_folder.iterdir())


def test_scores_of_sets_that_are_not_named_stay(recard: Callable[..., int], model: Path, tmp_path: Path) -> None:
    (tmp_path / "own.tsv").write_text("The roof leaks.\tDas Dach leckt.\n", encoding="utf-8")
    assert recard(model, "--data", DATA, "--beam", 2, "--test", tmp_path / "own.tsv") == 0
    first = verify_bundle(model).manifest.scores
    assert recard(model, "--data", DATA) == 0
    second = verify_bundle(model).manifest
    assert second.scores[2:] == first[2:]
    assert [score["beam"] for score in second.scores] == [second.generation.beam] * 2 + [2, 2]
    assert "Test: own." in (model / "README.md").read_text(encoding="utf-8")


def test_a_model_is_searched_as_its_recipe_says_now(
    recard: Callable[..., int], model: Path, bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, recipe = read_bundle(bundle_folder).manifest, tmp_path / "recipe.toml"
    recipe.write_text(
        before.provenance["recipe"] + "\n[generation]\nclause_limit = 20\nquotes = true\n", encoding="utf-8"
    )
    assert recard(model, "--data", DATA, "--recipe", recipe) == 0
    after = verify_bundle(model).manifest
    assert after.generation == replace(before.generation, clause_limit=20, quotes=True)
    assert after.provenance["recipe"] == recipe.read_text(encoding="utf-8")
    card = (model / "README.md").read_text(encoding="utf-8")
    assert "So are sentences of more than 20, clause by clause. What a sentence quotes is translated by itself." in card
    recipe.write_text(before.provenance["recipe"], encoding="utf-8")
    assert recard(model, "--data", DATA, "--recipe", recipe) == 0
    assert read_bundle(model).manifest.generation == before.generation, "what the recipe no longer says is gone"
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    recipe.write_text(before.provenance["recipe"].replace("epochs = 120", "epochs = 60"), encoding="utf-8")
    capsys.readouterr()
    assert recard(model, "--data", DATA, "--recipe", recipe) == 6
    assert "--recipe may only change [generation]" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in model.iterdir()} == files


def damage(model: Path) -> None:
    (model / "source.spm").write_bytes((model / "source.spm").read_bytes()[::-1])


@pytest.mark.parametrize(("harm", "data", "code"), [(damage, DATA, 3), (None, Path("nowhere"), 6)])
def test_what_cannot_be_measured_is_left_alone(
    recard: Callable[..., int],
    model: Path,
    capsys: pytest.CaptureFixture[str],
    harm: Callable[[Path], None] | None,
    data: Path,
    code: int,
) -> None:
    if harm:
        harm(model)
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    assert recard(model, "--data", data) == code
    assert capsys.readouterr().err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before
