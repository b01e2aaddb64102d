"""`ttx score`: how likely the model finds given translations."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tui_transformer.errors import UsageError

from .parameters import DeviceName, DeviceOption, ModelOption, ThreadsOption

if TYPE_CHECKING:
    from tui_transformer.batching import Batching
    from tui_transformer.scoring import PairScore
    from tui_transformer.translator import Translator

    from .textio import LineReader

SCHEMA = 1


class FormatName(StrEnum):
    """How scores are written."""

    tsv = "tsv"
    jsonl = "jsonl"


def score(
    source: Annotated[Path | None, typer.Argument(help="Sentences, one per line.", show_default=False)] = None,
    target: Annotated[Path | None, typer.Argument(help="Their translations, line by line.", show_default=False)] = None,
    model: ModelOption = "en-de",
    per_token: Annotated[
        bool, typer.Option("--per-token", help="Add each piece of the target with its surprisal in bits.")
    ] = False,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary", help="Print only one line for the corpus: pairs, pieces, log-probability, perplexity."
        ),
    ] = False,
    output_format: Annotated[FormatName, typer.Option("--format", help="jsonl: one object per line.")] = FormatName.tsv,
    device: DeviceOption = DeviceName.auto,
    threads: ThreadsOption = None,
) -> None:
    """Score given translations: log-probability (natural) and perplexity, tab-separated.

    One line out for each pair in; the corpus as a whole is summarised on stderr.

    Without files, pairs are read from standard input: source<TAB>target; further columns are ignored.

    Example:  paste a.en a.de | ttx score | sort -n | head
    """
    from tui_transformer.batching import Batching
    from tui_transformer.runtime import usable_cores
    from tui_transformer.translator import Translator

    from .streams import stream_out, warn_of_damage
    from .textio import LineReader

    if (source is None) != (target is None):
        raise UsageError("give two files, SOURCE and TARGET, or none to read pairs from standard input")
    if summary and per_token:
        raise UsageError("give either --per-token, for each pair, or --summary, for all of them together")
    readers = [LineReader.of_file(path) for path in (source, target) if path] or [LineReader.of_file()]
    if source is None and sys.stdin.isatty():
        typer.echo("ttx: reading source<TAB>target from the terminal; Ctrl-D ends", err=True)
    batching = Batching(workers=threads or usable_cores())
    report = Report(output_format, per_token, summary)
    with_model = Translator.load(model, device.value)
    stream_out(report.lines(_scores(with_model, readers, batching)), readers[0])
    warn_of_damage(*readers)
    report.finish()


def _scores(translator: Translator, readers: list[LineReader], batching: Batching) -> Iterator[PairScore]:
    from tui_transformer.scoring import score_pairs, score_windows

    from .streams import parsed_windows, side_by_side

    if len(readers) == 2:
        return score_pairs(translator, side_by_side(*readers), batching)
    (reader,) = readers

    return score_windows(translator, parsed_windows(reader, batching), batching)


class Report:
    """Scores as lines of text, and their sum."""

    def __init__(self, output_format: FormatName, per_token: bool, summary: bool) -> None:
        from tui_transformer.scoring import CorpusScore

        self._json, self._per_token, self._summary = output_format is FormatName.jsonl, per_token, summary
        self._total = CorpusScore()
        self._cut = 0

    def lines(self, scores: Iterator[PairScore]) -> Iterator[str]:
        """One line per pair, or one for all of them."""
        for found in scores:
            self._total = self._total.plus(found)
            self._cut += found.cut
            if not self._summary:
                yield self._as_json(found) if self._json else self._as_tsv(found)
        if self._summary:
            yield self._total_line()

    def finish(self) -> None:
        """Report on stderr what is known at the end."""
        total = self._total
        if self._cut:
            typer.echo(f"ttx: {self._cut:,} pair(s) too long for the model: only their beginning is scored", err=True)
        if not self._summary:
            typer.echo(
                f"ttx: {total.pairs:,} pairs, {total.pieces:,} pieces: log-probability {total.log_probability:.4f}, "
                f"perplexity {total.perplexity:.6g}",
                err=True,
            )

    def _as_tsv(self, found: PairScore) -> str:
        columns = [f"{found.log_probability:.4f}", f"{found.perplexity:.6g}"]
        if self._per_token:
            # Pieces write their spaces as ▁, so a space can separate them.
            bits = zip(found.pieces, found.surprisals, strict=True)
            columns.append(" ".join(f"{piece}:{value:.3f}" for piece, value in bits))
        return "\t".join(columns)

    def _as_json(self, found: PairScore) -> str:
        content: dict[str, object] = {
            "schema": SCHEMA,
            "log_probability": round(found.log_probability, 6),
            "perplexity": round(found.perplexity, 6),
            "pieces": len(found.pieces),
            "cut": found.cut,
        }
        if self._per_token:
            content["tokens"] = [
                {"piece": piece, "log_probability": round(log_probability, 6), "bits": round(bits, 6)}
                for piece, log_probability, bits in zip(
                    found.pieces, found.log_probabilities, found.surprisals, strict=True
                )
            ]
        return json.dumps(content, ensure_ascii=False)

    def _total_line(self) -> str:
        total = self._total
        if not self._json:
            return f"{total.pairs}\t{total.pieces}\t{total.log_probability:.4f}\t{total.perplexity:.6g}"
        return json.dumps(
            {
                "schema": SCHEMA,
                "pairs": total.pairs,
                "pieces": total.pieces,
                "log_probability": round(total.log_probability, 6),
                "perplexity": round(total.perplexity, 6),
            }
        )
