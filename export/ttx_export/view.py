"""What a training run looks like: its events become a live picture, or lines of a log.

The pictures are pure functions of what has been seen; the two small classes at the end only put them on a
terminal. Everything goes to stderr: stdout is for data.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .events import DevScore, Ended, Evaluated, Event, Progress, Started

ACCENT = "cyan"
BLOCKS = "▁▂▃▄▅▆▇█"
WIDE = 100
LOG_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Seen:
    """The fold of the events so far: all that the live picture shows."""

    started: Started | None = None
    progress: Progress | None = None
    evaluated: Evaluated | None = None
    losses: tuple[float, ...] = ()
    note: str = ""


def see(seen: Seen, event: Event) -> Seen:
    """What is known once `event` has happened."""
    match event:
        case Started():
            return Seen(started=event)
        case Progress():
            return replace(seen, progress=event, losses=(*seen.losses, event.loss), note="")
        case Evaluated():
            return replace(seen, evaluated=event)
        case Ended():
            return replace(seen, note=ended_line(event))


# -- lines ------------------------------------------------------------------------------------------


def log_lines(event: Event, steps: int, epochs: int) -> Iterator[str]:
    """An event in plain lines; `steps` and `epochs` are those of the whole run."""
    match event:
        case Started():
            yield " · ".join([event.recipe.name, *_facts(event), event.report])
            if event.step:
                yield f"going on after step {event.step:,}"
        case Progress():
            yield (
                f"step {event.step:,}/{steps:,} · epoch {event.epoch + 1}/{epochs} · loss {event.loss:.3f} · "
                f"perplexity {event.perplexity:,.2f} · accuracy {event.accuracy:.1%} · "
                f"{event.tokens_per_second:,.0f} tokens/s · rate {event.learning_rate:.2e} · "
                f"{duration(event.seconds_left)} left"
            )
        case Evaluated():
            for name, score, remark in _scores(event):
                numbers = f"loss {score.loss:.3f} · perplexity {score.perplexity:,.2f} · accuracy {score.accuracy:.1%}"
                yield f"step {event.step:,} · {name} · {numbers}{remark and ' · ' + remark}"
            for source, translation in event.samples:
                yield f"  {one_line(source)} → {one_line(translation)}"
        case Ended():
            yield ended_line(event)


def ended_line(event: Ended) -> str:
    """How the run ended, in a few words."""
    words = {"finished": "finished", "early stop": "stopped early, dev no longer improves", "interrupted": "interrupted"}
    return f"{words[event.reason]}, after step {event.step:,}"


def duration(seconds: float) -> str:
    """The two largest units that matter: "45 s", "12 min", "1 h 12 min", "2 d 3 h"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, days = minutes // 60, minutes // 1440
    if not hours:
        return f"{minutes} min"
    return f"{days} d {hours % 24} h" if days else f"{hours} h {minutes % 60:02} min"


def one_line(text: str) -> str:
    """Text that cannot harm a terminal: an untrained model may well say a line feed or an escape code."""
    return "".join(character if character.isprintable() else "·" for character in text)


def sparkline(values: Sequence[float], width: int) -> str:
    """Values from lowest ▁ to highest █, in at most `width` cells, each the mean of its share of the values."""
    cells = min(width, len(values))
    edges = [round(i * len(values) / cells) for i in range(cells + 1)] if cells else []
    means = [sum(values[a:b]) / (b - a) for a, b in zip(edges, edges[1:], strict=False)]
    low, high = min(means, default=0.0), max(means, default=0.0)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(BLOCKS[round((mean - low) * scale)] for mean in means)


def _facts(started: Started) -> list[str]:
    facts = [f"{started.parameters / 1e6:.1f} M parameters", started.device]
    return [*facts, f"{started.processes} processes"] if started.processes > 1 else facts


def _scores(event: Evaluated) -> Iterator[tuple[str, DevScore, str]]:
    for index, (name, score) in enumerate(event.dev.items()):
        yield name, score, "best so far" if event.best and not index else ""
    if event.average is not None:
        yield f"{next(iter(event.dev))}, averaged", event.average, "mean of the newest checkpoints"


# -- the live picture -------------------------------------------------------------------------------


def picture(seen: Seen, width: int, height: int) -> RenderableType:
    """The whole view in at most `height` lines: samples take what the numbers leave."""
    if seen.started is None:
        return Text(seen.note, style="dim")
    inner = width - 4
    parts: list[RenderableType] = [_header(seen.started), Text()]
    lines = 2
    if seen.progress is not None:
        parts += [_bar(seen.started, seen.progress), Text(), _numbers(seen.started, seen.progress, width)]
        parts += [_curve(seen.losses, inner)]
        lines += 5 if width >= WIDE else 7
    if seen.evaluated is not None:
        scores = list(_scores(seen.evaluated))
        parts += [Text(), _score_table(seen.evaluated, scores)]
        lines += 2 + len(scores)
        parts += _samples(seen.evaluated.samples, inner, height - lines - 2)
    title = Text(f" {seen.note or 'ttx train'} ", style=ACCENT)
    return Panel(Group(*parts), title=title, title_align="left", border_style="dim", padding=(0, 1), width=width)


