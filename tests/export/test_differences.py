"""A run that goes on with a changed recipe says so, everywhere, and forgets no text and no licence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from run_checks import of_kind, until
from ttx_export.card import model_card
from ttx_export.checkpoint import load_checkpoint, read, save_atomically
from ttx_export.data_card import data
from ttx_export.differences import differences, judges_alike
from ttx_export.events import Ended, Started
from ttx_export.lines import log_lines
from ttx_export.prepare import Prepared, prepare
from ttx_export.provenance import handed_down, provenance_of
from ttx_export.recipe import Corpus, Recipe, parse_recipe
from ttx_export.train import Trainer

from tui_transformer.bundle import read_bundle


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("warmup = 20", "warmup = 30", ["training.warmup 20"]),
        ("warmup = 20", "warmup = 20\nsteps = 5000", ["training.steps 0"]),
        ("max_length = 48", "max_length = 48\nmade_up_names = 0.5", ["data.made_up_names 0.0"]),
        ('name = "everyday"', 'name = "everyday"\nweight = 0.5', ["data.corpora.everyday.weight 1.0"]),
        ('name = "everyday"', 'name = "other"\nweight = 0.5', [
            "data.corpora.everyday.weight 1.0", "data.corpora.everyday.licence empty",
            "data.corpora.everyday.attribution empty", "no data.corpora.other.weight",
            "no data.corpora.other.licence", "no data.corpora.other.attribution",
        ]),
        ("[vocabulary]", "[data.respelled]\na = 'b'\n[vocabulary]", ["data.respelled empty"]),
        ("[vocabulary]", "[[data.later]]\nepoch = 2\nweights.everyday = 0.5\n[vocabulary]", ["data.later empty"]),
        ('dev.everyday = "dev.tsv"', "", ["data.dev.everyday dev.tsv"]),
        ('name = "everyday"', 'name = "everyday" # a remark', []),
    ],
)  # fmt: skip
def test_each_option_that_was_otherwise_is_named(
    tiny_text: Callable[..., str], old: str, new: str, told: list[str]
) -> None:
    before = tiny_text()
    assert old in before
    found = differences(parse_recipe(before), parse_recipe(before.replace(old, new)))
    assert sorted(found) == sorted(told)


def test_losses_are_compared_only_where_they_mean_the_same(tiny_text: Callable[..., str]) -> None:
    text = tiny_text()
    one = 'dev.everyday = "dev.tsv"'
    two = parse_recipe(text.replace(one, f'{one}\ndev.news = "news.tsv"'))
    turned = parse_recipe(text.replace(one, f'dev.news = "news.tsv"\n{one}'))
    assert judges_alike(parse_recipe(text), two)
    assert not judges_alike(two, turned)
    assert differences(two, turned) == ["data.dev in the order everyday, news"]
    assert not judges_alike(two, parse_recipe(text.replace("max_length = 48", "max_length = 40")))


def test_how_a_model_is_called_and_searched_makes_no_difference(tiny: Callable[..., Recipe]) -> None:
    recipe = tiny()
    other = replace(recipe, name="x", description="y", samples=("z",), generation={"beam": 2}, text="")
    assert differences(recipe, other) == []


def test_a_run_remembers_the_recipes_before(
    tiny: Callable[..., Recipe], prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttx_export.train.PROGRESS_SECONDS", 0.0)
    recipe = tiny(epochs=2)
    (everyday,) = recipe.data.corpora
    foreign = Corpus("foreign", licence="No sale", weight=0.5)
    text = recipe.text.replace(
        'name = "everyday"', 'name = "everyday"\n[[data.corpora]]\nname = "foreign"\nlicence = "No sale"\nweight = 0.5'
    )
    first = replace(recipe, data=replace(recipe.data, corpora=(everyday, foreign)), text=text)
    until(Trainer(first, prepared, tmp_path / "run"), 3)
    second = replace(recipe, training=replace(recipe.training, warmup=30), text=tiny(epochs=2, warmup=30).text)
    events = until(Trainer(second, prepared, tmp_path / "run"), 5)
    (started,) = of_kind(events, Started)
    assert "training.warmup 20" in started.changed
    assert any("until then with" in line and "warmup 20" in line for line in log_lines(started, 9, 2))
    # Going on with the same recipe changes nothing, and forgets nothing.
    (again,) = of_kind(until(Trainer(second, prepared, tmp_path / "run"), 7), Started)
    assert again.changed == ()

    checkpoint = load_checkpoint(tmp_path / "run" / "last.pt")
    (earlier,) = checkpoint.earlier_recipes
    assert (earlier["until"], earlier["recipe"]) == (3, text)
    provenance = provenance_of(checkpoint, 1)
    assert [(corpus["name"], corpus.get("until")) for corpus in provenance["corpora"]] == [
        ("everyday", None), ("foreign", 3),
    ]  # fmt: skip
    for told in (data(provenance), data({"corpora": [], "started_from": {"name": "a", "kept_as": "checkpoint",
                                                                         **handed_down(provenance)}})):  # fmt: skip
        assert "| foreign | – | 0.5, up to update 3 | No sale |" in told
        assert "Up to update 3 the recipe had " in told
        assert "training.warmup 20" in told


def test_a_run_notices_other_text(
    tiny: Callable[..., Recipe], data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttx_export.train.PROGRESS_SECONDS", 0.0)
    recipe, run, mine = tiny(epochs=2, evaluate_every=2), tmp_path / "run", tmp_path / "data"
    shutil.copytree(data_folder, mine)
    begun = prepare(recipe, mine, tmp_path / "corpus")
    until(Trainer(recipe, begun, run), 3)

    def going_on(step: int) -> Started:
        now = prepare(recipe, mine, tmp_path / "corpus", given=begun.vocabularies)
        (started,) = of_kind(until(Trainer(recipe, now, run), step), Started)
        assert isinstance(started, Started)
        return started

    # The same text in a file that was written anew is the same.
    (mine / "train.tsv").write_bytes((mine / "train.tsv").read_bytes())
    assert going_on(4).changed == ()
    with (mine / "train.tsv").open("a", encoding="utf-8") as file:
        file.write("Tom is here.\tTom ist hier.\teveryday\n")
    assert going_on(5).changed == ("other text in train.tsv",)
    assert not list(run.glob("best-until-*"))
    (mine / "dev.tsv").write_text("Tom is here.\tTom ist hier.\teveryday\n", encoding="utf-8")
    assert going_on(6).changed == ("other text in dev.tsv",)
    # A loss on another development set cannot be compared.
    assert (run / "best-until-5.pt").is_file()
    checkpoint = load_checkpoint(run / "last.pt")
    assert [(earlier["until"], earlier["changed"]) for earlier in checkpoint.earlier_recipes] == [
        (4, ["other text in train.tsv"]), (5, ["other text in dev.tsv"]),
    ]  # fmt: skip
    assert "Up to update 4 the recipe had other text in train.tsv." in data(provenance_of(checkpoint, 1))


def test_a_run_of_an_older_ttx_says_nothing_of_its_files(train: Callable[..., Trainer], tmp_path: Path) -> None:
    until(train("run", epochs=1), 3)
    last = tmp_path / "run" / "last.pt"
    content = read(last)
    del content["files"]
    save_atomically(content, last)
    (started,) = of_kind(until(train("run", epochs=1), 5), Started)
    assert started.changed == ()


def test_a_finished_run_is_not_another_recipe_s(train: Callable[..., Trainer], tmp_path: Path) -> None:
    done = until(train("run", epochs=1), 99)[-1]
    assert isinstance(done, Ended)
    assert [type(event) for event in train("run", epochs=1, warmup=999).run()] == [Started, Ended]
    (earlier,) = load_checkpoint(tmp_path / "run" / "last.pt").earlier_recipes
    assert earlier["until"] == done.step
    assert earlier["changed"] == ["training.warmup 20"]


def test_a_card_escapes_names_and_speaks_of_no_set_there_is_not(bundle_folder: Path) -> None:
    manifest = read_bundle(bundle_folder).manifest
    score = {"set": "a|b", "metric": "BLEU", "value": 1.0, "sentences": 2, "beam": 4, "signature": "s", "role": "test"}
    card = model_card(replace(manifest, scores=(score,)), 1)
    assert "| a\\|b | BLEU |" in card
    assert "Test: a\\|b. Not used to choose anything." in card
    assert "Development sets:" not in card
