"""`ttx train`: a recipe and a folder of text become a run folder of checkpoints."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tui_transformer.entry import INTERRUPTED
from tui_transformer.errors import InputError, TtxError, UsageError

from .inspect.options import Drawing, with_picture_options
from .parameters import DeviceName, model_names, typed

if TYPE_CHECKING:
    from ttx_export.session import Wanted


PICTURE = {"--color", "--width", "--format", "--save", "--no-pager"}


@with_picture_options
def train(
    drawing: Drawing,
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="RECIPE", help="A recipe file, or the name of one that ships with ttx.", show_default=False
        ),
    ] = None,
    data: Annotated[Path, typer.Option(help="Folder that holds the recipe's files.", envvar="TTX_DATA")] = Path("data"),
    out: Annotated[Path | None, typer.Option(help="The run folder.", show_default="runs/<name of the recipe>")] = None,
    device: Annotated[DeviceName, typer.Option(help="auto uses a GPU if there is one.")] = DeviceName.auto,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.", show_default="PyTorch's choice")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Number of epochs, overriding the recipe.")] = None,
    start_from: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Start with the weights and vocabularies of this model: a bundle's folder or name, a run folder, "
            "or a checkpoint file.",
            show_default=False,
            autocompletion=model_names,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Train nothing: measure a few steps and estimate the whole run.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Train nothing: draw the curves of a run folder.", show_default=False),
    ] = None,
) -> None:
    """Train a model from a recipe.

    Ctrl-C saves and stops; the same command resumes.

    --start-from MODEL starts from a trained model, to continue with other text, such as your own.

    The recipe must describe that model's shape, but may untie embeddings and ask for a larger d_ff; the vocabularies
    are kept, steps and learning rate start afresh.

    Several processes: torchrun --nproc-per-node 2 -m tui_transformer train RECIPE

    --plot RUN draws the curves of a run, even one still in progress, and needs no PyTorch.

    --color, --width, --format, --save and --no-pager only apply with --plot and --dry-run.
    """  # fmt: skip
    given = typed(drawing.context)
    if plot is not None:
        if recipe is not None or dry_run:
            raise UsageError("give either a RECIPE to train or --plot RUN, not both")
        if idle := given - {"--plot", *PICTURE}:
            raise UsageError(f"{min(idle)} is for training; --plot RUN trains nothing")
        _plot(plot, drawing)
        return
    if recipe is None:
        raise UsageError("give a RECIPE to train, or --plot RUN")
    if not dry_run and (idle := given & PICTURE):
        raise UsageError(f"{min(idle)} only applies with --plot or --dry-run")
    _need_torch(*([] if start_from is None else ["onnx"]))
    leads = os.environ.get("RANK", "0") == "0"
    try:
        from ttx_export.session import Wanted

        wanted = Wanted(recipe, data, out, device.value, threads, epochs, start_from)
        _estimate(wanted, drawing) if dry_run else _train(wanted, leads)
    except KeyboardInterrupt:
        _say("interrupted at once; the last save is kept", leads)
        raise typer.Exit(INTERRUPTED) from None
    except TtxError as error:
        # Every process meets the same error, or sees that another has ended: only one reports it.
        if leads:
            raise
        raise typer.Exit(error.exit_code) from None


def _need_torch(*more: str) -> None:
    from tui_transformer.extras import require_extra

    require_extra("train", "ttx train", "torch", *more)
    # oneDNN reads this when torch is imported. It keeps a bf16 kernel for each shape, by default too few.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")


def _plot(run: Path, drawing: Drawing) -> None:
    """Show how a run went. Raises InputError if its log has no step."""
    from tui_transformer.render.views.training import training_picture
    from tui_transformer.training_log import read_training_log

    from .inspect.show import show

    log = read_training_log(run)
    if not log.updates and not log.evaluations:
        raise InputError(f"{run} has nothing to draw yet: its log has no steps")
    show(training_picture(log), drawing)


def _estimate(wanted: Wanted, drawing: Drawing) -> None:
    """Measure, and show what the training would take."""
    from ttx_export.session import dry_run

    from tui_transformer.render.views.estimate import estimate_picture

    from .inspect.show import show

    found = dry_run(wanted, lambda text: typer.echo(text, err=True))
    if found is not None:
        show(estimate_picture(found), drawing)


def _train(wanted: Wanted, leads: bool) -> None:
    """Train, and say where the result is."""
    from ttx_export.session import train_session

    ended = train_session(wanted)
    if ended.reason == "interrupted":
        _say(f"stopped after step {ended.step:,} and saved; to resume: {_same_command()}", leads)
        raise typer.Exit(INTERRUPTED)
    if leads:
        from ttx_export.checkpoint import best_file

        typer.echo(best_file(ended.run))


def _same_command() -> str:
    return "the same torchrun command" if "WORLD_SIZE" in os.environ else f"ttx {shlex.join(sys.argv[1:])}"


def _say(text: str, leads: bool) -> None:
    if leads:
        typer.echo(f"ttx: {text}", err=True)
