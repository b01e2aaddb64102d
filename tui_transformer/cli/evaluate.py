"""`ttx evaluate`: how good one bundle is, or which of two is better, on pairs that neither has seen."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .parameters import DeviceName, DeviceOption, ModelOption, ThreadsOption, UsualBeamOption, model_names

if TYPE_CHECKING:
    from ttx_export.compare import Measured, System

SCHEMA = 1


def evaluate(
    pairs: Annotated[Path, typer.Argument(metavar="TSV", help="Test set: source<TAB>reference.")],
    model: ModelOption = "en-de",
    against: Annotated[
        str | None,
        typer.Option(help="Compare with this model.", autocompletion=model_names, show_default=False),
    ] = None,
    beam: UsualBeamOption = None,
    samples: Annotated[int, typer.Option(min=100, max=100_000, help="Number of bootstrap resamples.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with the signatures.")] = False,
    device: DeviceOption = DeviceName.auto,
    threads: ThreadsOption = None,
) -> None:
    """Measure BLEU and chrF (sacrebleu) and the perplexity of the references.

    What is measured is what the model itself says: nothing is kept or mended as by ttx translate.

    With --against, paired bootstrap resampling tells whether the difference could be chance.

    In a pipe, tab-separated: model, metric, value, ± of the 95 % interval, p, signature.

    Example:  ttx evaluate test.tsv --model new --against en-de
    """
    from tui_transformer.extras import require_extra
    from tui_transformer.runtime import usable_cores
    from tui_transformer.translator import Translator

    require_extra("train", "ttx evaluate", "sacrebleu")
    from ttx_export.compare import measure, run_system

    read = _read(pairs)
    # Both are loaded before the first is run, so a missing one is found at once.
    loaded = [(name, Translator.load(name, device.value)) for name in (model, against) if name]
    systems = []
    for name, translator in loaded:
        if sys.stderr.isatty():
            typer.echo(f"ttx: {name}: translating and scoring {len(read):,} pairs", err=True)
        systems.append(run_system(name, translator, read, beam or translator.defaults.beam, threads or usable_cores()))
    references = [reference for _, reference in read]
    numbers = measure(systems, references, samples)
    characters = sum(map(len, references))
    if as_json:
        typer.echo(json.dumps(_as_json(systems, numbers, pairs, characters), ensure_ascii=False, indent=2))
    else:
        _show(systems, numbers, characters)


def _read(path: Path) -> list[tuple[str, str]]:
    from tui_transformer.errors import InputError

    from .streams import parse_pair, warn_of_damage
    from .textio import LineReader

    reader = LineReader.of_file(path)
    pairs = [parse_pair(line, number, reader.name) for number, line in enumerate(reader, 1)]
    warn_of_damage(reader)
    if not pairs:
        raise InputError(f"{path} has no pairs")
    return pairs


def _as_json(systems: list[System], numbers: list[list[Measured]], pairs: Path, characters: int) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "schema": SCHEMA,
        "set": str(pairs),
        "pairs": len(systems[0].translations),
        "models": [
            {
                "model": system.name,
                "beam": system.beam,
                "scores": [asdict(number) for number in measured],
                "perplexity": system.references.perplexity,
                "bits_per_character": system.references.bits / max(characters, 1),
            }
            for system, measured in zip(systems, numbers, strict=True)
        ],
    }


def _show(systems: list[System], numbers: list[list[Measured]], characters: int) -> None:
    from .tables import show_table

    if sys.stdout.isatty():
        head = ["model", *(number.metric for number in numbers[0]), "perplexity", "bits/character"]
        show_table(head, [_row(*both, characters) for both in zip(systems, numbers, strict=True)])
        for number in numbers[0]:
            typer.echo(f"{number.metric}  {number.signature}")
        return
    for system, measured in zip(systems, numbers, strict=True):
        show_table([], [[system.name, *_cells(number)] for number in measured])
        perplexity, bits = _references(system, characters)
        rows = (("perplexity", perplexity), ("bits per character", bits))
        show_table([], [[system.name, *row, "", "", ""] for row in rows])


def _row(system: System, measured: list[Measured], characters: int) -> list[str]:
    scores = [
        f"{number.value:.2f} ± {number.interval:.2f}" + ("" if number.p_value is None else f"  p {number.p_value:.3f}")
        for number in measured
    ]
    return [system.name, *scores, *_references(system, characters)]


def _cells(number: Measured) -> list[str]:
    p = "" if number.p_value is None else f"{number.p_value:.4f}"
    return [number.metric, f"{number.value:.2f}", f"{number.interval:.2f}", p, number.signature]


def _references(system: System, characters: int) -> tuple[str, str]:
    """Perplexity per piece, and bits per character: pieces differ between vocabularies, characters do not."""
    return f"{system.references.perplexity:.4g}", f"{abs(system.references.bits / max(characters, 1)):.4f}"
