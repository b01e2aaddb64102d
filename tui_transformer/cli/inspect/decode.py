"""`ttx inspect decode`: how a translation comes about, piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from tui_transformer.cli.parameters import finite, suiting, typed
from tui_transformer.errors import UsageError
from tui_transformer.generation import MOST_HYPOTHESES, MOST_PENALTY

from . import selection
from .options import Options, Text, with_options_and_traces
from .probing import source_notes
from .show import show_view

if TYPE_CHECKING:
    from tui_transformer.decoding import Options as Decoding
    from tui_transformer.events import Trace
    from tui_transformer.render.picture import Picture
    from tui_transformer.render.views.alternative import Branch
    from tui_transformer.render.views.decode import Shown
    from tui_transformer.translator import Translator

TOP, MOST = 5, 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a decoding is to be seen; layer, head and step as people count them."""

    top: int | None
    step: int | None
    beam: int | None
    length_penalty: float | None
    layer: int | None
    head: int | None
    alternative: str | None

    def how(self) -> Decoding:
        """How to decode."""
        from tui_transformer.decoding import Options as Decoding

        top = TOP if self.top is None else self.top
        return Decoding(beam=self.beam or 1, length_penalty=self.length_penalty, candidates=top)

    def check(self, options: Options) -> None:
        """Raise UsageError for options that do not go together."""
        if self.alternative is not None and self.step is not None:
            raise UsageError("give --step or --alternative, not both")
        if (self.layer, self.head) != (None, None) and self.step is None:
            if self.alternative is not None:
                raise UsageError("--layer and --head do not go with --alternative, which shows no attention")
            if (self.beam or 1) > 1:
                raise UsageError("--layer and --head are for one --step of a beam: the tree shows no attention")
        if self.alternative is not None and (options.trace or options.from_trace):
            raise UsageError("--alternative decodes twice: it does not go with --trace and --from-trace")
        if options.from_trace and (self.beam is not None or self.length_penalty is not None):
            raise UsageError("--from-trace shows a saved decoding: it takes neither --beam nor --length-penalty")
        if self.length_penalty is not None and (self.beam or 1) == 1:
            raise UsageError("--length-penalty only applies with --beam 2 or more")
        if self.top is not None and (self.beam or 1) > 1:
            raise UsageError("--top is for greedy search: a beam shows its rows")
        selection.within("top", TOP if self.top is None else self.top, 1, MOST)


@with_options_and_traces
def decode(
    options: Options,
    text: Text = None,
    top: Annotated[
        int | None, typer.Option(help="Candidates per step, from 1 to 100; 5 if not given.", show_default=False)
    ] = None,
    step: Annotated[int | None, typer.Option(help="Show this step large, from 1.", show_default=False)] = None,
    beam: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_HYPOTHESES, help="Show the tree of a beam this wide; greedy search if not given.",
                     show_default=False),
    ] = None,
    length_penalty: Annotated[
        float | None,
        typer.Option(min=0, max=MOST_PENALTY, callback=finite,
                     help="α of the beam's length penalty; the model's own if not given, else 0.6.",
                     show_default=False),
    ] = None,
    layer: Annotated[
        int | None, typer.Option(help="Attention of this layer, from 1; all if not given.", show_default=False)
    ] = None,
    head: Annotated[
        int | None, typer.Option(help="Attention of this head, from 1; all if not given.", show_default=False)
    ] = None,
    alternative: Annotated[
        str | None,
        typer.Option(metavar="STEP:PIECE", help="Choose this piece at a step and continue from there.",
                     show_default=False),
    ] = None,
) -> None:  # fmt: skip
    """Show the decoding step by step: candidates, entropy, attention; or the tree of a beam search.

    Example:  ttx inspect decode "The old man gave the girl a beautiful red rose." --alternative 8:hübsche
    """
    # A setting gives way where it does not go with what was asked for.
    greedy = options.from_trace or "--top" in typed(options.context)
    beam = suiting(options.context, "--beam", beam, not greedy)
    top = suiting(options.context, "--top", top, (beam or 1) == 1)
    searched = not options.from_trace and (beam or 1) > 1
    length_penalty = suiting(options.context, "--length-penalty", length_penalty, searched)
    asked = Asked(top, step, beam, length_penalty, layer, head, alternative)
    asked.check(options)
    show_view("decode", text, lambda line: _picture(line, asked, options), options)


