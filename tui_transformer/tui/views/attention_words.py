"""What the attention screen says: the line of choices, titles, sentences, and the picture that is saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tui_transformer.heads import SHORT, Head
from tui_transformer.render.views.attention import (
    NAMES,
    Shown,
    changes,
    head_picture,
    heads_picture,
    named,
    role,
    word,
)
from tui_transformer.tui.widgets.choices import Choice

if TYPE_CHECKING:
    from tui_transformer.probes import Kind
    from tui_transformer.render.palette import Floats
    from tui_transformer.render.picture import Picture
    from tui_transformer.tui.live import Live

    from .attention_moment import Prepared
    from .attention_place import Standing
    from .attention_work import Loss

SHORT_NAMES: dict[Kind, str] = {"encoder": "encoder self", "decoder": "decoder self", "cross": "encoder–decoder"}
READ = 3
HELP = (
    "Every small picture is one head: a row for each piece that reads, a column for each piece that is read, the "
    "brighter the more. Rows appear as the translation is written. Below each head stands what it does in this "
    "sentence: diag, prev and next read the piece at their own place, before and behind it, first and last the ends, "
    "with the share of the weight that lies there; focus one piece somewhere else, with the largest weight; broad "
    "everything about equally, mixed several pieces. t changes the kind of attention, n the order, w merges pieces "
    "into words, p hides special pieces.\n\n"
    "Enter shows a head large, escape goes back. There the cursor follows the newest row; enter locks it to its cell. "
    "Shift and arrows (or H J K L) go to the other heads. m marks heads, c shows the mean or the maximum of the "
    "marked ones.\n\n"
    "x switches the head under the cursor off, or on again, and everything is decoded anew: the last line says how "
    "much less likely the translation became that the model makes with all heads. X switches all on."
)


def choices(standing: Standing, off: bool) -> list[Choice]:
    """What can be clicked; the letters are the keys."""
    look, combine, marked = standing.look, standing.combine, standing.place in standing.marking()
    kinds = [Choice(f"kind:{kind}", SHORT_NAMES[kind], SHORT[kind], kind == look.kind) for kind in SHORT_NAMES]
    back = Choice("back", "esc all heads", "esc all")
    order = Choice("order", f"n order: {standing.order}", f"n {standing.order}", standing.order != "layer")
    return [
        *kinds, back if standing.large else order,
        Choice("words", f"w words {_box(look.words)}", f"w word {_box(look.words)}"),
        Choice("special", f"p specials {_box(look.special)}", f"p spec {_box(look.special)}"),
        Choice("mark", f"m mark {_box(marked)}", f"m mark {_box(marked)}"),
        Choice("combine", f"c {combine or 'combine'}", f"c {combine or 'comb'}", combine is not None),
        Choice("switch", f"x head {'off' if off else 'on'}", f"x {'off' if off else 'on'}", off),
    ]  # fmt: skip


def _box(on: bool) -> str:
    return "▣" if on else "▢"


def size(prepared: Prepared | None) -> str:
    """Rows and columns, behind a title."""
    return f" · {len(prepared.rows.labels)} × {len(prepared.columns.labels)}" if prepared else " · computing …"


def shown(prepared: Prepared, standing: Standing, off: Iterable[Head] = ()) -> Shown | None:
    """The heads that are looked at, for the pictures of the command line."""
    if prepared.attention is None:
        return None
    trace = prepared.known.trace
    layers, heads = prepared.shape
    places = standing.heads(layers, heads)
    notes = changes(not standing.look.special, standing.look.words, standing.combine)
    if off:
        notes.append(f"Heads that are off: {', '.join(map(str, sorted(off)))}.")
    return Shown(
        prepared.attention,
        places,
        prepared.known.encoded.text,
        trace.finished.text if trace else "",
        tuple(notes),
        prepared.stats,
    )


def picture(
    prepared: Prepared | None, standing: Standing, order: tuple[tuple[int, int], ...], live: Live
) -> Picture | None:
    """What is on the screen."""
    seen = shown(prepared, standing, live.request.off) if prepared else None
    if seen is None:
        return None
    return head_picture(seen, standing.combine or "mean") if standing.large else (
        heads_picture(replace(seen, heads=order))
    )  # fmt: skip


def title(seen: Shown | None, standing: Standing) -> str:
    """Such as: L3 H5 · encoder–decoder attention."""
    name = named(seen, standing.combine or "mean") if seen else f"L{standing.place[0] + 1} H{standing.place[1] + 1}"
    return f"{name} · {NAMES[standing.kind]}"


def cell_line(prepared: Prepared, matrix: Floats, cell: tuple[int, int], locked: bool) -> str:
    """Such as: row 2 "bewunderte" col 2 "admired" 0.81 · locked."""
    row, column = cell
    if row >= len(prepared.rows.labels) or column >= len(prepared.columns.labels):
        return "nothing yet"
    rows = prepared.attention.rows.labels if prepared.attention else ()
    label = rows[row] if row < len(rows) else prepared.rows.labels[row]
    inside = row < len(matrix) and column < matrix.shape[1]
    value = f"{matrix[row, column]:.4f}" if inside else "not yet"
    lock = " · locked" if locked else ""
    return f"row {row + 1} {word(label)} col {column + 1} {word(prepared.columns.labels[column])} {value}{lock}"


def row_line(prepared: Prepared | None, matrix: Floats, row: int) -> str:
    """Such as: "bewunderte" reads "admired" 0.81, "her" 0.07 · entropy 0.9 bit; that of what sums to 1."""
    if prepared is None or prepared.attention is None or row >= len(matrix):
        return "not written yet"
    weights = matrix[row]
    most = [int(i) for i in np.argsort(-weights, kind="stable")[:READ] if weights[i] >= 0.005]
    labels = prepared.attention.columns.labels
    read = ", ".join(f"{word(labels[i])} {weights[i]:.2f}" for i in most) or "nothing"
    line = f"{word(prepared.attention.rows.labels[row])} reads {read}"
    if abs(float(weights.sum()) - 1) > 0.01:  # of several heads the largest weights, or a row not written to its end
        return line
    entropy = -float((weights * np.log2(np.where(weights > 0, weights, 1))).sum())
    return f"{line} · entropy {abs(entropy):.1f} bit"


def head_line(prepared: Prepared | None, standing: Standing) -> str:
    """What the head under the cursor does, or which heads are combined."""
    seen = shown(prepared, standing) if prepared else None
    if prepared is None or seen is None:
        return "nothing has been read yet"
    if prepared.stats is None:
        return "computing …"
    if len(seen.heads) == 1:
        return role(seen)[0]
    listed = ", ".join(f"L{layer + 1} H{head + 1}" for layer, head in seen.heads[:8])
    more = f" and {len(seen.heads) - 8} more" if len(seen.heads) > 8 else ""
    return f"{named(seen, standing.combine or 'mean')}: {listed}{more}"


def loss_line(loss: Loss | None, live: Live) -> str:
    """What it costs that heads are off; empty while all are on."""
    from tui_transformer.render.views import ablation

    if not live.request.off:
        return ""
    finished = live.reading.finished
    names = [str(head) for head in sorted(live.request.off)]
    if loss is None or loss.run != live.run or finished is None:
        return f"without {', '.join(names)}: computing …"
    return ablation.loss_line(names, loss.result, finished.log_probability, loss.before, finished.text)


def is_off(standing: Standing, live: Live) -> bool:
    """Whether the head under the cursor is off."""
    return Head(standing.kind, *standing.place) in live.request.off
