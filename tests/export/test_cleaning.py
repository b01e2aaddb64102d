"""What a recipe leaves out of the training text when it asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ttx_export.cleaning import NEAR_DUPLICATES, RULES, UNTRANSLATED, WRONG_LANGUAGE, Cleaning
from ttx_export.corpus import Pair, ReadReport, content_hash, training_pairs
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
    return [(pair.source, pair.target) for pair in training_pairs(recipe(*rules), folder, report)], report


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
    assert content_hash(recipe(UNTRANSLATED), tmp_path) != content_hash(recipe(), tmp_path)


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=12))
def test_without_near_duplicates_every_pair_is_kept_once(pairs: list[tuple[str, str]]) -> None:
    cleaning = Cleaning(recipe(NEAR_DUPLICATES))
    kept = [pair for pair in pairs if not cleaning.fault(Pair(*pair))]
    assert len(set(kept)) == len(kept)
    assert all(cleaning.fault(Pair(*pair)) for pair in pairs), "what was left out is like one that was kept"


def test_a_language_that_nobody_recognises_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("a\tb\n")
    with pytest.raises(RecipeError, match="the language tlh cannot be recognised"):
        list(training_pairs(recipe(WRONG_LANGUAGE, source="tlh"), tmp_path))
    assert list(training_pairs(recipe(UNTRANSLATED, source="tlh"), tmp_path)) == [Pair("a", "b")]


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="leave_out knows untranslated, wrong language, near-duplicates, but not rude"):
        recipe("rude")
