"""`ttx train`: a recipe and a folder of text become a run folder of checkpoints."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from tui_transformer.errors import InputError, TtxError, UsageError

from .inspect.options import Drawing, with_picture_options
from .parameters import DeviceName
from .streams import INTERRUPTED


@with_picture_options
def train(
    drawing: Drawing,
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="RECIPE", help="A recipe file, or the name of one that ships with ttx.", show_default=False
        ),
    ] = None,
    data: Annotated[Path, typer.Option(help="The folder in which the recipe's files are.", envvar="TTX_DATA")] = Path(
        "data"
    ),
    out: Annotated[Path | None, typer.Option(help="The run folder.", show_default="runs/<name of the recipe>")] = None,
    device: Annotated[DeviceName, typer.Option(help="auto takes a GPU if there is one.")] = DeviceName.auto,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.", show_default="PyTorch's choice")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Train so many epochs, whatever the recipe says.")] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Train nothing: draw the curves of a run folder.", show_default=False),
    ] = None,
) -> None:
    """Train a model from a recipe.

    Ctrl-C saves and stops; the same command goes on from there. Several processes:
    torchrun --nproc-per-node 2 -m tui_transformer train RECIPE

    --plot RUN draws the curves of a run, also of one that goes on, and needs no PyTorch; --color, --width, --format,
    --save and --no-pager are for its picture.
    """  # fmt: skip
    if plot is not None:
        _plot(plot, recipe, drawing)
        return
    if recipe is None:
        raise UsageError("give a RECIPE to train, or --plot RUN")
    if drawing.save:
        raise UsageError("--save is for the picture of --plot")
    _train(recipe, data, out, device, threads, epochs)


def _plot(run: Path, recipe: str | None, drawing: Drawing) -> None:
    """Show how a run went. Raises InputError if its folder knows of no step."""
    from tui_transformer.render.views.training import training_picture
    from tui_transformer.training_log import read_training_log

    from .inspect.show import show

    if recipe is not None:
        raise UsageError("give either a RECIPE to train or --plot RUN, not both")
    log = read_training_log(run)
    if not log.updates and not log.evaluations:
        raise InputError(f"{run} has nothing to draw yet: no step of it is in its log")
    show(training_picture(log), drawing)


def _train(
    recipe: str, data: Path, out: Path | None, device: DeviceName, threads: int | None, epochs: int | None
) -> None:
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
