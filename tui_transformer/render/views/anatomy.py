"""The architecture as a tree that opens and closes, and one part of it closely: what it does, where it is stored."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from rich.console import Group, RenderableType
from rich.style import Style
from rich.text import Text

from tui_transformer.analysis.parameters import Shape
from tui_transformer.analysis.storage import Kept, Node
from tui_transformer.render.labels import megabytes
from tui_transformer.render.outline import Line, Outline
from tui_transformer.render.palette import QUIET, STRONG
from tui_transformer.render.picture import Picture, Table

VIEW = "model"
OPEN, CLOSED, LEAF = "▾ ", "▸ ", "  "
MEANINGS = {
    "Transformer": "An encoder reads the source, a decoder writes the target (Vaswani et al. 2017).",
    "source embedding": "A row of D numbers for each source piece, times √D.",
    "target embedding": "A row of D numbers for each target piece, times √D.",
    "encoder": "Reads all source pieces at once: (S) ids → (S, D).",
    "decoder": "Writes one piece at a time, from what it has written and what the encoder has read: (T) ids → (T, D).",
    "projection": "From the last (T, D) to a score for every target piece: (T, V).",
    "positions": "Sines and cosines that are added to the embeddings, so that order counts.",
    "self-attention": "Every source piece reads all others: softmax(QKᵀ / √K) V, in each head.",
    "masked self-attention": "Every target piece reads itself and those before it: softmax(QKᵀ / √K + mask) V.",
    "cross-attention": "Every target piece reads the source: its queries, the encoder's keys and values.",
    "feed-forward": "For each position alone: D → F → D, with an activation between.",
    "layer norm": "Mean 0 and variance 1 over the D numbers of each position, then a learnt scale and shift.",
    "query": "What a position asks for: x W + b, D numbers, K of them a head.",
    "key": "What a position is found by: x W + b, D numbers, K of them a head.",
    "value": "What a position gives to whoever reads it: x W + b, D numbers, K of them a head.",
    "output": "All heads side by side, (T, D), become one again: x W + b.",
    "inner": "D → F, then the activation.",
    "outer": "F → D.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the tree: a part, how deep it is, whether what it is made of is shown (None for what has no parts)."""

    node: Node
    depth: int
    opened: bool | None


def tree_rows(node: Node, opened: Collection[tuple[str, ...]], depth: int = 0) -> Iterator[Row]:
    """The parts that are seen if these are open."""
    is_open = node.names in opened
    yield Row(node, depth, is_open if node.nodes else None)
    if is_open:
        for one in node.nodes:
            yield from tree_rows(one, opened, depth + 1)


def tree(rows: Sequence[Row], cursor: int | None = None) -> Outline:
    """The rows as they are drawn, with the bytes of each part as far as they are known."""
    whole = rows[0].node
    lines = []
    for row in rows:
        node, mark = row.node, LEAF if row.opened is None else OPEN if row.opened else CLOSED
        size = _size(node.bytes) if node.kept else ""
        share = node.bytes / whole.bytes if whole.bytes else node.part.count / max(1, whole.part.count)
        style = STRONG if row.depth < 2 and node.nodes else Style.null() if node.part.count else QUIET
        cells = (shape_of(node), f"{node.part.count:,}", size)
        lines.append(Line(node.names[-1], cells, "  " * row.depth + mark, style, share))
    return Outline(("part", "shape", "parameters", "bytes"), lines, optional=(0, 2), cursor=cursor)


def node_picture(node: Node, model: str) -> Picture:
    """One part closely: what it does, and each tensor that keeps it."""
    numbers = [f"{node.part.count:,} parameters"] + [f"{_size(node.bytes)} stored"] * bool(node.kept)
    head = Text(" › ".join(node.names[1:] or node.names), style=STRONG)
    facts = Text(" · ".join(filter(None, (shape_of(node), *numbers))))
    first, *notes = [Text(sentence, style=QUIET) for sentence in _says(node)]
    body = Group(head, facts, first, *_kept(node.kept), *notes)
    values = {
        "model": model, "part": node.names, "shapes": node.part.shapes, "note": node.part.note,
        "parameters": node.part.count, "bytes": node.bytes,
        "tensors": [
            {"name": one.tensor.name, "type": one.tensor.type, "shape": one.tensor.shape, "bytes": one.tensor.bytes,
             "share": one.share, "file": one.tensor.file, "offset": one.tensor.offset}
            for one in node.kept
        ],
    }  # fmt: skip
    rows = [(one.tensor.name, one.tensor.type, written(one.tensor.shape), one.tensor.bytes, one.share,
             one.tensor.file, one.tensor.offset) for one in node.kept]  # fmt: skip
    header = ("tensor", "type", "shape", "bytes", "share", "file", "offset")
    return Picture(VIEW, f"{' › '.join(node.names)} · {model}", body, tuple(_says(node)), values, Table(header, rows))


def shape_of(node: Node) -> str:
    """The shapes of its weights, a matrix plus its bias, and what else is to be said of it."""
    return ", ".join(filter(None, (" + ".join(map(written, node.part.shapes)), node.part.note)))


def written(shape: Shape) -> str:
    """Such as 256 × 1,280."""
    return " × ".join(f"{size:,}" for size in shape) or "one number"


def meaning(node: Node) -> str:
    """What a part is for."""
    name = node.names[-1]
    if name.startswith("norm of "):
        return MEANINGS["layer norm"]
    if name.startswith("layer ") and name not in MEANINGS:
        inner = ", ".join(one.names[-1] for one in node.nodes if not one.names[-1].startswith("norm of "))
        return f"{inner}, each added to what came in, with a norm."
    return MEANINGS[name]


def _says(node: Node) -> Iterator[str]:
    yield meaning(node)
    if any(kept.share < 0.999 for kept in node.kept) and not node.nodes:
        yield "What reads the same input is one matrix: only a share of it belongs to this part."


def _kept(kept: Sequence[Kept]) -> Iterator[RenderableType]:
    """The largest first; what all names begin with is said once, above."""
    begin = _beginning([one.tensor.name for one in kept])
    lines = []
    for one in sorted(kept, key=lambda one: -one.tensor.bytes):
        tensor = one.tensor
        share = f"{one.share:.0%} of it" if one.share < 0.999 else ""
        place = "" if tensor.offset is None else f"{tensor.offset:,}"
        cells = (tensor.type, written(tensor.shape), _size(tensor.bytes), share, tensor.file, place)
        lines.append(Line("…" * bool(begin) + tensor.name.removeprefix(begin), cells))
    if begin:
        yield Text(f"{begin}…", style=QUIET)
    if lines:
        yield Outline(("tensor", "type", "shape", "bytes", "", "file", "at byte"), lines, optional=(0, 3, 5))


def _size(count: float) -> str:
    return megabytes(round(count)) if count >= 1000 else f"{count:.0f} B"


def _beginning(names: Sequence[str]) -> str:
    """What all names have in common, up to a dot; nothing if that is a whole name."""
    parts = zip(*(name.split(".")[:-1] for name in names), strict=False)
    return "".join(f"{same[0]}." for same in takewhile(lambda part: len(set(part)) == 1, parts))
