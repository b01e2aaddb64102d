"""What a recipe leaves out of the training text when it asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ttx_export.cleaning import NEAR_DUPLICATES, RULES, UNTRANSLATED, WRONG_LANGUAGE, Cleaning
from ttx_export.corpus import Pair, ReadReport, content_hash, training_pairs
from ttx_export.prepare import DRAWS, prepare
from ttx_export.recipe import Recipe, parse_recipe

from tui_transformer.errors import RecipeError

GOOD = [
    ("The station is behind the old church.", "Der Bahnhof liegt hinter der alten Kirche."),
    ("I would have helped you if you had asked me.", "Ich hätte dir geholfen, wenn du mich gefragt hättest."),
    ("OK", "OK"),
    ("Tom Jackson, Mary Jackson", "Tom Jackson, Mary Jackson"),
    ("There are 3 rooms on this floor.", "Auf dieser Etage gibt es 3 Zimmer."),
]
BAD = {
    UNTRANSLATED: [("Select all the files in the folder", "select all the files in the Folder")],
    WRONG_LANGUAGE: [
        ("Where can we buy some fresh bread today?", "Où pouvons-nous acheter du pain frais aujourd'hui ?"),
        ("Wir haben das Haus im letzten Sommer gekauft.", "Wir haben das Haus im vergangenen Sommer gekauft."),
    ],
    NEAR_DUPLICATES: [
        ("there are 12 rooms on this floor", "Auf dieser Etage gibt es 12 Zimmer!"),
        ("The station is behind the old church!", "Der Bahnhof liegt hinter der alten Kirche …"),
    ],
}


def recipe(*rules: str, source: str = "en") -> Recipe:
    return parse_recipe(
        f'name = "x"\nsource = "{source}"\ntarget = "de"\n[data]\ntrain = ["a.tsv"]\nleave_out = {list(rules)}'
    )


def read(rules: tuple[str, ...], folder: Path) -> tuple[list[tuple[str, str]], ReadReport]:
    lines = [*GOOD, *(pair for pairs in BAD.values() for pair in pairs)]
    (folder / "a.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in lines))
    report = ReadReport()
    cleaning = Cleaning(recipe(*rules))
    pairs = list(training_pairs(recipe(*rules), folder))
    kept = list(cleaning.kept(pairs, report))
    assert list(cleaning.kept(pairs, report)) == kept, "remembered, and not counted twice"
    return [(pair.source, pair.target) for pair in kept], report


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_leaves_out_its_pairs_and_no_other(rule: str, tmp_path: Path) -> None:
    kept, report = read((rule,), tmp_path)
    assert set(GOOD) <= set(kept)
    assert set(BAD[rule]).isdisjoint(kept)
    # English on both sides is a wrong language, too.
    also = BAD[UNTRANSLATED] if rule == WRONG_LANGUAGE else []
    assert len(kept) == len(GOOD) + sum(map(len, BAD.values())) - len(BAD[rule]) - len(also)
    assert report.left_out == {rule: len(BAD[rule]) + len(also)}


def test_all_rules_together_leave_what_is_good_and_none_leaves_everything(tmp_path: Path) -> None:
    assert read(RULES, tmp_path)[0] == GOOD
    assert len(read((), tmp_path)[0]) == len(GOOD) + sum(map(len, BAD.values()))


def test_text_is_prepared_anew_for_other_rules(tmp_path: Path) -> None:
    read((), tmp_path)
    cleaned = content_hash(recipe(UNTRANSLATED), tmp_path)
    assert cleaned != content_hash(recipe(), tmp_path)
    assert cleaned != content_hash(recipe(UNTRANSLATED, source="fr"), tmp_path)


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=12))
def test_without_near_duplicates_every_pair_is_kept_once(pairs: list[tuple[str, str]]) -> None:
    text = [Pair(*pair) for pair in pairs]
    kept = list(Cleaning(recipe(NEAR_DUPLICATES)).kept(text))
    assert len(set(kept)) == len(kept)
    both = [*kept, *text]
    assert list(Cleaning(recipe(NEAR_DUPLICATES)).kept(both)) == kept, "what was left out is like one that was kept"


def test_letters_and_marks_tell_sentences_apart() -> None:
    hindi = [Pair("I go home.", text) for text in ("मैं घर जाता हूँ", "मैं घर जाती हूँ", "मैं घर जाते हूँ")]
    names = [Pair(name, name) for name in ("C", "C++", "+", "-")]
    assert list(Cleaning(recipe(NEAR_DUPLICATES)).kept([*hindi, *names])) == [*hindi, *names]


def test_text_without_spaces_counts_by_letters() -> None:
    chinese = "我们昨天在学校附近的公园里看见了他们。"
    cleaning = Cleaning(recipe(UNTRANSLATED, source="zh"))
    assert list(cleaning.kept([Pair(chinese, chinese), Pair("东京", "东京")])) == [Pair("东京", "东京")]
    cleaning = Cleaning(recipe(WRONG_LANGUAGE, source="zh"))
    good = Pair(chinese, "Gestern haben wir sie im Park gesehen.")
    assert list(cleaning.kept([good, Pair(good.target, good.target)])) == [good]


def test_a_language_that_nobody_recognises_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("a\tb\n")
    with pytest.raises(RecipeError, match="the language tlh cannot be recognised"):
        prepare(recipe(WRONG_LANGUAGE, source="tlh"), tmp_path, tmp_path / "cache")
    assert Cleaning(recipe(UNTRANSLATED, source="tlh"))


def test_text_is_cleaned_once_for_vocabularies_and_every_draw(
    tiny_text: Callable[..., str], data_folder: Path, tmp_path: Path
) -> None:
    lines = (data_folder / "train.tsv").read_text(encoding="utf-8")
    (tmp_path / "train.tsv").write_text(lines + lines.upper().replace("EVERYDAY", "everyday"), encoding="utf-8")
    (tmp_path / "dev.tsv").write_bytes((data_folder / "dev.tsv").read_bytes())
    text = tiny_text().replace("[data]", f'[data]\nleave_out = ["{NEAR_DUPLICATES}"]')
    plain = prepare(parse_recipe(tiny_text()), data_folder, tmp_path / "cache")
    cleaned = prepare(parse_recipe(text), tmp_path, tmp_path / "cache")
    assert cleaned.report == "56 pairs (everyday 56); left out: near-duplicates 56"
    assert cleaned.vocabularies.source.model == plain.vocabularies.source.model
    drawn = prepare(parse_recipe(text.replace("[vocabulary]", "[vocabulary]\ndropout = 0.2")), tmp_path, tmp_path / "c")
    assert len(drawn.train) == 56 * DRAWS
    assert drawn.report == cleaned.report


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(
        ValueError, match="leave_out can be untranslated, wrong language, near-duplicates, but not rude"
    ):
        recipe("rude")
