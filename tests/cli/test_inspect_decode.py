"""`ttx inspect decode`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tui_transformer.decoding import Options
from tui_transformer.events import (
    BeamStep,
    Candidate,
    Encoded,
    EndedHypothesis,
    Finished,
    LiveHypothesis,
    Step,
    Trace,
)
from tui_transformer.render.picture import Picture, drawn
from tui_transformer.render.views.alternative import Branch, alternative_picture
from tui_transformer.render.views.beam import beam_picture, beam_step_picture
from tui_transformer.render.views.decode import Shown, decode_picture, step_picture
from tui_transformer.traces import save_trace
from tui_transformer.translator import Translator

from .conftest import Ttx

Golden = Callable[[Picture, str], None]
SOURCE = ("▁He", "▁admired", "▁中文", "▁שלום", "🎬", "▁a\x1b", "▁incomprehensibilities", "</s>")
TARGET = ("▁Er", "▁bewunderte", "▁中文", "▁שלום", "🎬", "</s>")
HEADS = ((0, 0), (0, 1), (1, 0), (1, 1))
SENTENCE = "Tom called Mary's bluff."


def attention(position: int, source: int = len(SOURCE), heads: tuple[int, ...] = (2, 2)) -> np.ndarray:
    """Two layers of two heads whose rows sum to 1."""
    raw = np.ones((*heads, source))
    raw[..., min(position, source - 1)] = 8 * source
    return (raw / raw.sum(axis=-1, keepdims=True)).astype(np.float32)


def greedy(pieces: Sequence[str] = TARGET, source: Sequence[str] = SOURCE) -> Trace:
    """A decoding that got less and less sure."""
    steps = []
    for position, piece in enumerate(pieces):
        probability = 0.9 / (1 + position)
        others = [Candidate(900 + i, f"▁other{i}", probability / 2 ** (i + 1)) for i in range(3)]
        chosen = Candidate(position, piece, probability)
        seen = np.zeros((2, 2, position + 1), np.float32)
        read = attention(position, len(source))
        steps.append(Step(position, chosen, (chosen, *others), 1.5 * position, seen, read))
    encoded = Encoded("He admired 中文 שלום 🎬", tuple(source), tuple(range(len(source))),
                      np.zeros((2, 2, len(source), len(source)), np.float32))  # fmt: skip
    finished = Finished(
        "Er bewunderte 中文 שלום🎬", tuple(pieces[:-1]), tuple(range(len(pieces) - 1)), -7.5, -7.5, True
    )
    return Trace(encoded, tuple(steps), (), finished)


def beam() -> Trace:
    """Width 2: one beginning is pruned, two hypotheses end, one is left over."""
    live = [
        (("▁Er", 0, -0.1), ("▁中文", 0, -2.5)),
        (("▁bewunderte", 0, -0.3), ("▁ehrte", 0, -1.75)),
        (("▁שלום", 0, -0.5), ("🎬", 1, -2.0)),
        (("!", 0, -4.0), ("?", 0, -5.0)),
    ]
    ids = {piece: i for i, piece in enumerate(dict.fromkeys(piece for rows in live for piece, _, _ in rows), 10)}
    ends = {3: (("▁Er", "▁bewunderte", "▁שלום"), -0.75, -0.6), 2: (("▁Er", "▁ehrte"), -3.0, -2.5)}
    steps = []
    for position, rows in enumerate(live):
        hypotheses = tuple(LiveHypothesis(piece, ids[piece], parent, value) for piece, parent, value in rows)
        ended = ()
        if position in ends:
            pieces, total, score = ends[position]
            said = tuple(ids[piece] for piece in pieces)
            ended = (EndedHypothesis(said, "".join(pieces).replace("▁", " ").strip(), total, score),)
        pruned = tuple(sorted({0, 1} - {parent for _, parent, _ in rows}))
        steps.append(BeamStep(position, hypotheses, ended, pruned, np.zeros((2, 2, 2, position + 1), np.float32),
                              np.stack([attention(position), attention(position + 1)])))  # fmt: skip
    finished = Finished("Er bewunderte שלום", ("▁Er", "▁bewunderte", "▁שלום"), (10, 12, 14), -0.75, -0.6, True)
    return Trace(greedy().encoded, (), tuple(steps), finished)


def test_a_decoding_is_drawn_as_it_was(golden: Golden) -> None:
    shown = Shown(greedy(), 3, HEADS)
    golden(decode_picture(shown), "decode-greedy")
    golden(step_picture(shown, 2), "decode-step")
    assert "layer 2, head 1" in drawn(step_picture(Shown(greedy(), 3, ((1, 0),)), 2).whole(), 80, None)


def test_a_beam_is_drawn_as_it_was(golden: Golden) -> None:
    shown = Shown(beam(), 3, HEADS)
    golden(beam_picture(shown), "decode-beam")
    golden(beam_step_picture(shown, 1), "decode-beam-step")


def test_another_choice_is_drawn_as_it_was(golden: Golden) -> None:
    own = Branch("Er bewunderte sie", ("▁Er", "▁bewunder", "te", "▁sie", "</s>"), (-0.1, -0.2, -0.05, -0.5, -0.1))
    other = Branch("Er 中文 שלום", ("▁Er", "▁中文", "▁שלום", "</s>"), (-0.1, -3.5, -6.25, -0.2))
    golden(alternative_picture("He admired her", 1, own, other), "decode-alternative")


# What is shown is what was computed


@pytest.fixture
def decode(ttx: Ttx, bundle_folder: Path) -> Callable[..., Any]:
    return lambda *arguments, **more: ttx("inspect", "decode", "--model", bundle_folder, *arguments, **more)


def as_json(done: Any) -> Any:
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def test_steps_are_the_events(decode: Callable[..., Any], translator: Translator) -> None:
    content = as_json(decode(SENTENCE, "--top", "3", "--format", "json"))
    trace = Trace.of(translator.stream(SENTENCE, Options(beam=1, candidates=3)))
    assert content["translation"] == trace.finished.text
    assert content["source_pieces"] == list(trace.encoded.pieces)
    assert len(content["steps"]) == len(trace.steps)
    for told, step in zip(content["steps"], trace.steps, strict=True):
        assert told["step"] == step.position + 1
        assert told["chosen"]["id"] == step.chosen.id
        assert [one["id"] for one in told["candidates"]] == [one.id for one in step.candidates]
        assert [one["probability"] for one in told["candidates"]] == pytest.approx(
            [one.probability for one in step.candidates]
        )
        assert told["entropy_bits"] == pytest.approx(step.entropy)
        assert told["attention"] == pytest.approx(step.cross_attention.mean(axis=(0, 1)), abs=1e-6)
        assert sum(told["attention"]) == pytest.approx(1, abs=1e-5)
    total = math.fsum(math.log(told["chosen"]["probability"]) for told in content["steps"])
    assert content["log_probability"] == pytest.approx(total, abs=1e-4)


def test_attention_is_that_of_the_chosen_heads(decode: Callable[..., Any], translator: Translator) -> None:
    trace = Trace.of(translator.stream(SENTENCE, Options(beam=1)))
    for chosen, heads, expected in (
        (["--layer", "2"], [[2, h] for h in (1, 2, 3, 4)], lambda one: one[1].mean(axis=0)),
        (["--head", "3"], [[1, 3], [2, 3]], lambda one: one[:, 2].mean(axis=0)),
        (["--layer", "1", "--head", "4"], [[1, 4]], lambda one: one[0, 3]),
    ):
        content = as_json(decode(SENTENCE, *chosen, "--format", "json"))
        assert content["heads"] == heads
        for told, step in zip(content["steps"], trace.steps, strict=True):
            assert told["attention"] == pytest.approx(expected(step.cross_attention), abs=1e-6)


def test_one_step_large_is_the_same_step(decode: Callable[..., Any]) -> None:
    whole = as_json(decode(SENTENCE, "--format", "json"))
    for number in (1, len(whole["steps"])):
        content = as_json(decode(SENTENCE, "--step", str(number), "--format", "json"))
        assert content["steps"] == [whole["steps"][number - 1]]


def test_a_table_has_a_row_a_candidate(decode: Callable[..., Any]) -> None:
    rows = [line.split("\t") for line in decode(SENTENCE, "--top", "2", "--format", "tsv").out.splitlines()]
    assert rows[0] == ["step", "rank", "piece", "id", "probability", "chosen", "entropy_bits"]
    assert [row[1] for row in rows[1:]] == ["1", "2"] * ((len(rows) - 1) // 2)
    assert [row[5] for row in rows[1:]] == ["true", "false"] * ((len(rows) - 1) // 2)


def test_a_beam_is_the_events(decode: Callable[..., Any], translator: Translator) -> None:
    content = as_json(decode(SENTENCE, "--beam", "3", "--length-penalty", "1.5", "--format", "json"))
    trace = Trace.of(translator.stream(SENTENCE, Options(beam=3, length_penalty=1.5)))
    assert content["width"] == 3
    for told, step in zip(content["steps"], trace.beam_steps, strict=True):
        assert [one["id"] for one in told["live"]] == [one.id for one in step.live]
        assert [one["parent"] - 1 for one in told["live"]] == [one.parent for one in step.live]
        assert [one["log_probability"] for one in told["live"]] == pytest.approx(
            [one.log_probability for one in step.live]
        )
        assert [row - 1 for row in told["pruned"]] == list(step.pruned)
        assert np.shape(told["attention"]) == (3, len(trace.encoded.pieces))
    ended = content["ended"]
    assert [one["score"] for one in ended] == sorted((one["score"] for one in ended), reverse=True)
    assert ended[0]["text"] == content["translation"] == trace.finished.text
    for one in ended:
        penalty = ((5 + len(one["ids"]) + 1) / 6) ** 1.5
        assert one["length_penalty"] == pytest.approx(penalty, rel=1e-5)
        assert one["log_probability"] / penalty == pytest.approx(one["score"])


def test_a_step_of_a_beam(decode: Callable[..., Any]) -> None:
    whole = as_json(decode(SENTENCE, "--beam", "3", "--format", "json"))
    content = as_json(decode(SENTENCE, "--beam", "3", "--step", "2", "--format", "json"))
    assert content["steps"] == [whole["steps"][1]]


# Another choice


def test_the_other_branch_begins_like_the_model_s_and_goes_on_from_the_piece(
    decode: Callable[..., Any], translator: Translator
) -> None:
    content = as_json(decode(SENTENCE, "--alternative", "2:Mar", "--format", "json"))
    model, other = content["model"], content["alternative"]
    assert other["pieces"][0] == model["pieces"][0]
    assert other["pieces"][1] == "▁Mar" != model["pieces"][1]
    for branch in (model, other):
        (score,) = translator.score([(SENTENCE, branch["translation"])])
        assert tuple(branch["pieces"]) == score.pieces
        assert branch["log_probabilities"] == pytest.approx(score.log_probabilities, abs=1e-5)
        assert branch["log_probability"] == pytest.approx(score.log_probability, abs=1e-5)
    assert model["log_probability"] > other["log_probability"]


def test_the_other_branch_is_what_the_forced_beginning_gives(
    decode: Callable[..., Any], translator: Translator
) -> None:
    for beam_options, width in (([], 1), (["--beam", "3"], 3)):
        content = as_json(decode(SENTENCE, "--alternative", "3:.", *beam_options, "--format", "json"))
        own = Trace.of(translator.stream(SENTENCE, Options(beam=width))).finished
        dot = next(i for i in range(translator.target.size) if translator.target.piece(i) == ".")
        forced = Trace.of(translator.stream(SENTENCE, Options(beam=width, prefix=(*own.ids[:2], dot)))).finished
        assert content["model"]["translation"] == own.text
        assert content["alternative"]["translation"] == forced.text
        assert content["alternative"]["log_probability"] == pytest.approx(forced.log_probability, abs=1e-4)


def test_the_end_may_be_chosen_and_so_may_what_the_model_chooses_itself(decode: Callable[..., Any]) -> None:
    ended = as_json(decode(SENTENCE, "--alternative", "2:</s>", "--format", "json"))["alternative"]
    assert len(ended["pieces"]) == 2
    assert ended["pieces"][-1] == "</s>"
    model = as_json(decode(SENTENCE, "--format", "json"))
    same = decode(SENTENCE, "--alternative", f"2:{model['pieces'][1]}")
    assert "both are the same" in same.out


# Traces


@pytest.mark.parametrize("options", [[], ["--beam", "3"]])
def test_a_trace_shows_the_same_without_a_model(
    decode: Callable[..., Any], ttx: Ttx, tmp_path: Path, options: list[str]
) -> None:
    first = decode(SENTENCE, "--trace", tmp_path / "t", *options)
    again = ttx("inspect", "decode", "--model", "/nowhere", "--from-trace", tmp_path / "t")
    assert (again.code, again.err) == (0, "")
    # Attention comes back in half precision: a last digit may differ.
    differing = [pair for pair in zip(first.out.split(), again.out.split(), strict=True) if pair[0] != pair[1]]
    assert len(differing) < 5


def test_a_trace_with_a_forced_beginning(ttx: Ttx, translator: Translator, tmp_path: Path) -> None:
    beginning = translator.target_ids("Mary hat")
    trace = Trace.of(translator.stream(SENTENCE, Options(beam=3, prefix=beginning)))
    save_trace(trace, tmp_path / "t")
    shown = ttx("inspect", "decode", "--from-trace", tmp_path / "t")
    assert shown.code == 0
    assert "start ▁M" in shown.out
    first = len(beginning) + 1
    assert ttx("inspect", "decode", "--from-trace", tmp_path / "t", "--step", str(first)).code == 0
    refused = ttx("inspect", "decode", "--from-trace", tmp_path / "t", "--step", str(first - 1))
    assert refused.code == 2
    assert f"it must be from {first} to" in refused.err


# Size and bad input


def test_four_hundred_pieces_are_pooled_and_said_to_be() -> None:
    trace = greedy(tuple(f"t{i}" for i in range(400)), tuple(f"s{i}" for i in range(400)))
    text = drawn(decode_picture(Shown(trace, 2, HEADS)).whole(), 80, None)
    assert text.count("400 shown as 38, the strongest each") == 400


def test_each_line_of_standard_input(decode: Callable[..., Any]) -> None:
    done = decode("--top", "1", stdin=f"{SENTENCE}\n\nTom.\n")
    objects = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    assert [one["text"] for one in objects] == [SENTENCE, "", "Tom."]
    assert len(objects[0]["steps"][0]["candidates"]) == 1


REFUSED = [
    ("--layer 3", "layer 3: the model has layers 1 to 2"),
    ("--head 5", "head 5: each layer has heads 1 to 4"),
    ("--head 0 --beam 2 --step 1", "head 0: each layer has heads 1 to 4"),
    ("--step 99", "step 99: the decoding has steps 1 to"),
    ("--step 0", "step 0: the decoding has steps 1 to"),
    ("--beam 2 --step 99", "step 99: it must be from 1 to"),
    ("--beam 65", "'--beam': 65 is not in the range 1<=x<=64"),
    ("--top 0", "top 0: it must be from 1 to 100"),
    ("--top 101", "top 101: it must be from 1 to 100"),
    ("--beam 2 --top 3", "--top is for greedy search"),
    ("--beam 2 --length-penalty nan", "nan is not a finite number"),
    ("--beam 2 --length-penalty 6", "is not in the range 0<=x<=5"),
    ("--length-penalty 1", "--length-penalty only applies with --beam 2"),
    ("--alternative 2", "write STEP:PIECE"),
    ("--alternative two:Mary", "write STEP:PIECE"),
    ("--alternative 99:Mary", "step 99: the decoding has steps 1 to"),
    ("--alternative 2:Hopkins", "no piece 'Hopkins' in the vocabulary, which writes it as"),
    ("--alternative 2:Mary --step 2", "--step or --alternative"),
    ("--alternative 2:Mary --layer 1", "shows no attention"),
    ("--beam 2 --head 1", "the tree shows no attention"),
    ("--alternative 2:Mary --trace t", "--alternative decodes twice"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED)
def test_what_is_not_there_is_told_in_one_line(decode: Callable[..., Any], options: str, said: str) -> None:
    done = decode(SENTENCE, *options.split())
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err


def test_what_a_trace_decides_cannot_be_asked_for(decode: Callable[..., Any], ttx: Ttx, tmp_path: Path) -> None:
    decode(SENTENCE, "--top", "2", "--trace", tmp_path / "t")
    for options, said in (("--top 3", "top 3: it must be from 1 to 2"), ("--beam 2", "takes neither --beam nor"),
                          ("--trace u", "nothing to save"), ("--alternative 2:x", "does not go with")):  # fmt: skip
        done = ttx("inspect", "decode", "--from-trace", tmp_path / "t", *options.split())
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert said in done.err


def test_a_kept_reading_of_a_given_target_is_not_called_greedy(ttx: Ttx, bundle_folder: Path, tmp_path: Path) -> None:
    model, kept = ("--model", bundle_folder), tmp_path / "t"
    ttx("inspect", "attention", SENTENCE, "--target", "Mary Mary Mary", *model, "--trace", kept)
    done = ttx("inspect", "decode", "--from-trace", kept)
    assert "decode · kept ·" in done.out
    assert as_json(ttx("inspect", "perplexity", "--from-trace", kept, "--format", "json"))["own"] is False
    ttx("inspect", "decode", SENTENCE, *model, "--trace", kept)
    assert "decode · greedy ·" in ttx("inspect", "decode", "--from-trace", kept).out
    assert as_json(ttx("inspect", "perplexity", "--from-trace", kept, "--format", "json"))["own"] is True


@pytest.mark.parametrize("view", ["decode", "perplexity", "embeddings", "positions"])
def test_what_does_not_fit_the_model_is_told(ttx: Ttx, bundle_folder: Path, view: str) -> None:
    text = "Tom called Mary " * 40
    assert "further pieces of the source are left out" in " ".join(
        ttx("inspect", view, text, "--model", bundle_folder).out.split()
    )
    assert "left out" not in ttx("inspect", view, "Tom called.", "--model", bundle_folder).out


def test_before_the_first_step_of_a_beam_all_rows_are_the_same(decode: Callable[..., Any]) -> None:
    assert "all rows were the same beginning" in decode(SENTENCE, "--beam", "3", "--step", "1").out
    assert "all rows were the same beginning" not in decode(SENTENCE, "--beam", "3", "--step", "2").out
