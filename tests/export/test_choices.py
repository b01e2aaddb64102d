"""The plans of short trainings: each run is the recipe with one change, and the page shows what was measured."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from ttx_export.recipe import parse_recipe

from scripts.choices.page import write_page
from scripts.choices.plan import changed, read_plan
from scripts.choices.result import Result, Score, result_file

PLANS = sorted((Path(__file__).parents[2] / "scripts" / "choices").glob("*.toml"))


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_every_run_of_a_plan_is_a_recipe_of_its_own(path: Path) -> None:
    plan = read_plan(path)
    trained = [run for run in plan.runs if run.of == run.name]
    assert len({run.name for run in plan.runs}) == len(plan.runs)
    assert len({run.recipe for run in trained}) == len(trained)
    assert {run.of for run in plan.runs} <= {run.name for run in trained}
    assert len({parse_recipe(run.recipe).training.steps for run in plan.runs}) == 1, "the same number of updates"


def test_settings_change_a_recipe_and_a_corpus_weight() -> None:
    text = '[data]\ntrain = ["a"]\n[[data.corpora]]\nname = "x"\n[model]\nheads = 8\n'
    recipe = parse_recipe(
        changed(f'name = "n"\nsource = "en"\ntarget = "de"\n{text}', {"model.heads": 4, "weight.x": 0.5})
    )
    assert recipe.model.heads == 4
    assert recipe.data.weights(0) == {"x": 0.5}


def test_the_page_shows_the_runs_that_have_a_result(tmp_path: Path) -> None:
    plan = read_plan(PLANS[0])
    (first, *_), last = plan.runs, plan.runs[-1]
    for number, run in enumerate((first, last)):
        file = result_file(run, tmp_path)
        file.parent.mkdir(exist_ok=True)
        result = Result(1_234_567, 5.25, {"news": Score(1.5 + number, 12.345, 40.0)})
        file.write_text(json.dumps(asdict(result)), encoding="utf-8")
    write_page(plan, tmp_path, tmp_path / "page.md")
    assert plan.decided.strip() in (tmp_path / "page.md").read_text(encoding="utf-8")
    rows = [line for line in (tmp_path / "page.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert rows[0] == "| change | M parameters | M target tokens | news: nats | BLEU | chrF |"
    assert rows[2:] == [
        f"| {first.what} | 1.2 | 5.2 | 1.500 | 12.35 | 40.00 |",
        f"| {last.what} | 1.2 | 5.2 | 2.500 | 12.35 | 40.00 |",
    ]
