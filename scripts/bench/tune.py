"""Each contender at its best setting: found on a few lines, before anything is measured."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from .contender import Contender
from .engines import Request, Setting

ISAS: tuple[dict[str, str], ...] = ({}, {"CT2_FORCE_CPU_ISA": "AVX512"})
"""CTranslate2 picks AVX2 on AMD processors unless told otherwise (and MKL, 5-20 times slower there, if told)."""

TTX_BATCHES = tuple(Request(batch=rows) for rows in (32, 64, 128))
CTRANSLATE2_BATCHES = (
    *(Request(batch=rows) for rows in (16, 32, 64)),
    *(Request(batch=pieces, batch_type="tokens") for pieces in (1024, 2048)),
)
HOPELESS = 1.3
"""A first try that takes this many times the least so far gets no second one."""

Candidate = TypeVar("Candidate")
Tries = Generator[float, None, None]
SINGLE = 20
"""Lines on which single sentences are tuned."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """The best way to load a contender for many lines and for one, and to ask it for a beam."""

    many: Setting
    one: Setting
    requests: dict[int, Request]


def tune(setting: Setting, cores: int, lines: Sequence[str], beams: Iterable[int], limit: int) -> Tuned:
    """Try instruction sets, how the cores are shared out, then batch sizes for each beam."""
    isas = ISAS if setting.kind == "ctranslate2" and _has_avx512() else ISAS[:1]
    settings = [replace(setting, environment=isa) for isa in isas]
    shared = [(cores, 1), (1, cores)] if cores > 1 else [(1, 1)]
    request = Request(limit=limit)

    def together(candidate: Setting) -> Tries:
        with Contender(candidate) as contender:
            while True:
                yield contender.all(lines, request).seconds[0]

    def alone(candidate: Setting) -> Tries:
        with Contender(candidate) as contender:
            while True:
                yield sum(contender.each(lines[:SINGLE], request).seconds)

    many = _fastest([replace(s, workers=w, threads=t) for s in settings for w, t in shared], together)
    single = _fastest([replace(s, threads=threads) for s in settings for threads in sorted({1, cores})], alone)
    with Contender(many) as contender:

        def batched(candidate: Request) -> Tries:
            while True:
                yield contender.all(lines, candidate).seconds[0]

        batches = TTX_BATCHES if setting.kind == "ttx" else CTRANSLATE2_BATCHES
        requests = {
            beam: _fastest([replace(batch, beam=beam, limit=limit) for batch in batches], batched) for beam in beams
        }
    return Tuned(many, single, requests)


def _fastest(candidates: Sequence[Candidate], seconds: Callable[[Candidate], Tries]) -> Candidate:
    """The candidate with the least time; one that is far behind is not tried twice."""
    best, least = candidates[0], float("inf")
    for candidate in candidates:
        tries = seconds(candidate)
        time = next(tries)
        if time < HOPELESS * least:
            time = min(time, next(tries))
        tries.close()
        if time < least:
            best, least = candidate, time
    return best


def _has_avx512() -> bool:
    cpu = Path("/proc/cpuinfo")
    return cpu.is_file() and "avx512f" in cpu.read_text(encoding="ascii", errors="replace")
