"""`ttx export`: a trained checkpoint becomes a model bundle."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .parameters import ScoreBeamOption, suiting


class PrecisionName(StrEnum):
    """Number formats of a bundle."""

    int8 = "int8"
    fp32 = "fp32"
    fp16 = "fp16"


class LayoutName(StrEnum):
    """Which files and tensors a model has."""

    ttx = "ttx"
    optimum = "optimum"


def export(
    context: typer.Context,
    checkpoint: Annotated[
        Path,
        typer.Argument(
            help="A checkpoint file, or a run folder: its best.pt or average.pt, by dev loss, or else its last.pt."
        ),
    ],
    out: Annotated[Path, typer.Argument(help="Folder of the new bundle; an existing bundle there is replaced.")],
    precision: Annotated[PrecisionName, typer.Option(help="fp16 is for GPUs.")] = PrecisionName.int8,
    layout: Annotated[
        LayoutName,
        typer.Option(help="optimum: files for other runtimes, named as by Hugging Face Optimum; no attention outputs."),
    ] = LayoutName.ttx,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder with the recipe's development sets, for calibration and scores.", envvar="TTX_DATA"),
    ] = None,
    score: Annotated[bool, typer.Option("--score/--no-score", help="Measure BLEU and chrF of the bundle.")] = True,
    beam: ScoreBeamOption = None,
    test: Annotated[
        list[Path] | None,
        typer.Option(metavar="TSV", help="Also score this held-out test set; repeatable."),
    ] = None,
) -> None:
    """Export a checkpoint to ONNX: checked against PyTorch, calibrated, scored, with a model card."""
    from tui_transformer.errors import UsageError
    from tui_transformer.extras import require_extra

    require_extra("train", "ttx export", "torch", "onnx", "sacrebleu")
    from ttx_export.checkpoint import load_checkpoint
    from ttx_export.package import Wanted, export_bundle

    beam = suiting(context, "--beam", beam, score)
    if not score and (test or beam is not None):
        raise UsageError(f"--{'test' if test else 'beam'} does not apply with --no-score")
    run = checkpoint if checkpoint.is_dir() else checkpoint.parent
    wanted = Wanted(precision.value, data, score, beam, tuple(test or ()), run, layout.value)
    bundle = export_bundle(load_checkpoint(checkpoint), out, wanted, lambda line: typer.echo(f"ttx: {line}", err=True))
    typer.echo(bundle.path)
