"""Two models on one sentence, or one model on two: both read the same target, so that every step can be compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .analysis.alignment import Heads, default_heads
from .analysis.difference import Pairing, comparable, signed_difference, step_differences
from .analysis.maps import Attention
from .decoding import Options
from .errors import UsageError
from .events import Trace
from .probes import Kind
from .render.views.difference import Difference, Moved, Side

if TYPE_CHECKING:
    from .translator import Translator


@dataclass(frozen=True, slots=True)
class Compared:
    """Which attention is compared: of which heads of (layers, heads), and after what change, if any."""

    kind: Kind = "cross"
    heads: Callable[[int, int], Heads] = default_heads
    change: Callable[[Attention], Attention] | None = None


def check_comparable(a: Translator, b: Translator) -> None:
    """Raises UsageError if what the two write cannot be compared piece by piece."""
    ours, theirs = a.target, b.target
    if (ours.model, ours.options) != (theirs.model, theirs.options):
        raise UsageError(
            f"{named(a)} and {named(b)} have different target vocabularies: "
            "their pieces cannot be compared step by step"
        )


def named(translator: Translator) -> str:
    """Such as en-de (int8)."""
    return f"{translator.bundle.manifest.name} ({translator.bundle.manifest.precision})"


def greedily(translator: Translator, text: str) -> Trace:
    """What a model makes of a sentence by itself."""
    return Trace.of(translator.stream(text, Options(beam=1)))


def read_both(
    a: Translator, b: Translator, texts: tuple[str, str], target: tuple[int, ...] | None = None
) -> tuple[Trace, Trace]:
    """Both while they read the same target ids, with whole distributions; without a target, what A writes greedily."""
    ours = Trace.of(a.stream(texts[0], Options(beam=1, target=target, distributions=True)))
    theirs = Trace.of(b.stream(texts[1], Options(target=ours.finished.ids, distributions=True)))
    return ours, theirs


def difference(
    a: Trace, b: Trace, sides: tuple[Side, Side], what: str, read: str, compared: Compared, notes: tuple[str, ...] = ()
) -> Difference:
    """What differs between two decodings as far as both have read the same. Raises UsageError for a beam's."""
    try:
        a, b = comparable(a, b)
    except ValueError as error:
        raise UsageError(str(error)) from None
    moved = _moved(a, b, compared)
    return Difference(what, sides[0], sides[1], read, step_differences(a, b), moved, notes)


def compare_models(a: Translator, b: Translator, text: str) -> Difference:
    """Two models on the same sentence. Raises UsageError if they cannot be compared."""
    check_comparable(a, b)
    ours, theirs = read_both(a, b, (text, text))
    sides = tuple(Side(named(one), text, greedily(one, text).finished.text) for one in (a, b))
    what = " against ".join(side.name for side in sides)
    notes = (*left_out(a, ours), *left_out(b, theirs))
    return difference(ours, theirs, (sides[0], sides[1]), what, "Both read the translation of A.", Compared(), notes)


def left_out(translator: Translator, trace: Trace, target: tuple[int, ...] | None = None) -> list[str]:
    """What did not fit the model, in words; `target` if one was forced."""
    source = len(translator.source_ids(trace.encoded.text)) + 1 - len(trace.encoded.ids)
    behind = len(target) - len(trace.finished.ids) if target else 0
    return [
        f"The model reads no more at once: {count} further {side} pieces are left out."
        for count, side in ((source, "source"), (behind, "target"))
        if count > 0
    ]


def attention_of(trace: Trace, kind: Kind) -> Attention:
    """One kind of a decoding's attention. Raises UsageError if there is none."""
    try:
        return Attention.of(trace, kind)
    except ValueError as error:
        raise UsageError(f"this decoding cannot be shown: {error}") from None


def _moved(a: Trace, b: Trace, compared: Compared) -> Moved:
    maps, matrices, counts = [], [], []
    for trace in (a, b):
        whole = attention_of(trace, compared.kind)
        chosen = compared.heads(*whole.weights.shape[:2])
        maps.append(compared.change(whole) if compared.change else whole)
        matrices.append(maps[-1].combined(chosen))
        counts.append(chosen)
    (one, other), (before, after) = maps, matrices
    rows = Pairing.of(one.rows.labels, other.rows.labels)
    columns = Pairing.of(one.columns.labels, other.columns.labels)
    return Moved(compared.kind, _heads_named(*counts), signed_difference(before, after, rows, columns), rows, columns)


def _heads_named(a: Heads, b: Heads) -> str:
    if len(a) == len(b) == 1:
        return f"L{a[0][0] + 1} H{a[0][1] + 1}"
    return f"mean of {len(a)} heads" if len(a) == len(b) else f"mean of {len(a)} heads of A, {len(b)} of B"
