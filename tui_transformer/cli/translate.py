"""`ttx translate`: one line out for each line in."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from tui_transformer.errors import QualityError, UsageError

from .parameters import DeviceName, DeviceOption, ModelOption, ThreadsOption, UsualBeamOption, as_text, suiting, typed
from .translate_parameters import (
    USUAL_ALTERNATIVES,
    AlignHeads,
    Alignment,
    AlignmentOption,
    Alternatives,
    BuiltInKeeps,
    ClauseLimit,
    Drawing,
    FormatOption,
    InputFile,
    InputFormat,
    InputFormatOption,
    Keep,
    LengthPenalty,
    LineBuffered,
    MaxLength,
    NBest,
    NoRepeat,
    OutputFile,
    OutputFormat,
    Prefix,
    Quotes,
    Report,
    Sample,
    Scores,
    Seed,
    Shown,
    Strict,
    Temperature,
    Text,
    TopK,
    TopP,
    Verbose,
    Watch,
    keeper_of,
)

if TYPE_CHECKING:
    from tui_transformer.translator import Translator


def translate(
    context: typer.Context,
    text: Text = None,
    input_file: InputFile = None,
    output_file: OutputFile = None,
    model: ModelOption = "en-de",
    beam: UsualBeamOption = None,
    device: DeviceOption = DeviceName.auto,
    threads: ThreadsOption = None,
    line_buffered: LineBuffered = False,
    watch: Watch = False,
    verbose: Verbose = False,
    input_format: InputFormatOption = InputFormat.text,
    output_format: FormatOption = OutputFormat.text,
    n_best: NBest = None,
    scores: Scores = False,
    alignment: AlignmentOption = None,
    align_heads: AlignHeads = None,
    length_penalty: LengthPenalty = None,
    max_length: MaxLength = None,
    no_repeat_ngram: NoRepeat = 0,
    clause_limit: ClauseLimit = None,
    quotes: Quotes = None,
    prefix: Prefix = None,
    alternatives: Alternatives = None,
    sample: Sample = False,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    seed: Seed = None,
    keep: Keep = None,
    keep_usual: BuiltInKeeps = True,
    report: Report = False,
    strict: Strict = False,
) -> None:
    """Translate text: from arguments, a file or a pipe, line by line.

    One line out for each line in; empty lines and the white space around a line are kept.

    Example:  cat a.txt | ttx translate > b.txt
    """
    # A setting gives way where it does not go with what was asked for.
    input_file = suiting(context, "--input", input_file, not text)
    if text and input_file:
        raise UsageError("give either text or --input, not both")
    beam = suiting(context, "--beam", beam, not sample)
    length_penalty = suiting(context, "--length-penalty", length_penalty, not sample and beam != 1)
    no_repeat_ngram = suiting(context, "--no-repeat-ngram", no_repeat_ngram, not (sample or alternatives)) or 0
    n_best = suiting(context, "--n-best", n_best, not sample)
    listed = alignment is not Alignment.soft or output_format is OutputFormat.jsonl
    alignment = suiting(context, "--alignment", alignment, listed)
    align_heads = suiting(context, "--align-heads", align_heads, alignment is not None)
    drawing = Drawing.of(context, sample, temperature, top_k, top_p, seed)
    searching = {"--beam": (beam or 1) > 1, "--length-penalty": length_penalty is not None,
                 "--no-repeat-ngram": no_repeat_ngram > 0, "--n-best": (n_best or 1) > 1}  # fmt: skip
    drawing.check([name for name, given in searching.items() if given], alternatives)
    if length_penalty is not None and beam == 1:
        raise UsageError("--length-penalty only applies with --beam 2 or more")
    n_best = n_best or (USUAL_ALTERNATIVES if alternatives else None)
    shown = Shown(output_format, n_best, scores, alignment, align_heads, report, alternatives)
    shown.check(beam if "--n-best" in typed(context) else None)
    keeper = keeper_of(keep or [], keep_usual)

    from tui_transformer.batching import Batching, translate_lines
    from tui_transformer.runtime import usable_cores
    from tui_transformer.translator import Options, Translator

    from .formats import Formatter
    from .requests import json_lines, prefix_ids, text_lines
    from .run import Run
    from .streams import stream_out, warn_of_damage
    from .textio import LineReader
    from .watch import watched, watching

    reader = LineReader.of_arguments(text) if text else LineReader.of_file(input_file)
    if not text and not input_file and sys.stdin.isatty():
        typer.echo("ttx: reading from the terminal, a line at a time; Ctrl-D ends", err=True)
    cores = threads or usable_cores()
    translator = Translator.load(model, device.value)
    beam = beam or translator.defaults.beam
    found = alternatives is not None or (n_best or 1) <= beam
    shown = replace(shown, n_best=suiting(context, "--n-best", n_best, found))
    shown.check(beam)
    if verbose:
        _describe(translator, cores)
    forced = prefix_ids(translator, as_text(prefix), "--prefix") if prefix else ()
    options = Options(
        beam, length_penalty, max_length, no_repeat_ngram, drawing.options(), forced,
        clause_limit=clause_limit, quotes=quotes,
    )  # fmt: skip
    lines = json_lines(reader, translator) if input_format is InputFormat.jsonl else text_lines(reader)
    batching = Batching(cores, first_window=1, window=1) if line_buffered or watch else Batching(cores)
    run = Run(Formatter.of(translator, shown, options), report or strict, verbose)
    wanted = shown.wanted(run.checks, keeper)
    with watching(watch) as screen:
        lines = watched(lines, translator, options, screen) if screen else lines
        stream_out(run.lines(translate_lines(translator, lines, options, batching, wanted)), reader, output_file)
    warn_of_damage(reader)
    if strict and run.flagged:
        hint = "" if report else "; --report tells which"
        raise QualityError(f"{run.flagged:,} of {run.number:,} line(s) look wrong{hint}")


def _describe(translator: Translator, cores: int) -> None:
    manifest = translator.bundle.manifest
    typer.echo(
        f"ttx: model {translator.bundle.path} ({manifest.source_language} → {manifest.target_language}, "
        f"{manifest.precision}) on {translator.runtime.device}, {cores} worker(s)",
        err=True,
    )
