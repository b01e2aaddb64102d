"""`ttx translate`: what it reads and writes, beyond plain lines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tui_transformer.analysis.alignment import default_heads
from tui_transformer.batching import translate_lines
from tui_transformer.translator import Translator

from .conftest import Done, Ttx

KNOWN = "Mary has a flower in her hair."
SAID = "Mary hat eine Blume im Haar."
TWO = f"{KNOWN}\n\n  Tom called Mary's bluff. {KNOWN}\t\r\n"


@pytest.fixture
def translate(ttx: Ttx, bundle_folder: Path) -> Ttx:
    def run(*arguments: str | Path, stdin: str | bytes = "") -> Done:
        return ttx("translate", "-m", bundle_folder, *arguments, stdin=stdin)

    return run


def objects(done: Done) -> list[dict[str, Any]]:
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


# Text


@pytest.mark.parametrize("arguments", [[], ["--line-buffered"], ["--threads", "2"], ["--no-keep-usual"], ["--report"]])
def test_plain_text_is_a_line_a_line(translate: Ttx, arguments: list[str]) -> None:
    done = translate(*arguments, stdin=TWO)
    assert done.out == f"{SAID}\n\n  Tom zwang Mary, Farbe zu bekennen. {SAID}\t\r\n"


def test_n_best_is_written_as_moses_does(translate: Ttx) -> None:
    done = translate("--n-best", "3", stdin=TWO)
    fields = [line.split(" ||| ") for line in done.out.replace("\r", "").splitlines()]
    assert [f[0] for f in fields] == ["0"] * 3 + ["1"] + ["2"] * 3
    assert fields[0][1] == SAID
    assert all(len(f) == 4 and f[2].startswith("F0= ") for f in fields)
    scores = [float(f[3]) for f in fields[:3]]
    assert scores == sorted(scores, reverse=True)
    assert len({f[1] for f in fields[:3]}) == 3


def test_scores_and_alignment_follow_the_translation(translate: Ttx) -> None:
    line = translate("--scores", "--alignment", "hard", KNOWN).out.rstrip("\n")
    said, pairs, word_scores, total, score = line.split(" ||| ")
    assert said == SAID
    assert all(0 <= int(place) < 7 for pair in pairs.split() for place in pair.split("-"))
    name, *each = word_scores.split()
    assert name == "WordScores="
    assert sum(map(float, each)) == pytest.approx(float(total.removeprefix("F0= ")), abs=1e-2)
    assert float(score) > float(total.removeprefix("F0= "))


@pytest.mark.parametrize("beam", ["1", "4"])
def test_scores_are_those_that_score_gives(
    translate: Ttx, ttx: Ttx, bundle_folder: Path, pairs: list[tuple[str, str]], beam: str
) -> None:
    stdin = "".join(f"{source}\n" for source, _ in pairs[:9]) + "x\n"
    rows = [
        row.split("\t")
        for row in translate("--scores", "--format", "tsv", "--beam", beam, stdin=stdin).out.splitlines()
    ]
    tsv = "".join(f"{source}\t{target}\n" for _, source, target, *_ in rows)
    scored = ttx("score", "-m", bundle_folder, stdin=tsv).out.splitlines()
    assert [float(row[3]) for row in rows] == pytest.approx([float(row.split("\t")[0]) for row in scored], abs=2e-3)


def test_heads_can_be_chosen(translate: Ttx, translator: Translator) -> None:
    shape = translator.runtime.architecture
    usual = ",".join(f"{layer + 1}:{head + 1}" for layer, head in default_heads(shape.decoder_layers, shape.heads))
    found = {
        heads: translate("--alignment", "hard", "--align-heads", heads, KNOWN).out for heads in ("1:1", "2:4", usual)
    }
    assert all(out.startswith(f"{SAID} ||| ") for out in found.values())
    assert found[usual] == translate("--alignment", "hard", KNOWN).out
    assert len(set(found.values())) == 3


@pytest.mark.parametrize(("options", "at_once"), [((), False), (("--line-buffered",), True)])
def test_line_buffered_waits_for_no_other_line(
    translate: Ttx, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], at_once: bool
) -> None:
    used = []

    def watched(*arguments: Any) -> Any:
        used.append(arguments[3])
        return translate_lines(*arguments)

    monkeypatch.setattr("tui_transformer.batching.translate_lines", watched)
    assert translate(*options, stdin=TWO).code == 0
    assert (used[0].first_window == used[0].window == 1) is at_once


# TSV


def test_tsv_has_the_same_columns_in_every_line(translate: Ttx) -> None:
    done = translate("--format", "tsv", "--scores", "--alignment", "hard", "--report", stdin=TWO)
    rows = [line.split("\t") for line in done.out.replace("\r", "").splitlines()]
    assert [len(row) for row in rows] == [7, 7, 7]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert rows[0][1:3] == [KNOWN, SAID]
    assert len(translate("--format", "tsv", stdin=TWO).out.splitlines()[0].split("\t")) == 3


# JSON


def test_json_says_what_is_asked_for_and_no_more(translate: Ttx) -> None:
    plain = objects(translate("--format", "jsonl", stdin=TWO))
    assert plain[0] == {"schema": 1, "line": 1, "source": KNOWN, "translation": SAID, "parts": 1}
    assert [line["parts"] for line in plain] == [1, 0, 2]
    (full,) = objects(
        translate("--format", "jsonl", "--n-best", "2", "--scores", "--alignment", "soft", "--report", KNOWN)
    )
    assert set(full) - set(plain[0]) == {
        "log_probability", "score", "tokens", "source_words", "target_words", "alignment", "attention", "n_best",
        "flags", "coverage",
    }  # fmt: skip
    assert full["n_best"][0] == {key: full[key] for key in full["n_best"][0]}
    assert full["source_words"] == KNOWN.split()
    assert [sum(row) for row in full["attention"]] == pytest.approx([1] * 6, abs=1e-3)
    assert sum(token["log_probability"] for token in full["tokens"]) == pytest.approx(full["log_probability"], abs=1e-2)
    assert len(full["coverage"]) == 7
    assert all(0 <= i < 7 and 0 <= j < 6 for i, j in full["alignment"])


def test_json_lines_come_in_with_their_fields(translate: Ttx) -> None:
    lines = [{"id": [1], "source": KNOWN, "line": "mine"}, {"source": "Hi.\nHo.", "prefix": "Und"}, {"source": ""}]
    stdin = "".join(json.dumps(line) + "\n" for line in lines)
    found = objects(translate("--input-format", "jsonl", "--format", "jsonl", stdin=stdin))
    assert found[0] == {"id": [1], "source": KNOWN, "line": 1, "schema": 1, "translation": SAID, "parts": 1}
    assert found[1]["translation"].startswith("Und")
    assert "\n" in found[1]["translation"]
    text = translate("--input-format", "jsonl", stdin=stdin)
    assert len(text.out.splitlines()) == 3


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("{", "not valid JSON"), ("", "not valid JSON"), ("[1]", "not a JSON object"), ('{"text": ""}', 'no "source"'),
        ('{"source": null}', "not a string"), ('{"source": "a", "prefix": 1}', "not a string"),
        ('{"source": "a", "prefix": "%s"}' % ("ab " * 99), "room for"), ("[" * 99999, "not valid JSON"),
        ('{"source": "a", "x": 1e999}', "1e999 is not a finite number"),
        ('{"source": "a", "x": NaN}', "NaN is not a finite number"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_what_came_before_is_out(translate: Ttx, bad: str, why: str) -> None:
    good = json.dumps({"source": KNOWN})
    done = translate("--input-format", "jsonl", stdin=f"{good}\n{good}\n{bad}\n{good}\n")
    assert (done.code, done.out) == (5, f"{SAID}\n{SAID}\n")
    assert "line 3" in done.err
    assert why in done.err


def test_half_a_surrogate_pair_does_no_harm(translate: Ttx) -> None:
    stdin = '{"source": "a \\ud800 b", "note": "\\ud800"}\n'
    (found,) = objects(translate("--input-format", "jsonl", "--format", "jsonl", stdin=stdin))
    assert found["note"] == "\ud800"
    assert "\ud800" not in found["source"]


# Search


def test_a_translation_begins_as_it_is_told(translate: Ttx, translator: Translator) -> None:
    for text in ("Mary", "Und"):
        assert translate("--prefix", text, KNOWN).out.startswith(f"{text} ")
    long = translate("--prefix", "ab " * 99, KNOWN)
    assert (long.code, long.out) == (5, "")


@pytest.mark.parametrize("beam", ["1", "4"])
def test_alternatives_are_written_in_every_format(translate: Ttx, beam: str) -> None:
    arguments = ["--alternatives", "2", "--beam", beam, "--scores"]
    (found,) = objects(translate(*arguments, "--format", "jsonl", KNOWN))
    pieces = [[token["piece"] for token in candidate["tokens"]] for candidate in found["n_best"]]
    assert (found["translation"], len(pieces)) == (SAID, 5)
    assert {said[0] for said in pieces} == {"▁Mar"}
    assert len({said[1] for said in pieces}) == 5
    for candidate in found["n_best"]:
        assert candidate["score"] == pytest.approx(candidate["tokens"][1]["log_probability"], abs=2e-3)
    scores = [candidate["score"] for candidate in found["n_best"]]
    assert scores == sorted(scores, reverse=True)
    texts = [candidate["translation"] for candidate in found["n_best"]]
    tsv = [line.split("\t") for line in translate(*arguments, "--format", "tsv", KNOWN).out.splitlines()]
    assert [row[2] for row in tsv] == texts
    text = [line.split(" ||| ") for line in translate(*arguments, "--n-best", "2", KNOWN, "", KNOWN).out.splitlines()]
    assert [fields[1].strip() for fields in text[:2]] == texts[:2]
    assert [fields[0] for fields in text] == ["0", "0", "1", "2", "2"]


def test_alternatives_of_a_forced_beginning_stand_behind_it(translate: Ttx) -> None:
    stdin = "".join(json.dumps({"source": KNOWN, "prefix": prefix}) + "\n" for prefix in ("Mary hat", "Und", ""))
    found = objects(translate("--input-format", "jsonl", "--format", "jsonl", "--alternatives", "1", stdin=stdin))
    for line, prefix in zip(found, ("Mary hat", "Und", ""), strict=True):
        texts = [candidate["translation"] for candidate in line["n_best"]]
        assert len(texts) > 1
        assert all(text.startswith(prefix) for text in texts)


def test_drawing_depends_on_the_seed_alone(translate: Ttx) -> None:
    def drawn(*arguments: str) -> str:
        done = translate("--sample", "--temperature", "5", *arguments, stdin=TWO)
        assert done.code == 0
        return done.out

    assert drawn("--seed", "1") == drawn("--seed", "1", "--threads", "1", "--line-buffered") != drawn("--seed", "2")
    # One to choose from: no draw at all.
    assert drawn("--top-k", "1", "--seed", "1") == drawn("--top-k", "1", "--seed", "2")
    assert drawn("--top-p", "0", "--seed", "1") == drawn("--top-k", "1")


def test_nothing_is_said_twice_if_that_is_forbidden(translate: Ttx) -> None:
    tokens = objects(translate("--no-repeat-ngram", "1", "--scores", "--format", "jsonl", "x y z"))[0]["tokens"]
    pieces = [token["piece"] for token in tokens[:-1]]
    assert len(set(pieces)) == len(pieces)


@pytest.mark.parametrize(
    "arguments",
    [
        "--n-best 5", "--n-best 2 --beam 1", "--n-best 0", "--temperature 2", "--top-k 2", "--top-p 0.5", "--seed 1",
        "--sample --n-best 2", "--sample --no-repeat-ngram 2", "--sample --beam 2", "--sample --length-penalty 0",
        "--beam 1 --length-penalty 1", "--alignment soft", "--alignment soft --format tsv",
        "--align-heads 1:1", "--alignment hard --align-heads 3:1", "--alignment hard --align-heads x",
        "--alternatives 0", "--alternatives 2 --sample", "--alternatives 2 --no-repeat-ngram 2",
        "--alternatives 2 --n-best 65",
        "--keep (", "--format xml", "--input-format tsv", "--alignment both", "--sample --temperature 0",
        "--length-penalty nan", "--sample --temperature nan", "--sample --top-p nan",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_wrong_usage(translate: Ttx, arguments: str) -> None:
    done = translate(*arguments.split(), stdin="a\n")
    assert (done.code, done.out) == (2, "")


# Checks


def test_what_looks_wrong_is_reported_and_counts_when_strict(translate: Ttx) -> None:
    arguments = ["--max-length", "3", "--threads", "1"]
    stdin = f"{KNOWN}\n\n"
    plain = translate(*arguments, stdin=stdin)
    reported, strict = translate(*arguments, "--report", stdin=stdin), translate(*arguments, "--strict", stdin=stdin)
    assert plain.out == reported.out == strict.out
    assert (plain.code, plain.err) == (0, "")
    assert reported.code == 0
    assert reported.err.startswith("ttx: line 1: cut_off: ")
    assert (strict.code, strict.err) == (8, "ttx: 1 of 2 line(s) look wrong; --report tells which\n")
    assert translate("--strict", "--report", KNOWN).code == 0
    flags = objects(translate(*arguments, "--report", "--format", "jsonl", stdin=stdin))
    assert "cut_off" in {flag["kind"] for flag in flags[0]["flags"]}
    assert flags[1]["flags"] == []


def test_kept_strings_come_through(translate: Ttx) -> None:
    line = "See https://a.b/c?d=1 or mail x@y.org, {name}: `a. B` costs 42."
    out = translate(line).out
    assert all(text in out for text in ("https://a.b/c?d=1", "x@y.org", "{name}", "`a. B`", "42"))
    assert "Zyx Inc" in translate("--keep", "Zyx Inc", "--keep", "Q+", "--no-keep-usual", "Hi Zyx Inc 1").out


# The pipe itself


def test_a_line_is_out_before_the_next_comes_in(bundle_folder: Path) -> None:
    command = [sys.executable, "-m", "tui_transformer", "translate", "-m", str(bundle_folder), "--line-buffered"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8") as ttx:
        assert ttx.stdin
        assert ttx.stdout
        for _ in range(2):
            ttx.stdin.write(f"{KNOWN}\n")
            ttx.stdin.flush()
            assert ttx.stdout.readline() == f"{SAID}\n"
        ttx.stdin.close()
    assert ttx.returncode == 0


@pytest.mark.parametrize("how", [["--format", "tsv"], ["--n-best", "2"], ["--alignment", "hard"]])
def test_a_carriage_return_does_not_part_fields(ttx: Ttx, bundle_folder: Path, how: list[str]) -> None:
    done = ttx("translate", "--model", bundle_folder, *how, stdin=b"Good night.\r\nTom.\r\n")
    assert done.code == 0
    assert "\r" not in done.out


# Long sentences


def test_a_long_sentence_is_told_clause_by_clause(translate: Ttx) -> None:
    line = "Mary has a flower in her hair, Tom called Mary's bluff."
    (said,) = objects(translate("--clause-limit", "16", "--format", "jsonl", "--alignment", "hard", line))
    assert said["translation"] == "Mary hat eine Blume im Haar, Tom zwang Mary, Farbe zu bekennen."
    assert said["source_words"] == line.split()
    # Words are counted through the line, and no clause looks at another.
    assert {(source < 7) == (target < 6) for source, target in said["alignment"]} == {True}
    assert {source < 7 for source, _ in said["alignment"]} == {True, False}
    (whole,) = objects(translate("--format", "jsonl", line))
    assert whole["translation"] != said["translation"]


def test_quotes_are_read_by_themselves_if_wanted(translate: Ttx, monkeypatch: pytest.MonkeyPatch) -> None:
    line, apart = f'"{KNOWN}"', f'"{SAID}"\n'
    whole = translate(line).out
    assert whole != apart, "the tiny model has never seen a quotation mark"
    assert translate("--quotes", line).out == apart
    monkeypatch.setenv("TTX_QUOTES", "yes")
    assert translate(line).out == apart
    assert translate("--no-quotes", line).out == whole


def test_the_setting_for_clauses_is_taken_and_a_wrong_one_refused(
    translate: Ttx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTX_CLAUSE_LIMIT", "16")
    assert translate("Mary has a flower in her hair, Tom called Mary's bluff.").out.startswith(f"{SAID[:-1]}, Tom")
    done = translate("--clause-limit", "-1", KNOWN)
    assert done.code == 2
    assert "--clause-limit" in done.err