def _header(started: Started) -> RenderableType:
    row = Table.grid(expand=True)
    row.add_column(no_wrap=True)
    row.add_column(justify="right", no_wrap=True)
    recipe = started.recipe
    name = Text.assemble((recipe.name, "bold"), f"  {recipe.source} → {recipe.target}")
    row.add_row(name, Text(" · ".join([*_facts(started), f"{started.pairs:,} pairs"]), style="dim"))
    return row


def _bar(started: Started, progress: Progress) -> RenderableType:
    row = Table.grid(expand=True, padding=(0, 0, 0, 2))
    row.add_column(ratio=1)
    row.add_column(justify="right", width=5)
    row.add_column(justify="right", no_wrap=True)
    share = min(1.0, progress.step / started.steps)
    bar = ProgressBar(total=1.0, completed=share, complete_style=ACCENT, finished_style=ACCENT)
    row.add_row(bar, f"{share:.0%}", Text(f"{duration(progress.seconds_left)} left"))
    return row


def _numbers(started: Started, progress: Progress, width: int) -> RenderableType:
    """Names and numbers in two columns, three where there is room."""
    numbers = [
        ("step", f"{progress.step:,} / {started.steps:,}"),
        ("epoch", f"{progress.epoch + 1} / {started.recipe.training.epochs}"),
        ("loss", f"{progress.loss:.3f}"),
        ("perplexity", f"{progress.perplexity:,.2f}"),
        ("token accuracy", f"{progress.accuracy:.1%}"),
        ("tokens a second", f"{progress.tokens_per_second:,.0f}"),
        ("learning rate", f"{progress.learning_rate:.2e}"),
        ("gradient norm", f"{progress.gradient_norm:.2f}"),
    ]
    columns = 4 if width >= WIDE else 2
    grid = Table.grid(expand=True, padding=(0, 0, 0, 3), pad_edge=False)
    for _ in range(columns):
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(justify="right", no_wrap=True, ratio=1)
    rows = len(numbers) // columns
    for row in range(rows):
        grid.add_row(*(cell for pair in numbers[row::rows] for cell in pair))
    return grid


def _curve(losses: Sequence[float], width: int) -> RenderableType:
    label = "loss so far  "
    return Text.assemble((label, "dim"), (sparkline(losses, width - len(label)), ACCENT))


def _score_table(event: Evaluated, scores: Sequence[tuple[str, DevScore, str]]) -> RenderableType:
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True)
    for _ in range(3):
        table.add_column(justify="right", no_wrap=True)
    table.add_column(style=ACCENT, no_wrap=True)
    table.add_row(*(Text(cell, style="dim") for cell in (f"dev at step {event.step:,}", "loss", "perplexity", "accuracy")))
    for name, score, remark in scores:
        table.add_row(name, f"{score.loss:.3f}", f"{score.perplexity:,.2f}", f"{score.accuracy:.1%}", remark)
    return table


def _samples(samples: Sequence[tuple[str, str]], width: int, lines: int) -> list[RenderableType]:
    """Source and translation, one below the other, side by side where there is room; as many as fit."""
    wide = width >= WIDE - 4
    shown = samples[: max(0, lines - 1) // (1 if wide else 2)]
    if not shown:
        return []
    table = Table.grid(expand=True, padding=(0, 2, 0, 0))
    for _ in range(2 if wide else 1):
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for source, translation in shown:
        cells = Text(one_line(source), style="dim"), Text(one_line(translation))
        if wide:
            table.add_row(*cells)
        else:
            table.add_row(cells[0])
            table.add_row(cells[1])
    return [Text(), table]


# -- on the terminal --------------------------------------------------------------------------------


class View(Protocol):
    """Where a run is shown. Use as a context manager."""

    def __enter__(self) -> View: ...
    def __exit__(self, *_: object) -> None: ...
    def show(self, event: Event) -> None:
        """Something has happened."""

    def say(self, note: str) -> None:
        """A word that is no event."""


class LogView:
    """Plain lines; of the frequent progress events only one every LOG_SECONDS."""

    def __init__(self, write: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self.write, self.clock = write, clock
        self.steps = self.epochs = 0
        self.last = float("-inf")

    def __enter__(self) -> LogView:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event) -> None:
        if isinstance(event, Started):
            self.steps, self.epochs = event.steps, event.recipe.training.epochs
        if isinstance(event, Progress):
            if self.clock() - self.last < LOG_SECONDS:
                return
            self.last = self.clock()
        for line in log_lines(event, self.steps, self.epochs):
            self.write(line)

    def say(self, note: str) -> None:
        self.write(note)


class LiveView:
    """The picture, redrawn at every event: between events nothing moves, and no thread runs."""

    def __init__(self, console: Console) -> None:
        self.seen = Seen()
        self.live = Live(
            self, console=console, auto_refresh=False, redirect_stdout=False, vertical_overflow="crop"
        )

    def __rich_console__(self, console: Console, _: ConsoleOptions) -> RenderResult:
        yield picture(self.seen, console.width, console.height - 1)

    def __enter__(self) -> LiveView:
        self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.stop()

    def show(self, event: Event) -> None:
        self.seen = see(self.seen, event)
        self.live.refresh()

    def say(self, note: str) -> None:
        self.seen = replace(self.seen, note=note)
        self.live.refresh()


def view_on(console: Console) -> View:
    """The live picture on a terminal that can move its cursor, else lines."""
    if console.file.isatty() and not console.is_dumb_terminal:
        return LiveView(console)
    return LogView(lambda line: print(line, file=console.file, flush=True))  # noqa: T201
