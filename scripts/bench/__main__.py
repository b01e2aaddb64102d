"""`python -m scripts.bench`: ttx beside CTranslate2, same weights, same threads, each at its best setting.

CTranslate2 gets the bundle's weights through its own specification classes. Both are asked alternately, each
in a process of its own, with tokenisation included in what is measured. Takes about 8 minutes on two idle
cores, with --quick one; needs the [train] and [bench] extras, and Linux.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from rich.console import Console

from tui_transformer.bundle import read_bundle
from tui_transformer.runtime import usable_cores

from .contender import DATA, REPOSITORY
from .report import show, to_dict
from .session import QUICK, Plan, Size, run

WIDTH = 120


def main() -> None:
    """Read the options, measure, report."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", type=Path, default=REPOSITORY / "models" / "en-de", help="the bundle")
    parser.add_argument("--checkpoint", type=Path, help="take the weights from here, not from the bundle's graphs")
    parser.add_argument(
        "--data", type=Path, nargs="+", default=[DATA / "test.newstest2014.tsv", DATA / "dev.tatoeba.tsv"],
        help="TSV files, sources first, or plain lines",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=usable_cores(), help="cores that each contender may use")
    parser.add_argument("--lines", type=int, default=Size().lines, help="lines of each file")
    parser.add_argument("--quick", action="store_true", help="little of everything, in a minute")
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    options = parser.parse_args()
    size = QUICK if options.quick else Size(lines=options.lines)
    plan = Plan(read_bundle(options.model), tuple(options.data), options.threads, size, options.checkpoint)
    errors, begun = Console(stderr=True), time.perf_counter()
    result = run(plan, lambda what: errors.print(f"{time.perf_counter() - begun:5.0f} s  {what}", highlight=False))
    show(result, Console(width=None if sys.stdout.isatty() else WIDTH))
    if options.json:
        options.json.write_text(json.dumps(to_dict(result), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
