"""What a run wrote about itself is read back, whatever happened to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tui_transformer.errors import InputError
from tui_transformer.training_log import LogReader, Score, TrainingLog, read_training_log

Write = Callable[..., Path]


def started(step: int = 0, **more: Any) -> dict[str, Any]:
    return {"event": "started", "recipe": "tiny", "parameters": 99, "pairs": 56, "report": "56 pairs", "steps": 100,
            "step": step, "processes": 2, "device": "cpu", "seconds": 0.0, **more}  # fmt: skip


def progress(step: int, loss: float = 2.0) -> dict[str, Any]:
    return {"event": "progress", "step": step, "epoch": step // 10, "loss": loss, "perplexity": 7.4, "accuracy": 0.5,
            "tokens_per_second": 900.5, "learning_rate": 0.001, "gradient_norm": 1, "seconds_left": 60.0,
            "seconds": float(step)}  # fmt: skip


def evaluated(step: int, loss: float = 2.0, **more: Any) -> dict[str, Any]:
    return {"event": "evaluated", "step": step, "epoch": 0, "dev": {"news": {"loss": loss, "accuracy": 0.4}},
            "average": None, "best": True, "samples": [["Hi.", "Hallo."]], "seconds": float(step), **more}  # fmt: skip


ENDED = {"event": "ended", "reason": "finished", "step": 20, "run": "run", "seconds": 20.0}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A run folder with these events; text is written as it is."""

    def run(*events: dict[str, Any] | str, end: str = "\n") -> Path:
        lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
        (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + end, encoding="utf-8")
        return tmp_path

    return run


def steps(log: TrainingLog) -> list[int]:
    return [update.step for update in log.updates]


def test_a_run_from_beginning_to_end(write: Write) -> None:
    average = {"loss": 1.9, "accuracy": 0.45, "bleu": 20}
    watched = "watched/step-00000010.ttxtrace"
    log = read_training_log(
        write(started(), progress(5), progress(10), evaluated(10, average=average, watched=watched), ENDED)
    )
    assert (log.recipe, log.steps, log.pairs, log.parameters, log.processes) == ("tiny", 100, 56, 99, 2)
    assert (log.sittings, log.ended, log.broken) == (1, "finished", 0)
    assert steps(log) == [5, 10]
    assert (log.updates[1].epoch, log.updates[1].loss, log.updates[1].gradient_norm) == (1, 2.0, 1.0)
    (evaluation,) = log.evaluations
    assert evaluation.dev == {"news": Score(2.0, 0.4)}
    assert evaluation.average == Score(1.9, 0.45, 20.0)
    assert evaluation.samples == (("Hi.", "Hallo."),)
    assert evaluation.watched == watched
    assert Score(2.0, 0.4).perplexity == pytest.approx(7.389, abs=1e-3)


def test_of_steps_done_twice_the_later_ones_count(write: Write) -> None:
    crashed = [started(), progress(4, 9.0), progress(8, 8.0), evaluated(8, 8.0), progress(12, 7.0)]
    again = [started(6), progress(7, 8.5), progress(9, 7.9), evaluated(9, 7.8), progress(11, 7.7)]
    log = read_training_log(write(*crashed, *again))
    assert [(update.step, update.loss) for update in log.updates] == [(4, 9.0), (7, 8.5), (9, 7.9), (11, 7.7)]
    assert [evaluation.step for evaluation in log.evaluations] == [9]
    assert (log.sittings, log.ended) == (2, "")


def test_an_evaluation_before_the_place_of_resuming_stays(write: Write) -> None:
    log = read_training_log(write(started(), progress(8), evaluated(8), ENDED, started(8), progress(9)))
    assert [evaluation.step for evaluation in log.evaluations] == [8]
    assert (steps(log), log.ended) == ([8, 9], "")


def test_without_the_line_of_the_start_repeated_steps_are_still_told(write: Write) -> None:
    log = read_training_log(write(started(), progress(8), evaluated(8), progress(12), '{"event": "star', progress(9)))
    assert (steps(log), log.broken) == ([8, 9], 1)
    log = read_training_log(write(progress(8), evaluated(8), progress(12), evaluated(8, 1.0)))
    assert steps(log) == [8]
    assert [evaluation.dev["news"].loss for evaluation in log.evaluations] == [1.0]


@pytest.mark.parametrize(
    "line",
    [
        "", "{", "[]", "7", "null", '"event"', "{}", '{"event": "surprise"}', '{"event": []}', "[" * 100_000,
        json.dumps(progress(3) | {"loss": "2"}), json.dumps(progress(3) | {"step": 2.5}),
        json.dumps(progress(3) | {"step": True}), json.dumps({**started(), "steps": None}),
        json.dumps(evaluated(3) | {"dev": []}), json.dumps(evaluated(3) | {"samples": [["one"]]}),
        json.dumps(evaluated(3, average={"loss": 1.0})),
        '{"event": "progr' + json.dumps(progress(3)),
    ],
)  # fmt: skip
def test_broken_lines_are_counted_and_change_nothing(write: Write, line: str) -> None:
    log = read_training_log(write(started(), progress(1), line, progress(4)))
    assert (steps(log), log.broken, log.sittings) == ([1, 4], 1, 1)


def test_bytes_that_are_no_text_are_a_broken_line(write: Write) -> None:
    run = write(started(), progress(1))
    with open(run / "metrics.jsonl", "ab") as file:
        file.write(b"\xff\x00\n" + json.dumps(progress(2)).encode())
    log = read_training_log(run)
    assert (steps(log), log.broken) == ([1, 2], 1)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(InputError, match=r"is not a run folder of ttx train: it has no metrics\.jsonl"):
            read_training_log(path)
        with pytest.raises(InputError, match="is not a run folder"):
            LogReader(path).read()
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(InputError, match="cannot read"):
        read_training_log(tmp_path)


def test_a_run_can_be_followed(write: Write) -> None:
    run = write(started(), progress(1))
    reader = LogReader(run)
    assert steps(reader.read()) == [1]
    line = json.dumps(progress(2))
    with open(run / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write(line[:20])
        file.flush()
        assert steps(reader.read()) == [1]
        file.write(line[20:] + "\n")
        file.flush()
        assert (steps(reader.read()), reader.read().broken) == ([1, 2], 0)
    assert reader.read() == read_training_log(run)
    write(started())
    assert steps(reader.read()) == []
