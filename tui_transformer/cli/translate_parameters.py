"""The options of `ttx translate`, in groups. Imports nothing that takes time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tui_transformer.errors import UsageError
from tui_transformer.generation import MOST_PENALTY

from .parameters import finite, suiting

if TYPE_CHECKING:
    from tui_transformer.keep import Keeper
    from tui_transformer.search import SamplingOptions
    from tui_transformer.translation import Wanted

MOST_ALTERNATIVES, USUAL_ALTERNATIVES = 64, 5
LOOK, SEARCH, SAMPLING, CHECKS = "Input and output", "Search", "Sampling", "Checks"


class InputFormat(StrEnum):
    """How lines come in."""

    text = "text"
    jsonl = "jsonl"


class OutputFormat(StrEnum):
    """How translations are written."""

    text = "text"
    tsv = "tsv"
    jsonl = "jsonl"


class Alignment(StrEnum):
    """Which source word each target word comes from: pairs, or all weights."""

    hard = "hard"
    soft = "soft"


Text = Annotated[
    list[str] | None,
    typer.Argument(help="Text to translate; standard input if not given.", show_default=False),
]
InputFile = Annotated[Path | None, typer.Option("-i", "--input", help="Read from this file.", show_default=False)]
OutputFile = Annotated[Path | None, typer.Option("-o", "--output", help="Write to this file.", show_default=False)]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Report on stderr what is being done.")]
Watch = Annotated[
    bool, typer.Option("--watch", help="Draw each sentence on the terminal as it is decoded, line by line (slower).")
]
LineBuffered = Annotated[bool, typer.Option("--line-buffered", help="Translate each line as it arrives, one by one.")]

InputFormatOption = Annotated[
    InputFormat,
    typer.Option(
        "--input-format",
        rich_help_panel=LOOK,
        help='jsonl: one object per line with "source", maybe "prefix"; other fields are passed on to jsonl output.',
    ),
]
FormatOption = Annotated[
    OutputFormat,
    typer.Option(
        "--format",
        rich_help_panel=LOOK,
        help='text: as Marian writes it. tsv: line, source, translation, and extras asked for. jsonl: "schema": 1.',
    ),
]
NBest = Annotated[
    int | None,
    typer.Option(
        "--n-best",
        min=1,
        show_default=False,
        rich_help_panel=LOOK,
        help="Number of different translations per line, best first. As text: LINE ||| TRANSLATION ||| F0= LOGP ||| "
        "SCORE, lines from 0.",
    ),
]
Scores = Annotated[
    bool,
    typer.Option(
        "--scores", rich_help_panel=LOOK, help="Add log-probabilities (natural) of the translation and its pieces."
    ),
]
AlignmentOption = Annotated[
    Alignment | None,
    typer.Option(
        "--alignment",
        show_default=False,
        rich_help_panel=LOOK,
        help="hard: add word pairs, source-target, counted from 0, such as 0-0 1-2. soft: all weights, in jsonl.",
    ),
]
AlignHeads = Annotated[
    str | None,
    typer.Option(
        "--align-heads",
        metavar="LAYER:HEAD,…",
        show_default=False,
        rich_help_panel=LOOK,
        help="Heads averaged for the alignment, counted from 1; all above the first layer if not given.",
    ),
]
LengthPenalty = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=MOST_PENALTY,
        callback=finite,
        show_default="the model's own, else 0.6",
        rich_help_panel=SEARCH,
        help="Above 0 favours longer translations (beam search).",
    ),
]
MaxLength = Annotated[
    int | None,
    typer.Option(
        min=1,
        show_default=False,
        rich_help_panel=SEARCH,
        help="Most pieces in a sentence's translation; if not given the model's own, for ours twice the source + 10.",
    ),
]
NoRepeat = Annotated[
    int,
    typer.Option(
        "--no-repeat-ngram",
        min=0,
        rich_help_panel=SEARCH,
        help="Never repeat a sequence of this many pieces; 0 turns this off.",
    ),
]
ClauseLimit = Annotated[
    int | None,
    typer.Option(
        min=0,
        show_default="the model's own, else 0",
        rich_help_panel=SEARCH,
        help="Sentences of more pieces are translated clause by clause; 0: only those that are too long for the model.",
    ),
]
Quotes = Annotated[
    bool | None,
    typer.Option(
        "--quotes/--no-quotes",
        show_default="the model's own, else no",
        rich_help_panel=SEARCH,
        help="What a sentence quotes is translated by itself, and the sentence around it with a stand-in.",
    ),
]
Alternatives = Annotated[
    int | None,
    typer.Option(
        "--alternatives",
        min=1,
        metavar="PIECE",
        show_default=False,
        rich_help_panel=SEARCH,
        help="Vary this piece of the translation, counted from 1 as --scores lists them: what comes before it stays, "
        "and each of the --n-best (5 if not given) likeliest pieces is tried there and continued.",
    ),
]
Prefix = Annotated[
    str | None,
    typer.Option(
        "--prefix",
        show_default=False,
        rich_help_panel=SEARCH,
        help="What each translation begins with; its last word may go on. If it must begin with a kept string, this is "
        "put before that, unscored.",
    ),
]
Sample = Annotated[bool, typer.Option("--sample", rich_help_panel=SAMPLING, help="Sample instead of searching.")]
Temperature = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        max=100.0,
        callback=finite,
        show_default="1.0",
        rich_help_panel=SAMPLING,
        help="Below 1 favours likelier pieces.",
    ),
]
TopK = Annotated[
    int | None,
    typer.Option(
        "--top-k",
        min=1,
        show_default="all",
        rich_help_panel=SAMPLING,
        help="Sample only from this many likeliest pieces.",
    ),
]
TopP = Annotated[
    float | None,
    typer.Option(
        "--top-p",
        min=0.0,
        max=1.0,
        callback=finite,
        show_default="1.0",
        rich_help_panel=SAMPLING,
        help="Sample only from the likeliest pieces that together have this probability.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0, show_default="0", rich_help_panel=SAMPLING, help="Random seed; the same seed gives the same draws."
    ),
]
Keep = Annotated[
    list[str] | None,
    typer.Option(
        "--keep",
        metavar="REGEX",
        show_default=False,
        rich_help_panel=CHECKS,
        help="Text that must come through unchanged, besides numbers, addresses, `code`, {placeholders}, <tags>. "
        "Matched in each sentence by itself. Repeatable.",
    ),
]
BuiltInKeeps = Annotated[
    bool,
    typer.Option(
        "--keep-usual/--no-keep-usual",
        rich_help_panel=CHECKS,
        help="Keep numbers, addresses and so on unchanged, and mend names that were copied with mistakes.",
    ),
]
Report = Annotated[
    bool,
    typer.Option("--report", rich_help_panel=CHECKS, help="Report lines that look wrong, on stderr and in jsonl."),
]
Strict = Annotated[
    bool, typer.Option("--strict", rich_help_panel=CHECKS, help="Exit with code 8 at the end if any line looks wrong.")
]


@dataclass(frozen=True, slots=True)
class Drawing:
    """The sampling options as given."""

    sample: bool
    temperature: float | None
    top_k: int | None
    top_p: float | None
    seed: int | None

    @classmethod
    def of(
        cls,
        context: typer.Context,
        sample: bool,
        temperature: float | None,
        top_k: int | None,
        top_p: float | None,
        seed: int | None,
    ) -> Drawing:
        """Raises UsageError for what is typed without --sample; settings then have no effect."""
        given = {"--temperature": temperature, "--top-k": top_k, "--top-p": top_p, "--seed": seed}
        if not sample:
            idle = [name for name, value in given.items() if suiting(context, name, value, suits=False) is not None]
            if idle:
                raise UsageError(f"{idle[0]} only applies with --sample")
            return cls(False, None, None, None, None)
        return cls(True, temperature, top_k, top_p, seed)

    def check(self, searching: Sequence[str], alternatives: int | None) -> None:
        """Raises UsageError for senseless combinations; `searching`: the given options that steer a search."""
        if self.sample and alternatives:
            raise UsageError("--alternatives does not go with --sample: they are searched for, not drawn")
        if self.sample and searching:
            raise UsageError(f"{searching[0]} does not go with --sample, which draws without searching")
        if alternatives and "--no-repeat-ngram" in searching:
            raise UsageError("--no-repeat-ngram does not go with --alternatives")

    def options(self) -> SamplingOptions | None:
        """For the translator."""
        from tui_transformer.search import SamplingOptions

        if not self.sample:
            return None
        top_p = 1.0 if self.top_p is None else self.top_p
        return SamplingOptions(self.temperature or 1.0, self.top_k or 0, top_p, self.seed or 0)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is to be written, as given. `alternatives`: the piece in which the n best differ."""

    format: OutputFormat
    n_best: int | None
    scores: bool
    alignment: Alignment | None
    heads: str | None
    report: bool
    alternatives: int | None = None

    def check(self, beam: int | None) -> None:
        """Raises UsageError for options that make no sense together, as far as that is known without a `beam`."""
        if self.n_best and self.alternatives and self.n_best > MOST_ALTERNATIVES:
            raise UsageError(f"--alternatives gives at most {MOST_ALTERNATIVES}, but --n-best is {self.n_best}")
        if self.n_best and beam and not self.alternatives and self.n_best > beam:
            raise UsageError(f"--n-best {self.n_best} needs --beam {self.n_best} or more (it is {beam})")
        if self.alignment is Alignment.soft and self.format is not OutputFormat.jsonl:
            raise UsageError("--alignment soft needs --format jsonl")
        if self.heads and not self.alignment:
            raise UsageError("--align-heads only applies with --alignment")

    def wanted(self, checks: bool, keeper: Keeper | None) -> Wanted:
        """For the translator: a second pass only if something it computes is asked for."""
        from tui_transformer.translation import Wanted

        attentions = bool(self.alignment or checks)
        second_pass = bool(self.n_best or self.scores or attentions)
        return Wanted(self.n_best or 1, second_pass, attentions, keeper, self.alternatives)


def keeper_of(patterns: list[str], usual: bool) -> Keeper | None:
    """Raises UsageError for an invalid regular expression."""
    from tui_transformer.keep import Keeper

    if not patterns and not usual:
        return None
    try:
        return Keeper.of(patterns, usual)
    except re.error as error:
        raise UsageError(f"--keep: not a valid regular expression: {error}") from None
