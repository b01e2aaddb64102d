"""Train every run of a plan, score it, and write the table.

    python -m scripts.choices scripts/choices/en-de.toml --data DATA [--jobs 2] [NAME …]

A run that has its result is not trained again; one that was stopped goes on. The page is docs/choices/<plan>.md, of
all runs that have a result.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from .page import write_page
from .plan import Run, read_plan
from .result import result_file, result_of

PAGES = Path(__file__).parents[2] / "docs" / "choices"


def main() -> None:
    """Train what is wanted, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help="runs of the plan; all if none is given")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--runs", type=Path, default=Path("runs/choices"))
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once, each with one thread")
    wanted = parser.parse_intermixed_args()
    plan = read_plan(wanted.plan)
    if unknown := set(wanted.names) - {run.name for run in plan.runs}:
        parser.error(f"no such run: {', '.join(sorted(unknown))}")
    chosen = [run for run in plan.runs if run.name in wanted.names or not wanted.names]
    # A run that is another one's with other weights needs that one.
    needed = [run for run in plan.runs if run.name in {one.of for one in chosen}]
    with ThreadPoolExecutor(wanted.jobs) as pool:
        list(pool.map(partial(train, runs=wanted.runs, data=wanted.data), needed))
    for run in chosen:
        # What is another run's with other weights.
        result_of(run, wanted.runs, wanted.data)
    write_page(plan, wanted.runs, PAGES / f"{wanted.plan.stem}.md")


def train(run: Run, runs: Path, data: Path) -> None:
    """Train one run with `ttx train` and measure it."""
    folder = runs / run.name
    if result_file(run, runs).is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    recipe = folder / "wanted.toml"
    recipe.write_text(run.recipe, encoding="utf-8")
    command = [sys.executable, "-m", "tui_transformer", "train", str(recipe), "--data", str(data), "--out", str(folder)]
    with open(folder / "said.log", "a", encoding="utf-8") as said:
        one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run([*command, "--threads", "1"], check=True, stderr=said, env=one_thread)
    result_of(run, runs, data)


if __name__ == "__main__":
    main()
