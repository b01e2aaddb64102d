"""`python -m scripts.bench.growth`: what ttx costs as the input grows: docs/cost-growth.svg and .json anew.

Whole `ttx translate` processes on 100 to 100,000 lines (processor time, peak memory), and single lines of 5 to 400
pieces (processor time, which does not depend on what else the machine does). Linux; a few minutes on two idle cores,
--most 1000000 takes ten times as long.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

from rich.console import Console
from ttx_export.machine import processor

from tui_transformer.bundle import SOURCE_VOCABULARY, Bundle, read_bundle
from tui_transformer.runtime import usable_cores
from tui_transformer.tokenizer import Tokenizer

from .contender import DATA, REPOSITORY, Contender
from .corpus import read_lines
from .engines import Request, Setting
from .plot import Panel, svg

LENGTHS = (5, 10, 20, 40, 80, 120, 200, 300, 400)
SENTENCES = 5
"""Different sentences of each length."""

ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Run:
    """One process on so many lines: seconds, processor seconds, most memory in bytes."""

    lines: int
    seconds: float
    cpu: float
    memory: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """Milliseconds of processor time for a line of so many pieces."""

    pieces: int
    milliseconds: float


def translate_file(bundle: Bundle, lines: list[str], count: int, beam: int, threads: int) -> Run:
    """`ttx translate` from file to file, the lines repeated as often as it takes."""
    arguments = [sys.executable, "-m", "tui_transformer", "translate", "--model", str(bundle.path)]
    arguments += ["--beam", str(beam), "--threads", str(threads)]
    with tempfile.TemporaryDirectory(prefix="ttx-growth-") as folder:
        source, target = Path(folder) / "source", Path(folder) / "target"
        with open(source, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in islice(cycle(lines), count))
        descriptors = [
            (os.POSIX_SPAWN_OPEN, 0, str(source), os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(target), os.O_WRONLY | os.O_CREAT, 0o600),
        ]
        begun = time.perf_counter()
        process = os.posix_spawn(sys.executable, arguments, os.environ, file_actions=descriptors)
        _, status, usage = os.wait4(process, 0)
        seconds = time.perf_counter() - begun
        with open(target, "rb") as file:
            written = sum(1 for _ in file)
    if os.waitstatus_to_exitcode(status) or written != count:
        raise SystemExit(f"growth: ttx translate wrote {written} of {count} lines")
    return Run(count, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def translate_sentences(bundle: Bundle, lines: list[str], beam: int) -> list[Sentence]:
    """Sentences of each length, cut from running text; the longest are split by ttx, as any long line is."""
    tokenizer = Tokenizer.load(bundle.file(SOURCE_VOCABULARY))
    setting = Setting("ttx", str(bundle.path), str(bundle.path), bundle.manifest.precision)
    found = []
    with Contender(setting) as contender:
        for wanted in LENGTHS:
            texts = [_running_text(lines[start:], wanted, tokenizer) for start in range(0, 50 * SENTENCES, 50)]
            laps = [contender.each(texts, Request(beam, limit=None)).cpu for _ in range(ROUNDS + 1)][1:]
            found.append(Sentence(wanted, 1000 * statistics.median(laps) / len(texts)))
    return found


def _running_text(lines: list[str], pieces: int, tokenizer: Tokenizer) -> str:
    """The beginning of the text that comes to `pieces` pieces, or a word less."""
    words = iter(word for line in lines for word in line.split())
    text = next(words)
    for word in words:
        if len(tokenizer.encode(f"{text} {word}")) > pieces:
            return text
        text = f"{text} {word}"
    raise SystemExit("growth: the text is too short")


def draw(runs: list[Run], sentences: list[Sentence], caption: str) -> str:
    """The SVG: time and memory over lines, time over length."""
    panels = [
        Panel("Processor seconds", "lines", [(run.lines, run.cpu) for run in runs], linear=True),
        Panel("Peak memory in MB", "lines", [(run.lines, run.memory / 1e6) for run in runs], logarithmic=False),
        Panel(
            "Processor milliseconds", "pieces in one line", [(s.pieces, s.milliseconds) for s in sentences], linear=True
        ),
    ]
    return svg(panels, caption)


def main() -> None:
    """Measure and draw."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench.growth", description=(__doc__ or "").split(": ")[1].split("\n")[0]
    )
    parser.add_argument("--model", type=Path, default=REPOSITORY / "models" / "en-de", help="the bundle")
    parser.add_argument("--data", type=Path, default=DATA / "dev.tatoeba.tsv", help="lines, repeated as needed")
    parser.add_argument("--text", type=Path, default=DATA / "test.newstest2014.tsv", help="text for long sentences")
    parser.add_argument("--most", type=int, default=100_000, help="most lines; a tenth, a hundredth… as well")
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "cost-growth.svg", help=".json beside")
    options = parser.parse_args()
    bundle, say = read_bundle(options.model), Console(stderr=True, highlight=False).print
    lines, runs, count = read_lines(options.data, bundle, 2000), list[Run](), 100
    while count <= options.most:
        run = translate_file(bundle, lines, count, options.beam, options.threads)
        say(f"{count:>9,} lines: {run.seconds:8.2f} s, processor {run.cpu:8.2f} s, {run.memory / 1e6:,.0f} MB")
        runs.append(run)
        count *= 10
    sentences = translate_sentences(bundle, read_lines(options.text, bundle, 2000), options.beam)
    for sentence in sentences:
        say(f"{sentence.pieces:>9,} pieces: {sentence.milliseconds:7.1f} ms")
    caption = (
        f"ttx translate, {bundle.manifest.name} ({bundle.manifest.precision}), beam {options.beam}, "
        f"{options.threads} core{'s' * (options.threads > 1)}. Dashed: in proportion."
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(draw(runs, sentences, caption), encoding="utf-8")
    values = {
        "model": bundle.manifest.name,
        "precision": bundle.manifest.precision,
        "updates": bundle.manifest.provenance.get("training", {}).get("step"),
        "beam": options.beam,
        "threads": options.threads,
        "processor": processor(),
        "runs": [asdict(run) for run in runs],
        "sentences": [asdict(sentence) for sentence in sentences],
    }
    options.out.with_suffix(".json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
