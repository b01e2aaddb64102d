"""What attention may see: padding, the future, both; and what hiding does to one head's weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.style import Style
from rich.text import Text

from tui_transformer.masks import combine_masks, look_ahead_mask
from tui_transformer.probed import Probed
from tui_transformer.render.heatmap import HeatMap
from tui_transformer.render.labels import quoted
from tui_transformer.render.ledger import Column, Gauges, Ledger, Words
from tui_transformer.render.palette import QUIET, STRONG, Floats
from tui_transformer.render.picture import Picture, Table
from tui_transformer.render.strips import Strip, Strips

from .heads import HeadInside, score_text, shape, strongest, weight_text

VIEW = "masks"
MOST = 40
"""Cells and lines of one of several maps side by side, and visible places in the row of one token."""
MOST_HIDDEN = 8
"""Hidden places in the row of one token, if there are so many that not all are shown."""
HIDES = {"encoder": "padding mask", "decoder": "look-ahead mask", "cross": "padding mask"}
_VISIBLE = 1 / 1.25
"""Visible scores leave the low end of their scale to hidden ones."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class MaskedBatch:
    """A padded batch of B sentences and their targets, and its masks as `masks` makes them: True may be seen.

    `sources` and `targets` are B rows of pieces, padding among them.
    """

    sources: Sequence[Sequence[str]]
    targets: Sequence[Sequence[str]]
    padding: Mask  # (B, 1, 1, S)
    target_padding: Mask  # (B, 1, 1, T)
    look_ahead: Mask  # (1, 1, T, T)
    combined: Mask  # (B, 1, T, T)

    @classmethod
    def of(cls, probed: Probed) -> MaskedBatch:
        """The masks of one sentence, as it was padded, and of its target."""
        seen, read = (np.array(row, bool)[None, None, None] for row in (probed.visible, [True] * len(probed.read)))
        look_ahead = look_ahead_mask(len(probed.read))
        return cls([probed.pieces], [probed.read_pieces], seen, read, look_ahead, combine_masks(read, look_ahead))


def masks_picture(batch: MaskedBatch, heads: Sequence[HeadInside], leak: bool = False) -> Picture:
    """The masks of a batch, and what they do inside one head, or one head of each kind.

    With `leak` also what the weights would be if nothing were hidden.
    """
    parts = [*_of_source(batch), Text(), *_of_target(batch)]
    for number, head in enumerate(heads):
        parts += [*([Text()] if number else []), *_effect(head, leak)]
    count, (B, S) = len(batch.sources), (len(batch.sources), len(batch.sources[0]))
    title = f"masks · {count} sentence{'s' * (count > 1)} · padded to {shape(B, S)}"
    values = {
        "sources": batch.sources, "targets": batch.targets,
        "padding_mask": batch.padding[:, 0, 0].astype(int), "look_ahead_mask": batch.look_ahead[0, 0].astype(int),
        "target_padding_mask": batch.target_padding[:, 0, 0].astype(int),
        "combined_mask": batch.combined[:, 0].astype(int),
        "heads": [_values(head, leak) for head in heads],
    }  # fmt: skip
    says = [*_says(batch), *(sentence for head in heads for sentence in _effect_says(head, leak))]
    return Picture(VIEW, title, Group(*parts), tuple(says), values, _table(heads, leak))


def _of_source(batch: MaskedBatch) -> list[RenderableType]:
    rows, masks = [], []
    for number, (pieces, mask) in enumerate(zip(batch.sources, batch.padding[:, 0, 0].tolist(), strict=True), 1):
        styles = [STRONG if seen else QUIET for seen in mask]
        rows.append(Strip(str(number), pieces, styles))
        masks.append(Strip("  mask", ["1" if seen else "0" for seen in mask], styles))
    return [
        Text(f"padding mask {shape(*batch.padding.shape)}: 1 may be seen, 0 is hidden", style=STRONG),
        Strips([strip for both in zip(rows, masks, strict=True) for strip in both]),
    ]


def _of_target(batch: MaskedBatch) -> list[RenderableType]:
    T = batch.look_ahead.shape[-1]
    places = [str(t + 1) for t in range(T)]
    maps = [_map(f"look-ahead {shape(*batch.look_ahead.shape)}", batch.look_ahead[0, 0], places)]
    for b in range(len(batch.targets)):
        padding = np.broadcast_to(batch.target_padding[b, 0, 0], (T, T))
        maps.append(_map(f"target padding of {b + 1}", padding, ()))
        maps.append(_map(f"both, of {b + 1}", batch.combined[b, 0], ()))
    heading = f"the target's masks: a row asks, a column is looked at; combined {shape(*batch.combined.shape)}"
    return [Text(heading, style=STRONG), Columns(maps, padding=(0, 3))]


def _map(title: str, values: Mask | Floats, rows: Sequence[str], signed: bool = False) -> RenderableType:
    drawn = HeatMap(np.asarray(values, np.float64), rows, signed, max_lines=MOST, max_columns=MOST)
    return Group(Text(title, style=QUIET), drawn, Text())


