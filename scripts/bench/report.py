"""The result as tables for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table

from .measure import Throughput
from .session import Result

ENOUGH = 0.995
"""Below this share of equal fp32 translations the conversion is suspect, not the rounding."""


def to_dict(result: Result) -> dict[str, Any]:
    """Plain values for JSON."""
    values: dict[str, Any] = asdict(result)
    values["agreement"]["share"] = result.agreement.share
    return values


def show(result: Result, console: Console) -> None:
    """Every table, each with what its columns mean."""
    machine = result.machine
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), highlight=False)
    agreement = result.agreement
    style = "green" if agreement.share >= ENOUGH else "bold red"
    console.print(
        f"greedy ids in fp32: [{style}]{agreement.same} of {agreement.sentences} sentences equal[/], "
        f"{agreement.share:.1%}" + ("" if agreement.share >= ENOUGH else ": look at the conversion first"),
        highlight=False,
    )
    for name, setting in result.settings.items():
        console.print(f"{name}: {setting}", highlight=False, markup=False)
    for table in _tables(result):
        console.print(table)


def _tables(result: Result) -> Iterator[RenderableType]:
    yield _throughput(result)
    yield _latency(result)
    yield _starts(result)
    yield _memory(result)
    yield _limits(result)


def _table(title: str, caption: str, *columns: str) -> Table:
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column[0] != " " else "left")
    return table


def _ratio(value: float) -> str:
    return f"[{'green' if value >= 1 else 'red'}]{value:.2f}×[/]"


def _range(values: tuple[float, float]) -> str:
    return f"{values[0]:.2f}–{values[1]:.2f}"


def _throughput(result: Result) -> Table:
    table = _table(
        "Throughput",
        "Lines a second, tokenisation included. Ratio: CTranslate2's seconds over ours, all lines and the range over "
        "the parts; CPU: the same for processor seconds; pieces: ours over theirs, put out; same: equal translations.",
        " precision", " lines", "beam", "ttx", "CT2", "ratio", "range", "CPU", "pieces", "same", "rounds",
    )  # fmt: skip
    for found in result.throughput:
        ours, theirs = (found.lines / seconds for seconds in found.seconds)
        table.add_row(
            found.precision, f"{found.corpus}, {found.lines:,}", str(found.beam), f"{ours:,.0f}", f"{theirs:,.0f}",
            _ratio(found.ratio), _range(found.ratio_range), _ratio(found.cpu_ratio),
            f"{found.pieces[0] / found.pieces[1]:.3f}", f"{found.same_texts:.0%}", f"{found.rounds:.1f}",
        )  # fmt: skip
    return table


def _latency(result: Result) -> Table:
    table = _table(
        "Latency",
        "Milliseconds a sentence, one at a time, half of the sentences from each file. Range: over the rounds.",
        " precision", "beam", "ttx", "CT2", "ratio", "range", "ttx p95", "CT2 p95", "ratio", "CPU",
    )  # fmt: skip
    for found in result.latency:
        table.add_row(
            found.precision, str(found.beam), *(f"{value:.1f}" for value in found.median),
            _ratio(found.ratio), _range(found.ratio_range), *(f"{value:.1f}" for value in found.p95),
            _ratio(found.p95_ratio), _ratio(found.cpu_ratio),
        )  # fmt: skip
    return table


def _starts(result: Result) -> Table:
    table = _table(
        "Whole processes",
        "Milliseconds, those of the processor in the median; beam 4.",
        " what",
        "median",
        "least",
        "greatest",
        "CPU",
        " says",
    )
    for found in result.starts:
        values = (f"{value:.0f}" for value in (found.median, found.least, found.greatest, found.cpu))
        table.add_row(found.what, *values, found.answer)
    return table


def _memory(result: Result) -> Table:
    table = _table("Peak memory", "MB of a worker process, after loading and after each beam.", " what", "MB")
    for precision, found in result.memory.items():
        for what, peak in found.items():
            table.add_row(f"{precision}, {what}", f"{peak / 1e6:,.0f}")
    return table


def _limits(result: Result) -> Table:
    """What is reached of what the machine could do, and how far the naive decoder is behind."""
    rates, work, naive = result.limits["rates"], result.limits["work"], result.naive
    caption = (
        f"{rates.fp32 / 1e9:.0f} fp32 and {rates.int8 / 1e9:.0f} int8 billion multiply-adds a second on all cores; a "
        f"core reads {rates.cached / 1e9:.0f} GB/s of cached weights, {rates.memory / 1e9:.0f} GB/s of memory. A "
        f"source piece takes {work.source / 1e6:.1f}, a target piece {work.target / 1e6:.1f} million multiply-adds "
        f"(weights alone).\nThe decoder without a cache (PyTorch, fp32, {naive['lines']:.0f} lines) takes "
        f"{naive['ratio']:.1f} times as long as ttx in fp32."
    )
    table = _table(
        "Against the machine's limit", caption,
        " precision", " lines", "limit", "ttx", "reached", "CT2 reached",
    )  # fmt: skip
    for found in result.throughput:
        if found.beam == 1:
            limit = getattr(rates, found.precision) / _multiply_adds(found, result)
            ours, theirs = (found.lines / seconds for seconds in found.seconds)
            table.add_row(
                found.precision, found.corpus, f"{limit:,.0f}", f"{ours:,.0f}", f"{ours / limit:.0%}",
                f"{theirs / limit:.0%}",
            )  # fmt: skip
    return table


def _multiply_adds(found: Throughput, result: Result) -> float:
    """Of one line."""
    work = result.limits["work"]
    total: float = found.source_pieces * work.source + found.pieces[0] * work.target
    return total / found.lines
