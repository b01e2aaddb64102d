"""`ttx import`: a Marian (OPUS-MT) model becomes a model bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tui_transformer.errors import UsageError

from .export import PrecisionName
from .parameters import ScoreBeamOption, suiting


def import_model(
    context: typer.Context,
    path: Annotated[
        Path | None,
        typer.Argument(help="A Marian model: a folder in Hugging Face layout, or a .npz file.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the new bundle; an existing bundle there is replaced.",
            show_default="models/<name of the model>",
        ),
    ] = None,
    hub: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Download this model, such as Helsinki-NLP/opus-mt-en-de.", show_default=False
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Download without asking.")] = False,
    source: Annotated[str | None, typer.Option(help="Source language.", show_default="as the model says")] = None,
    target: Annotated[str | None, typer.Option(help="Target language.", show_default="as the model says")] = None,
    precision: Annotated[
        PrecisionName, typer.Option(help="int8 needs --data; fp16 is for GPUs.")
    ] = PrecisionName.fp32,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="TSV", help="Pairs, source<TAB>target, for calibration and scores.", show_default=False
        ),
    ] = None,
    beam: ScoreBeamOption = None,
) -> None:  # fmt: skip
    """Import a Marian model (OPUS-MT) from disk or from the Hugging Face hub: any language pair, every view.

    Example:  ttx import opus-mt-en-de --out models/opus-mt-en-de
    """
    from tui_transformer.extras import require_extra

    if (path is None) == (hub is None):
        raise UsageError("give either a folder or --hub NAME")
    if yes and hub is None:
        raise UsageError("--yes only applies with --hub")
    beam = suiting(context, "--beam", beam, data is not None)
    if beam is not None and data is None:
        raise UsageError("--beam only applies to the scores, which need --data")
    packages = ("torch", "onnx", "sacrebleu") if data else ("torch", "onnx")
    require_extra("train", "ttx import", *packages)
    if hub is not None:
        path = _download(hub, yes)
    assert path is not None
    from ttx_export.importing import read_foreign
    from ttx_export.marian_folder import Naming
    from ttx_export.package import Wanted, export_bundle

    out = out or Path("models") / (hub.rsplit("/", 1)[-1] if hub else _name_of(path.resolve()))
    checkpoint = read_foreign(path, Naming(out.resolve().name, (source, target), data, hub or ""))
    assert checkpoint.origin is not None
    wanted = Wanted(precision.value, data.parent if data else None, data is not None, beam)
    bundle = export_bundle(checkpoint, out, wanted, _say)
    if codes := checkpoint.origin.languages:
        _say(f"each line must begin with its target language, one of {len(codes)} codes such as {codes[0]}")
    typer.echo(bundle.path)


def _name_of(path: Path) -> str:
    """A folder's whole name: what looks like a suffix may be a version."""
    return path.stem if path.is_file() else path.name


def _download(name: str, yes: bool) -> Path:
    """Fetch a model, once it is clear how large it is and on what terms it may be used."""
    from tui_transformer.extras import require_extra

    require_extra("import", "ttx import --hub", "huggingface_hub")
    from ttx_export.hub import describe, fetch

    found = describe(name)
    _say(
        f"{found.name}: {found.bytes / 1e6:.1f} MB in {len(found.files)} files, licence {found.licence or 'not stated'}"
    )
    if not yes:
        typer.confirm("download?", abort=True, err=True)
    return fetch(found)


def _say(line: str) -> None:
    typer.echo(f"ttx: {line}", err=True)
