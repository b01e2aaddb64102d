"""One training session, as `ttx train` runs it: prepare, train, show it, stop when asked to; or only measure."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from tui_transformer.errors import RecipeError, TtxError
from tui_transformer.render.views.estimate import Estimate

from .distributed import Device, Processes
from .estimate import estimate
from .events import Ended
from .lock import RunLock
from .memory import keep_freed_memory
from .prepare import Prepared, prepare, prepared_folder
from .recipe import Recipe, find_recipe, load_recipe, with_epochs
from .run_folder import CORPUS
from .start import Start, find_start
from .train import Trainer, check_sizes
from .view import View, view_on


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for. `recipe` is a name or path, `out` None the folder runs/<recipe's name>."""

    recipe: str
    data: Path
    out: Path | None = None
    device: Device = "auto"
    threads: int | None = None
    epochs: int | None = None
    start_from: str | None = None
    """A trained model whose weights and vocabularies are the first: a checkpoint, run folder, bundle or name."""


def train_session(wanted: Wanted) -> Ended:
    """Train until the recipe's end, an early stop or a signal.

    Raises RecipeError or DeviceError, and KeyboardInterrupt when told to stop twice, or before there is
    anything to save.
    """
    recipe = _recipe(wanted)
    run = wanted.out or Path("runs") / recipe.name
    with Processes() as processes, StopSignals() as stop, RunLock(run) as lock:
        check_sizes(recipe, processes.count)
        device = processes.device(wanted.device)
        # A new folder is made only when there is something to put into it.
        _take(lock, processes, run.is_dir())
        start = find_start(wanted.start_from, run, recipe)
        with view_on(Console(stderr=True)) if processes.leads else View() as view:
            view.say(f"preparing the text in {wanted.data} …")
            prepared = _prepare_in_turn(recipe, wanted.data, run / CORPUS, processes, start)
            _take(lock, processes, True)
            trainer = Trainer(recipe, prepared, run, device, processes, start)
            stop.watch(trainer, view)
            return _show(trainer, view)


def dry_run(wanted: Wanted, say: Callable[[str], object]) -> Estimate | None:
    """What the same training would take, from a few measured steps; None in processes that do not lead.

    Nothing is written except to a folder that is deleted again; text already prepared is used.
    Raises RecipeError or DeviceError.
    """
    recipe = _recipe(wanted)
    run = wanted.out or Path("runs") / recipe.name
    with Processes() as processes, tempfile.TemporaryDirectory(prefix="ttx-dry-run-") as scratch:
        check_sizes(recipe, processes.count)
        device = processes.device(wanted.device)
        start = find_start(wanted.start_from, run, recipe)
        if processes.leads:
            say(f"preparing the text in {wanted.data} …")
        given = start.checkpoint.vocabularies if start else None
        there = prepared_folder(recipe, wanted.data, run / CORPUS, given)
        cache = Path(processes.agree(str(run / CORPUS if there.is_dir() else scratch)))
        begun = time.monotonic()
        prepared = _prepare_in_turn(recipe, wanted.data, cache, processes, start)
        seconds = time.monotonic() - begun
        trainer = Trainer(recipe, prepared, run, device, processes, start)
        trainer.take_over()  # what could not be resumed is refused now, not when training begins
        if processes.leads:
            say("measuring …")
        left = f"it was there before, in {there}" if there.is_dir() else ""
        found = estimate(trainer, seconds, prepared_folder(recipe, wanted.data, cache, given), left)
        processes.wait()
        return found if processes.leads else None


def _recipe(wanted: Wanted) -> Recipe:
    """The recipe as it is to be trained. Afterwards the requested threads and `keep_freed_memory` are in force."""
    recipe = load_recipe(find_recipe(wanted.recipe))
    if wanted.epochs:
        recipe = with_epochs(recipe, wanted.epochs)
    if not wanted.data.is_dir():
        raise RecipeError(f"no data folder {wanted.data}: give it with --data or TTX_DATA")
    if wanted.threads:
        torch.set_num_threads(wanted.threads)
    keep_freed_memory()
    return recipe


def _take(lock: RunLock, processes: Processes, wanted: bool) -> None:
    """The leading process takes the lock if that is wanted. Raises RecipeError in all if another training has it."""
    refused = processes.leads and wanted and not lock.take()
    if processes.sum(torch.tensor(float(refused))):
        raise RecipeError(
            f"another ttx train ({lock.holder or 'unknown'}) is at work in {lock.path.parent}: wait for it, stop it, "
            "or choose another folder with --out"
        )


def _prepare_in_turn(recipe: Recipe, data: Path, cache: Path, processes: Processes, start: Start | None) -> Prepared:
    """One process does the work and the others find it done. Raises RecipeError in all if it fails."""
    given, failed, prepared = start.checkpoint.vocabularies if start else None, None, None
    if processes.leads:
        try:
            prepared = prepare(recipe, data, cache, given=given)
        except TtxError as error:
            failed = error
    if processes.sum(torch.tensor(float(failed is not None))):
        raise failed or RecipeError("the leading process could not prepare the text")
    return prepared or prepare(recipe, data, cache, given=given)


def _show(trainer: Trainer, view: View) -> Ended:
    for event in trainer.run():
        view.show(event)
        if isinstance(event, Ended):
            return event
    raise AssertionError("a run ends with Ended")


class StopSignals:
    """The first Ctrl-C (or SIGTERM, SIGHUP) asks the run to save and stop, the second ends at once."""

    def __init__(self) -> None:
        self._trainer: Trainer | None = None
        self._view = View()

    def watch(self, trainer: Trainer, view: View) -> None:
        """From now on there is something to save."""
        self._trainer, self._view = trainer, view

    def __enter__(self) -> StopSignals:
        heard = [signal.SIGINT, signal.SIGTERM]
        # A terminal that goes away ends a run too, unless it was started to outlive it (nohup).
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            heard.append(signal.SIGHUP)
        self._before = {number: signal.signal(number, self._handle) for number in heard}
        self._terminals = [stream for stream in (1, 2) if os.isatty(stream)]
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: object) -> None:
        if number == getattr(signal, "SIGHUP", None):
            self._leave_terminals()
        if self._trainer is None or self._trainer.stop_requested:
            raise KeyboardInterrupt
        self._trainer.stop_requested = True
        # The signal may have come in the middle of a write to the same stream.
        with contextlib.suppress(RuntimeError):
            self._view.say("stopping once this step is finished and saved; interrupt again to end at once")

    def _leave_terminals(self) -> None:
        """Write to nowhere: a terminal that has gone would be an error before anything is saved."""
        with open(os.devnull, "wb") as nowhere:
            for stream in self._terminals:
                os.dup2(nowhere.fileno(), stream)
