"""`ttx inspect ablate`."""

from __future__ import annotations

import json
import math
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tui_transformer.ablation import Ablation, ablate, losses_by_head
from tui_transformer.architecture import Architecture
from tui_transformer.heads import Head, all_heads, parse_head
from tui_transformer.render.picture import Picture
from tui_transformer.render.views.ablation import Ablated, Sweep, ablation_picture, sweep_picture
from tui_transformer.translator import Translator

from .conftest import LONG, Ttx
from .example import SAID, SOURCE

SENTENCE = "Tom called Mary's bluff."
SHAPE = Architecture(2, 3, 6, 12, 8, source_vocabulary=20, target_vocabulary=20)


@pytest.fixture
def ablated(ttx: Ttx, bundle_folder: Path) -> Ttx:
    return lambda *arguments, **stdin: ttx("inspect", "ablate", "--model", bundle_folder, *arguments, **stdin)


def test_pictures_are_drawn_as_they_were(golden: Callable[[Picture, str], None]) -> None:
    result = Ablation((1, 2, 3, 4), (-0.1, -0.5, -0.01, -2.0, -0.3), (-0.2, -4.5, -0.01, -1.0, -0.3), (5, 6), -3.25)
    shown = Ablated("An example.", ("enc:2:5", '"▁中文"'), SAID, "Er 中文 שלום", "Er [red] שלום", result)
    golden(ablation_picture(shown), "ablate")
    heads = all_heads(SHAPE)
    losses = [(head, 3 * math.sin(1 + 5 * i) - 0.5) for i, head in enumerate(heads)]
    by_piece = np.array([0.5, 12.25, -0.75, 3.0, 0.0, 7.5, 1.0])
    golden(sweep_picture(Sweep("An example.", "Er 中文 שלום", -3.5, losses, SOURCE, by_piece), 6), "ablate-sweep")


def test_numbers_are_those_of_the_ablation(ablated: Ttx, translator: Translator) -> None:
    found = json.loads(ablated(SENTENCE, "--off", "cross:1:2", "--off", "enc:2:1", "--mask", "1", "--format",
                               "json").out)  # fmt: skip
    expected = ablate(translator, translator.whole(SENTENCE), [Head("cross", 0, 1), Head("encoder", 1, 0)], [0])
    first = translator.source.pieces(translator.whole(SENTENCE).ids)[0]
    assert found["taken"] == ["cross:1:2", "enc:2:1", f'"{first}"']
    np.testing.assert_allclose(found["log_probabilities"], expected.before, atol=1e-5)
    np.testing.assert_allclose(found["log_probabilities_after"], expected.after, atol=1e-5)
    assert found["loss"] == pytest.approx(expected.loss, abs=1e-4)
    assert found["translation"] == translator.target.decode(expected.target)
    assert found["changed"] == translator.target.decode(expected.changed)
    assert found["pieces"][-1] == "</s>"


def test_a_head_named_twice_is_off_once(ablated: Ttx) -> None:
    found = json.loads(ablated(SENTENCE, "--off", "dec:1:1", "--off", "decoder:1:1", "--format", "json").out)
    assert found["taken"] == ["dec:1:1"]


def test_a_masked_piece_is_found_by_its_name(ablated: Ttx, translator: Translator) -> None:
    pieces = translator.source.pieces(translator.whole(SENTENCE).ids)
    by_name = ablated(SENTENCE, "--mask", "</s>", "--format", "json")
    assert by_name == ablated(SENTENCE, "--mask", str(len(pieces)), "--format", "json")
    assert json.loads(by_name.out)["taken"] == ['"</s>"']


def test_a_sweep_ranks_every_head(ablated: Ttx, translator: Translator) -> None:
    found = json.loads(ablated(SENTENCE, "--sweep", "--format", "json").out)
    losses = {parse_head(one["head"], translator.runtime.architecture): one["loss"] for one in found["heads"]}
    (best, *_), *_ = translator.translate_batch([translator.whole(SENTENCE)])
    expected = dict(losses_by_head(translator, translator.whole(SENTENCE), best.ids, 1))
    assert losses.keys() == expected.keys()
    assert all(losses[head] == pytest.approx(expected[head], abs=1e-5) for head in losses)
    assert list(losses.values()) == sorted(losses.values(), reverse=True)
    assert len(found["loss_by_piece"]) == len(found["pieces"])


def test_a_sweep_shows_so_many_heads_and_has_all_in_its_table(ablated: Ttx) -> None:
    done = ablated(SENTENCE, "--sweep", "--top", "3")
    assert "the 3 heads of 24 that matter most" in done.out
    assert done.err == ""
    rows = ablated(SENTENCE, "--sweep", "--format", "tsv").out.splitlines()
    assert rows[0] == "rank\thead\tloss"
    assert len(rows) == 25


def test_a_sweep_of_a_given_target(ablated: Ttx) -> None:
    found = json.loads(ablated("Tom.", "--sweep", "--target", "Mary hat", "--format", "json").out)
    assert found["translation"] == "Mary hat"


def test_a_long_source_shows_the_pieces_that_matter(ablated: Ttx) -> None:
    done = ablated("hair " * 18, "--sweep", "--target", "hair")
    assert "15 pieces that matter less are not shown" in done.out


def test_progress_is_for_a_terminal(bundle_folder: Path) -> None:
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "tui_transformer", "inspect", "ablate", "--model", str(bundle_folder), SENTENCE,
               "--sweep", "--format", "tsv"]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=its, timeout=LONG, check=True)
    os.close(its)
    said = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "\rttx: 1 of 24 heads tried\rttx: 2 of 24" in said
    assert said.endswith("\r\x1b[K")
    assert len(done.stdout.splitlines()) == 25


def test_each_line_of_standard_input(ablated: Ttx) -> None:
    done = ablated("--mask", "▁bluff", stdin="Tom.\n\n")
    first, second = (json.loads(line) for line in done.out.splitlines())
    assert done.code == 2
    assert "no piece '▁bluff'" in first["error"]
    assert second["empty"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Tom.", "--off", "enc:9:1"], "it has enc:1:1 to enc:2:4, dec:1:1 to dec:2:4, cross:1:1 to cross:2:4"),
        (["Tom.", "--off", "self"], "is not a head of this model (KIND:LAYER:HEAD)"),
        (["Tom.", "--mask", "cat"], "no piece 'cat' in the sentence, which has 1:"),
        (["Tom."], "say what to remove"),
        (["Tom.", "--sweep", "--off", "enc:1:1"], "give either --sweep"),
        (["Tom.", "--sweep", "--target", " "], "the text is empty"),
        (["", "--sweep"], "the text is empty"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(ablated: Ttx, arguments: list[str], said: str) -> None:
    done = ablated(*arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err


def test_a_loss_is_told_as_a_factor() -> None:
    def said(before: float, after: float) -> str:
        result = Ablation((1,), (before,), (after,), (1,), after)
        return ablation_picture(Ablated("a", ("enc:1:1",), ("a",), "a", "a", result)).says[0]

    assert "it is 2.72 times less likely." in said(-1, -2)
    assert "it is 148 times more likely." in said(-6, -1)
    assert "more than a million times less likely" in said(-1, -1000)
    assert "as likely as before" in said(-1, -1.001)
