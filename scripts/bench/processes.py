"""Whole processes: what it takes from the command to its answer, and for the imports alone."""

from __future__ import annotations

import os
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
    """Milliseconds of a whole process: median, least and greatest."""

    what: str
    median: float
    least: float
    greatest: float
    answer: str


def starts(bundle: Bundle, model: Path, threads: int, environment: dict[str, str], rounds: int) -> list[Start]:
    """`echo hi |` each translator, and the imports, in alternation; the first round warms the disk cache."""
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
    times: dict[str, list[float]] = {what: [] for what in commands}
    answers = {}
    for turn in range(rounds + 1):
        for what, arguments in commands.items():
            milliseconds, answers[what] = _run(arguments, environment)
            times[what] += [milliseconds] if turn else []
    return [
        Start(what, statistics.median(found), min(found), max(found), answers[what]) for what, found in times.items()
    ]


def _run(arguments: list[str], environment: dict[str, str]) -> tuple[float, str]:
    begun = time.perf_counter()
    done = subprocess.run(
        arguments, input="hi\n", capture_output=True, text=True, check=True, cwd=REPOSITORY,
        env={**os.environ, **environment},
    )  # fmt: skip
    return 1000 * (time.perf_counter() - begun), done.stdout.strip()
