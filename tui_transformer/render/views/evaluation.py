"""One evaluation of a training run: what became of the samples by then, and what the watched one's attention is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import numpy as np
from rich.console import Group
from rich.text import Text

from tui_transformer.analysis.maps import Attention
from tui_transformer.render.labels import visible
from tui_transformer.render.palette import ACCENT, QUIET, STRONG, Floats
from tui_transformer.render.picture import Picture, Table
from tui_transformer.render.tiles import Tile, Tiles
from tui_transformer.training_log import Evaluation, TrainingLog

from .attention import NAMES

VIEW = "training"


def evaluation_line(log: TrainingLog, place: int) -> str:
    """Such as: evaluation 3 of 12 · step 390 · epoch 3 · multi30k 2.91."""
    one = log.evaluations[place]
    scores = [f"{visible(name)} {score.loss:.2f}" + (f" BLEU {score.bleu:.1f}" if score.bleu is not None else "")
              for name, score in one.dev.items()]  # fmt: skip
    count = f"evaluation {place + 1} of {len(log.evaluations)}"
    return " · ".join([count, f"step {one.step:,}", f"epoch {one.epoch + 1}", *scores, *["best"] * one.best])


def samples_picture(log: TrainingLog, place: int) -> Picture:
    """Every sample with what this evaluation made of it, and how it came to that."""
    here = log.evaluations[place]
    now, before_now = list[Text](), list[Text]()
    for source, said in here.samples:
        history = versions(log.evaluations, source)
        at = max(number for number, (first, _) in enumerate(history) if first <= place)
        before = history[at - 1][1] if at else ""
        now += [Text(visible(source), STRONG), _changed(before, said), Text()]
        before_now += [Text(f"since step  {visible(source)}", QUIET), *_history(log, history, at), Text()]
    title = f"samples · {log.recipe or 'a run'} · {evaluation_line(log, place)}"
    values = {
        "step": here.step, "epoch": here.epoch,
        "samples": [{"source": source, "translation": said, "versions": [
            {"step": log.evaluations[first].step, "translation": text}
            for first, text in versions(log.evaluations, source)
        ]} for source, said in here.samples],
    }  # fmt: skip
    rows = [(one.step, one.epoch + 1, source, said) for one in log.evaluations for source, said in one.samples]
    body = Group(*now, *before_now) if now else Group(Text("This recipe has no samples.", style=QUIET))
    return Picture(VIEW, title, body, tuple(f"{source}: {said}" for source, said in here.samples), values,
                   Table(("step", "epoch", "source", "translation"), rows))  # fmt: skip


def versions(evaluations: Sequence[Evaluation], source: str) -> list[tuple[int, str]]:
    """Each translation of a sample that differs from the one before: since which evaluation, and what."""
    found: list[tuple[int, str]] = []
    for place, one in enumerate(evaluations):
        said = dict(one.samples).get(source)
        if said is not None and (not found or found[-1][1] != said):
            found.append((place, said))
    return found


def formation_picture(name: str, maps: Sequence[tuple[str, Attention, Floats]]) -> Picture:
    """One head at each evaluation, side by side: `maps` are the evaluation, its attention, and the weights (R, C).

    What the run wrote by then may have been shorter than the last time, or longer: then some is left empty, or out.
    """
    last = maps[-1][2].shape
    tiles = [Tile(step, "", _fitted(weights, last)) for step, _, weights in maps]
    kind = maps[0][1].kind
    values = {"kind": kind, "heads": name,
              "evaluations": [{"evaluation": step, "rows": whole.rows.labels, "columns": whole.columns.labels,
                               "weights": weights} for step, whole, weights in maps]}  # fmt: skip
    cells = [
        (step, r + 1, c + 1, whole.rows.labels[r], whole.columns.labels[c], float(weights[r, c]))
        for step, whole, weights in maps for r, c in np.ndindex(*weights.shape)
    ]  # fmt: skip
    said = f"{NAMES[kind]}, {name}, of the same sentence at {len(maps)} evaluations: rows read columns."
    longer = [step for step, _, weights in maps if weights.shape > last]
    cut = [f"What was written then is longer than the last time, and cut: {', '.join(longer)}."] if longer else []
    body = Group(Tiles([("", tiles)]), *(Text(f"\n{sentence}", style=QUIET) for sentence in cut))
    return Picture(VIEW, f"attention · {NAMES[kind]} · {name} · over the run", body, (said, *cut), values,
                   Table(("evaluation", "row", "column", "row_piece", "column_piece", "weight"), cells))  # fmt: skip


def _fitted(weights: Floats, shape: tuple[int, ...]) -> Floats:
    """The beginning of a matrix, with zeros where it ends too early."""
    known = weights[: shape[0], : shape[1]]
    return np.pad(known, ((0, shape[0] - len(known)), (0, shape[1] - known.shape[1])))


def _changed(before: str, now: str) -> Text:
    """The translation; words that were not in the one before stand out."""
    old, new = before.split(), now.split()
    line = Text()
    for kind, _, _, start, stop in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for word in new[start:stop]:
            line.append(f"{visible(word)} ", ACCENT if kind != "equal" and before else "")
    return line if new else Text("(nothing)", QUIET)


def _history(log: TrainingLog, history: Sequence[tuple[int, str]], at: int) -> Iterator[Text]:
    """The other translations, oldest first: with the step since which there were so."""
    width = len(f"{log.evaluations[-1].step:,}")
    for number, (first, said) in enumerate(history):
        mark = "▸" if number == at else " "
        yield Text(f" {mark}{log.evaluations[first].step:>{width},}  {visible(said)}", "" if number == at else QUIET,
                   no_wrap=True, overflow="ellipsis")  # fmt: skip
