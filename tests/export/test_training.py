"""The loop: it learns, evaluates, stops early, and keeps what is best."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from run_checks import assert_same_state, of_kind, until
from torch.nn.functional import kl_div
from ttx_export import checkpoint
from ttx_export.batches import make_batch
from ttx_export.checkpoint import average_weights, best_file, load_checkpoint
from ttx_export.events import DevScore, Ended, Evaluated, Progress, Started
from ttx_export.prepare import Prepared
from ttx_export.recipe import Recipe, parse_recipe
from ttx_export.train import Trainer

from tui_transformer.errors import RecipeError

Tiny = Callable[..., Recipe]


def test_the_loss_falls_and_every_event_is_kept(train: Callable[..., Trainer], tmp_path: Path) -> None:
    trainer = train("run", epochs=3)
    events = list(trainer.run())
    (started,), progress, evaluated = (of_kind(events, kind) for kind in (Started, Progress, Evaluated))
    assert (started.step, started.pairs, started.processes, started.device) == (0, 56, 1, "cpu")
    assert [event.step for event in progress] == list(range(1, len(progress) + 1))
    assert progress[-1].loss < progress[0].loss - 1
    assert [event.epoch for event in evaluated] == [0, 1, 2]
    assert evaluated[-1].dev["everyday"].loss < evaluated[0].dev["everyday"].loss
    assert [source for source, _ in evaluated[0].samples] == ["The coffee is cold.", "Good night."]
    assert events[-1] == Ended("finished", progress[-1].step, tmp_path / "run")

    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == [type(event).__name__.lower() for event in events]
    assert lines[-2]["dev"]["everyday"]["loss"] == evaluated[-1].dev["everyday"].loss
    assert [line["loss"] for line in lines if line["event"] == "progress"] == [event.loss for event in progress]


def test_a_run_is_a_function_of_its_recipe(train: Callable[..., Trainer], tmp_path: Path) -> None:
    for run, seed in (("a", 1), ("b", 1), ("c", 2)):
        list(train(run, epochs=1, seed=seed).run())
    assert_same_state(tmp_path / "a", tmp_path / "b")
    with pytest.raises(AssertionError):
        assert_same_state(tmp_path / "a", tmp_path / "c")


def divergence_of_two_passes(trainer: Trainer) -> float:
    """How far apart what two passes with different dropout say of the training text is, in nats a token."""
    model, learner = trainer.model, trainer.learner
    members = trainer.course.plan(0)[0][0]
    batch = make_batch(learner.prepared.train, members, learner.positions, learner.prepared.special)
    source, target = torch.from_numpy(batch.source), torch.from_numpy(batch.target_input)
    model.train()
    torch.manual_seed(5)
    with torch.no_grad():
        p, q = (model.projection(model.decode(target, model.encode(source)).features).log_softmax(-1) for _ in "pq")
    return kl_div(q, p, log_target=True, reduction="sum").item() / target.numel()


def test_r_drop_draws_the_passes_together_and_goes_on_as_if_nothing_had_been(
    train: Callable[..., Trainer], tmp_path: Path
) -> None:
    options = {"epochs": 3, "dropout": 0.3}
    without = train("without", **options)
    plain = of_kind(list(without.run()), Progress)
    whole = train("whole", **options, r_drop=20.0)
    drawn = of_kind(list(whole.run()), Progress)
    assert drawn[0].loss == pytest.approx(plain[0].loss, rel=0.05), "the mean of both passes, not their sum"
    assert drawn[-1].loss < drawn[0].loss - 0.5
    assert divergence_of_two_passes(whole) < divergence_of_two_passes(without) / 2
    until(train("parts", **options, r_drop=20.0), 4)
    list(train("parts", **options, r_drop=20.0).run())
    assert_same_state(tmp_path / "whole", tmp_path / "parts")


def test_each_epoch_sees_the_mix_of_its_time(
    tiny_text: Callable[..., str], prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttx_export.train.PROGRESS_SECONDS", 0.0)
    later = "[[data.later]]\nepoch = 3\nweights = {everyday = 3.0}\n[vocabulary]"
    recipe = parse_recipe(tiny_text(epochs=4, micro_batches=1).replace("[vocabulary]", later))
    trainer, seen = Trainer(recipe, prepared, tmp_path / "run"), list[int]()
    for epoch in range(4):
        seen.append(sum(len(rows) for update in trainer.course.plan(epoch) for rows in update))
    assert seen == [56, 56, 168, 168]
    lengths = [len(trainer.course.plan(epoch)) for epoch in range(4)]
    (started,) = of_kind(list(trainer.run()), Started)
    assert started.steps == sum(lengths)
    assert load_checkpoint(tmp_path / "run" / "last.pt").progress["epochs"] == 4
    short = Trainer(recipe, prepared, tmp_path / "short")
    until(short, lengths[0] + lengths[1] + lengths[2] // 2)
    epochs = load_checkpoint(tmp_path / "short" / "last.pt").progress["epochs"]
    assert epochs == 2 + (lengths[2] // 2) / lengths[2]


def test_evaluations_follow_the_recipe_and_the_end_is_always_evaluated(train: Callable[..., Trainer]) -> None:
    trainer = train("run", epochs=2, evaluate_every=5)
    steps = [event.step for event in of_kind(list(trainer.run()), Evaluated)]
    last = trainer.state.step
    assert last % 5
    assert steps == [*range(5, last, 5), last]


def test_a_run_of_so_many_steps_ends_amid_an_epoch_and_goes_on_if_given_more(
    train: Callable[..., Trainer], tmp_path: Path
) -> None:
    epoch_length = len(train("other", steps=1).course.plan(0))
    steps = epoch_length + 2
    events = list(train("run", epochs=1, steps=steps).run())
    (started,) = of_kind(events, Started)
    assert (started.steps, started.epochs) == (steps, 2)
    assert [event.step for event in of_kind(events, Evaluated)] == [epoch_length, steps]
    assert events[-1] == Ended("finished", steps, tmp_path / "run")
    made = load_checkpoint(tmp_path / "run" / "last.pt").progress
    assert made["epochs"] == pytest.approx(1 + 2 / epoch_length, rel=0.05)
    assert [type(event) for event in train("run", steps=steps).run()] == [Started, Ended]
    more = train("run", steps=steps + 1)
    list(more.run())
    assert (more.state.step, more.state.epoch, more.state.batch) == (steps + 1, 1, 3)


def test_an_early_stop_waits_for_the_patience_and_stays(
    train: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([3.0, 2.0, 2.5, 2.0, 1.0])
    monkeypatch.setattr("ttx_export.train.dev_score", lambda *_: DevScore(next(losses), 0.5))
    events = list(train("run", epochs=9, patience=2, average_last=1).run())
    assert [event.best for event in of_kind(events, Evaluated)] == [True, True, False, False]
    assert events[-1].reason == "early stop"
    assert [type(event) for event in train("run", epochs=9, patience=2).run()] == [Started, Ended]
    more = list(train("run", epochs=5, patience=3, average_last=1).run())
    assert [event.best for event in of_kind(more, Evaluated)] == [True]


def test_what_was_best_by_another_measure_is_set_aside(
    train: Callable[..., Trainer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([1.0, 0.9, 3.0, 2.0])
    monkeypatch.setattr("ttx_export.train.dev_score", lambda *_: DevScore(next(losses), 0.5))
    list(train("run", epochs=2, average_last=1).run())
    before = load_checkpoint(tmp_path / "run" / "best.pt").progress["step"]
    monkeypatch.setattr("ttx_export.train.judges_alike", lambda *_: False)
    events = list(train("run", epochs=4, patience=1, average_last=1).run())
    assert [event.best for event in of_kind(events, Evaluated)] == [True, True]
    assert load_checkpoint(tmp_path / "run" / f"best-until-{before}.pt").progress["step"] == before
    assert load_checkpoint(best_file(tmp_path / "run")).progress["step"] == events[-1].step


def test_best_is_by_dev_loss_and_the_average_of_the_newest(
    train: Callable[..., Trainer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each evaluation scores the model; from the second on, the average too.
    losses: Iterator[float] = iter([3.0, 2.0, 2.6, 2.9, 2.5, 2.8, 2.4])
    monkeypatch.setattr("ttx_export.train.dev_score", lambda *_: DevScore(next(losses), 0.5))
    trainer = train("run", epochs=4, average_last=3)
    evaluated = of_kind(list(trainer.run()), Evaluated)
    assert [event.best for event in evaluated] == [True, True, False, False]
    assert [event.average and event.average.loss for event in evaluated] == [None, 2.6, 2.5, 2.4]
    run = tmp_path / "run"
    steps = [event.step for event in evaluated]
    assert sorted(path.name for path in run.glob("step-*.pt")) == [f"step-{step:08}.pt" for step in steps[1:]]

    best, average = load_checkpoint(run / "best.pt"), load_checkpoint(run / "average.pt")
    assert best.progress["step"] == steps[1]
    kept = [load_checkpoint(path).weights for path in sorted(run.glob("step-*.pt"))]
    for name, weight in average.weights.items():
        torch.testing.assert_close(weight, torch.stack([weights[name] for weights in kept]).mean(0))
    assert best_file(run) == run / "best.pt", "its dev loss is 2.0, the average's 2.4"


def test_the_better_of_average_and_best_is_taken(train: Callable[..., Trainer], tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert best_file(run) == run / "last.pt"
    until(train("run"), 1)
    assert best_file(run) == run / "last.pt"
    content = checkpoint.read(run / "last.pt")
    for name, loss in (("best.pt", 2.0), ("average.pt", 1.9)):
        content["progress"] = {"dev_loss": loss}
        torch.save(content, run / name)
    assert best_file(run) == run / "average.pt"


def test_the_average_of_one_is_itself(train: Callable[..., Trainer], tmp_path: Path) -> None:
    until(train("run"), 1)
    path = tmp_path / "run" / "last.pt"
    weights = checkpoint.read(path)["weights"]
    assert all(torch.equal(mean, weights[name]) for name, mean in average_weights([path, path]).items())


def test_divergence_is_said_before_it_is_saved(train: Callable[..., Trainer], tmp_path: Path) -> None:
    trainer = train("run", epochs=1)
    with torch.no_grad():
        trainer.model.projection.bias.fill_(torch.inf)
    with pytest.raises(RecipeError, match=r"diverged at step 1: the gradient is nan; lower training\.learning_rate"):
        list(trainer.run())
    assert not (tmp_path / "run" / "last.pt").exists()


def test_bf16_learns_about_the_same(train: Callable[..., Trainer]) -> None:
    losses = []
    for precision in ("fp32", "bf16"):
        progress = of_kind(list(train(precision, epochs=1, precision=precision).run()), Progress)
        losses.append([event.loss for event in progress])
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_clipping_holds_the_gradient_but_reports_it(train: Callable[..., Trainer]) -> None:
    trainer = train("run", epochs=1, clip_norm=0.01)
    (progress, *_) = of_kind(until(trainer, 1), Progress)
    assert progress.gradient_norm > 0.1
    gradients = [parameter.grad for parameter in trainer.model.parameters() if parameter.grad is not None]
    assert float(torch.nn.utils.get_total_norm(gradients)) == pytest.approx(0.01, rel=1e-3)


def test_sizes_that_do_not_fit_are_refused(
    tiny: Tiny, prepared: Prepared, tiny_text: Callable[..., str], tmp_path: Path
) -> None:
    recipe = parse_recipe(tiny_text().replace("positions = 48", "positions = 47"))
    with pytest.raises(RecipeError, match=r"padded to 48 pieces: more than model\.positions 47"):
        Trainer(recipe, prepared, tmp_path)
