"""`ttx train`: a recipe and a folder of text become a run folder of checkpoints."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from tui_transformer.errors import TtxError

from .parameters import DeviceName
from .streams import INTERRUPTED


def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A recipe file, or the name of one that ships with ttx.")
    ],
    data: Annotated[Path, typer.Option(help="The folder in which the recipe's files are.", envvar="TTX_DATA")] = Path(
        "data"
    ),
    out: Annotated[Path | None, typer.Option(help="The run folder.", show_default="runs/<name of the recipe>")] = None,
    device: Annotated[DeviceName, typer.Option(help="auto takes a GPU if there is one.")] = DeviceName.auto,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.", show_default="PyTorch's choice")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Train so many epochs, whatever the recipe says.")] = None,
) -> None:
    """Train a model from a recipe.

    Ctrl-C saves and stops; the same command goes on from there. Several processes:
    torchrun --nproc-per-node 2 -m tui_transformer train RECIPE
    """  # fmt: skip
    from tui_transformer.extras import require_extra

    require_extra("train", "ttx train", "torch")
    # oneDNN reads this when torch is imported. It keeps a bf16 kernel for each shape, by default too few.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")
    leads = os.environ.get("RANK", "0") == "0"
    try:
        from ttx_export.session import Wanted, train_session

        ended = train_session(Wanted(recipe, data, out, device.value, threads, epochs))
    except KeyboardInterrupt:
        _say("interrupted at once; what was saved last is kept", leads)
        raise typer.Exit(INTERRUPTED) from None
    except TtxError as error:
        # Every process meets the same error: one of them speaks.
        if leads:
            raise
        raise typer.Exit(error.exit_code) from None
    if ended.reason == "interrupted":
        _say(f"stopped after step {ended.step:,} and saved; to go on: {_same_command()}", leads)
        raise typer.Exit(INTERRUPTED)
    if leads:
        from ttx_export.checkpoint import best_file

        typer.echo(best_file(ended.run))


def _same_command() -> str:
    return "the same torchrun command" if "WORLD_SIZE" in os.environ else f"ttx {shlex.join(sys.argv[1:])}"


def _say(text: str, leads: bool) -> None:
    if leads:
        typer.echo(f"ttx: {text}", err=True)
