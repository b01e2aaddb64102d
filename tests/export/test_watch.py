"""What a run keeps of its watched sentence is what the exported graphs would show of the same weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from run_checks import assert_same_state, of_kind, until
from ttx_export.checkpoint import Checkpoint, load_checkpoint
from ttx_export.evaluate import translate_samples
from ttx_export.events import Evaluated
from ttx_export.package import Wanted, export_bundle
from ttx_export.prepare import Prepared
from ttx_export.recipe import parse_recipe
from ttx_export.train import Trainer
from ttx_export.watch import watch_greedily

from tui_transformer.errors import RecipeError
from tui_transformer.events import Step, Trace
from tui_transformer.traces import load_trace, save_trace
from tui_transformer.translator import Options, Translator

CLOSE = 1e-3


@pytest.fixture(scope="module")
def checkpoint(learnt_by_heart: Path) -> Checkpoint:
    return load_checkpoint(learnt_by_heart)


@pytest.fixture(scope="module")
def exported(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Translator:
    bundle = export_bundle(checkpoint, tmp_path_factory.mktemp("models") / "fp32", Wanted("fp32", score=False))
    return Translator(bundle, "cpu")


@pytest.mark.parametrize(
    "text",
    [
        "Tom called Mary's bluff.",
        "  The station\nis red. ",
        "",
        "Tom told Mary that he was in prison. " * 9,
        "a b c d e f",
    ],
)
def test_it_is_the_trace_of_the_exported_graphs(
    checkpoint: Checkpoint, exported: Translator, tmp_path: Path, text: str
) -> None:
    save_trace(watch_greedily(checkpoint.build_model(), text, checkpoint.vocabularies), tmp_path / "a")
    mine, its = load_trace(tmp_path / "a"), Trace.of(exported.stream(text, Options(beam=1)))
    assert isinstance(mine, Trace)
    encoded, finished = mine.encoded, mine.finished
    assert (encoded.text, encoded.pieces, encoded.ids) == (its.encoded.text, its.encoded.pieces, its.encoded.ids)
    np.testing.assert_allclose(encoded.attention, its.encoded.attention, atol=CLOSE)
    assert len(mine.steps) == len(its.steps)
    for step, other in zip(mine.steps, its.steps, strict=True):
        assert_alike(step, other)
    assert (finished.text, finished.pieces, finished.ids) == (its.finished.text, its.finished.pieces, its.finished.ids)
    assert finished.complete == its.finished.complete
    assert finished.log_probability == pytest.approx(its.finished.log_probability, abs=CLOSE)
    assert finished.score == pytest.approx(its.finished.score, abs=CLOSE)


def assert_alike(step: Step, other: Step) -> None:
    assert (step.position, step.chosen.id, step.chosen.piece) == (other.position, other.chosen.id, other.chosen.piece)
    assert [one.probability for one in step.candidates] == pytest.approx(
        [one.probability for one in other.candidates], abs=CLOSE
    )
    assert step.entropy == pytest.approx(other.entropy, abs=CLOSE)
    np.testing.assert_allclose(step.self_attention, other.self_attention, atol=CLOSE)
    np.testing.assert_allclose(step.cross_attention, other.cross_attention, atol=CLOSE)


def test_a_run_keeps_one_trace_an_evaluation(train: Callable[..., Trainer], tmp_path: Path) -> None:
    evaluated = of_kind(list(train("run", epochs=3, average_last=1).run()), Evaluated)
    run = tmp_path / "run"
    names = [f"watched/step-{event.step:08}.ttxtrace" for event in evaluated]
    assert [event.watched for event in evaluated] == names
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["watched"] for line in lines if line["event"] == "evaluated"] == names
    assert sorted(path.name for path in (run / "watched").iterdir()) == [Path(name).name for name in names]
    traces = [load_trace(run / name) for name in names]
    for trace, event in zip(traces, evaluated, strict=True):
        assert isinstance(trace, Trace)
        assert trace.encoded.text == "The coffee is cold."
        assert trace.finished.text == event.samples[0][1]
    assert not np.array_equal(traces[0].encoded.attention, traces[-1].encoded.attention)


def test_watching_touches_no_random_state(train: Callable[..., Trainer], tmp_path: Path) -> None:
    trainer = train("run")
    before = torch.get_rng_state()
    watch_greedily(trainer.model, "Good night.", trainer.prepared.vocabularies)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_from_before_there_were_traces_goes_on(train: Callable[..., Trainer], tmp_path: Path) -> None:
    list(train("whole", epochs=2).run())
    until(train("old", epochs=2, evaluate_every=4), 5)
    shutil.rmtree(tmp_path / "old" / "watched")
    list(train("old", epochs=2).run())
    assert_same_state(tmp_path / "whole", tmp_path / "old")
    mine, its = ([path.name for path in sorted((tmp_path / run / "watched").iterdir())] for run in ("old", "whole"))
    assert mine == its


def test_without_samples_nothing_is_watched(tiny_text: Callable[..., str], prepared: Prepared, tmp_path: Path) -> None:
    text = "\n".join(line for line in tiny_text(epochs=1).splitlines() if not line.startswith("samples"))
    (evaluated,) = of_kind(list(Trainer(parse_recipe(text), prepared, tmp_path / "run").run()), Evaluated)
    assert (evaluated.watched, evaluated.samples) == ("", ())
    assert not (tmp_path / "run" / "watched").exists()


def test_a_trace_that_cannot_be_written_ends_the_run_in_one_sentence(
    train: Callable[..., Trainer], tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "watched").write_text("in the way")
    with pytest.raises(RecipeError, match=r"cannot write .*watched: File exists"):
        list(train("run", epochs=1).run())


def test_a_model_that_always_wants_to_end_says_one_piece_in_training_as_exported(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    bias = checkpoint.weights["projection.bias"].clone()
    bias[checkpoint.vocabularies.special.target_eos] += 100
    ending = replace(checkpoint, weights={**checkpoint.weights, "projection.bias": bias})
    model = ending.build_model()
    exported = Translator(export_bundle(ending, tmp_path / "fp32", Wanted("fp32", score=False)), "cpu")
    texts = ["Tom called Mary's bluff.", ""]
    samples = [said for _, said in translate_samples(model, texts, ending.vocabularies)]
    traces = [watch_greedily(model, text, ending.vocabularies).finished for text in texts]
    assert [len(trace.ids) for trace in traces] == [1, 0]
    for beam in (1, 3):
        assert (
            list(exported.translate(texts, Options(beam=beam), keep=False))
            == samples
            == [trace.text for trace in traces]
        )
    assert samples[0]
    assert not samples[1]
