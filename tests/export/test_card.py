"""Model cards: what is told of scores, weaknesses and learning, and how it is written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ttx_export.card import model_card
from ttx_export.corpus import Pair
from ttx_export.curve import read_curve
from ttx_export.failures import Example, Weakness, weaknesses
from ttx_export.score import score_set

from tui_transformer.bundle import Manifest, read_bundle
from tui_transformer.errors import RecipeError

SENTENCES = [
    ("I like it.", "Ich mag es."),
    ("The train leaves at 9.", "Der Zug fährt um 9."),
    ("It was 12 o'clock.", "Es war 12 Uhr."),
    ("It was 13 o'clock.", "Es war 13 Uhr."),
    ("We met Anna. She laughed.", "Wir trafen Anna. Sie lachte."),
    ("Stop! Now I go.", "Halt! Jetzt gehe ich."),
    ("A rather long sentence that goes on and on here.", "Ein recht langer Satz, der immer weitergeht."),
    ("This one is long as well, though less so.", "Der ist auch lang, aber weniger."),
]
PAIRS = [Pair(*both) for both in SENTENCES]


@pytest.fixture
def manifest(bundle_folder: Path) -> Manifest:
    """Of a bundle from before there were intervals, sizes and curves."""
    return read_bundle(bundle_folder).manifest


def with_provenance(manifest: Manifest, **values: Any) -> Manifest:
    return replace(manifest, provenance={**manifest.provenance, **values})


def test_the_worst_of_each_kind_are_found_and_none_twice() -> None:
    said = [pair.target for pair in PAIRS]
    said[1], said[2], said[4], said[6] = "Zug.", "Es war 2 Uhr.", "Wir.", "Satz 9."
    kinds = {weak.kind.split(" (")[0]: weak for weak in weaknesses("dev", PAIRS, said)}
    assert {kind: weak.sentences for kind, weak in kinds.items()} == {
        "all": 8,
        "numbers": 3,
        "names": 1,
        "many words": 2,
    }
    assert [bad.translation for bad in kinds["numbers"].worst] == ["Zug.", "Es war 2 Uhr."]
    assert [bad.source for bad in kinds["names"].worst] == [PAIRS[4].source]
    assert [bad.reference for bad in kinds["many words"].worst] == [PAIRS[6].target, PAIRS[7].target]
    assert kinds["all"].worst == ()
    assert kinds["names"].chrf < kinds["all"].chrf < 100


def test_perfect_translations_have_no_bad_numbers() -> None:
    assert {weak.chrf for weak in weaknesses("dev", PAIRS, [pair.target for pair in PAIRS])} == {100}


def test_intervals_are_those_of_a_fixed_seed() -> None:
    said = [pair.target if i % 2 else "Nein." for i, pair in enumerate(PAIRS * 5)]
    one, other = (score_set("dev", PAIRS * 5, said, 4) for _ in range(2))
    assert one == other
    assert all(0 < score.interval < score.value for score in one)
    assert all("bs:1000|seed:12345" in score.signature for score in one)


def test_any_text_stays_in_its_cell(manifest: Manifest) -> None:
    bad = Example("a | b", "*bold* `code`", "<i>\nx_y", 12.345)
    card = model_card(manifest, 1, [Weakness("tatoeba", "names", 1, 12.3, (bad,))])
    assert r"| names | 12.3 | a \| b | \*bold\* \`code\` | \<i\> x\_y |" in card
    assert "### tatoeba\n" in card


def test_a_score_from_before_intervals_is_told_without_one(manifest: Manifest) -> None:
    score = {"set": "dev", "metric": "BLEU", "value": 12.5, "signature": "a|b", "sentences": 1000, "beam": 4}
    card = model_card(replace(manifest, scores=(score,)), 1)
    assert r"| dev | BLEU | 12.50 | – | 1,000 | 4 | `a\|b` |" in card
    assert "Test:" not in card


def test_the_curve_is_drawn_told_and_judged(manifest: Manifest) -> None:
    points = [
        {"step": 100 * step, "epoch": step, "loss": {"news": 5 - step / 10, "talk": 4 - step / 10}}
        for step in range(1, 31)
    ]
    card = model_card(with_provenance(manifest, curve=[{"step": 1, "epoch": 1, "loss": {"old": 9.0}}, *points]), 1)
    assert "news  ██" in card
    assert "▁\ntalk  ██" in card
    assert "| 100 | 1 | 4.900 | 3.900 |" in card
    assert "| 3,000 | 30 | 2.000 | 1.000 |" in card
    assert "the loss went from 2.700 to 2.000 (news), from 1.700 to 1.000 (talk)." in card
    assert sum(line.startswith("| ") and line.count("|") == 5 for line in card.splitlines()) >= 10


def test_a_log_gives_the_curve_whatever_a_crash_did_to_it(tmp_path: Path) -> None:
    def evaluated(step: int, loss: float) -> str:
        dev = {"talk": {"loss": loss, "accuracy": 0.5}} if loss else {}
        known = {"average": None, "best": True, "samples": [], "seconds": 1.0}
        return json.dumps({"event": "evaluated", "step": step, "epoch": step // 10, "dev": dev, **known})

    lines = [
        json.dumps({"event": "progress", "step": 1}),
        evaluated(10, 3.0),
        evaluated(20, 2.5),
        evaluated(30, 2.2)[:30] + evaluated(20, 2.4),
        evaluated(20, 2.45678),
        evaluated(40, 0),
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert read_curve(tmp_path) == [
        {"step": 10, "epoch": 2, "loss": {"talk": 3.0}},
        {"step": 20, "epoch": 3, "loss": {"talk": 2.4568}},
    ]


def test_no_log_is_no_curve_and_a_broken_one_is_an_error(tmp_path: Path) -> None:
    assert read_curve(tmp_path) == []
    (tmp_path / "metrics.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(RecipeError, match=r"^cannot read [^\n]*metrics.jsonl: no line [^\n]* broken$"):
        read_curve(tmp_path)
