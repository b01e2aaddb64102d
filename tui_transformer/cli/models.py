"""`ttx models`: which models there are, and whether one is intact."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .parameters import model_names

app = typer.Typer(help="List and check model bundles.", no_args_is_help=True)


@app.command("list")
def list_models() -> None:
    """List the models, one per line: name, languages, precision, size, folder. Broken ones are reported on stderr."""
    from tui_transformer.catalogue import installed_models, read_model
    from tui_transformer.errors import BundleError

    for name, path in installed_models().items():
        try:
            bundle = read_model(path)
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
    from tui_transformer.bundle import MANIFEST, verify_bundle
    from tui_transformer.catalogue import find_model, read_model
    from tui_transformer.translator import Translator

    bundle = read_model(Path(find_model(model)))
    listed = bundle.file(MANIFEST).exists()
    if listed:
        bundle = verify_bundle(bundle.path)
    translator = Translator(bundle, "cpu")
    if translator.runtime.gives_attention:
        translator.probe("", lens=True)
        translator.embeddings("source", ())
    verdict = (
        "all as the manifest says" if listed else "the graphs fit together; there is no manifest with their SHA-256"
    )
    typer.echo(f"{bundle.path}: {len(bundle.manifest.files)} files, {bundle.bytes / 1e6:.1f} MB, {verdict}")
