"""The whole benchmark, one measurement after the other, collected in one result."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ttx_export.machine import processor

from tui_transformer.bundle import Bundle

from . import limits, measure, processes
from .contender import Contender
from .corpus import parts, read_lines, spread
from .engines import Request
from .measure import Budget, Count, Latency, Side, Throughput
from .prepare import Agreement, Models, compare_ids, prepare
from .processes import Start
from .tune import Tuned, tune

Say = Callable[[str], None]
LIMIT = 200
"""The longest translation in pieces, for both."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    lines: int = 2000
    parts: int = 4
    budget: Budget = field(default_factory=Budget)
    tune_lines: int = 320
    check_lines: int = 256
    sentences: int = 60
    rounds: int = 3
    starts: int = 11
    naive_lines: int = 24


QUICK = Size(
    lines=160,
    parts=2,
    budget=Budget(1, 8, 1),
    tune_lines=40,
    check_lines=200,
    sentences=20,
    rounds=2,
    starts=3,
    naive_lines=8,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    bundle: Bundle
    data: tuple[Path, ...]
    cores: int
    size: Size
    checkpoint: Path | None = None
    beams: tuple[int, ...] = (1, 4)


@dataclass(slots=True)
class Result:
    """All that was found; every pair is (ours, theirs) and every ratio above 1 says that ours is faster."""

    machine: dict[str, Any]
    agreement: Agreement
    settings: dict[str, Any] = field(default_factory=dict)
    latency: list[Latency] = field(default_factory=list)
    throughput: list[Throughput] = field(default_factory=list)
    memory: dict[str, dict[str, int]] = field(default_factory=dict)
    naive: dict[str, float] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    starts: list[Start] = field(default_factory=list)


def run(plan: Plan, say: Say) -> Result:
    """Measure everything; says on the way what it does."""
    corpora = {path.stem: read_lines(path, plan.bundle, plan.size.lines) for path in plan.data}
    mixed = [line for lines in corpora.values() for line in lines]
    limit = min(LIMIT, plan.bundle.manifest.architecture.positions)
    with tempfile.TemporaryDirectory(prefix="ttx-bench-") as folder:
        say("converting the weights")
        models = prepare(plan.bundle, plan.checkpoint, Path(folder))
        say(f"comparing greedy ids in fp32 on {plan.size.check_lines} sentences")
        sentences = spread(mixed, plan.size.check_lines)
        result = Result(_machine(plan), compare_ids(models.ours["fp32"], models.theirs["fp32"], sentences, limit))
        own = plan.bundle.manifest.precision
        say("looking for each contender's best setting")
        tuned = tuple(
            tune(side[own], plan.cores, spread(mixed, plan.size.tune_lines), plan.beams, limit)
            for side in (models.ours, models.theirs)
        )
        result.settings = {name: _settings(found) for name, found in zip(("ttx", "ctranslate2"), tuned, strict=True)}
        for precision in models.ours:
            _measure(plan, precision, models, (tuned[0], tuned[1]), corpora, result, say)
        say("the decoder without a cache")
        result.naive = _naive(models, spread(sorted(mixed, key=len)[: len(mixed) * 3 // 4], plan.size.naive_lines))
        say("the machine's limits")
        result.limits = _limits(plan)
        say("starting whole processes")
        result.starts = processes.starts(
            plan.bundle, Path(models.theirs[own].model), plan.cores, tuned[1].one.environment, plan.size.starts
        )
    return result


def _measure(
    plan: Plan, precision: str, models: Models, tuned: tuple[Tuned, Tuned], corpora: dict[str, list[str]],
    result: Result, say: Say,
) -> None:  # fmt: skip
    """Latency and throughput in one precision, into `result`."""
    size = plan.size
    settings = (models.ours[precision], models.theirs[precision])
    limit = min(LIMIT, plan.bundle.manifest.architecture.positions)

    def load(choice: str) -> tuple[Contender, Contender]:
        chosen = [getattr(found, choice) for found in tuned]
        # Tuned is how, not what: the model is this precision's.
        ours, theirs = (
            Contender(replace(how, model=s.model, vocabularies=s.vocabularies, precision=precision))
            for how, s in zip(chosen, settings, strict=True)
        )
        return ours, theirs

    sentences = [line for lines in corpora.values() for line in spread(lines, size.sentences // len(corpora))]
    ours, theirs = load("one")
    with ours, theirs:
        for beam in plan.beams:
            say(f"latency, {precision}, beam {beam}")
            request = Request(beam, limit)
            sides = (Side(ours, request), Side(theirs, request))
            result.latency.append(measure.latency(sides, (precision, beam), sentences, size.rounds))
    ours, theirs = load("many")
    memory = result.memory[precision] = {"ttx, loaded": ours.loaded_memory, "ctranslate2, loaded": theirs.loaded_memory}
    both = models.checkpoint.vocabularies
    count = Count(lambda text: len(both.source.encode(text)) + 1, lambda text: len(both.target.encode(text)) + 1)
    with ours, theirs:
        for beam in plan.beams:
            sides = (Side(ours, tuned[0].requests[beam]), Side(theirs, tuned[1].requests[beam]))
            for name, lines in corpora.items():
                say(f"throughput, {precision}, beam {beam}, {name}")
                found = measure.throughput(
                    sides, (precision, name, beam), parts(lines, size.parts), size.budget, count
                )  # fmt: skip
                result.throughput.append(found)
            for side in sides:
                # The peak never falls: that of a wider beam includes the narrower one's.
                peak = side.contender.all(["Hello."], side.request).memory
                memory[f"{side.contender.setting.kind}, beam {beam}"] = peak


def _naive(models: Models, lines: Sequence[str]) -> dict[str, float]:
    """Seconds for the same lines, one thread, greedily in fp32: with our cache, and in PyTorch without one."""
    ours = models.ours["fp32"]
    seconds = {}
    for name, setting in (("with cache", ours), ("without cache", replace(ours, kind="pytorch"))):
        with Contender(setting) as contender:
            contender.all(lines[:2], Request())
            seconds[name] = min(contender.all(lines, Request()).seconds[0] for _ in range(2))
    return {"lines": len(lines), **seconds, "ratio": seconds["without cache"] / seconds["with cache"]}


def _limits(plan: Plan) -> dict[str, Any]:
    shape = plan.bundle.manifest.architecture
    work = limits.work(shape)
    each = 1 if plan.bundle.manifest.precision == "int8" else 4
    rates = limits.measure_apart(plan.cores, work.target * each)
    return {"work": work, "rates": rates, "bytes a target piece": {"int8": work.target, "fp32": 4 * work.target}}


def _settings(tuned: Tuned) -> dict[str, Any]:
    def how(setting: Any) -> dict[str, Any]:
        return {"workers": setting.workers, "threads": setting.threads, "environment": setting.environment}

    batches = {f"beam {beam}": f"{r.batch} {r.batch_type}" for beam, r in tuned.requests.items()}
    return {"many lines": how(tuned.many), "one sentence": how(tuned.one), "batches": batches}


def _machine(plan: Plan) -> dict[str, Any]:
    packages = ("ctranslate2", "numpy", "sentencepiece")
    return {
        "processor": processor(),
        "cores": plan.cores,
        "python": platform.python_version(),
        "onnxruntime": __import__("onnxruntime").__version__,
        **{name: version(name) for name in packages},
        "model": f"{plan.bundle.manifest.name}, {plan.bundle.manifest.precision}",
    }
