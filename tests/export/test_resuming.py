"""Going on after whatever happened is the same as never having stopped."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from run_checks import assert_same_state, assert_same_weights, of_kind, until
from ttx_export.checkpoint import load_checkpoint
from ttx_export.events import Ended, Evaluated, Event, Progress, Started
from ttx_export.prepare import prepare
from ttx_export.recipe import parse_recipe
from ttx_export.train import Trainer

from tui_transformer.errors import RecipeError
from tui_transformer.training_log import read_training_log


@pytest.mark.parametrize("stops", [[3], [5, 6, 12]], ids=str)
def test_an_interrupted_run_goes_on_as_if_nothing_had_been(
    train: Callable[..., Trainer], tmp_path: Path, stops: list[int]
) -> None:
    options = {"epochs": 2, "cooldown": 0.5, "average_last": 2, "evaluate_every": 6}
    whole = list(train("whole", **options).run())
    parts: list[Event] = []
    for stop in stops:
        trainer = train("parts", **options)
        parts += until(trainer, stop)
        assert parts[-1] == Ended("interrupted", stop, tmp_path / "parts")
    assert trainer.state.batch, "the test means to stop in the middle of an epoch"
    parts += train("parts", **options).run()
    assert [event.step for event in of_kind(parts, Started)] == [0, *stops]
    assert_same_state(tmp_path / "whole", tmp_path / "parts")
    assert [e.loss for e in of_kind(parts, Progress)] == [e.loss for e in of_kind(whole, Progress)]
    assert of_kind(parts, Evaluated) == of_kind(whole, Evaluated)
    for name in ("best.pt", "average.pt"):
        mine, yours = (load_checkpoint(tmp_path / run / name).weights for run in ("whole", "parts"))
        assert_same_weights(mine, yours)


def test_a_crash_in_an_evaluation_costs_nothing(
    train: Callable[..., Trainer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(train("whole", epochs=1).run())
    with monkeypatch.context() as patch:
        patch.setattr("ttx_export.train.dev_score", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            list(train("crashed", epochs=1).run())
    events = list(train("crashed", epochs=1).run())
    assert [type(event) for event in events] == [Started, Evaluated, Ended]
    assert_same_state(tmp_path / "whole", tmp_path / "crashed")


def test_a_finished_run_trains_on_when_the_recipe_has_more_epochs(
    train: Callable[..., Trainer], tmp_path: Path
) -> None:
    list(train("whole", epochs=2).run())
    list(train("parts", epochs=1).run())
    assert [type(event) for event in train("parts", epochs=1).run()] == [Started, Ended]
    trainer = train("parts", epochs=2, beta2=0.98)
    list(trainer.run())
    assert_same_state(tmp_path / "whole", tmp_path / "parts")
    assert (tmp_path / "parts" / "recipe.toml").read_text() == trainer.recipe.text


def test_changed_optimiser_options_are_in_force_after_going_on(train: Callable[..., Trainer]) -> None:
    until(train("run", epochs=1), 2)
    trainer = train("run", epochs=1, beta1=0.8, beta2=0.9)
    list(trainer.run())
    assert trainer.learner.optimizer.adam.param_groups[0]["betas"] == (0.8, 0.9)


@pytest.mark.parametrize("what", ["shape", "source vocabulary"])
def test_another_model_does_not_take_over_a_run(
    what: str, tiny_text: Callable[..., str], data_folder: Path, tmp_path: Path, train: Callable[..., Trainer]
) -> None:
    until(train("run"), 1)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    other = parse_recipe(tiny_text().replace("d_ff = 32", "d_ff = 48") if what == "shape" else tiny_text())
    if what == "source vocabulary":
        shouted = (data_folder / "train.tsv").read_text(encoding="utf-8").upper().replace("EVERYDAY", "everyday")
        data_folder = tmp_path
        (tmp_path / "train.tsv").write_text(shouted, encoding="utf-8")
        (tmp_path / "dev.tsv").write_text(shouted, encoding="utf-8")
    trainer = Trainer(other, prepare(other, data_folder, tmp_path / "corpus"), tmp_path / "run")
    with pytest.raises(RecipeError, match=f"holds a run with another {what}: choose a new folder"):
        list(trainer.run())
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}


def test_weights_of_a_run_that_is_gone_are_never_averaged(train: Callable[..., Trainer], tmp_path: Path) -> None:
    list(train("run", epochs=3).run())
    (tmp_path / "run" / "last.pt").unlink()
    with pytest.raises(RecipeError, match=r"has step-\d+\.pt of another run, but no last\.pt to go on from"):
        list(train("run", epochs=2).run())


def test_a_run_that_is_put_back_does_the_same_again(train: Callable[..., Trainer], tmp_path: Path) -> None:
    options = {"epochs": 4, "average_last": 2}
    until(train("run", **options), 9)
    early = (tmp_path / "run" / "last.pt").read_bytes()
    first = of_kind(list(train("run", **options).run()), Evaluated)
    (tmp_path / "run" / "last.pt").write_bytes(early)
    again = of_kind(list(train("run", **options).run()), Evaluated)
    # The evaluated weights before that state are gone, those after it are never averaged.
    assert [event.average is None for event in again] == [True, False, False]
    assert again[1:] == first[1:]


def test_a_run_of_an_older_ttx_that_knew_fewer_options_goes_on(train: Callable[..., Trainer], tmp_path: Path) -> None:
    until(train("run", epochs=1), 2)
    last = tmp_path / "run" / "last.pt"
    content = torch.load(last, weights_only=True)
    del content["shape"]["scale_embedding"]
    torch.save(content, last)
    trainer = train("run", epochs=1)
    list(trainer.run())
    assert trainer.state.step == trainer.course.total_steps


def test_a_full_disk_is_said_and_the_last_checkpoint_stays(
    train: Callable[..., Trainer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(train("run"), 2)
    intact = (tmp_path / "run" / "last.pt").read_bytes()

    def save_half(content: object, file: io.BufferedWriter) -> None:
        file.write(intact[: len(intact) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", save_half)
        with pytest.raises(
            RecipeError, match=r"cannot save .*last\.pt: .*No space left .* previous checkpoint is intact"
        ):
            until(train("run"), 4)
    assert (tmp_path / "run" / "last.pt").read_bytes() == intact
    assert not list((tmp_path / "run").glob(".*partial"))
    assert until(train("run"), 4)[0].step == 2


def test_half_a_line_of_metrics_costs_that_line_only(train: Callable[..., Trainer], tmp_path: Path) -> None:
    until(train("run"), 2)
    path = tmp_path / "run" / "metrics.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"event": "progr')
    until(train("run"), 4)
    log = read_training_log(tmp_path / "run")
    assert (log.broken, log.sittings, [update.step for update in log.updates]) == (1, 2, [1, 2, 3, 4])
    until(train("run"), 5)
    assert read_training_log(tmp_path / "run").broken == 1
