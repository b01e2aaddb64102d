"""A run that starts from a trained model: whose weights and words it has, how it goes on, what is told of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from run_checks import assert_same_state, assert_same_weights, of_kind, until
from ttx_export.bundled import checkpoint_of
from ttx_export.checkpoint import LAST, load_checkpoint, read
from ttx_export.data_card import data
from ttx_export.events import Evaluated, Progress, Started
from ttx_export.package import Wanted as Export
from ttx_export.package import export_bundle
from ttx_export.prepare import prepare, prepared_folder
from ttx_export.recipe import Recipe, parse_recipe
from ttx_export.session import Wanted, dry_run, train_session
from ttx_export.start import digest, find_start, read_start
from ttx_export.train import Trainer

from tui_transformer.bundle import Bundle, read_bundle
from tui_transformer.errors import RecipeError
from tui_transformer.mapped import MappedTokenizer
from tui_transformer.translator import Translator

DATA = Path(__file__).parents[1] / "data"
PAIRS = [line.split("\t") for line in (DATA / "pairs.tsv").read_text(encoding="utf-8").splitlines()]
OPTIONS = {"epochs": 2, "dropout": 0.1, "evaluate_every": 5, "warmup": 4000}


@pytest.fixture(scope="module")
def text() -> Callable[..., str]:
    """The recipe of the tiny bundle, with other training options; its own text would give another vocabulary."""

    def write(**training: object) -> str:
        recipe = (DATA / "tiny.toml").read_text(encoding="utf-8").replace("size = 400", "size = 350")
        lines = [line for line in recipe.splitlines() if line.split(" = ")[0] not in training]
        return "\n".join([*lines, *(f"{name} = {value}" for name, value in training.items()), ""])

    return write


@pytest.fixture
def start(text: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Trainer]:
    """A trainer in a folder of this test: `start("run", place, epochs=2)`; no place is what the folder says itself."""
    monkeypatch.setattr("ttx_export.train.PROGRESS_SECONDS", 0.0)

    def trainer(run: str, place: Path | None, **training: object) -> Trainer:
        recipe = parse_recipe(text(**(training or OPTIONS)))
        found = find_start(str(place) if place else None, tmp_path / run, recipe)
        given = found.checkpoint.vocabularies if found else None
        return Trainer(recipe, prepare(recipe, DATA, tmp_path / "corpus", given=given), tmp_path / run, start=found)

    return trainer


# -- what it begins with ------------------------------------------------------------------------------


def test_it_begins_with_what_the_bundle_knows(start: Callable[..., Trainer], bundle_folder: Path) -> None:
    trainer = start("run", bundle_folder)
    model = checkpoint_of(read_bundle(bundle_folder))
    assert_same_weights(dict(model.weights), dict(trainer.model.state_dict()))
    for side in ("source", "target"):
        assert getattr(trainer.prepared.vocabularies, side).model == (bundle_folder / f"{side}.spm").read_bytes()
    events = list(trainer.run())
    assert of_kind(events, Started)[0].started_from == "tiny"
    assert of_kind(events, Evaluated)[0].dev["pairs"].loss < 0.1
    # Steps and warm-up are the recipe's own.
    assert [event.learning_rate for event in of_kind(events, Progress)][:2] == [
        trainer.course.rate(1),
        trainer.course.rate(2),
    ]


def test_feed_forward_networks_may_become_wider(
    text: Callable[..., str], bundle_folder: Path, tmp_path: Path, script: Callable[[str], ModuleType]
) -> None:
    """At first the model says what it said before; then the new units learn as well."""
    narrow = checkpoint_of(read_bundle(bundle_folder))
    wide = text(**OPTIONS).replace(f"d_ff = {narrow.shape.d_ff}", f"d_ff = {narrow.shape.d_ff + 24}")
    recipe = parse_recipe(wide)
    found = find_start(str(bundle_folder), tmp_path / "run", recipe)
    assert found
    assert found.checkpoint.shape.d_ff == narrow.shape.d_ff + 24
    models = [narrow.build_model().eval(), found.checkpoint.build_model().eval()]
    source, target = torch.randint(5, 300, (3, 9)), torch.randint(5, 300, (3, 7))
    torch.testing.assert_close(*(model(source, target) for model in models))
    prepared = prepare(recipe, DATA, tmp_path / "corpus", given=found.checkpoint.vocabularies)
    trainer = Trainer(recipe, prepared, tmp_path / "run", start=found)
    until(trainer, 4)
    kept = load_checkpoint(tmp_path / "run")
    heard = [weight[:, -24:] for name, weight in kept.weights.items() if name.endswith("outer.weight")]
    assert heard
    assert all(bool(weight.any()) for weight in heard)
    # The run knows by itself how wide it is, and it can be blended with its narrower beginning.
    again = find_start(None, tmp_path / "run", recipe)
    assert again
    assert again.checkpoint.shape == kept.shape
    content = read(tmp_path / "run" / LAST)
    assert_same_weights(script("blend").blended(content, str(bundle_folder), 0.0)["weights"], found.checkpoint.weights)
    exported = export_bundle(kept, tmp_path / "bundle", Export("fp32", score=False))
    with pytest.raises(RecipeError, match=r"model\.d_ff is \d+ in the recipe, but \d+ in"):
        find_start(str(exported.path), tmp_path / "other", parse_recipe(text(**OPTIONS)))


def test_what_was_one_table_may_become_two(text: Callable[..., str], bundle_folder: Path, tmp_path: Path) -> None:
    recipe = parse_recipe(text(**OPTIONS).replace('tied = "target"', 'tied = "none"'))
    found = find_start(str(bundle_folder), tmp_path / "run", recipe)
    assert found
    prepared = prepare(recipe, DATA, tmp_path / "corpus", given=found.checkpoint.vocabularies)
    trainer = Trainer(recipe, prepared, tmp_path / "run", start=found)
    known = checkpoint_of(read_bundle(bundle_folder)).weights
    assert_same_weights(dict(known), dict(trainer.model.state_dict()))
    until(trainer, 4)
    table, projection = trainer.model.target_embedding.table.weight, trainer.model.projection.weight
    assert not torch.equal(table, projection)
    # The run says by itself that they are two, and what is exported of it has both.
    again = find_start(None, tmp_path / "run", recipe)
    assert again
    assert again.checkpoint.shape.tied == "none"
    kept = load_checkpoint(tmp_path / "run")
    exported = checkpoint_of(export_bundle(kept, tmp_path / "bundle", Export("fp32", score=False)))
    assert exported.shape.tied == "none"
    for name, weight in kept.weights.items():
        assert torch.allclose(exported.weights[name], weight, atol=1e-6), name
    with pytest.raises(RecipeError, match=r"model\.tied is target in the recipe, but none in"):
        find_start(str(tmp_path / "bundle"), tmp_path / "other", parse_recipe(text(**OPTIONS)))


def test_the_folder_knows_its_beginning_before_the_first_step(
    start: Callable[..., Trainer], bundle_folder: Path, tmp_path: Path
) -> None:
    next(start("run", bundle_folder).run())
    kept = load_checkpoint(tmp_path / "run")
    assert_same_weights(kept.weights, checkpoint_of(read_bundle(bundle_folder)).weights)
    assert kept.progress["step"] == 0


@pytest.mark.parametrize("name", ["", "last.pt", "best.pt"])
def test_a_run_or_one_of_its_files(name: str, train: Callable[..., Trainer], tmp_path: Path) -> None:
    list(train("earlier", epochs=1).run())
    start = read_start(str(tmp_path / "earlier" / name))
    kept = load_checkpoint(tmp_path / "earlier" / name)
    assert_same_weights(start.checkpoint.weights, kept.weights)
    assert (start.record["name"], start.record["kept_as"]) == ("tiny", "checkpoint")
    assert [corpus["name"] for corpus in start.record["corpora"]] == ["everyday"]


def test_a_model_by_its_name(bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTX_MODELS", str(bundle_folder.parent))
    assert read_start("tiny").record == read_start(str(bundle_folder)).record


def test_prepared_text_is_of_one_vocabulary(
    tiny: Callable[..., Recipe], data_folder: Path, bundle_folder: Path, train: Callable[..., Trainer], tmp_path: Path
) -> None:
    until(train("run"), 1)
    places = [str(bundle_folder), str(tmp_path / "run")]
    known = [None, *(read_start(place).checkpoint.vocabularies for place in places)]
    folders = [prepared_folder(tiny(), data_folder, tmp_path, given) for given in known]
    assert len(set(folders)) == 3
    assert folders[0] == prepared_folder(tiny(), data_folder, tmp_path)


def test_a_dry_run_takes_the_model_too_and_leaves_nothing(
    text: Callable[..., str], bundle_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "r.toml").write_text(text(epochs=1), encoding="utf-8")
    wanted = Wanted(str(tmp_path / "r.toml"), DATA, tmp_path / "run", "cpu", start_from=str(bundle_folder))
    found = dry_run(wanted, lambda _: None)
    assert found
    assert found.parameters == read_bundle(bundle_folder).manifest.provenance["parameters"]
    assert [path.name for path in tmp_path.iterdir()] == ["r.toml"]


# -- going on -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [True, False], ids=["the same command", "without --start-from"])
def test_an_interrupted_run_goes_on_and_does_not_start_over(
    again: bool, start: Callable[..., Trainer], bundle_folder: Path, tmp_path: Path
) -> None:
    list(start("whole", bundle_folder).run())
    until(start("parts", bundle_folder), 3)
    events = list(start("parts", bundle_folder if again else None).run())
    assert [(event.step, event.started_from) for event in of_kind(events, Started)] == [(3, "tiny")]
    assert_same_state(tmp_path / "whole", tmp_path / "parts")


def test_a_run_does_not_start_again_from_something_else(
    start: Callable[..., Trainer], bundle_folder: Path, tmp_path: Path
) -> None:
    until(start("run", bundle_folder), 2)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()}
    with pytest.raises(RecipeError, match=r"^the run in [^\n]*run began with the weights of another model \(tiny\): "):
        start("run", tmp_path / "run")
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()}


def test_a_run_from_random_weights_does_not_start_from_a_model_later(
    train: Callable[..., Trainer], tmp_path: Path
) -> None:
    begun = train("run")
    until(begun, 1)
    assert find_start(None, tmp_path / "run", begun.recipe) is None
    with pytest.raises(RecipeError, match=r"run began with random weights: leave out --start-from"):
        find_start(str(tmp_path / "run"), tmp_path / "run", begun.recipe)


# -- what is told -------------------------------------------------------------------------------------


def test_the_card_names_the_model_before_and_its_text(
    start: Callable[..., Trainer], bundle_folder: Path, tmp_path: Path
) -> None:
    list(start("run", bundle_folder, epochs=1).run())
    bundle = export_bundle(load_checkpoint(tmp_path / "run"), tmp_path / "first", Export("int8", DATA))
    before = bundle.manifest.provenance["started_from"]
    assert (before["name"], before["kept_as"]) == ("tiny", "fp32 bundle")
    assert before["corpora"] == read_bundle(bundle_folder).manifest.provenance["corpora"]
    assert "started_from" not in bundle.manifest.provenance["training"]
    card = bundle.file("README.md").read_text(encoding="utf-8")
    assert "### Started from tiny\n\nTraining began with the weights and vocabularies of the model tiny (fp32" in card
    assert card.count("| CC-BY-2.0-FR | Tatoeba (tatoeba.org)") == 2
    earlier = read_bundle(bundle_folder).manifest.provenance["training"]
    assert f"(fp32 bundle). Training that model took {earlier['step']:,} updates, " in card
    assert Translator(bundle, "cpu").translate_line("The roof leaks.") == "Das Dach leckt."

    until(start("again", bundle.path, epochs=1), 1)
    second = export_bundle(load_checkpoint(tmp_path / "again"), tmp_path / "second", Export("fp32", score=False))
    assert second.manifest.provenance["started_from"]["started_from"] == before
    card = second.file("README.md").read_text(encoding="utf-8")
    assert card.index("(int8 bundle)") < card.index("(fp32 bundle)")
    assert card.count("| CC-BY-2.0-FR | Tatoeba (tatoeba.org)") == 3


def test_a_model_of_which_nothing_is_known_is_told_as_such(bundle_folder: Path) -> None:
    record = {**read_start(str(bundle_folder)).record, "corpora": []}
    assert "Nothing says what text that model was trained on." in data({"corpora": [], "started_from": record})
    imported = {**record, "imported_from": "opus-mt-en-de", "form": "Hugging Face", "licence": "cc-by-4.0"}
    assert "imported from opus-mt-en-de (Hugging Face), on these terms: cc-by-4.0." in data(
        {"corpora": [], "started_from": imported}
    )


# -- models from elsewhere ----------------------------------------------------------------------------

MARIAN = {
    "encoder_layers": 2, "decoder_layers": 2, "heads": 2, "d_model": 16, "d_ff": 24, "positions": 64,
    "positional_layout": "halves", "activation": "swish", "norm": "post", "tied": "all",
}  # fmt: skip


@pytest.fixture
def marian(tmp_path: Path) -> Bundle:
    """A Marian model that has learnt nothing, imported."""
    pytest.importorskip("transformers")
    from marian_models import make_model, make_vocabulary
    from ttx_export.importing import read_foreign
    from ttx_export.marian_folder import Naming

    vocabulary = make_vocabulary(tmp_path / "vocabulary", [(pair[0], pair[1]) for pair in PAIRS])
    folder = vocabulary.copied(tmp_path)
    make_model(folder, vocabulary, scale_embedding=False)
    checkpoint = read_foreign(folder, Naming("marian", ("en", "de")))
    return export_bundle(checkpoint, tmp_path / "marian", Export("fp32", score=False))


def test_an_imported_model_keeps_its_ids_and_its_way_to_search(
    text: Callable[..., str], marian: Bundle, tmp_path: Path
) -> None:
    head, _, training = text(epochs=1).replace("[model]", "[training]").split("[training]")
    model = "\n".join(f"{name} = {json.dumps(value)}" for name, value in MARIAN.items())
    recipe = f"{head}shared = true\n[model]\n{model}\n[training]{training}"
    (tmp_path / "r.toml").write_text(recipe, encoding="utf-8")
    wanted = Wanted(str(tmp_path / "r.toml"), DATA, tmp_path / "run", "cpu", start_from=str(marian.path))
    assert train_session(wanted).reason == "finished"
    dropping = parse_recipe(recipe.replace("shared = true", "shared = true\ndropout = 0.1"))
    with pytest.raises(RecipeError, match=r"vocabulary.dropout does not work with .* Marian's"):
        find_start(str(marian.path), tmp_path / "other", dropping)
    train_session(replace(wanted, start_from=None, epochs=2))

    trained = load_checkpoint(tmp_path / "run")
    assert isinstance(trained.vocabularies.target, MappedTokenizer)
    assert not trained.shape.scale_embedding
    bundle = export_bundle(trained, tmp_path / "out", Export("int8", DATA, score=False))
    for what in ("generation", "special", "tokenizer"):
        assert getattr(bundle.manifest, what) == getattr(marian.manifest, what)
    assert bundle.file("vocabulary.json").read_bytes() == marian.file("vocabulary.json").read_bytes()
    assert "A Marian model trained elsewhere" in bundle.file("README.md").read_text(encoding="utf-8")
    old, new = (Translator(model, "cpu") for model in (marian, bundle))
    assert [new.source.encode(source) for source, _, _ in PAIRS] == [
        old.source.encode(source) for source, _, _ in PAIRS
    ]


def test_weights_alone_decide_which_model_it_was(bundle_folder: Path) -> None:
    start = read_start(str(bundle_folder))
    weights = dict(start.checkpoint.weights)
    assert digest(dict(reversed(weights.items()))) == start.record["weights"]
    name = "encoder.0.feed_forward.inner.bias"
    assert digest({**weights, name: torch.nextafter(weights[name], torch.tensor(9.0))}) != start.record["weights"]


def test_search_and_made_up_names_of_a_recipe_are_told_and_handed_down(
    text: Callable[..., str], bundle_folder: Path, tmp_path: Path
) -> None:
    def trained(run: str, place: Path, end: str) -> Bundle:
        recipe = parse_recipe(
            text(**OPTIONS).replace("[data]", "[data]\nmade_up_names = 0.5") + f"{end}[data.respelled]\na = 'a'\n"
        )
        found = find_start(str(place), tmp_path / run, recipe)
        assert found
        given = found.checkpoint.vocabularies
        until(Trainer(recipe, prepare(recipe, DATA, tmp_path / "corpus", given=given), tmp_path / run, start=found), 1)
        return export_bundle(load_checkpoint(tmp_path / run), tmp_path / f"{run}-bundle", Export("fp32", score=False))

    first = trained("first", bundle_folder, "[generation]\nlength_penalty = 1.2\nclause_limit = 20\n")
    before = read_bundle(bundle_folder).manifest.generation
    assert first.manifest.generation == replace(before, length_penalty=1.2, clause_limit=20)
    assert Translator.load(first.path, "cpu").reading.clause_limit == 20
    second = trained("second", first.path, "[generation]\nbeam = 2\n")
    assert second.manifest.generation == replace(first.manifest.generation, beam=2)
    card = second.file("README.md").read_text(encoding="utf-8")
    assert card.count("replaced by made-up ones in 0.5 of such pairs") == 2, (
        "of its own text and of the model's before it"
    )
    assert "So are sentences of more than 20, clause by clause." in card
    assert card.count("Targets were respelled by 1 rule of the recipe. Names") == 2
    assert card.index("### Started from") < card.rindex("made-up ones") < card.rindex("### Started from")


def test_a_record_is_plain_values(bundle_folder: Path) -> None:
    record: dict[str, Any] = read_start(str(bundle_folder)).record
    assert json.loads(json.dumps(record)) == {
        **record, "generation": {**record["generation"], "banned": list(record["generation"]["banned"])}
    }  # fmt: skip


def test_a_blend_lies_between_both_ends_of_a_run_and_says_so(
    start: Callable[..., Trainer], bundle_folder: Path, tmp_path: Path, script: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    list(start("run", bundle_folder, epochs=1).run())
    module, last, out = script("blend"), tmp_path / "run" / "last.pt", tmp_path / "run" / "blended.pt"

    def blend(place: object, share: float, *, of: Path = last) -> int:
        options = ["--start", place, "--share", share, "--out", out]
        monkeypatch.setattr(sys, "argv", ["blend.py", *map(str, [of, *options])])
        return int(module.main())

    before, after = read_start(str(bundle_folder)).checkpoint.weights, load_checkpoint(last).weights
    for share, wanted in ((0.0, before), (1.0, after)):
        assert blend(bundle_folder, share) == 0
        assert_same_weights(dict(load_checkpoint(out).weights), dict(wanted))
    assert blend(bundle_folder, 0.75) == 0
    for name, weight in load_checkpoint(out).weights.items():
        torch.testing.assert_close(weight, 0.25 * before[name] + 0.75 * after[name])
    bundle = export_bundle(load_checkpoint(out), tmp_path / "blend", Export("fp32", DATA, score=False))
    card = bundle.file("README.md").read_text(encoding="utf-8")
    assert "The trained weights were then blended with that model's, which make up 0.25 of the result." in card
    assert blend(bundle_folder, 0.5, of=out) == 0
    assert (load_checkpoint(out).started_from or {})["share"] == 0.625

    capsys.readouterr()
    assert blend(last, 0.5) == 6
    assert capsys.readouterr().err == f"blend: this run did not start from the weights of {last}\n"
    with pytest.raises(SystemExit):
        blend(bundle_folder, 1.5)
