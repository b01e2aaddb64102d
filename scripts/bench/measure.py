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
MIN_PARTS = 2


@dataclass(frozen=True, slots=True)
class Side:
    """A contender and how it is asked."""

    contender: Contender
    request: Request


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds for one throughput: no part again after `enough`, none at all after `most`, but at least two."""

    enough: float = 14.0
    most: float = 60.0
    rounds: int = 5

    def is_spent(self, seconds: float, done: int, parts: int) -> bool:
        """Whether to stop after so many seconds, in which `done` parts were measured."""
        if done >= parts and seconds > self.enough:
            return True
        return done >= MIN_PARTS and seconds * (done + 1) / done > self.most


@dataclass(frozen=True, slots=True)
class Count:
    """How many pieces a text has, on each side."""

    source: Callable[[str], int]
    target: Callable[[str], int]


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
    rounds: float
    seconds: tuple[float, float]
    cpu: tuple[float, float]
    source_pieces: int
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
    sides: tuple[Side, Side], name: tuple[str, str, int], parts: Sequence[list[str]], budget: Budget, count: Count
) -> Throughput:
    """Part after part by both sides, A B then B A, round after round, as far as the budget goes."""
    laps: list[list[tuple[Lap, Lap]]] = [[] for _ in parts]
    _pair(sides, parts[0][:WARM_UP], swapped=False)
    begun = time.perf_counter()
    for turn in range(budget.rounds * len(parts)):
        if budget.is_spent(time.perf_counter() - begun, turn, len(parts)):
            break
        place = turn % len(parts)
        laps[place].append(_pair(sides, parts[place], swapped=(turn + turn // len(parts)) % 2 == 1))
    measured = [pairs for pairs in laps if pairs]
    seconds, cpu = _sums(measured, lambda lap: lap.seconds[0]), _sums(measured, lambda lap: lap.cpu)
    ratios = [theirs.seconds[0] / ours.seconds[0] for pairs in measured for ours, theirs in pairs]
    texts = [[text for pairs in measured for text in pairs[0][side].texts] for side in (0, 1)]
    return Throughput(
        *name,
        lines=len(texts[0]),
        rounds=len(ratios) / len(measured),
        seconds=seconds,
        cpu=cpu,
        source_pieces=sum(count.source(line) for part in parts[: len(measured)] for line in part),
        pieces=(sum(map(count.target, texts[0])), sum(map(count.target, texts[1]))),
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
    ours, theirs = (sum(statistics.median(of(pair[side]) for pair in pairs) for pairs in laps) for side in (0, 1))
    return ours, theirs


def latency(sides: tuple[Side, Side], name: tuple[str, int], lines: Sequence[str], rounds: int) -> Latency:
    """Every sentence alone, `rounds` times, in alternating blocks."""
    times: tuple[list[list[float]], list[list[float]]] = ([[] for _ in lines], [[] for _ in lines])
    cpu = [0.0, 0.0]
    for side in sides:
        side.contender.each(lines[:BLOCK], side.request)
    for turn in range(rounds):
        for start in range(0, len(lines), BLOCK):
            for i in (0, 1) if (turn + start // BLOCK) % 2 else (1, 0):
                lap = sides[i].contender.each(lines[start : start + BLOCK], sides[i].request)
                cpu[i] += lap.cpu
                for place, seconds in enumerate(lap.seconds):
                    times[i][start + place].append(1000 * seconds)
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