def _picture(text: str, asked: Asked, options: Options) -> Picture:
    trace = options.decoding(text, asked.how())
    return _drawn(trace, asked, options).noting(() if options.from_trace else source_notes(options.translator, text))


def _drawn(trace: Trace, asked: Asked, options: Options) -> Picture:
    from tui_transformer.render.views.beam import beam_picture, beam_step_picture
    from tui_transformer.render.views.decode import decode_picture, step_picture

    if asked.alternative is not None:
        return _alternative(asked.alternative, trace, asked, options)
    shown = _shown(trace, asked, "greedy" if trace.likeliest or not options.from_trace else "kept")
    if trace.beam_steps:
        return beam_picture(shown) if asked.step is None else beam_step_picture(shown, _beam_step(asked.step, trace))
    if asked.step is None:
        return decode_picture(shown)
    return step_picture(shown, selection.step(asked.step, len(trace.steps)))


def _shown(trace: Trace, asked: Asked, way: str) -> Shown:
    from tui_transformer.render.views.decode import Shown

    layers, heads = (trace.beam_steps or trace.steps)[0].cross_attention.shape[-3:-1]
    chosen_layers = range(layers) if asked.layer is None else [selection.layer(asked.layer, layers)]
    chosen_heads = range(heads) if asked.head is None else [selection.head(asked.head, heads)]
    most = max((len(step.candidates) for step in trace.steps), default=TOP)
    top = min(TOP, most) if asked.top is None else asked.top
    if asked.top is not None and trace.steps:
        selection.within("top", asked.top, 1, most)
    return Shown(trace, top, tuple((layer, head) for layer in chosen_layers for head in chosen_heads), way)


def _beam_step(number: int, trace: Trace) -> int:
    """The place of a step among those of the beam, after the forced ones."""
    first = trace.beam_steps[0].position + 1
    return selection.within("step", number, first, first + len(trace.beam_steps) - 1) - first


def _alternative(wanted: str, trace: Trace, asked: Asked, options: Options) -> Picture:
    """Go on from another choice: the model's own beginning is forced, then the piece."""
    from dataclasses import replace

    from tui_transformer.embedding import vocabulary_piece
    from tui_transformer.events import Trace
    from tui_transformer.render.views.alternative import alternative_picture

    translator, own = options.translator, trace.finished
    steps = len(own.ids) + own.complete
    number, _, name = wanted.partition(":")
    if not number.strip().isdecimal() or not name:
        raise UsageError(f"alternative {wanted!r}: write STEP:PIECE, such as {min(2, steps)}:und")
    step = selection.step(int(number), steps)
    likely = [one.id for one in trace.steps[step].candidates] if trace.steps else []
    piece = vocabulary_piece(name, translator.target, likely)
    prefix = (*own.ids[:step], piece)
    if piece == translator.special.target_eos:
        said, complete = own.ids[:step], True
    else:
        other = Trace.of(translator.stream(trace.encoded.text, replace(asked.how(), prefix=prefix))).finished
        said, complete = other.ids, other.complete
    branches = _branches(translator, trace.encoded.text, [(own.ids, own.complete), (said, complete)])
    return alternative_picture(trace.encoded.text, step, *branches)


def _branches(translator: Translator, text: str, said: Sequence[tuple[Sequence[int], bool]]) -> list[Branch]:
    """Translations, and whether each chose its end, with what the model makes of them."""
    from tui_transformer.render.views.alternative import Branch

    forced = translator.force([translator.whole(text)] * len(said), [ids for ids, _ in said])
    found = []
    for one, (_, complete) in zip(forced, said, strict=True):
        ids = (*one.ids, translator.special.target_eos) if complete else one.ids
        pieces = translator.target.pieces(ids)
        found.append(Branch(translator.target.decode(one.ids), pieces, one.log_probabilities[: len(ids)]))
    return found