def _effect(head: HeadInside, leak: bool) -> list[RenderableType]:
    scores, masked, weights = _parts(head)
    seen = ~head.hidden
    full = float(np.abs(scores[seen]).max()) or 1.0
    maps = [
        _map(f"scores, up to ±{full:.1f}", scores / full * _VISIBLE, head.asking, True),
        _map("with the mask", masked / full * _VISIBLE, (), True),
        _map(f"weights, up to {weights.max():.2f}", weights / weights.max(), ()),
    ]
    if leak:
        maps.append(_map(f"without it, up to {head.unmasked.max():.2f}", head.unmasked / head.unmasked.max(), ()))
    asking = quoted(head.asking[head.token])
    return [
        Text(f"{head.name}: what the {HIDES[head.which.kind]} does {shape(1, *scores.shape)}", style=STRONG),
        Columns(maps, padding=(0, 3)),
        Text(f"the row of {asking}, before and after the softmax", style=STRONG),
        _row(head, leak),
    ]


def _row(head: HeadInside, leak: bool) -> Ledger:
    places = _shown(head)
    scores, masked, weights = (part[head.token, places].tolist() for part in _parts(head))
    seen = ~head.hidden[head.token, places]
    styles = [Style.null() if one else QUIET for one in seen]
    unmasked = head.unmasked[head.token, places].tolist() if leak else []
    full = max([*weights, *unmasked])
    columns: list[Column] = [
        Words("looks at", [head.answering[place] for place in places], styles=styles),
        Words("score", [score_text(score) for score in scores], "right", styles),
        Words("mask", ["1" if one else "0" for one in seen], "right", styles),
        Words("with mask", [score_text(score) for score in masked], "right", styles),
        Gauges("weight", weights, full, [weight_text(weight) for weight in weights], styles),
    ]
    if leak:
        columns.append(Gauges("without mask", unmasked, full, [weight_text(weight) for weight in unmasked]))
    return Ledger(columns, len(places))


def _shown(head: HeadInside) -> list[int]:
    """The places of the row of numbers: of a long sentence, the strongest that are seen and the first hidden ones."""
    hidden = head.hidden[head.token]
    some = np.flatnonzero(hidden)[:MOST_HIDDEN].tolist() if len(hidden) > MOST else np.flatnonzero(hidden).tolist()
    weights = np.where(hidden, -1, head.of(head.attended.weights)[head.token])
    return sorted({*some, *strongest(weights, min(MOST, int((~hidden).sum())))})


def _parts(head: HeadInside) -> tuple[Floats, Floats, Floats]:
    attended = head.attended
    return head.of(attended.scores), head.of(attended.masked_scores), head.of(attended.weights)


def _says(batch: MaskedBatch) -> list[str]:
    padding, T = batch.padding[:, 0, 0], batch.look_ahead.shape[-1]
    future = int((~batch.look_ahead).sum())
    said = [
        f"{int((~padding).sum())} of {padding.size} places of the source batch are padding, which no position may see.",
        f"The look-ahead mask hides {future} of {T} × {T} places: row t sees columns 1 to t.",
    ]
    hidden = int((~batch.target_padding).sum())
    if hidden:
        said.append(f"{hidden} places of the target batch are padding; where both masks are combined, a place is seen "
                    "only if both allow it.")  # fmt: skip
    return said


def _effect_says(head: HeadInside, leak: bool) -> list[str]:
    hidden = head.hidden[head.token]
    weights = head.of(head.attended.weights)
    hides = HIDES[head.which.kind]
    said = [f"{head.name}: the {hides} hides nothing here."]
    if head.hidden.any():
        zero = "exactly 0" if not weights[head.hidden].any() else f"at most {weights[head.hidden].max():.0e}"
        said = [
            f"{head.name}: the {hides} hides {int(hidden.sum())} of {len(hidden)} places from "
            f"{quoted(head.asking[head.token])}; the softmax makes their weights {zero}."
        ]
    said.append(head.reads())
    if leak and hidden.any():
        share = head.unmasked[head.token, hidden].sum()
        said.append(f"Without the mask {quoted(head.asking[head.token])} would give {share:.2f} of its weight to what "
                    "is hidden from it.")  # fmt: skip
    if left_out := len(hidden) - len(_shown(head)):
        said.append(f"{left_out} further places of its row are not shown; JSON and TSV have them all.")
    if head.which.kind == "decoder":
        said.append("While it translates, the decoder reads a token at a time and has no future to hide: the scores "
                    "beyond the diagonal are its queries times the keys of tokens it had not read.")  # fmt: skip
    return said


def _values(head: HeadInside, leak: bool) -> dict[str, object]:
    scores, masked, weights = _parts(head)
    values = {**head.values(), "scores": scores, "masked_scores": masked, "weights": weights}
    return {**values, "unmasked_weights": head.unmasked} if leak else values


def _table(heads: Sequence[HeadInside], leak: bool) -> Table:
    header = ("kind", "layer", "head", "place", "asks", "looks_at_place", "looks_at", "visible", "score",
              "masked_score", "weight", *(["unmasked_weight"] if leak else []))  # fmt: skip
    rows: list[tuple[object, ...]] = []
    for head in heads:
        name = head.which.kind, head.which.layer + 1, head.which.head + 1
        parts = (~head.hidden).astype(int), *_parts(head), *([head.unmasked] if leak else [])
        columns = [part.tolist() for part in parts]
        for t, asks in enumerate(head.asking):
            numbers = zip(*(column[t] for column in columns), strict=True)
            rows += [(*name, t + 1, asks, s + 1, looked, *row)
                     for s, (looked, row) in enumerate(zip(head.answering, numbers, strict=True))]  # fmt: skip
    return Table(header, rows)
