"""A recipe says clearly what is wrong in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ttx_export.recipe import RECIPES, Recipe, find_recipe, load_recipe, parse_recipe, with_epochs

from tui_transformer.errors import RecipeError

SMALLEST = 'name = "x"\nsource = "en"\ntarget = "de"\n[data]\ntrain = ["a.tsv"]\n'


def test_the_smallest_recipe_takes_the_defaults() -> None:
    recipe = parse_recipe(SMALLEST)
    assert recipe.data.train == ("a.tsv",)
    assert (recipe.vocabulary.kind, recipe.vocabulary.size) == ("sentencepiece", 10_000)
    assert (recipe.training.beta1, recipe.training.beta2, recipe.training.warmup) == (0.9, 0.98, 4000)
    assert recipe.text == SMALLEST


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (("", "speed = 3\n"), "unknown option in the top level: speed"),
        (('name = "x"\n', ""), "the top level lacks name"),
        (('name = "x"', "name = 3"), "the top level: name must be text, not 3"),
        (('name = "x"', 'name = "../x"'), "name must be usable as a folder name"),
        (('name = "x"', 'name = ""'), "name must be usable as a folder name"),
        (('name = "x"', 'name = ".."'), "name must be usable as a folder name"),
        (('["a.tsv"]', "[]"), r"\[data\] needs train"),
        (('["a.tsv"]', '"a.tsv"'), "data.train must hold strings"),
        (("", "samples = 'one text'\n"), "samples must hold strings"),
        (("", "text = 5\n"), "unknown option in the top level: text"),
        (('source = "en"', 'source = ""'), "source and target must be languages"),
    ],
)
def test_a_mistake_at_the_top_is_named(changed: tuple[str, str], message: str) -> None:
    old, new = changed
    text = SMALLEST.replace(old, new, 1) if old else new + SMALLEST
    with pytest.raises((ValueError, TypeError), match=message):
        parse_recipe(text)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("[model]\nlayers = 3", "unknown option in model: layers"),
        ("[model]\nd_model = '64'", "model: d_model must be a whole number, not '64'"),
        ("[model]\ntied = 'all'", "needs vocabulary.shared = true"),
        ("[training]\nepochs = 2.5", "training: epochs must be a whole number"),
        ("[training]\nepochs = true", "training: epochs must be a whole number"),
        ("[training]\nepochs = 0", "training.epochs must be at least 1"),
        ("[training]\nlearning_rate = nan", "learning_rate must be a number"),
        ("[training]\nlearning_rate = -1", "learning_rate cannot be negative"),
        ("[model]\nheads = 3", r"\[model\] d_model 256 must be even and divisible by 3 heads"),
        ('[model]\nactivation = "tanh"', "activation must be one of relu, gelu, swish"),
        ("[training]\ndropout = 1.0", "dropout must be at least 0 and below 1"),
        ("[training]\nr_drop = 3.0\ndropout = 0.0", "two passes with different dropout"),
        ("[training]\nr_drop = -1.0", "r_drop cannot be negative"),
        ("[training]\ncooldown = 1.5", "cooldown must lie between 0 and 1"),
        ("[training]\nprecision = 'fp16'", "precision must be fp32 or bf16"),
        ("[training]\nbatch_tokens = 100", "must hold at least one pair"),
        ("[training]\npatience = 3", "patience needs a development set"),
        ("[training]\nseed = -1", "seed cannot be negative"),
        ("[training]\nseed = 9223372036854775808", r"seed must be below 2\^63"),
        ("[vocabulary]\nsize = 0", "size must lie between 1 and 1,000,000"),
        ("[vocabulary]\nsize = 3_000_000_000", "size must lie between 1 and 1,000,000"),
        ("[[data.corpora]]\nname = 'a'\n[[data.corpora]]\nname = 'a'", "two of data.corpora have the same name"),
        ("[vocabulary]\nkind = 'words'", "kind must be sentencepiece or bpemb"),
        ("[vocabulary]\nkind = 'bpemb'\nshared = true", "one vocabulary per language"),
        ("[vocabulary]\nshared = 1", "vocabulary: shared must be true or false"),
        ("[[data.corpora]]\nname = 'a'\nweight = -0.5", "weight cannot be negative"),
        ("[[data.corpora]]\nlicence = 'a'", "data.corpora lacks name"),
        ("[data.dev]\nnews = 3", "data.dev must hold strings"),
        ("[data.respelled]\n'(a' = 'b'", r"data.respelled: '\(a' does not work"),
        ("[data.respelled]\n'[[a]' = 'b'", r"data.respelled: '\[\[a\]' does not work"),
        ("[data.respelled]\n'a{99999999999999999999}' = 'b'", "data.respelled: .* does not work"),
        ("[data.respelled]\na = '\\2'", "data.respelled: 'a' does not work: invalid group reference 2"),
        ("[data.respelled]\na = 1", "data.respelled must hold strings"),
        ("[generation]\nbanned = [3]", "unknown option in generation: banned"),
        ("[generation]\nlength_penalty = '1'", "generation: length_penalty must be a number"),
        ("[generation]\nbeam = 0", "beam must lie between 1 and 64, length_penalty between 0 and 5"),
        ("[generation]\nclause_limit = -1", "clause_limit must be at least 0"),
        ("[generation]\nquotes = 1", "generation: quotes must be true or false, not 1"),
        ("[generation]\nlength_penalty = 500", "beam must lie between 1 and 64, length_penalty between 0 and 5"),
        ("[model]\ntied = 'targets'", "model.tied must be none, target or all, not 'targets'"),
    ],
)
def test_a_mistake_in_a_section_is_named(section: str, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        parse_recipe(f"{SMALLEST}{section}\n")


@pytest.mark.parametrize(
    "text",
    [
        "model = 3", "training = 'fast'", "data = []", "data.corpora = 'x'", "data.corpora = [3]", "data.later = 3",
        "data.later = {epoch = 2, weights = {}}", "data.later = ['a']", "generation = 3",
    ],
)  # fmt: skip
def test_a_section_must_be_a_table(text: str) -> None:
    with pytest.raises(TypeError, match="must be a table"):
        parse_recipe(f'name = "x"\nsource = "en"\ntarget = "de"\n{text}\n')


TWO = f"""{SMALLEST}
[[data.corpora]]
name = "a"
[[data.corpora]]
name = "b"
weight = 0.5
[[data.corpora]]
name = "unread"
weight = 0
"""
LATER = f"""{TWO}
[[data.later]]
epoch = 5
weights = {{ a = 0 }}
[[data.later]]
epoch = 3
weights = {{ b = 2, a = 0.25 }}
"""


def test_the_mix_of_corpora_changes_from_an_epoch_on() -> None:
    data = parse_recipe(LATER).data
    # The trainer counts epochs from 0, the recipe from 1.
    mixes = [[data.weights(epoch)[name] for name in ("a", "b", "unread")] for epoch in range(6)]
    assert mixes == [[1.0, 0.5, 0]] * 2 + [[0.25, 2, 0]] * 2 + [[0, 2, 0]] * 2
    assert parse_recipe(TWO).data.weights(99) == {"a": 1.0, "b": 0.5, "unread": 0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epoch = 1\nweights = {a = 1}", "data.later.epoch must be at least 2"),
        ("epoch = -3\nweights = {a = 1}", "data.later.epoch must be at least 2"),
        ("epoch = 2.5\nweights = {a = 1}", "data.later: epoch must be a whole number"),
        ("weights = {a = 1}", "data.later lacks epoch"),
        ("epoch = 2", "data.later lacks weights"),
        ("epoch = 2\nweights = {a = 1}\nlast = 3", "unknown option in data.later: last"),
        ("epoch = 2\nweights = {a = 1, c = 1, d = 1}", r"corpora that \[\[data.corpora\]\] does not read: c, d"),
        ("epoch = 2\nweights = {unread = 1}", "does not read: unread"),
        ("epoch = 2\nweights = {a = -0.1}", "data.later.weights.a must be a number, 0 or more"),
        ("epoch = 2\nweights = {a = 'all'}", "data.later.weights.a must be a number, 0 or more"),
        ("epoch = 2\nweights = {a = true}", "data.later.weights.a must be a number, 0 or more"),
        ("epoch = 2\nweights = {a = nan}", "data.later.weights.a must be a number, 0 or more"),
        ("epoch = 2\nweights = {a = inf}", "data.later.weights.a must be a number, 0 or more"),
        ("epoch = 2\nweights = ['a']", "data.later.weights must be a table"),
    ],
)
def test_a_mistake_in_a_later_mix_is_named(change: str, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        parse_recipe(f"{TWO}[[data.later]]\n{change}\n")


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe", b""], ids=["not TOML", "not UTF-8", "empty"])
def test_the_file_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"broken\.toml"):
        load_recipe(path)
    with pytest.raises(RecipeError, match=r"cannot read .*missing\.toml"):
        load_recipe(tmp_path / "missing.toml")


def test_a_recipe_is_found_by_path_or_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.toml").write_text(SMALLEST)
    assert find_recipe(str(tmp_path / "mine.toml")) == tmp_path / "mine.toml"
    monkeypatch.chdir(tmp_path)
    assert find_recipe("en-de-toy") == RECIPES / "en-de-toy.toml"
    known = "en-de, en-de-larger, en-de-largest, en-de-longer, en-de-names, en-de-r-drop"
    with pytest.raises(RecipeError, match=f"no recipe 'klingon': neither a file nor one of {known}"):
        find_recipe("klingon")


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_what_ships_can_be_read(path: Path) -> None:
    recipe = load_recipe(path)
    # A model's later trainings have recipes of their own.
    assert recipe.name == re.sub("-(wider|names|r-drop|longer|larger|largest)$", "", path.stem)
    assert all(corpus.licence and corpus.attribution for corpus in recipe.data.corpora if corpus.weight)


def test_the_toy_is_the_articles_setting() -> None:
    recipe = load_recipe(find_recipe("en-de-toy"))
    model = recipe.model
    assert (model.d_model, model.d_ff, model.heads) == (128, 512, 8)
    assert (model.encoder_layers, model.decoder_layers, model.norm) == (4, 4, "post")
    assert recipe.training.epochs == 30
    assert {corpus.name for corpus in recipe.data.corpora if corpus.weight} == {"tatoeba"}


@pytest.mark.parametrize(
    "training",
    [
        "",
        "[training]\n",
        "[training] # fast\nwarmup = 9\n",
        "[training]\nepochs = 7\nwarmup = 9",
        "[training]\n  epochs=7 # so\n",
    ],
)
def test_other_epochs_change_the_text_too(training: str) -> None:
    recipe = parse_recipe(SMALLEST + training)
    changed = with_epochs(recipe, 12)
    assert changed == replace(recipe, training=replace(recipe.training, epochs=12))
    assert parse_recipe(changed.text) == changed


def test_epochs_that_cannot_be_set_are_refused(tiny: Callable[..., Recipe]) -> None:
    with pytest.raises(RecipeError, match="cannot set"):
        with_epochs(parse_recipe(f"training = {{epochs = 7}}\n{SMALLEST}"), 12)
    with pytest.raises(RecipeError, match="at least 1"):
        with_epochs(tiny(), 0)
    with pytest.raises(RecipeError, match="--epochs does not apply: this recipe counts updates"):
        with_epochs(tiny(steps=5), 2)
