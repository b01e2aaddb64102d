"""How a training run went: loss, learning rate and BLEU by step, and what became of the samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
from rich.console import Group, RenderableType
from rich.style import Style
from rich.text import Text

from tui_transformer.render.curves import GUTTER, RIGHT, Curve, Curves, Named, Ticks
from tui_transformer.render.flow import Flow, Token
from tui_transformer.render.labels import duration, quoted, short, visible
from tui_transformer.render.palette import ACCENT, QUIET, STRONG, Floats, foreground
from tui_transformer.render.picture import Picture, Table
from tui_transformer.training_log import Evaluation, Score, TrainingLog, Update, perplexity

VIEW = "training"
LOSS_LINES, OTHER_LINES = 13, 5
MARKS = "●○◆◇▲△"
SAMPLES, EVALUATIONS = 4, 5
BEGINNING = 0.04
"""The first steps' losses are so high that the rest would be flat: they may lie above the box."""
# Colours that can be told from white as well as from black: half as light as either.
_TRAINING = foreground(135)
_DEV = (ACCENT, foreground(60, signed=True), foreground(160), foreground(100))
_ENDS = {
    "finished": "The run has finished.",
    "early stop": "The run stopped early: the development loss no longer improved.",
    "interrupted": "The run was stopped; the same command goes on.",
}


def training_picture(log: TrainingLog) -> Picture:
    """A run's curves. There must be updates or evaluations."""
    last = _events(log)[-1]
    body = Group(training_curves(log), *_samples(log.evaluations))
    where = f"epoch {last.epoch + 1} · step {last.step:,} of {max(log.steps, last.step):,}"
    title = f"training · {log.recipe or 'a run'} · {where}"
    return Picture(VIEW, title, body, tuple(_says(log)), _values(log), _table(log))


# -- curves -----------------------------------------------------------------------------------------


def training_curves(
    log: TrainingLog, loss_lines: int = LOSS_LINES, other_lines: int = OTHER_LINES, here: int | None = None
) -> Group:
    """Loss and perplexity, learning rate, BLEU; a line stands at the step `here`."""
    rate = [_curve_of(log, "learning_rate")]
    return Group(
        _legend(log), *_losses(log, loss_lines, here),
        *_small("learning rate", rate, log, "{:.1e}".format, other_lines, here),
        *_small("BLEU", _bleu_curves(log), log, "{:.1f}".format, other_lines, here),
    )  # fmt: skip


def step_at(log: TrainingLog, column: int, width: int) -> float:
    """The step that the curves have at a column of so many."""
    low, high = _x_range(log)
    columns = max(2, width - GUTTER - RIGHT)
    return low + (high - low) * (column - GUTTER) / (columns - 1)


def _losses(log: TrainingLog, lines: int, here: int | None) -> Iterator[RenderableType]:
    curves = [_curve_of(log, "loss")]
    for number, name in enumerate(_sets(log)):
        points = [(one.step, one.dev[name].loss) for one in log.evaluations if name in one.dev]
        curves.append(Curve(_points(points), _dev_style(number), _mark(number)))
    low, high = _loss_range(curves, _x_range(log))
    yield Curves(
        curves, _x_range(log), "{:.2f}".format,
        lambda loss: short(perplexity(loss)), lines,
        _ticks(log), (low, high), here,
    )  # fmt: skip
    if any((curve.xy[:, 1] > high).any() for curve in curves):
        yield Text(f"losses above {high:.2f} are not drawn", style=QUIET)


def _loss_range(curves: Sequence[Curve], x_range: tuple[float, float]) -> tuple[float, float]:
    """From the lowest loss to the highest one after the beginning."""
    values = np.concatenate([curve.xy for curve in curves])
    values = values[np.isfinite(values).all(axis=1)]
    later = values[values[:, 0] >= x_range[0] + BEGINNING * (x_range[1] - x_range[0]), 1]
    if not len(later):
        return 0.0, 1.0
    return float(values[:, 1].min()), float(later.max())


def _small(
    name: str, curves: Sequence[Curve], log: TrainingLog, left: Named, lines: int, here: int | None
) -> Iterator[RenderableType]:
    """A low box below its name; nothing if there is nothing to draw."""
    if any(len(curve.xy) for curve in curves):
        yield Text(f"\n{name}", style=QUIET)
        yield Curves(curves, _x_range(log), left, None, lines, _ticks(log)[:1], here=here)


def _curve_of(log: TrainingLog, field: str) -> Curve:
    return Curve(_points([(update.step, getattr(update, field)) for update in log.updates]), _TRAINING)


def _bleu_curves(log: TrainingLog) -> list[Curve]:
    return [
        Curve(
            _points([(e.step, b) for e in log.evaluations if name in e.dev and (b := e.dev[name].bleu) is not None]),
            _dev_style(number), _mark(number),
        )
        for number, name in enumerate(_sets(log))
    ]  # fmt: skip


def _points(points: Sequence[tuple[float, float]]) -> Floats:
    return np.array(points, np.float64).reshape(-1, 2)


def _legend(log: TrainingLog) -> Flow:
    """No line ends between a mark and its name."""
    sets = [(f"{_mark(number)} {visible(name)}", _dev_style(number)) for number, name in enumerate(_sets(log))]
    named = [("loss in nats, perplexity on the right:", QUIET), ("⠒⠒ training", _TRAINING), *sets]
    return Flow([Token(f"{text} ", style) for text, style in named])


