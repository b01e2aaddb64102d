"""What a training run looks like on a terminal: its events become a live picture.

`picture` is a pure function of what has been seen; the small classes at the end only put pictures and lines
where they belong.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tui_transformer.render.labels import duration

from .events import DevScore, Ended, Evaluated, Event, Progress, Started
from .lines import ended_line, facts, log_lines, one_line, scores

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
        scored = list(scores(seen.evaluated))
        parts += [Text(), _score_table(seen.evaluated, scored)]
        lines += 2 + len(scored)
        parts += _samples(seen.evaluated.samples, inner, height - lines - 2)
    title = Text(seen.note or "ttx train", style=ACCENT)
    return Panel(Group(*parts), title=title, title_align="left", border_style="dim", padding=(0, 1), width=width)


def _header(started: Started) -> RenderableType:
    row = Table.grid(expand=True)
    row.add_column(no_wrap=True)
    row.add_column(justify="right", no_wrap=True)
    recipe = started.recipe
    name = Text.assemble((recipe.name, "bold"), f"  {recipe.source} → {recipe.target}")
    row.add_row(name, Text(" · ".join([*facts(started), f"{started.pairs:,} pairs"]), style="dim"))
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
    """Names and numbers, two pairs a row, or four where there is room."""
    numbers = [
        ("step", f"{progress.step:,} / {started.steps:,}"),
        ("epoch", f"{progress.epoch + 1} / {started.epochs}"),
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


def _score_table(event: Evaluated, scored: Sequence[tuple[str, DevScore, str]]) -> RenderableType:
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=28)
    for size in (7, 10, 8):
        table.add_column(justify="right", no_wrap=True, min_width=size)
    table.add_column(style=ACCENT, no_wrap=True)
    names = (f"dev at step {event.step:,}", "loss", "perplexity", "accuracy")
    table.add_row(*(Text(name, style="dim") for name in names))
    for name, score, remark in scored:
        table.add_row(Text(name), f"{score.loss:.3f}", f"{score.perplexity:,.2f}", f"{score.accuracy:.1%}", remark)
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


def sparkline(values: Sequence[float], width: int) -> str:
    """Values from lowest ▁ to highest █, in at most `width` cells, each the mean of its share of the values."""
    cells = min(width, len(values))
    edges = [round(i * len(values) / cells) for i in range(cells + 1)] if cells else []
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means, default=0.0), max(means, default=0.0)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(BLOCKS[round((mean - low) * scale)] for mean in means)


# -- on the terminal --------------------------------------------------------------------------------


class View:
    """Where a run is shown, as a context manager. This one shows nothing: for processes that do not report."""

    def __enter__(self) -> View:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event) -> None:
        """Something has happened."""

    def say(self, note: str) -> None:
        """A message that is not an event."""


class LogView(View):
    """Plain lines; of the frequent progress events only one per LOG_SECONDS."""

    def __init__(self, write: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self.write, self.clock = write, clock
        self.steps = self.epochs = 0
        self.last = float("-inf")

    def show(self, event: Event) -> None:
        """Write the event's lines."""
        if isinstance(event, Started):
            self.steps, self.epochs = event.steps, event.epochs
        if isinstance(event, Progress):
            now = self.clock()
            if now - self.last < LOG_SECONDS:
                return
            self.last = now
        for line in log_lines(event, self.steps, self.epochs):
            self.write(line)

    def say(self, note: str) -> None:
        """Write it."""
        self.write(note)


class LiveView(View):
    """The picture, redrawn at every event: between events nothing moves, and no thread runs."""

    def __init__(self, console: Console) -> None:
        self.seen = Seen()
        self.live = Live(self, console=console, auto_refresh=False, redirect_stdout=False, vertical_overflow="crop")

    def __rich_console__(self, console: Console, _: ConsoleOptions) -> RenderResult:
        yield picture(self.seen, console.width, console.height - 1)

    def __enter__(self) -> LiveView:
        self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.stop()

    def show(self, event: Event) -> None:
        """Draw what is known now."""
        self.seen = see(self.seen, event)
        self.live.refresh()

    def say(self, note: str) -> None:
        """Put it into the frame, until there is progress."""
        self.seen = replace(self.seen, note=note)
        self.live.refresh()


def view_on(console: Console) -> View:
    """The live picture on a terminal that can move its cursor, else lines."""
    if console.file.isatty() and not console.is_dumb_terminal:
        return LiveView(console)
    return LogView(lambda line: print(line, file=console.file, flush=True))
