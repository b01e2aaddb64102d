"""Each contender at its best setting: found on a few lines, before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .contender import Contender
from .engines import Request, Setting

ISAS: tuple[dict[str, str], ...] = ({}, {"CT2_FORCE_CPU_ISA": "AVX512"})
"""CTranslate2 picks AVX2 on AMD processors unless told otherwise (and MKL, 5-20 times slower there, if told)."""

TTX_BATCHES = tuple(Request(batch=rows) for rows in (32, 64, 128))
CTRANSLATE2_BATCHES = (
    *(Request(batch=rows) for rows in (16, 32, 64, 128)),
    *(Request(batch=pieces, batch_type="tokens") for pieces in (1024, 2048, 4096)),
)
TRIES = 2


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
    single = _fastest([replace(s, threads=threads) for s in settings for threads in {1, cores}], lines[:40], limit)
    many = _fastest([replace(s, workers=w, threads=t) for s in settings for w, t in shared], lines, limit, True)
    batches = TTX_BATCHES if setting.kind == "ttx" else CTRANSLATE2_BATCHES
    requests = {}
    with Contender(many) as contender:
        for beam in beams:
            tries = [replace(request, beam=beam, limit=limit) for request in batches]
            requests[beam] = min(tries, key=lambda request: _seconds(contender, lines, request))
    return Tuned(many, single, requests)


def _fastest(settings: list[Setting], lines: Sequence[str], limit: int, together: bool = False) -> Setting:
    """Greedily, all lines together or one by one."""
    times = []
    for setting in settings:
        with Contender(setting) as contender:
            request = Request(limit=limit)
            if together:
                times.append(_seconds(contender, lines, request))
            else:
                times.append(min(sum(contender.each(lines, request).seconds) for _ in range(TRIES)))
    return settings[times.index(min(times))]


def _seconds(contender: Contender, lines: Sequence[str], request: Request) -> float:
    return min(contender.all(lines, request).seconds[0] for _ in range(TRIES))


def _has_avx512() -> bool:
    cpu = Path("/proc/cpuinfo")
    return cpu.is_file() and "avx512f" in cpu.read_text(encoding="ascii", errors="replace")
