"""Measuring two contenders alternately, so that whatever else the machine does falls on both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .contender import Contender, Lap
from .engines import Request

BLOCK = 10
"""Single sentences are measured in blocks, so that the caches are warm as they are for a reader who goes on."""

WARM_UP = 64


@dataclass(frozen=True, slots=True)
class Side:
    """A contender and how it is asked."""

    contender: Contender
    request: Request


@dataclass(frozen=True, slots=True)
class Throughput:
    """Many lines. Seconds are the sum over the parts, each its median over the rounds.

    `ratio` is ours over theirs, above 1 is faster: the whole, and the least and greatest of the single pairs.
    `cpu_ratio` compares processor seconds, which other processes disturb less.
    """

    precision: str
    corpus: str
    beam: int
    lines: int
    rounds: int
    seconds: tuple[float, float]
    cpu: tuple[float, float]
    pieces: tuple[int, int]
    same_texts: float
    ratio: float
    ratio_range: tuple[float, float]
    cpu_ratio: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Single sentences, in milliseconds: over the sentences, each its median over the rounds."""

    precision: str
    beam: int
    sentences: int
    rounds: int
    median: tuple[float, float]
    p95: tuple[float, float]
    ratio: float
    ratio_range: tuple[float, float]
    p95_ratio: float
    cpu_ratio: float


def throughput(
    sides: tuple[Side, Side], name: tuple[str, str, int], parts: Sequence[list[str]], budget: float,
    pieces: Callable[[str], int],
) -> Throughput:  # fmt: skip
    """Every part by both sides at least once, A B then B A, and again while another round fits the budget."""
    laps: list[list[tuple[Lap, Lap]]] = []
    _pair(sides, parts[0][:WARM_UP], swapped=False)
    begun = time.perf_counter()
    while not laps or (time.perf_counter() - begun) * (len(laps) + 1) / len(laps) < budget:
        laps.append([_pair(sides, part, (i + len(laps)) % 2 == 1) for i, part in enumerate(parts)])
    seconds = _sums(laps, lambda lap: lap.seconds[0])
    cpu = _sums(laps, lambda lap: lap.cpu)
    ratios = [theirs.seconds[0] / ours.seconds[0] for pairs in laps for ours, theirs in pairs]
    texts = [[text for pair in laps[0] for text in pair[side].texts] for side in (0, 1)]
    return Throughput(
        *name,
        lines=len(texts[0]),
        rounds=len(laps),
        seconds=seconds,
        cpu=cpu,
        pieces=(sum(map(pieces, texts[0])), sum(map(pieces, texts[1]))),
        same_texts=statistics.fmean(ours == theirs for ours, theirs in zip(*texts, strict=True)),
        ratio=seconds[1] / seconds[0],
        ratio_range=(min(ratios), max(ratios)),
        cpu_ratio=cpu[1] / cpu[0],
    )


def _pair(sides: tuple[Side, Side], part: list[str], swapped: bool) -> tuple[Lap, Lap]:
    order = (1, 0) if swapped else (0, 1)
    laps = {i: sides[i].contender.all(part, sides[i].request) for i in order}
    return laps[0], laps[1]


def _sums(laps: list[list[tuple[Lap, Lap]]], of: Callable[[Lap], float]) -> tuple[float, float]:
    """For both sides: the sum over the parts of the median over the rounds."""
    ours, theirs = (
        sum(statistics.median(of(pair[side]) for pair in rounds) for rounds in zip(*laps, strict=True))
        for side in (0, 1)
    )
    return ours, theirs


def latency(sides: tuple[Side, Side], name: tuple[str, int], lines: Sequence[str], rounds: int) -> Latency:
    """Every sentence alone, `rounds` times, in alternating blocks; a round before the first warms up."""
    times: tuple[list[list[float]], list[list[float]]] = ([[] for _ in lines], [[] for _ in lines])
    cpu = [0.0, 0.0]
    for turn in range(rounds + 1):
        for start in range(0, len(lines), BLOCK):
            for i in (0, 1) if (turn + start // BLOCK) % 2 else (1, 0):
                lap = sides[i].contender.each(lines[start : start + BLOCK], sides[i].request)
                cpu[i] += lap.cpu if turn else 0.0
                for place, seconds in enumerate(lap.seconds):
                    times[i][start + place] += [1000 * seconds] if turn else []
    typical = [[statistics.median(rounds) for rounds in side] for side in times]
    medians = [[statistics.median(rounds) for rounds in zip(*side, strict=True)] for side in times]
    ratios = [theirs / ours for ours, theirs in zip(*medians, strict=True)]
    median = (statistics.median(typical[0]), statistics.median(typical[1]))
    p95 = (_p95(typical[0]), _p95(typical[1]))
    return Latency(
        *name,
        sentences=len(lines),
        rounds=rounds,
        median=median,
        p95=p95,
        ratio=median[1] / median[0],
        ratio_range=(min(ratios), max(ratios)),
        p95_ratio=p95[1] / p95[0],
        cpu_ratio=cpu[1] / cpu[0],
    )


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
