"""`ttx models`: which models there are, and whether one is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .parameters import model_names

app = typer.Typer(help="List and check model bundles.", no_args_is_help=True)


@app.command("list")
def list_models() -> None:
    """One line a model: name, languages, precision, size, folder. A broken one is named on stderr."""
    from tui_transformer.bundle import read_bundle
    from tui_transformer.catalogue import installed_models
    from tui_transformer.errors import BundleError

    for name, path in installed_models().items():
        try:
            bundle = read_bundle(path)
        except BundleError as error:
            typer.echo(f"ttx: {error}", err=True)
            continue
        manifest = bundle.manifest
        languages = f"{manifest.source_language}→{manifest.target_language}"
        typer.echo(f"{name}\t{languages}\t{manifest.precision}\t{bundle.bytes / 1e6:.1f} MB\t{path}")


@app.command()
def verify(
    model: Annotated[str, typer.Argument(help="A model's name or folder.", autocompletion=model_names)],
) -> None:
    """Check a bundle: manifest, sizes, SHA-256 of every file, and that every graph loads and gives what it should."""
    from tui_transformer.bundle import verify_bundle
    from tui_transformer.catalogue import find_model
    from tui_transformer.translator import Translator

    bundle = verify_bundle(Path(find_model(model)))
    translator = Translator(bundle, "cpu")
    translator.probe("", lens=True)
    translator.embeddings("source", ())
    typer.echo(
        f"{bundle.path}: {len(bundle.manifest.files)} files, {bundle.bytes / 1e6:.1f} MB, all as the manifest says"
    )
