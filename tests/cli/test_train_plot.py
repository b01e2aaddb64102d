"""`ttx train --plot`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tui_transformer.render.curves import Curve, Curves, Ticks
from tui_transformer.render.picture import Picture, drawn
from tui_transformer.render.views.training import training_picture
from tui_transformer.training_log import Evaluation, Score, TrainingLog, Update

from .conftest import Ttx, refused, values

SOURCES = ("He admired her.", "中文 ünï\x1b[1m")


def update(step: int) -> Update:
    rate = 1e-3 * min(step / 200, (200 / step) ** 0.5)
    return Update(
        step, (step - 1) // 100, 1.5 + 8 * 0.99**step, 0.5, 900.0, rate, 0.3, 60.0 * (1000 - step), 2.0 * step
    )


def evaluation(step: int, bleu: float | None = None) -> Evaluation:
    loss = 1.6 + 6 * 0.99**step
    dev = {"tatoeba": Score(loss, 0.6, bleu), "news": Score(loss + 0.7, 0.5)}
    said = tuple((source, f"{source} nach {step} " * 4) for source in SOURCES)
    return Evaluation(step, step // 100 - 1, dev, Score(loss - 0.1, 0.6), True, said, "", 2.0 * step)


LOG = TrainingLog(
    "toy", 99, 56, "56 pairs", 1000, "cpu", 1, 2, tuple(map(update, range(5, 701, 5))),
    tuple(evaluation(step, 10 + step / 50) for step in range(100, 701, 100)), "", 3,
)  # fmt: skip
LINES = [
    {"event": "started", "recipe": "toy", "parameters": 99, "pairs": 56, "report": "56 pairs", "steps": 100, "step": 0,
     "processes": 1, "device": "cpu", "seconds": 0.0},
    {"event": "progress", "step": 10, "epoch": 0, "loss": 3.0, "perplexity": 20.1, "accuracy": 0.5,
     "tokens_per_second": 900.5, "learning_rate": 0.001, "gradient_norm": 1.0, "seconds_left": 60.0, "seconds": 9.0},
    {"event": "evaluated", "step": 10, "epoch": 0, "dev": {"news": {"loss": 2.5, "accuracy": 0.4}}, "average": None,
     "best": True, "samples": [["Hi.", "Hallo."]], "watched": "watched/step-00000010.ttxtrace", "seconds": 9.0},
    {"event": "ended", "reason": "interrupted", "step": 10, "run": "run", "seconds": 9.0},
]  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES), encoding="utf-8")
    return folder


def said(log: TrainingLog) -> str:
    return "\n".join(training_picture(log).says)


def test_it_is_drawn_as_it_was(golden: Callable[[Picture, str], None]) -> None:
    golden(training_picture(LOG), "training")
    one = replace(LOG, updates=LOG.updates[:1], evaluations=(), sittings=1, broken=0)
    golden(training_picture(one), "training-begun")


def test_the_sentences_say_how_it_went() -> None:
    words = said(LOG)
    assert "The training loss went from 9.11 to 1.51 nats a token (perplexity 4.51) in 23 min" in words
    assert (
        '"tatoeba": the lowest loss is 1.605 (perplexity 4.98, 60.0% of the pieces right) at step 700, epoch 7' in words
    )
    assert "it goes on, or was killed, with about 5 h 00 min left" in words
    assert "It took 2 sittings" in words
    assert "3 lines of the log could not be read and left out." in words
    assert "1 line of the log could not" in said(replace(LOG, broken=1))
    quiet = said(replace(LOG, broken=0, sittings=1, ended="finished"))
    assert "The run has finished." in quiet
    assert "could not be read" not in quiet
    assert "sittings" not in quiet


def test_a_dev_loss_that_rose_again_is_told() -> None:
    worse = replace(LOG.evaluations[-1], dev={"tatoeba": Score(3.0, 0.5)})
    words = said(replace(LOG, evaluations=(*LOG.evaluations[:-1], worse)))
    assert "at step 600, epoch 6; it is 3.000 at step 700 now" in words


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_drawn(loss: float) -> None:
    odd = replace(LOG.updates[3], loss=loss)
    picture = training_picture(replace(LOG, updates=(*LOG.updates[:3], odd, *LOG.updates[4:]), evaluations=()))
    assert "⠉" in drawn(picture.whole(), 80, None)
    assert json.loads(picture.to_json())["updates"]["loss"][3] is None


def test_bleu_is_drawn_only_if_it_was_measured() -> None:
    plain = replace(LOG, evaluations=tuple(map(evaluation, (100, 200))))
    assert "BLEU" not in drawn(training_picture(plain).whole(), 80, None)
    assert "BLEU" in drawn(training_picture(LOG).whole(), 80, None)


def test_the_values_as_json_and_table(ttx: Ttx, run: Path) -> None:
    content = values(ttx("train", "--plot", run, "--format", "json"))
    assert (content["view"], content["recipe"], content["ended"], content["broken_lines"]) == (
        "training", "toy", "interrupted", 0,
    )  # fmt: skip
    assert content["updates"]["loss"] == [3.0]
    (one,) = content["evaluations"]
    assert one["watched"] == "watched/step-00000010.ttxtrace"
    assert one["dev"]["news"]["perplexity"] == pytest.approx(12.18, abs=0.01)
    header, *rows = ttx("train", "--plot", run, "--format", "tsv").out.splitlines()
    assert header.split("\t")[:4] == ["step", "epoch", "set", "loss"]
    assert [row.split("\t")[:4] for row in rows] == [["10", "1", "training", "3"], ["10", "1", "news", "2.5"]]


def test_it_can_be_saved(ttx: Ttx, run: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"a.{suffix}" for suffix in ("svg", "html", "txt", "tsv", "json", "png")]
    done = ttx("train", "--plot", run, *(word for file in files for word in ("--save", file)), "--width", "60")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert all(file.stat().st_size for file in files)
    assert "Hallo." in files[2].read_text(encoding="utf-8")


def test_it_is_drawn_on_the_terminal(ttx: Ttx, run: Path) -> None:
    done = ttx("train", "--plot", run, "--width", "60", "--color", "never")
    assert (done.code, done.err) == (0, "")
    assert "training · toy · epoch 1 · step 10 of 100" in done.out
    assert "\x1b" in ttx("train", "--plot", run, "--color", "always").out


def test_it_needs_no_torch(run: Path) -> None:
    code = f"""
