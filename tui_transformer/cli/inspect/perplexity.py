"""`ttx inspect perplexity`: how surprising each piece of a translation is to the model."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tui_transformer.errors import UsageError

from .options import Options, with_options_and_traces
from .probing import source_notes
from .show import given, show, show_view

if TYPE_CHECKING:
    from tui_transformer.render.picture import Picture
    from tui_transformer.render.views.perplexity import Scored


class BaseName(StrEnum):
    """The base of the logarithm: bits or nats."""

    two = "2"
    e = "e"


@with_options_and_traces
def perplexity(
    options: Options,
    source: Annotated[
        str | None,
        typer.Argument(
            help="A sentence; without it, lines of standard input: source, or source<TAB>target.", show_default=False
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Argument(help="Its translation; the model's own if not given.", show_default=False)
    ] = None,
    base: Annotated[BaseName, typer.Option(help="2: surprisal in bits; e: in nats.")] = BaseName.two,
) -> None:
    """Show how surprising each piece of a translation is to the model, and its perplexity.

    Example:  ttx inspect perplexity "He admired her." "Er bewunderte sie."
    """
    if target is None:
        show_view("perplexity", source, lambda line: _picture(line, base, options), options)
        return
    if options.trace or options.from_trace:
        raise UsageError("a trace is a decoding: --trace and --from-trace take no target")
    assert source is not None  # it comes first
    show(_scored_picture(_of_pair(given(source), given(target), options), base), options)


def _picture(line: str, base: BaseName, options: Options) -> Picture:
    source, tab, target = line.partition("\t")
    if not tab or options.read_trace:
        notes = () if options.from_trace else source_notes(options.translator, line)
        return _scored_picture(_own(line, options), base).noting(notes)
    return _scored_picture(_of_pair(given(source), given(target), options), base)


def _scored_picture(scored: Scored, base: BaseName) -> Picture:
    from tui_transformer.render.views.perplexity import perplexity_picture

    return perplexity_picture(scored, base.value)


def _of_pair(source: str, target: str, options: Options) -> Scored:
    from tui_transformer.render.views.perplexity import Scored

    (found,) = options.translator.score([(source, target)])
    return Scored(source, target, found.pieces, found.log_probabilities, cut=found.cut)


def _own(text: str, options: Options) -> Scored:
    """What the model said of its own choices while it made them."""
    from math import log

    from tui_transformer.decoding import Options as Decoding
    from tui_transformer.render.views.perplexity import Scored

    trace = options.decoding(text, Decoding(beam=1))
    if trace.beam_steps:
        raise UsageError("the trace is of a beam search, which does not keep the cost of each piece")
    chosen = [step.chosen for step in trace.steps]
    return Scored(
        trace.encoded.text, trace.finished.text, tuple(one.piece for one in chosen),
        tuple(log(max(one.probability, 1e-300)) for one in chosen), own=trace.likeliest or not options.from_trace,
    )  # fmt: skip
