"""The folder of one training run: what is written there, when, and what makes it the same run again.

recipe.toml          the recipe now in force
metrics.jsonl        one JSON object per event, appended; steps repeated after a crash appear again
corpus/              encoded text and vocabularies, by content hash (`prepare`)
last.pt              everything needed to resume (weights, optimiser, where in the data)
step-00001000.pt     weights only, of the newest evaluations
best.pt, average.pt  weights of the lowest dev loss, and the mean of the newest evaluations
watched/             a trace of the first sample's greedy decoding per evaluation: `step-00001000.ttxtrace`
.lock                held while a training is at work here (`lock`)
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from torch import Tensor

from tui_transformer.architecture import Architecture
from tui_transformer.errors import InputError, RecipeError
from tui_transformer.events import Trace
from tui_transformer.traces import save_trace
from tui_transformer.training_log import METRICS
from tui_transformer.whole_file import whole_file

from . import checkpoint
from .differences import differences
from .events import Event, as_json
from .recipe import Recipe, parse_recipe

RECIPE = "recipe.toml"
CORPUS = "corpus"
WATCHED = "watched"
NEWER = ("files",)
"""What checkpoints of an older ttx do not say."""


class RunFolder:
    """One run's files. `fixed` is what every checkpoint says about the run (`checkpoint.describe`)."""

    def __init__(self, path: Path, fixed: dict[str, Any]) -> None:
        self.path = path
        self.fixed = fixed

    def create(self, recipe: str) -> None:
        """Make the folder if needed, and keep the recipe that is now in force."""
        self._end_last_line()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with whole_file(self.path / RECIPE) as file:
                file.write(recipe.encode())
        except OSError as error:
            raise RecipeError(f"cannot write {self.path / RECIPE}: {error.strerror}") from None

    def _end_last_line(self) -> None:
        """A crash may have left half a line: what comes next must not become part of it."""
        try:
            with open(self.path / METRICS, "rb+") as file:
                if file.seek(0, os.SEEK_END):
                    file.seek(-1, os.SEEK_END)
                    if file.read(1) != b"\n":
                        file.write(b"\n")
        except FileNotFoundError:
            pass  # the first sitting
        except OSError as error:
            raise RecipeError(f"cannot write {self.path / METRICS}: {error.strerror}") from None

    def log(self, event: Event, seconds: float) -> None:
        """Append one event to metrics.jsonl; it is on disk when this returns."""
        line = json.dumps({**as_json(event), "seconds": round(seconds, 1)}, ensure_ascii=False)
        try:
            with open(self.path / METRICS, "a", encoding="utf-8") as file:
                file.write(line + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RecipeError(f"cannot write {self.path / METRICS}: {error.strerror}") from None

    def save(self, name: str, weights: dict[str, Tensor], progress: dict[str, Any], **more: Any) -> None:
        """One checkpoint file, whole or not at all."""
        checkpoint.save_atomically({**self.fixed, "weights": weights, "progress": progress, **more}, self.path / name)

    def watch(self, trace: Trace, step: int) -> str:
        """Keep what the model made of the watched sentence at this step. Returns the file's path in the folder."""
        name = f"{WATCHED}/step-{step:08}.ttxtrace"
        try:
            (self.path / WATCHED).mkdir(exist_ok=True)
            save_trace(trace, self.path / name)
        except OSError as error:
            raise RecipeError(f"cannot write {self.path / WATCHED}: {error.strerror}") from None
        except InputError as error:
            raise RecipeError(str(error)) from None
        return name

    def set_aside_best(self, step: int) -> None:
        """Keep what was best until this step under another name: what comes later is judged otherwise."""
        for name in (checkpoint.BEST, checkpoint.AVERAGE):
            if (best := self.path / name).is_file():
                best.rename(best.with_stem(f"{best.stem}-until-{step}"))

    def newest(self, count: int) -> list[Path]:
        """The last `count` evaluated checkpoints, oldest first; those before them are deleted."""
        kept = self._evaluated()
        for old in kept[:-count]:
            old.unlink()
        return kept[-count:]

    def load_last(self) -> dict[str, Any] | None:
        """The state to resume from, None in a new folder.

        Raises RecipeError if it is of another model or vocabulary, or damaged.
        """
        path = self.path / checkpoint.LAST
        if not path.exists():
            if kept := self._evaluated():
                raise RecipeError(
                    f"{self.path} has {kept[-1].name} of another run, but no {checkpoint.LAST} to go on from: "
                    "choose a new folder"
                )
            return None
        content = checkpoint.read(path)
        if missing := {*self.fixed, "weights", "optimizer", "state"} - {*content, *NEWER}:
            raise RecipeError(f"{path} is damaged: it lacks {', '.join(sorted(missing))}")
        for part in ("shape", "source_vocabulary", "target_vocabulary"):
            if not _same(self.fixed[part], content[part]):
                what = part.replace("_", " ")
                raise RecipeError(f"{self.path} holds a run with another {what}: choose a new folder")
        return content

    def other_files(self, content: dict[str, Any]) -> list[str]:
        """Files of the text that are not what they were when the run was left as `content` says."""
        before = content.get("files", {})
        return [name for name, digest in self.fixed["files"].items() if before.get(name, digest) != digest]

    def remember_recipe(self, content: dict[str, Any], recipe: Recipe) -> tuple[str, ...]:
        """Record for what part of the run, left as `content` says, another recipe was in force, or other text was read.

        Returns the changes.
        """
        earlier, changed = content.get("earlier_recipes", []), list[str]()
        if content["recipe"] != recipe.text:
            try:
                changed = differences(parse_recipe(content["recipe"]), recipe)
            except (ValueError, TypeError) as error:
                raise RecipeError(f"{self.path / checkpoint.LAST} is damaged: its recipe: {error}") from None
        changed += [f"other text in {name}" for name in self.other_files(content)]
        if changed:
            earlier = [*earlier, {"until": content["state"]["step"], "recipe": content["recipe"], "changed": changed}]
        if earlier:
            self.fixed["earlier_recipes"] = earlier
        return tuple(changed)

    def drop_later(self, step: int) -> None:
        """Delete evaluated checkpoints of steps that are still to come: the run was put back to an earlier state."""
        for path in self._evaluated():
            if path.stem > f"step-{step:08}":
                path.unlink()

    def _evaluated(self) -> list[Path]:
        """The kept checkpoints of evaluations, oldest first."""
        return sorted(self.path.glob("step-*.pt"))


def _same(mine: Any, its: Any) -> bool:
    """Are two vocabularies or two shapes equal? Options that an older ttx did not know have their default."""
    if isinstance(mine, Tensor):
        return isinstance(its, Tensor) and its.equal(mine)
    try:
        return Architecture.from_dict(its) == Architecture.from_dict(mine)
    except (ValueError, TypeError):
        return False