import sys
sys.modules["torch"] = sys.modules["ttx_export"] = None
sys.argv = ["ttx", "train", "--plot", {str(run)!r}]
from tui_transformer.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Hallo." in done.stdout


def test_mistakes(ttx: Ttx, run: Path, tmp_path: Path) -> None:
    refused(ttx("train", "--plot", run, "en-de"), "either a RECIPE to train or --plot RUN")
    refused(ttx("train", "--plot", run, "--dry-run"), "either a RECIPE to train or --plot RUN")
    refused(ttx("train"), "give a RECIPE to train, or --plot RUN")
    refused(ttx("train", "en-de", "--save", "a.svg"), "--save only applies with --plot or --dry-run")
    refused(ttx("train", "en-de", "--width", "50"), "--width only applies with --plot or --dry-run")
    refused(ttx("train", "--plot", run, "--epochs", "3"), "--epochs is for training")
    refused(ttx("train", "--plot", run, "--save", "a.gif"), "its name must end with one of")
    done = ttx("train", "--plot", tmp_path)
    assert (done.code, done.out) == (5, "")
    assert "is not a run folder of ttx train: it has no metrics.jsonl" in done.err
    (run / "metrics.jsonl").write_text("")
    done = ttx("train", "--plot", run)
    assert (done.code, done.out) == (5, "")
    assert "nothing to draw yet" in done.err


# -- curves -----------------------------------------------------------------------------------------


def rows(curves: Curves, width: int = 57) -> list[str]:
    return drawn(curves, width, None).splitlines()


def line(*points: tuple[float, float], mark: str = "") -> Curve:
    import numpy as np

    return Curve(np.array(points, np.float64), mark=mark)


def test_a_line_goes_from_corner_to_corner_with_numbers_beside_it() -> None:
    found = rows(Curves([line((0, 0), (10, 4))], (0, 10), "{:.1f}".format, "{:.0f}%".format, lines=5))
    assert [row[:9] for row in found[:5]] == ["    4.0 ┤", "        │", "        │", "        │", "    0.0 ┤"]
    assert (found[0].endswith("4%"), found[4].endswith("0%")) == (True, True)
    assert found[4][9] != " "
    assert found[0][48] != " "
    assert all(row[9:49].strip() > "⠀" for row in found[:5]), "no line of the box is empty"


def test_values_of_one_column_become_their_mean() -> None:
    noisy = line(*((x, (x % 2) * 2.0) for x in range(10_000)))
    found = rows(Curves([noisy], (0, 9_999), "{:.1f}".format, lines=5, y_range=(0, 2)))
    assert [bool(row[9:49].strip()) for row in found[:5]] == [False, False, True, False, False]


def test_a_constant_lies_in_the_middle_and_marks_stand_at_their_points() -> None:
    found = rows(Curves([line((0, 3), (5, 3), mark="●")], (0, 10), "{:.1f}".format, lines=5))
    assert [row.count("●") for row in found] == [0, 0, 2, 0, 0, 0]
    assert found[2][9] == "●"


@pytest.mark.parametrize(("count", "shown"), [(3, ["1", "2", "3"]), (12, ["2", "4", "6", "8", "10", "12"])])
def test_ticks_are_thinned_to_what_has_room(count: int, shown: list[str]) -> None:
    ticks = Ticks("epoch", [(float(number), number) for number in range(1, count + 1)])
    found = rows(Curves([line((0, 0), (13, 1))], (0, 13), "{:.1f}".format, lines=4, ticks=[ticks]))
    assert found[-1].split() == ["epoch", *shown]


def test_nothing_is_drawn_of_nothing() -> None:
    import numpy as np

    found = rows(Curves([Curve(np.zeros((0, 2)))], (1, 1), "{:.1f}".format, lines=4))
    assert not any(row[9:49].strip() for row in found[:4])
