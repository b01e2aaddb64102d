"""The table of a plan's results, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .plan import Plan, Run
from .result import Result, read_result, result_file


def write_page(plan: Plan, runs: Path, page: Path) -> None:
    """Write the page of all runs that have a result; the first of the plan is what the others are compared with."""
    results = {run: read_result(file) for run in plan.runs if (file := result_file(run, runs)).is_file()}
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(lines(plan, results)) + "\n", encoding="utf-8")


def lines(plan: Plan, results: dict[Run, Result]) -> Iterator[str]:
    """The lines of the page."""
    yield f"# Short trainings before the long one of {plan.base}"
    yield ""
    yield "Every row is the first row with one change, trained for the same number of updates of the same size."
    yield "nats: negative log-likelihood per reference character under teacher forcing (lower is better, comparable"
    yield "between vocabularies). BLEU and chrF: greedy, sacrebleu's defaults, fp32. One seed each: differences of a"
    yield "few tenths of BLEU mean nothing, and so short a training tells how fast something learns, not how far."
    yield ""
    settings = ", ".join(f"{place} {value}" if value != [] else f"no {place}" for place, value in plan.every.items())
    yield f"All runs: the recipe `{plan.base}` with {settings}."
    yield ""
    names = list(next(iter(results.values())).sets) if results else []
    yield "| change | M parameters | M target tokens | " + " | ".join(
        f"{name}: nats | BLEU | chrF" for name in names
    ) + " |"  # fmt: skip
    yield "| --- | ---: | ---: |" + " ---: | ---: | ---: |" * len(names)
    for run, result in results.items():
        sets = " | ".join(f"{s.nats:.3f} | {s.bleu:.2f} | {s.chrf:.2f}" for s in result.sets.values())
        yield f"| {run.what} | {result.parameters / 1e6:.1f} | {result.tokens:.1f} | {sets} |"
    if plan.decided:
        yield ""
        yield "## What was decided"
        yield ""
        yield plan.decided.strip()