def _dev_style(number: int) -> Style:
    return _DEV[number % len(_DEV)]


def _mark(number: int) -> str:
    return MARKS[number % len(MARKS)]


def _sets(log: TrainingLog) -> list[str]:
    """Every development set, in the order of the recipe."""
    return list(dict.fromkeys(name for evaluation in log.evaluations for name in evaluation.dev))


def _events(log: TrainingLog) -> list[Update | Evaluation]:
    """Updates and evaluations in the order of their steps."""
    events: list[Update | Evaluation] = [*log.updates, *log.evaluations]
    return sorted(events, key=lambda one: one.step)


def _x_range(log: TrainingLog) -> tuple[float, float]:
    events = _events(log)
    return events[0].step, events[-1].step


def _ticks(log: TrainingLog) -> tuple[Ticks, Ticks]:
    """Where each epoch begins, and round numbers of steps."""
    begins: dict[int, int] = {}
    events = _events(log)
    for one in events:
        begins.setdefault(one.epoch, one.step)
    last = events[-1].step
    unit = 10 ** max(0, len(str(last)) - 2)
    rounds = [(float(step), step) for step in range(unit, last + 1, unit)]
    return Ticks("epoch", [(step, epoch + 1) for epoch, step in begins.items()]), Ticks("step", rounds)


# -- words ------------------------------------------------------------------------------------------


def _samples(evaluations: Sequence[Evaluation]) -> Iterator[RenderableType]:
    """What a few evaluations, the first and the last among them, made of the samples."""
    if not evaluations:
        return
    places = np.unique(np.linspace(0, len(evaluations) - 1, EVALUATIONS).round().astype(int))
    width = len(f"{evaluations[-1].step:,}")
    for source, _ in evaluations[-1].samples[:SAMPLES]:
        yield Text(f"\n{visible(source)}", style=STRONG, no_wrap=True, overflow="ellipsis")
        for place in places:
            said = dict(evaluations[place].samples).get(source)
            if said is not None:
                step = f"  {evaluations[place].step:>{width},}  "
                yield Text.assemble((step, QUIET), visible(said), no_wrap=True, overflow="ellipsis")


def _says(log: TrainingLog) -> Iterator[str]:
    if log.updates:
        first, last = log.updates[0], log.updates[-1]
        yield (
            f"The training loss went from {first.loss:.2f} to {last.loss:.2f} nats a token (perplexity "
            f"{short(perplexity(last.loss))}) in {duration(last.seconds)} of steps; it is measured with "
            "dropout, the development loss without."
        )
    for name in _sets(log):
        yield _best(name, [one for one in log.evaluations if name in one.dev])
    left = f", with about {duration(log.updates[-1].seconds_left)} left" if log.updates else ""
    yield _ENDS.get(log.ended, f"Nothing says that the run has ended: it goes on, or was killed{left}.")
    if log.sittings > 1:
        yield f"It took {log.sittings} sittings; of steps that were done again, the later ones are shown."
    if log.broken:
        lines = "1 line" if log.broken == 1 else f"{log.broken:,} lines"
        yield f"{lines} of the log could not be read and left out."


def _best(name: str, evaluations: Sequence[Evaluation]) -> str:
    best, last = min(evaluations, key=lambda one: one.dev[name].loss), evaluations[-1]
    score = best.dev[name]
    now = "the last evaluation" if best is last else f"it is {last.dev[name].loss:.3f} at step {last.step:,} now"
    return (
        f"{quoted(name)}: the lowest loss is {score.loss:.3f} (perplexity {short(score.perplexity)}, "
        f"{score.accuracy:.1%} of the pieces right) at step {best.step:,}, epoch {best.epoch + 1}; {now}."
    )


# -- values -----------------------------------------------------------------------------------------


def _values(log: TrainingLog) -> dict[str, object]:
    fields = ("step", "epoch", "loss", "accuracy", "learning_rate", "tokens_per_second", "gradient_norm", "seconds")
    return {
        "recipe": log.recipe, "parameters": log.parameters, "pairs": log.pairs, "steps": log.steps,
        "sittings": log.sittings, "ended": log.ended, "broken_lines": log.broken,
        "updates": {name: [getattr(update, name) for update in log.updates] for name in fields},
        "evaluations": [
            {
                "step": one.step, "epoch": one.epoch, "best": one.best, "watched": one.watched,
                "dev": {name: _score(score) for name, score in one.dev.items()},
                "average": None if one.average is None else _score(one.average),
                "samples": [{"source": source, "translation": said} for source, said in one.samples],
            }
            for one in log.evaluations
        ],
    }  # fmt: skip


def _score(score: Score) -> dict[str, object]:
    return {**asdict(score), "perplexity": score.perplexity}


def _table(log: TrainingLog) -> Table:
    """A row for each update and for each score of an evaluation, in the order of the steps."""
    rows: list[tuple[object, ...]] = [
        (u.step, u.epoch + 1, "training", u.loss, perplexity(u.loss), u.accuracy, None, u.learning_rate)
        for u in log.updates
    ]
    for one in log.evaluations:
        scores = {**one.dev, **({} if one.average is None else {"average": one.average})}
        rows += [
            (one.step, one.epoch + 1, name, score.loss, score.perplexity, score.accuracy, score.bleu, None)
            for name, score in scores.items()
        ]
    rows.sort(key=lambda row: int(str(row[0])))
    return Table(("step", "epoch", "set", "loss", "perplexity", "accuracy", "bleu", "learning_rate"), rows)
