"""Make tests/data/run: what the training of tests/data/tiny.toml writes about itself, evaluated every 120 steps.

    python scripts/make_tiny_run.py [OUT]

Of three progress lines one is kept, and of the watched traces all but two: a run that lost files must be fine too.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from ttx_export.prepare import prepare
from ttx_export.recipe import load_recipe
from ttx_export.train import Trainer

DATA = Path(__file__).parents[1] / "tests" / "data"
SAMPLES = ("Tom called Mary's bluff.", "Don't buy that.")
EVERY, LOST = 120, ("step-00000360.ttxtrace", "step-00000600.ttxtrace")


def main() -> None:
    """Train, and keep what tells of it."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA / "run"
    torch.set_num_threads(1)
    recipe = load_recipe(DATA / "tiny.toml")
    recipe = replace(recipe, samples=SAMPLES, training=replace(recipe.training, evaluate_every=EVERY))
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder)
        for _ in Trainer(recipe, prepare(recipe, DATA, run / "corpus"), run).run():
            pass
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(run / "watched", out / "watched", ignore=shutil.ignore_patterns(*LOST))
        lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    (out / "metrics.jsonl").write_text("".join(f"{line}\n" for line in kept(lines)), encoding="utf-8")


def kept(lines: list[str]) -> list[str]:
    """A third of the progress, all else; without the place of the folder."""
    progress = [line for line in lines if json.loads(line)["event"] == "progress"]
    left_out = {line for number, line in enumerate(progress, 1) if number % 3}
    events = [json.loads(line) for line in lines if line not in left_out]
    return [json.dumps(event | {"run": "runs/tiny"} if event["event"] == "ended" else event) for event in events]


if __name__ == "__main__":
    main()
