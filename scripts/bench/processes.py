"""Whole processes: what it takes from the command to its answer, and for the imports alone."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tui_transformer.bundle import SOURCE_VOCABULARY, TARGET_VOCABULARY, Bundle

from .contender import REPOSITORY

BEAM = 4

SCRIPT = """\
import sys
import ctranslate2, sentencepiece
source = sentencepiece.SentencePieceProcessor(model_file={source!r})
target = sentencepiece.SentencePieceProcessor(model_file={target!r})
translator = ctranslate2.Translator({model!r}, compute_type={kind!r}, intra_threads={threads})
for line in sys.stdin:
    pieces = source.encode(line.strip(), out_type=str) + [{end!r}]
    best = translator.translate_batch([pieces], beam_size={beam})[0].hypotheses[0]
    print(target.decode(best))
"""


@dataclass(frozen=True, slots=True)
class Start:
    """Milliseconds of a whole process: median, least and greatest; and of processor time, the median."""

    what: str
    median: float
    least: float
    greatest: float
    cpu: float
    answer: str


def starts(bundle: Bundle, model: Path, threads: int, environment: dict[str, str], rounds: int) -> list[Start]:
    """`echo hi |` each translator, and the imports, in alternation.

    The first round warms the disk cache and compiles every module, as an installation would have done.
    """
    wanted = {**os.environ, **environment, "PYTHONPYCACHEPREFIX": str(model.parent / "pycache")}
    wanted.pop("PYTHONDONTWRITEBYTECODE", None)
    script = model.parent / "minimal.py"
    vocabulary = {"source": SOURCE_VOCABULARY, "target": TARGET_VOCABULARY}
    script.write_text(
        SCRIPT.format(
            **{side: str(bundle.file(name)) for side, name in vocabulary.items()},
            model=str(model), kind="int8_float32" if bundle.manifest.precision == "int8" else "float32",
            threads=threads, beam=BEAM, end="</s>",
        ),
        encoding="utf-8",
    )  # fmt: skip
    python = sys.executable
    ttx = Path(python).with_name("ttx")
    command = [str(ttx)] if ttx.exists() else [python, "-m", "tui_transformer"]
    options = ["translate", "--model", str(bundle.path), "--beam", str(BEAM), "--threads", str(threads)]
    commands = {
        "echo hi | ttx translate": [*command, *options],
        "echo hi | CTranslate2 script": [python, str(script)],
        "import: ttx": [python, "-c", "import tui_transformer.translator, tui_transformer.batching"],
        "import: CTranslate2 + SentencePiece": [python, "-c", "import ctranslate2, sentencepiece"],
        "import: nothing": [python, "-c", "pass"],
        "ttx --version": [*command, "--version"],
    }
    times: dict[str, list[tuple[float, float]]] = {what: [] for what in commands}
    answers = {}
    for turn in range(rounds + 1):
        for what, arguments in commands.items():
            *milliseconds, answers[what] = _run(arguments, wanted)
            times[what] += [(milliseconds[0], milliseconds[1])] if turn else []
    found = []
    for what, pairs in times.items():
        wall, cpu = zip(*pairs, strict=True)
        found.append(Start(what, statistics.median(wall), min(wall), max(wall), statistics.median(cpu), answers[what]))
    return found


def _run(arguments: list[str], environment: dict[str, str]) -> tuple[float, float, str]:
    """Milliseconds, milliseconds of processor time, and what was said."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        arguments, input="hi\n", capture_output=True, text=True, check=True, cwd=REPOSITORY, env=environment
    )
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1000 * seconds, 1000 * cpu, done.stdout.strip()
