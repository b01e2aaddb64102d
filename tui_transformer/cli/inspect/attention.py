"""`ttx inspect attention`: who looks at whom, in every layer and head."""

from __future__ import annotations

from enum import StrEnum
from itertools import product
from typing import TYPE_CHECKING, Annotated

import typer

from tui_transformer.cli.parameters import BeamOption, suiting
from tui_transformer.errors import UsageError

from . import selection
from .options import Options, Text, with_options_and_traces
from .show import show_view

if TYPE_CHECKING:
    from tui_transformer.analysis.alignment import Heads
    from tui_transformer.analysis.maps import Attention
    from tui_transformer.decoding import Options as Decoding
    from tui_transformer.events import Trace
    from tui_transformer.probes import Kind
    from tui_transformer.render.picture import Picture
    from tui_transformer.render.views.attention import Shown


class CombineName(StrEnum):
    """How several heads become one picture."""

    mean = "mean"
    max = "max"


KindOption = Annotated[str, typer.Option(help="encoder, decoder (masked self-attention) or cross.")]
LayersOption = Annotated[
    str | None,
    typer.Option("--layer", "--layers", help="Layers from 1, comma-separated; default: all.", show_default=False),
]
HeadsOption = Annotated[
    str | None,
    typer.Option("--head", "--heads", help="Heads from 1, comma-separated; default: all.", show_default=False),
]
TargetOption = Annotated[
    str | None,
    typer.Option(help="Let the model read this translation instead of its own (forced).", show_default=False),
]
NoSpecialOption = Annotated[bool, typer.Option("--no-special", help="Hide <s> and </s>; rows are renormalised.")]
WordsOption = Annotated[
    bool, typer.Option("--words", help="Merge pieces into words: columns are summed, rows averaged.")
]


@with_options_and_traces
def attention(
    options: Options,
    text: Text = None,
    target: TargetOption = None,
    kind: KindOption = "cross",
    layer: LayersOption = None,
    head: HeadsOption = None,
    combine: Annotated[
        CombineName | None, typer.Option(help="Combine all chosen heads into one picture.", show_default=False)
    ] = None,
    no_special: NoSpecialOption = False,
    words: WordsOption = False,
    head_stats: Annotated[bool, typer.Option("--head-stats", help="Show in numbers what each head does.")] = False,
    align_heads: Annotated[bool, typer.Option("--align-heads", help="Find the cross heads that align words.")] = False,
    beam: BeamOption = 1,
) -> None:
    """Show attention: all heads as thumbnails, one head large, of the translation or of a given one.

    Example:  ttx inspect attention "He admired her." --kind cross --layer 3 --head 5 --words
    """
    if head_stats + align_heads + (combine is not None) > 1:
        raise UsageError("give one of --head-stats, --align-heads and --combine")
    if target is not None and (text is None or not target.strip()):
        raise UsageError("--target needs TEXT" if text is None else "the target is empty")
    beam = suiting(options.context, "--beam", beam, not options.from_trace) or 1
    if options.from_trace and (target is not None or beam > 1):
        raise UsageError("--from-trace shows a saved decoding: it takes neither --target nor --beam")
    chosen_kind = kind_named(kind)
    if align_heads and chosen_kind != "cross":
        raise UsageError("--align-heads is for --kind cross: only those heads look from one language to the other")
    if align_heads and no_special:
        raise UsageError("--align-heads needs </s>: a word that reads it most has no partner")
    heads = chosen_heads(layer, head, *shape_of(chosen_kind, options))

    def make(sentence: str) -> Picture:
        from tui_transformer.comparing import attention_of
        from tui_transformer.render.views.attention import changes, head_picture, heads_picture
        from tui_transformer.render.views.head_table import aligners_picture, stats_picture

        how = decoding(options, target, beam)
        trace = options.decoding(sentence, how)
        whole = attention_of(trace, chosen_kind)
        if align_heads:
            from tui_transformer.analysis.aligners import rank_aligners

            merged = whole.by_words()
            ranked = [one for one in rank_aligners(merged) if (one.layer, one.head) in heads]
            return aligners_picture(_shown(merged, heads, trace, _told(options, trace, how)), ranked)
        notes = [*changes(no_special, words, combine.value if combine else None), *_told(options, trace, how)]
        shown = _shown(changed(whole, no_special, words), heads, trace, notes)
        if head_stats:
            return stats_picture(shown)
        if combine is None and len(heads) > 1:
            return heads_picture(shown)
        return head_picture(shown, (combine or CombineName.mean).value)

    show_view("attention", text, make, options)


def kind_named(name: str) -> Kind:
    """A kind of attention. Raises UsageError that lists them."""
    from tui_transformer.probes import KINDS

    return KINDS[KINDS.index(selection.kind(name, KINDS))]


def shape_of(kind: Kind, options: Options) -> tuple[int, int]:
    """How many layers and heads there are, of the model or of the decoding that was read."""
    if options.read_trace:
        from tui_transformer.comparing import attention_of

        layers, heads = attention_of(options.read_trace, kind).weights.shape[:2]
        return layers, heads
    from tui_transformer.heads import layers_of

    architecture = options.translator.runtime.architecture
    return layers_of(kind, architecture), architecture.heads


def chosen_heads(layer: str | None, head: str | None, layers: int, heads: int) -> Heads:
    """Every chosen head of every chosen layer, from 0. Raises UsageError that names the valid range."""
    chosen = [
        range(1, most + 1) if text is None else selection.numbers(name, text, 1, most)
        for name, text, most in (("layer", layer, layers), ("head", head, heads))
    ]
    return tuple((of - 1, number - 1) for of, number in product(*chosen))


def decoding(options: Options, target: str | None, beam: int) -> Decoding:
    """How to translate, or the given target."""
    from tui_transformer.decoding import Options as Decoding

    if target is None:
        return Decoding(beam=beam)
    return Decoding(target=options.translator.target_ids(target))


def changed(attention: Attention, no_special: bool, words: bool) -> Attention:
    """The attention that is looked at. Raises UsageError if nothing is left of it."""
    try:
        attention = attention.without_special() if no_special else attention
    except ValueError as error:
        raise UsageError(f"--no-special leaves nothing: {error}") from None
    return attention.by_words() if words else attention


def _shown(attention: Attention, heads: Heads, trace: Trace, notes: list[str]) -> Shown:
    from tui_transformer.render.views.attention import Shown

    return Shown(attention, heads, trace.encoded.text, trace.finished.text, tuple(notes))


def _told(options: Options, trace: Trace, how: Decoding) -> list[str]:
    """What was forced, and what did not fit the model; a saved trace does not tell."""
    from tui_transformer.comparing import left_out

    if options.read_trace:
        return []
    forced = ["The model was made to read this translation; it need not be its own."] if how.target is not None else []
    return forced + left_out(options.translator, trace, how.target)
