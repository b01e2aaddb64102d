"""What is shown of one evaluation of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tui_transformer.analysis.maps import Attention
from tui_transformer.render.picture import drawn
from tui_transformer.render.views.evaluation import evaluation_line, formation_picture, samples_picture, versions
from tui_transformer.render.views.training import step_at, training_curves
from tui_transformer.traces import as_decoding, load_trace
from tui_transformer.training_log import TrainingLog, read_training_log

RUN = Path(__file__).parents[1] / "data" / "run"


@pytest.fixture(scope="module")
def log() -> TrainingLog:
    return read_training_log(RUN)


def test_a_file_is_as_good_as_its_folder(log: TrainingLog) -> None:
    assert read_training_log(RUN / "metrics.jsonl") == log


def test_where_one_is(log: TrainingLog) -> None:
    assert evaluation_line(log, 0) == "evaluation 1 of 6 · step 120 · epoch 20 · pairs 0.69 · best"


def test_versions_are_counted_once(log: TrainingLog) -> None:
    found = versions(log.evaluations, "Tom called Mary's bluff.")
    assert [place for place, _ in found] == [0, 1]
    assert found[1][1] == "Tom zwang Mary, Farbe zu bekennen."
    assert versions(log.evaluations, "nothing") == []


def test_samples_tell_now_and_before(log: TrainingLog) -> None:
    picture = samples_picture(log, 4)
    assert picture.says == (
        "Tom called Mary's bluff.: Tom zwang Mary, Farbe zu bekennen.", "Don't buy that.: Kauf das nicht!",
    )  # fmt: skip
    lines = drawn(picture.body, 60, None).splitlines()
    assert lines[:2] == ["Tom called Mary's bluff.", "Tom zwang Mary, Farbe zu bekennen."]
    assert "  120  Tom zwang Mary, Farbe zu bekkkkkkkkk" in "\n".join(lines)
    assert " ▸240  Tom zwang Mary, Farbe zu bekennen." in lines
    assert len(picture.table.rows) == 12
    assert " ▸120  Tom" in drawn(samples_picture(log, 0).body, 60, None)


def test_no_samples_are_told(log: TrainingLog) -> None:
    from dataclasses import replace

    bare = replace(log, evaluations=tuple(replace(one, samples=()) for one in log.evaluations))
    assert "no samples" in drawn(samples_picture(bare, 0).body, 60, None)


def test_a_longer_beginning_is_cut_and_told(log: TrainingLog) -> None:
    maps = []
    for one in (log.evaluations[0], log.evaluations[-1]):
        path = RUN / one.watched
        whole = Attention.of(as_decoding(load_trace(path), path), "cross")
        maps.append((f"{one.step:,}", whole, whole.combined(((1, 0),))))
    picture = formation_picture("L2 H1", maps)
    assert picture.says[1] == "What was written then is longer than the last time, and cut: 120."
    for found, (_, _, weights) in zip(picture.values["evaluations"], maps, strict=True):
        np.testing.assert_array_equal(found["weights"], weights)
    assert "shown as" not in drawn(picture.body, 120, "truecolor")
    assert "cut: 120" in drawn(picture.body, 120, None)


def test_a_line_stands_where_one_is(log: TrainingLog) -> None:
    width, step = 80, log.evaluations[2].step
    for colours in (None, "truecolor"):
        plain = drawn(training_curves(log, 8, 4, step), width, None).splitlines()
        columns = {line.index("┊") for line in plain if "┊" in line}
        assert len(columns) == 1
        assert colours is None or "┊" in drawn(training_curves(log, 8, 4, step), width, colours)  # type: ignore[arg-type]
        assert step_at(log, columns.pop(), width) == pytest.approx(step, abs=6)
    assert "┊" not in drawn(training_curves(log), width, None)
