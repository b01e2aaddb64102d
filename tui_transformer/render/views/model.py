"""The architecture as a tree with shapes and counts, and where the bytes of a bundle are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group
from rich.style import Style
from rich.text import Text

from tui_transformer.analysis.parameters import Part, Shape, Stored, flat, formula, parameters, stored
from tui_transformer.architecture import Architecture
from tui_transformer.bundle import Manifest
from tui_transformer.render.labels import megabytes
from tui_transformer.render.outline import Line, Outline
from tui_transformer.render.palette import QUIET, STRONG
from tui_transformer.render.picture import Picture, Table

VIEW = "model"


def model_picture(manifest: Manifest) -> Picture:
    """What a manifest says of its model: parts, shapes, parameters, files, and the large tensors in them."""
    shape = manifest.architecture
    whole = parameters(shape)
    files = {name: int(entry["size"]) for name, entry in manifest.files.items()}
    matrices = stored(shape, manifest.precision)
    total = sum(files.values())
    title = (
        f"{manifest.name} · {manifest.source_language} → {manifest.target_language} · {whole.count:,} parameters · "
        f"{manifest.precision} · {megabytes(total)}"
    )
    body = Group(
        Outline(("part", "shape", "parameters"), list(_tree(whole, whole.count)), optional=(0,)), Text(),
        Outline(("file", "bytes"), list(_files(files))), Text(),
        Outline(("matrices in a file", "bytes"), list(_matrices(matrices, files, total))),
    )  # fmt: skip
    values = {
        "name": manifest.name, "precision": manifest.precision, "architecture": shape.to_dict(),
        "parameters": whole.count, "tree": _values(whole), "files": files, "bytes": total,
        "matrices": [{"file": one.file, "name": one.name, "bytes": one.bytes} for one in matrices],
    }  # fmt: skip
    rows = [(depth, part.name, " + ".join(map(_written, part.shapes)), part.each, times) for part, depth, times
            in flat(whole)]  # fmt: skip
    return Picture(VIEW, title, body, tuple(_says(shape, whole)), values,
                   Table(("depth", "part", "shape", "parameters", "times"), rows))  # fmt: skip


def _tree(part: Part, total: int, branch: str = "", below: str = "", times: int = 1) -> Iterator[Line]:
    """The bar of a part of a layer is that of all layers together."""
    times *= part.times
    number = f"{part.times} × {part.each:,}" if part.times > 1 else f"{part.each:,}"
    style = STRONG if any(one.parts for one in part.parts) else Style.null() if part.each else QUIET
    share = part.each * times / total
    yield Line(part.name, (_shape(part), number), branch, style, share)
    for one in part.parts:
        last = one is part.parts[-1]
        yield from _tree(one, total, below + ("╰─ " if last else "├─ "), below + ("   " if last else "│  "), times)


def _shape(part: Part) -> str:
    """The shapes of its weights, a matrix plus its bias, and what else is to be said of it."""
    weights = " + ".join(map(_written, part.shapes))
    return ", ".join(filter(None, (weights, part.note)))


def _written(shape: Shape) -> str:
    return " × ".join(f"{size:,}" for size in shape)


def _files(files: dict[str, int]) -> Iterator[Line]:
    largest = max(files.values(), default=1)
    for name, size in sorted(files.items(), key=lambda item: -item[1]):
        yield Line(name, (megabytes(size),), share=size / max(1, largest))


def _matrices(matrices: Sequence[Stored], files: dict[str, int], total: int) -> Iterator[Line]:
    largest = max(one.bytes for one in matrices)
    for file in dict.fromkeys(one.file for one in matrices):
        inside = [one for one in matrices if one.file == file]
        yield Line(file, (megabytes(files[file]),), style=STRONG)
        for one in sorted(inside, key=lambda one: -one.bytes):
            yield Line(one.name, (megabytes(one.bytes),), "├─ ", share=one.bytes / largest)
        rest = files[file] - sum(one.bytes for one in inside)
        yield Line("long vectors, padding", (megabytes(rest),), "╰─ ", QUIET, max(0, rest) / largest)
    rest = total - sum(files[file] for file in {one.file for one in matrices})
    yield Line("graphs, short vectors, vocabularies", (megabytes(rest),), style=QUIET, share=rest / largest)


def _says(shape: Architecture, whole: Part) -> list[str]:
    d, f = shape.d_model, shape.d_ff
    layer = {part.name: next(one for one in part.parts if one.name == "layer") for part in whole.parts if part.parts}
    tied = {
        "none": [],
        "target": ["The projection is tied: its matrix is the target embedding, counted once."],
        "all": ["Both embeddings and the projection are tied: one matrix, counted once."],
    }[shape.tied]
    return [
        f"An encoder layer is 4(D² + D) + 2DF + F + D + 2 · 2D = {layer['encoder'].each:,} for D = {d}, F = {f}; a "
        f"decoder layer 8(D² + D) + 2DF + F + D + 3 · 2D = {layer['decoder'].each:,} (Vaswani et al. 2017, section 3).",
        f"All in all {formula(shape):,}: no shape depends on the length of a sentence, which may have "
        f"{shape.positions} pieces.",
        *tied,
        "The bar of a part of a layer is that of all layers together.",
    ]


def _values(part: Part) -> dict[str, object]:
    return {
        "name": part.name, "note": part.note, "times": part.times, "shapes": part.shapes, "parameters": part.count,
        "parts": [_values(one) for one in part.parts],
    }  # fmt: skip
