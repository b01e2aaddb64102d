"""`ttx inspect attention`.

`tests/data/traces` has decodings by the tiny model, so that golden pictures are the same on every machine:
`ttx diff "Don't buy that." "Give me that." --trace a.trace --trace b.trace` made two of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tui_transformer.analysis.aligners import rank_aligners
from tui_transformer.analysis.maps import Attention
from tui_transformer.events import Trace
from tui_transformer.probes import KINDS, Kind
from tui_transformer.render.picture import Picture
from tui_transformer.render.views.attention import Shown, head_picture, heads_picture
from tui_transformer.render.views.head_table import aligners_picture, stats_picture
from tui_transformer.traces import load_trace
from tui_transformer.translator import Options, Translator

from .conftest import Ttx, refused, values

TRACES = Path(__file__).parents[1] / "data" / "traces"
SENTENCE = "Tom called Mary's bluff."
ALL = tuple((layer, head) for layer in range(2) for head in range(4))
Golden = Callable[[Picture, str], None]


def shown(kind: Kind = "cross", heads: Any = ALL, name: str = "a", change: Any = lambda whole: whole) -> Shown:
    trace = load_trace(TRACES / f"{name}.trace")
    return Shown(change(Attention.of(trace, kind)), heads, trace.encoded.text, trace.finished.text, ("A note.",))


@pytest.fixture
def attention(ttx: Ttx, bundle_folder: Path) -> Ttx:
    return lambda *arguments, **stdin: ttx("inspect", "attention", "--model", bundle_folder, *arguments, **stdin)


# Pictures


@pytest.mark.parametrize("kind", KINDS)
def test_all_heads_are_drawn_as_they_were(golden: Golden, kind: Kind) -> None:
    golden(heads_picture(shown(kind)), f"attention-{kind}")


def test_one_head_is_drawn_as_it_was(golden: Golden) -> None:
    golden(head_picture(shown(heads=((1, 2),))), "attention-one")
    golden(head_picture(shown("decoder", ((0, 1), (1, 1)), change=Attention.without_special)), "attention-mean")
    words = shown(heads=((1, 0), (1, 3)), name="scripts", change=lambda whole: whole.without_special().by_words())
    golden(head_picture(words, "max"), "attention-words")


@pytest.mark.parametrize("kind", KINDS)
def test_what_heads_do_is_drawn_as_it_was(golden: Golden, kind: Kind) -> None:
    golden(stats_picture(shown(kind)), f"attention-stats-{kind}")


def test_which_heads_align_is_drawn_as_it_was(golden: Golden) -> None:
    merged = shown(change=Attention.by_words)
    golden(aligners_picture(merged, rank_aligners(merged.attention)), "attention-aligners")
    scripts = shown(name="scripts", change=Attention.by_words)
    golden(aligners_picture(scripts, rank_aligners(scripts.attention)), "attention-aligners-scripts")


def test_a_text_of_400_pieces_is_pooled_and_the_picture_says_so(golden: Golden) -> None:
    from tui_transformer.analysis.maps import Axis

    labels = Axis(tuple(f"▁p{i}" for i in range(400)))
    weights = np.tile(np.eye(400), (2, 2, 1, 1))
    heads = ((0, 0), (0, 1), (1, 0), (1, 1))
    long = Shown(Attention("encoder", weights, labels, labels), heads, "p " * 400, "")
    golden(heads_picture(long), "attention-400")
    golden(head_picture(long), "attention-400-mean")


# Values


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_those_of_the_events(attention: Ttx, translator: Translator, kind: Kind) -> None:
    found = values(attention(SENTENCE, "--kind", kind, "--format", "json"))
    expected = Attention.of(Trace.of(translator.stream(SENTENCE, Options(beam=1))), kind)
    assert [(head["layer"], head["head"]) for head in found["heads"]] == [(i + 1, j + 1) for i, j in ALL]
    for (layer, head), one in zip(ALL, found["heads"], strict=True):
        np.testing.assert_allclose(one["weights"], expected.weights[layer, head], atol=1e-6)
    assert (found["rows"], found["columns"]) == (list(expected.rows.labels), list(expected.columns.labels))
    assert found["text"] == SENTENCE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changes", [(), ("--words",), ("--no-special",), ("--words", "--no-special")])
def test_rows_sum_to_one_whatever_is_done(attention: Ttx, kind: Kind, changes: tuple[str, ...]) -> None:
    found = values(attention(SENTENCE, "--kind", kind, "--combine", "mean", *changes, "--format", "json"))
    weights = np.array(found["weights"])
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    if kind == "decoder":
        assert (np.triu(weights, 1) == 0).all()
    if changes == ("--words", "--no-special") and kind != "decoder":
        assert found["columns"] == SENTENCE.split()


def test_layers_and_heads_are_chosen(attention: Ttx) -> None:
    some = values(attention(SENTENCE, "--layer", "2", "--heads", "1,3", "--format", "json"))
    assert [(head["layer"], head["head"]) for head in some["heads"]] == [(2, 1), (2, 3)]
    one, other = (np.array(head["weights"]) for head in some["heads"])
    for how, expected in (("mean", (one + other) / 2), ("max", np.maximum(one, other))):
        both = values(attention(SENTENCE, "--layer", "2", "--heads", "1,3", "--combine", how, "--format", "json"))
        np.testing.assert_allclose(both["weights"], expected, atol=1e-6)
    alone = values(attention(SENTENCE, "--layer", "2", "--head", "3", "--format", "json"))
    np.testing.assert_allclose(alone["weights"], other, atol=1e-6)


def test_a_sentence_says_what_a_head_reads(attention: Ttx, translator: Translator) -> None:
    weights = Attention.of(Trace.of(translator.stream(SENTENCE, Options(beam=1))), "cross").weights[1, 1]
    row = int(weights.max(axis=1).argmax())
    pieces = translator.source.pieces(translator.whole(SENTENCE).ids)
    said = values(attention(SENTENCE, "--layer", "2", "--head", "2", "--format", "json"))["says"]
    read = f'reads "{pieces[int(weights[row].argmax())].removeprefix("▁")}" {weights[row].max():.2f}'
    assert any(line.startswith("cross L2 H2: ") and read in line for line in said)


def test_a_given_target_is_read(attention: Ttx, translator: Translator) -> None:
    target = "Mary hat eine Blume im Haar."
    found = values(attention(SENTENCE, "--target", target, "--format", "json"))
    assert found["translation"] == target
    assert found["rows"] == [*translator.target.pieces(translator.target_ids(target)), "</s>"]
    assert any("was made to read" in line for line in found["says"])
    own = values(attention(SENTENCE, "--format", "json"))
    assert own["translation"] == "Tom zwang Mary, Farbe zu bekennen."


def test_a_trace_needs_no_model(attention: Ttx, ttx: Ttx, tmp_path: Path) -> None:
    first = values(attention(SENTENCE, "--beam", "3", "--trace", tmp_path / "t", "--format", "json"))
    again = values(
        ttx("inspect", "attention", "--model", "/nowhere", "--from-trace", tmp_path / "t", "--format", "json")
    )
    assert (first["rows"], first["translation"]) == (again["rows"], again["translation"])
    for one, other in zip(first["heads"], again["heads"], strict=True):
        np.testing.assert_allclose(one["weights"], other["weights"], atol=1e-3)


def test_a_table_has_a_row_a_weight(attention: Ttx) -> None:
    rows = [line.split("\t") for line in attention(SENTENCE, "--format", "tsv").out.splitlines()]
    assert rows[0] == ["layer", "head", "row", "column", "row_piece", "column_piece", "weight"]
    heads: dict[tuple[str, ...], float] = {}
    for row in rows[1:]:
        heads[tuple(row[:3])] = heads.get(tuple(row[:3]), 0) + float(row[6])
    assert all(total == pytest.approx(1, abs=1e-4) for total in heads.values())
    stats = [line.split("\t") for line in attention(SENTENCE, "--head-stats", "--format", "tsv").out.splitlines()]
    assert len(stats) == 9
    assert stats[0][:4] == ["layer", "head", "name", "evenness"]


def test_heads_that_align_can_be_given_to_translate(attention: Ttx, ttx: Ttx, bundle_folder: Path) -> None:
    found = values(attention(SENTENCE, "--align-heads", "--format", "json"))
    assert [head["agreement"] for head in found["heads"]] == sorted(
        (head["agreement"] for head in found["heads"]), reverse=True
    )
    done = ttx("translate", "--model", bundle_folder, "--alignment", "hard", "--align-heads", found["align_heads"],
               SENTENCE)  # fmt: skip
    assert done.code == 0
    only = values(attention(SENTENCE, "--align-heads", "--layer", "1", "--format", "json"))
    assert {head["layer"] for head in only["heads"]} == {1}


def test_each_line_of_standard_input(attention: Ttx) -> None:
    done = attention("--layer", "1", "--head", "1", stdin=f"{SENTENCE}\n\nMary.\n")
    objects = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    assert [one["text"] for one in objects] == [SENTENCE, "", "Mary."]
    assert len(objects[0]["weights"]) == len(objects[0]["rows"])


def test_what_does_not_fit_is_said(attention: Ttx, translator: Translator) -> None:
    positions = translator.runtime.architecture.positions
    done = " ".join(attention("hair " * 90, "--target", "Haar " * 90).out.split())
    assert f"{len(translator.source_ids('hair ' * 90)) + 1 - positions} further source pieces are left out." in done
    assert f"{len(translator.target_ids('Haar ' * 90)) + 1 - positions} further target pieces are left out." in done


@pytest.mark.parametrize("kind", ["svg", "html", "txt", "tsv", "json", "png"])
def test_it_can_be_saved(attention: Ttx, tmp_path: Path, kind: str) -> None:
    assert attention(SENTENCE, "--save", tmp_path / f"a.{kind}") == (0, "", "")
    assert (tmp_path / f"a.{kind}").stat().st_size > 500


# What cannot be


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--layer", "9"), "layer 9: it must be from 1 to 2"),
        (("--head", "1,0"), "head 0: it must be from 1 to 4"),
        (("--head", "x"), "head 'x': write whole numbers from 1 to 4"),
        (("--kind", "self"), "unknown kind 'self': it must be one of encoder, decoder, cross"),
        (("--kind", "encoder", "--align-heads"), "--kind cross"),
        (("--no-special", "--align-heads"), "needs </s>"),
        (("--head-stats", "--combine", "mean"), "give one of"),
        (("--target", " "), "the target is empty"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(attention: Ttx, arguments: tuple[str, ...], said: str) -> None:
    refused(attention(SENTENCE, *arguments), said)


def test_texts_and_traces_that_cannot_be_shown(attention: Ttx, tmp_path: Path) -> None:
    refused(attention("  "), "the text is empty")
    refused(attention("--target", "Haar.", stdin="Hair.\n"), "--target needs TEXT")
    refused(attention("--from-trace", TRACES / "a.trace", "--layer", "3"), "layer 3: it must be from 1 to 2")
    refused(attention(SENTENCE, "--target", "", "--no-special"), "the target is empty")
    (tmp_path / "broken").write_bytes(b"PK")
    done = attention("--from-trace", tmp_path / "broken")
    assert (done.code, done.out, done.err.count("\n")) == (5, "", 1)


def test_a_translation_without_text_has_no_rows_without_special_pieces(attention: Ttx, tmp_path: Path) -> None:
    from dataclasses import replace

    from tui_transformer.traces import save_trace

    trace = load_trace(TRACES / "a.trace")
    only_end = replace(trace.steps[-1], position=0, self_attention=trace.steps[0].self_attention)
    empty = replace(trace, steps=(only_end,), finished=replace(trace.finished, text="", pieces=(), ids=()))
    save_trace(empty, tmp_path / "t")
    refused(attention("--from-trace", tmp_path / "t", "--no-special"), "--no-special leaves nothing")
    assert attention("--from-trace", tmp_path / "t", "--words").code == 0


def test_on_the_shipped_model(ttx: Ttx) -> None:
    found = values(
        ttx("inspect", "attention", "He admired her as a great director.", "--align-heads", "--format", "json")
    )
    assert len(found["heads"]) == 32
    assert found["heads"][0]["agreement"] > 0.8
