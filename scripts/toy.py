"""The article's experiment as a page: `python -m scripts.toy RUN` writes docs/en-de-toy.md and its pictures.

Everything is drawn by ttx's own commands from what the run has kept: its curves, what it made of the samples after some
epochs, and how the heads of one sentence formed. A run that still goes on gives the page of what there is.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tui_transformer.training_log import Evaluation, TrainingLog, read_training_log

FOLDER = Path(__file__).parents[1] / "docs"
EPOCHS = (1, 5, 10, 20, 30)
KIND = "cross"


def main() -> None:
    """Draw all of it anew."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m scripts.toy RUN")
    run = Path(sys.argv[1])
    log = read_training_log(run)
    if not log.evaluations:
        sys.exit(f"{run} has no evaluation yet")
    pictures = FOLDER / "toy"
    pictures.mkdir(exist_ok=True)
    ttx("train", "--plot", str(run), "--width", "100", "--save", str(pictures / "curve.svg"))
    shown = {epoch: one for epoch in EPOCHS if (one := after(log, epoch))}
    for epoch, one in shown.items():
        trace, drawn = str(run / one.watched), str(pictures / f"heads-{epoch:02}.svg")
        ttx("inspect", "attention", "--kind", KIND, "--from-trace", trace, "--width", "100", "--save", drawn)
    (FOLDER / "en-de-toy.md").write_text(page(log, shown), encoding="utf-8")


def ttx(*arguments: str) -> None:
    """One of our own commands."""
    subprocess.run([sys.executable, "-m", "tui_transformer", *arguments], check=True)


def after(log: TrainingLog, epoch: int) -> Evaluation | None:
    """The evaluation at the end of an epoch, counted from 1; None if the run has not come so far."""
    return next((one for one in log.evaluations if one.epoch + 1 == epoch), None)


def page(log: TrainingLog, shown: dict[int, Evaluation]) -> str:
    """The page as Markdown."""
    last = log.evaluations[-1]
    whole = last.epoch + 1 >= EPOCHS[-1]
    so_far = "" if whole else f" The run is at epoch {last.epoch + 1} of {EPOCHS[-1]}: this page shows the run so far."
    lines = [
        "# The article's experiment: English to German, small enough to watch", "",
        "`ttx train en-de-toy`: post-norm as in the paper, 4 + 4 layers, 8 heads, d_model 128, d_ff 512, "
        f"vocabularies of 10,000 pieces a side, everyday sentences.{so_far} "
        "The model after the last epoch is [`en-de-toy`](../models/en-de-toy/README.md), with its scores. "
        "`python -m scripts.toy runs/en-de-toy` redraws this page.", "",
        "![Loss and learning rate over the steps](toy/curve.svg)", "",
        "## What it says, epoch by epoch", "",
    ]  # fmt: skip
    for number, (source, _) in enumerate(last.samples):
        lines += [f"**{source}**", "", "| after epoch | greedy translation |", "| ---: | --- |"]
        lines += [f"| {epoch} | {one.samples[number][1]} |" for epoch, one in shown.items()]
        lines.append("")
    lines += ["## How its heads formed", "", f"Encoder–decoder attention of “{last.samples[0][0]}”, all heads, as the "
              "trainer saved it at each evaluation.", ""]  # fmt: skip
    for epoch in shown:
        lines += [f"After epoch {epoch}:", "", f"![All heads after epoch {epoch}](toy/heads-{epoch:02}.svg)", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
