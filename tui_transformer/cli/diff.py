"""`ttx diff`: two sentences, or two models on one sentence, compared step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tui_transformer.errors import UsageError

from .inspect.attention import (
    HeadsOption,
    KindOption,
    LayersOption,
    NoSpecialOption,
    WordsOption,
    changed,
    chosen_heads,
    kind_named,
)
from .inspect.options import Options, with_options
from .inspect.show import given, show, show_lines
from .parameters import model_names

if TYPE_CHECKING:
    from tui_transformer.comparing import Compared
    from tui_transformer.events import Trace
    from tui_transformer.probes import Kind
    from tui_transformer.render.picture import Picture
    from tui_transformer.render.views.difference import Side
    from tui_transformer.translator import Translator


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which attention is compared."""

    kind: Kind
    layer: str | None
    head: str | None
    no_special: bool
    words: bool


@with_options
def diff(
    options: Options,
    a: Annotated[str | None, typer.Argument(help="A sentence.", show_default=False)] = None,
    b: Annotated[
        str | None, typer.Argument(help="Another sentence; omit it with --against.", show_default=False)
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(help="Compare with this model (name or folder) on the same sentence.",
                     show_default=False, autocompletion=model_names),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="The translation that both read; A's own if not given.", show_default=False),
    ] = None,
    kind: KindOption = "cross",
    layer: LayersOption = None,
    head: HeadsOption = None,
    no_special: NoSpecialOption = False,
    words: WordsOption = False,
    trace: Annotated[
        list[Path] | None, typer.Option(help="Save A's decoding here; given twice, B's as well.", show_default=False)
    ] = None,
    from_trace: Annotated[
        list[Path] | None,
        typer.Option(help="Compare two saved decodings (give it twice); needs no model.", show_default=False),
    ] = None,
) -> None:  # fmt: skip
    """Compare two sentences, two models or two precisions: the first step that differs, KL divergence, attention.

    Both read the same target, so every step can be compared. The mean of all heads above the first layer is
    shown unless others are chosen. Without sentences, standard input has one A<TAB>B per line, or one sentence with
    --against.

    Example:  ttx diff "He admired her." "She admired her."; ttx diff "He admired her." --against my-model
    """
    wanted = Wanted(kind_named(kind), layer, head, no_special, words)
    if from_trace:
        if a is not None or against or target or trace:
            raise UsageError("--from-trace replaces sentences, --against, --target and --trace")
        show(_of_traces(from_trace, wanted), options)
        return
    _check(a, b, against, target, trace)
    pair = _Pair(options.translator, _other(against, options), wanted, target, tuple(trace or ()))
    if a is None:
        show_lines("diff", lambda line: pair.picture(*_two(line, against)), options)
    else:
        show(pair.picture(given(a), given(a if b is None else b)), options)


def _check(a: str | None, b: str | None, against: str | None, target: str | None, trace: list[Path] | None) -> None:
    if a is not None and (b is None) == (against is None):
        raise UsageError("give two sentences, or one and --against MODEL")
    if a is None and (target is not None or trace):
        raise UsageError("--target and --trace need sentences")
    if target is not None and not target.strip():
        raise UsageError("the target is empty")
    if trace and len(trace) > 2:
        raise UsageError("--trace: there are only two decodings to save")


def _two(line: str, against: str | None) -> tuple[str, str]:
    """The sentences of a line of standard input."""
    if against is not None:
        return line, line
    parts = line.split("\t")
    if len(parts) != 2 or not all(part.strip() for part in parts):
        raise UsageError("a line must have two sentences, A<TAB>B")
    return parts[0], parts[1]


def _other(against: str | None, options: Options) -> Translator:
    """The model of B. Raises UsageError if what it writes cannot be compared."""
    from tui_transformer.comparing import check_comparable
    from tui_transformer.translator import Translator

    if against is None:
        return options.translator
    other = Translator.load(against, options.device.value, options.threads or 1)
    check_comparable(options.translator, other)
    return other


@dataclass(frozen=True, slots=True)
class _Pair:
    """Who translates A and who B, and how they are compared."""

    a: Translator
    b: Translator
    wanted: Wanted
    target: str | None
    traces: tuple[Path, ...]

    def picture(self, a: str, b: str) -> Picture:
        """Of A's and B's sentence."""
        from tui_transformer.comparing import greedily, left_out, named, read_both
        from tui_transformer.render.views.difference import Side
        from tui_transformer.traces import save_trace

        forced = None if self.target is None else self.a.target_ids(self.target)
        ours, theirs = read_both(self.a, self.b, (a, b), forced)
        for path, trace in zip(self.traces, (ours, theirs), strict=False):
            save_trace(trace, path)
        models = self.a is not self.b
        sides = [
            Side(named(by) if models else "", text, greedily(by, text).finished.text)
            for by, text in ((self.a, a), (self.b, b))
        ]
        what = " against ".join(side.name for side in sides) if models else f"two sentences · {named(self.a)}"
        read = "the translation of A" if self.target is None else f'"{ours.finished.text}"'
        target = ours.finished.ids
        notes = [f"A: {note}" for note in left_out(self.a, ours, forced)]
        notes += [f"B: {note}" for note in left_out(self.b, theirs, target if models else None)]
        return _compared(ours, theirs, sides, what, f"Both read {read}.", self.wanted, notes)


def _of_traces(paths: list[Path], wanted: Wanted) -> Picture:
    from tui_transformer.render.views.difference import Side
    from tui_transformer.traces import as_decoding, load_trace

    if len(paths) != 2:
        raise UsageError("--from-trace must be given twice, for A and for B")
    a, b = (as_decoding(load_trace(path), path) for path in paths)
    sides = [Side("", trace.encoded.text, trace.finished.text) for trace in (a, b)]
    same = a.finished.ids == b.finished.ids
    read = "Both read the same target." if same else "Each read what it wrote: behind the first difference they part."
    return _compared(a, b, sides, "two saved decodings", read, wanted, [])


def _compared(
    a: Trace, b: Trace, sides: Sequence[Side], what: str, read: str, wanted: Wanted, notes: list[str]
) -> Picture:
    from tui_transformer.comparing import difference
    from tui_transformer.render.views.attention import changes
    from tui_transformer.render.views.difference import difference_picture

    told = (*notes, *changes(wanted.no_special, wanted.words))
    return difference_picture(difference(a, b, (sides[0], sides[1]), what, read, _attention(wanted), told))


def _attention(wanted: Wanted) -> Compared:
    """The heads that were chosen, all above the first layer if none were, and what is done to their weights."""
    from functools import partial

    from tui_transformer.comparing import Compared

    change = partial(changed, no_special=wanted.no_special, words=wanted.words)
    if wanted.layer is None and wanted.head is None:
        return Compared(wanted.kind, change=change)
    return Compared(wanted.kind, partial(chosen_heads, wanted.layer, wanted.head), change)
