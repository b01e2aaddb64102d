"""From text to a bundle and back: the whole way that a published model goes, on 50 sentences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from ttx_export import package
from ttx_export.card import model_card
from ttx_export.checkpoint import Checkpoint, load_checkpoint
from ttx_export.corpus import Pair
from ttx_export.evaluate import translate_greedily
from ttx_export.package import Wanted, export_bundle
from ttx_export.provenance import provenance_of
from ttx_export.recipe import Later
from ttx_export.score import score_set

from tui_transformer.bundle import Bundle, verify_bundle
from tui_transformer.errors import RecipeError
from tui_transformer.tokenizer import Tokenizer
from tui_transformer.translator import Options, Translator

Pairs = list[tuple[str, str]]
DATA = Path(__file__).parents[1] / "data"
FLOATS = Wanted("fp32", score=False)
UNHEARD = ["Tom told Mary that he was in prison.", "The station is red.", "42", "Ω", "a b c d e f", "Where is my bus?"]


@pytest.fixture(scope="module")
def checkpoint(learnt_by_heart: Path) -> Checkpoint:
    return load_checkpoint(learnt_by_heart)


@pytest.fixture(scope="module")
def fp32(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return export_bundle(checkpoint, tmp_path_factory.mktemp("models") / "fp32", FLOATS)


@pytest.fixture(scope="module")
def int8(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, list[str]]:
    """An int8 bundle with all that belongs to it, and what was said while it was made."""
    said: list[str] = []
    bundle = export_bundle(checkpoint, tmp_path_factory.mktemp("models") / "int8", Wanted("int8", DATA), said.append)
    return bundle, said


def content(folder: Path) -> dict[str, bytes]:
    """Everything in it, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# -- the whole way ------------------------------------------------------------------------------------


@pytest.mark.parametrize("beam", [1, 4])
def test_what_was_learnt_is_said_by_the_exported_graphs(fp32: Bundle, pairs: Pairs, beam: int) -> None:
    translator = Translator(fp32, "cpu")
    assert [translator.translate_line(source, Options(beam=beam)) for source, _ in pairs] == [
        target for _, target in pairs
    ]


def test_what_was_learnt_is_said_by_pytorch(checkpoint: Checkpoint, pairs: Pairs) -> None:
    vocabularies = checkpoint.vocabularies
    found = translate_greedily(
        checkpoint.build_model(), [source for source, _ in pairs], vocabularies.source, vocabularies.target,
        checkpoint.vocabularies.special,
    )  # fmt: skip
    assert found == [target for _, target in pairs]


@pytest.mark.parametrize("text", UNHEARD)
def test_pytorch_and_the_graphs_say_the_same_of_what_was_never_heard(
    checkpoint: Checkpoint, fp32: Bundle, text: str
) -> None:
    vocabularies = checkpoint.vocabularies
    (said,) = translate_greedily(
        checkpoint.build_model(), [text], vocabularies.source, vocabularies.target, checkpoint.vocabularies.special
    )
    assert Translator(fp32, "cpu").translate_line(text, Options(beam=1)) == said


def test_the_bundle_says_what_it_is(fp32: Bundle, checkpoint: Checkpoint) -> None:
    manifest = fp32.manifest
    assert (manifest.name, manifest.source_language, manifest.target_language) == ("tiny", "en", "de")
    assert (manifest.precision, manifest.scores) == ("fp32", ())
    assert manifest.architecture == checkpoint.shape
    assert manifest.sentence_limit == 48
    assert manifest.provenance["recipe"] == (DATA / "tiny.toml").read_text(encoding="utf-8")
    assert manifest.provenance["training"]["step"] == checkpoint.progress["step"]
    assert manifest.provenance["parameters"] == sum(
        weight.numel() for name, weight in checkpoint.weights.items() if name != "projection.weight"  # tied
    )  # fmt: skip
    parity = manifest.parity["fp32"]
    assert 0 <= parity["attention"] < parity["logits"] < 1e-4
    assert parity["same_next_id"] == 1
    for side in ("source", "target"):
        tokenizer = Tokenizer.load(fp32.file(f"{side}.spm"))
        assert tokenizer.size == getattr(manifest.architecture, f"{side}_vocabulary")
        assert tokenizer.model == getattr(checkpoint.vocabularies, side).model


def test_an_int8_bundle_records_its_gate_and_scores(int8: tuple[Bundle, list[str]]) -> None:
    bundle, said = int8
    manifest = bundle.manifest
    assert manifest.precision == "int8"
    assert manifest.parity.keys() == {"fp32", "int8", "int8_gate"}
    gate = manifest.parity["int8_gate"]
    assert gate["set"] == "pairs"
    assert gate["pairs"] == gate["calibration_pairs"] == 50
    assert max(gate["lost"].values()) <= package.GATE_LOSS
    assert [(score["set"], score["metric"], score["sentences"], score["beam"]) for score in manifest.scores] == [
        ("pairs", "BLEU", 50, 4),
        ("pairs", "chrF", 50, 4),
    ]
    assert all(score["value"] > 95 for score in manifest.scores)
    assert [line.split(",")[0].split(":")[0] for line in said] == [
        "parity with PyTorch",
        "int8 against fp32 on pairs",
        "pairs",
    ]
    assert verify_bundle(bundle.path) == bundle


def test_the_card_says_what_people_need_to_know(int8: tuple[Bundle, list[str]]) -> None:
    bundle, _ = int8
    card = bundle.file("README.md").read_text(encoding="utf-8")
    bleu, chrf = bundle.manifest.scores
    wanted = [
        "# tiny: en → de",
        "A toy for tests: 50 sentences learnt by heart.",
        "2 + 2 layers, 4 heads, d_model 48",
        "133,939",
        f"| pairs | BLEU | {bleu['value']:.2f} | {bleu['interval']:.2f} | 50 | 4 | `nrefs:1\\|bs:1000\\|seed:12345\\|",
        f"| pairs | chrF | {chrf['value']:.2f} | {chrf['interval']:.2f} | 50 | 4 | `nrefs:1\\|bs:1000\\|seed:12345\\|",
        "| pairs | all | 50 | ",
        "### pairs\n",
        "| tatoeba | 50 | 1 | CC-BY-2.0-FR | Tatoeba (tatoeba.org), through manythings.org/anki, 2018 |",
        "There is none: no development set",
        "int8 against fp32 on 50 sentences of pairs",
        "at most 48 pieces",
        (DATA / "tiny.toml").read_text(encoding="utf-8").strip(),
    ]
    assert [words for words in wanted if words not in card] == []


def test_a_card_without_scores_and_corpora_says_so(fp32: Bundle, checkpoint: Checkpoint) -> None:
    provenance = {**fp32.manifest.provenance, "corpora": []}
    card = model_card(replace(fp32.manifest, provenance=provenance), 1)
    assert "Not measured." in card
    assert "See the recipe." in card


@pytest.mark.parametrize(
    ("epochs", "later", "share"),
    [
        (3.0, [], "1"),
        (3.1, [{"epoch": 4, "weight": 0.5}], "1, from epoch 4 on 0.5"),
        (
            20.0,
            [{"epoch": 4, "weight": 0.5}, {"epoch": 9, "weight": 0}],
            "1, from epoch 4 on 0.5, from epoch 9 on 0",
        ),
    ],
)
def test_a_mix_that_changed_is_told_as_far_as_training_came(
    checkpoint: Checkpoint, fp32: Bundle, epochs: float, later: list[dict[str, float]], share: str
) -> None:
    changes = (Later(9, {"tatoeba": 0}), Later(4, {"tatoeba": 0.5}))
    recipe = replace(checkpoint.recipe, data=replace(checkpoint.recipe.data, later=changes))
    trained = replace(checkpoint, recipe=recipe, progress={**checkpoint.progress, "epochs": epochs})
    provenance = provenance_of(trained, parameters=1)
    (corpus,) = provenance["corpora"]
    assert (corpus["weight"], corpus["later"]) == (1, later)
    card = model_card(replace(fp32.manifest, provenance=provenance), 1)
    assert f"| tatoeba | – | {share} | CC-BY-2.0-FR |" in card


def test_a_test_set_is_scored_when_it_is_named_and_never_looked_into(
    checkpoint: Checkpoint, learnt_by_heart: Path, tmp_path: Path
) -> None:
    (tmp_path / "test.own.tsv").write_text("The roof leaks.\tDas Dach ist dicht.\n", encoding="utf-8")
    wanted = Wanted("fp32", DATA, tests=(tmp_path / "test.own.tsv",), run=learnt_by_heart)
    bundle = export_bundle(checkpoint, tmp_path / "model", wanted)
    roles = [(score["set"], score["role"]) for score in bundle.manifest.scores]
    assert roles == [("pairs", "development")] * 2 + [("test.own", "test")] * 2
    card = bundle.file("README.md").read_text(encoding="utf-8")
    assert "Test: test.own. Not used to choose anything." in card
    assert "Das Dach" not in card
    (point,) = bundle.manifest.provenance["curve"]  # the recipe evaluates at the end only
    assert f"| {point['step']:,} | 120 | {point['loss']['pairs']:.3f} |" in card


def test_half_precision_is_for_gpus_but_can_be_made_anywhere(checkpoint: Checkpoint, tmp_path: Path) -> None:
    bundle = export_bundle(checkpoint, tmp_path / "fp16", Wanted("fp16", score=False))
    assert bundle.manifest.precision == "fp16"
    assert bundle.manifest.parity.keys() == {"fp16"}
    assert Translator(bundle, "cpu").translate_line("The roof leaks.") == "Das Dach leckt."


def test_perfect_translations_score_a_hundred() -> None:
    pairs = [Pair("a", "Das ist ein Haus."), Pair("b", "Ich sehe den großen Hund dort.")]
    bleu, chrf = score_set("dev", pairs, [pair.target for pair in pairs], beam=2)
    assert [(s.metric, s.value, s.set, s.sentences, s.beam) for s in (bleu, chrf)] == [
        ("BLEU", 100, "dev", 2, 2),
        ("chrF", 100, "dev", 2, 2),
    ]
    assert "tok:13a" in bleu.signature
    assert "nc:6" in chrf.signature
    worse = score_set("dev", pairs, ["Das ist ein Hund.", "Ich sehe das große Haus dort."], beam=2)
    assert all(0 < score.value < 90 for score in worse)


# -- what is replaced, and what is not ----------------------------------------------------------------


@pytest.fixture
def old(fp32: Bundle, tmp_path: Path) -> Path:
    """A bundle that stands where another is to come."""
    folder = tmp_path / "models" / "en-de"
    folder.mkdir(parents=True)
    for name, bytes_ in content(fp32.path).items():
        (folder / name).write_bytes(bytes_)
    return folder


def test_a_bundle_is_replaced(checkpoint: Checkpoint, old: Path) -> None:
    (old / "README.md").write_text("What was here before.")
    bundle = export_bundle(checkpoint, old, FLOATS)
    assert bundle.path == old
    assert verify_bundle(old) == bundle
    assert (old / "README.md").read_text(encoding="utf-8").startswith("# tiny")
    assert [path.name for path in old.parent.iterdir()] == ["en-de"]


def test_what_stops_a_replacement_loses_nothing(
    checkpoint: Checkpoint, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, before = Path.rename, content(old)

    def interrupted(path: Path, to: Path) -> Path:
        if to == old and path.name != "replaced":
            raise KeyboardInterrupt
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export_bundle(checkpoint, old, FLOATS)
    assert content(old) == before
    assert [path.name for path in old.parent.iterdir()] == ["en-de"]


@pytest.mark.parametrize("there", ["nothing", "an empty folder", "no folder above it"])
def test_a_new_place(checkpoint: Checkpoint, tmp_path: Path, there: str) -> None:
    out = tmp_path / "out"
    if there == "an empty folder":
        out.mkdir()
    elif there == "no folder above it":
        out = tmp_path / "deep" / "down" / "out"
    assert verify_bundle(export_bundle(checkpoint, out, FLOATS).path).manifest.name == "tiny"


def put(*names: str) -> Callable[[Path], None]:
    def make(out: Path) -> None:
        out.mkdir()
        for name in names:
            (out / name).write_text(f"my {name}")

    return make


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(put("notes.txt"), id="something else"),
        pytest.param(put("manifest.json", "background.js"), id="a manifest of something else"),
        pytest.param(put("manifest.json", "encoder_model.onnx", "thesis.tex"), id="a model and more"),
        pytest.param(put("README.md"), id="a card alone"),
        pytest.param(lambda out: out.write_text("my file"), id="a file"),
    ],
)
def test_what_is_no_bundle_is_never_replaced(
    checkpoint: Checkpoint, tmp_path: Path, make: Callable[[Path], Any]
) -> None:
    make(tmp_path / "out")
    before = content(tmp_path)
    with pytest.raises(RecipeError, match="choose another folder"):
        export_bundle(checkpoint, tmp_path / "out", FLOATS)
    assert content(tmp_path) == before != {}


def break_gate(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(package, "GATE_LOSS", -200.0)
    return r"^int8 loses [-\d.]+ BLEU and [-\d.]+ chrF"


def break_parity(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(package, "TOLERANCE", {"fp32": 0.0})
    return "differ from PyTorch"


def fill_disk(monkeypatch: pytest.MonkeyPatch) -> str:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(package, "model_card", full)
    return "cannot write .*en-de: No space left on device"


@pytest.mark.parametrize("break_it", [break_gate, break_parity, fill_disk], ids=lambda function: function.__name__)
def test_an_export_that_fails_leaves_everything_as_it_was(
    checkpoint: Checkpoint, old: Path, monkeypatch: pytest.MonkeyPatch, break_it: Callable[[pytest.MonkeyPatch], str]
) -> None:
    before = content(old.parent)
    reason = break_it(monkeypatch)
    with pytest.raises(RecipeError, match=reason):
        export_bundle(checkpoint, old, Wanted("int8", DATA, score=False))
    assert content(old.parent) == before
    assert [path.name for path in old.parent.iterdir()] == ["en-de"]


# -- what cannot be exported --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (Wanted("int8", score=False), "--data"),
        (Wanted("fp32"), "--data"),
        (Wanted("int8", Path("nowhere")), "cannot read nowhere/pairs.tsv"),
        (Wanted("fp32", DATA, tests=(Path("nowhere.tsv"),)), "cannot read nowhere.tsv"),
    ],
)
def test_missing_text_is_one_clear_error(checkpoint: Checkpoint, tmp_path: Path, wanted: Wanted, reason: str) -> None:
    with pytest.raises(RecipeError, match=rf"^[^\n]*{reason}[^\n]*$"):
        export_bundle(checkpoint, tmp_path / "out", wanted)
    assert list(tmp_path.iterdir()) == []


def test_int8_needs_a_development_set(checkpoint: Checkpoint, tmp_path: Path) -> None:
    recipe = replace(checkpoint.recipe, data=replace(checkpoint.recipe.data, dev={}))
    with pytest.raises(RecipeError, match="names no development set"):
        export_bundle(replace(checkpoint, recipe=recipe), tmp_path / "out", Wanted("int8", DATA))


@pytest.mark.parametrize("damage", ["missing", "another shape", "no tensor"])
def test_weights_that_do_not_fit_are_one_clear_error(checkpoint: Checkpoint, tmp_path: Path, damage: str) -> None:
    weights: dict[str, Any] = dict(checkpoint.weights)
    name = "decoder.1.feed_forward.inner.weight"
    if damage == "missing":
        del weights[name]
    else:
        weights[name] = torch.zeros(3, 3) if damage == "another shape" else "a word"
    with pytest.raises(RecipeError, match=r"^[^\n]*weights do not fit[^\n]*$"):
        export_bundle(replace(checkpoint, weights=weights), tmp_path / "out", FLOATS)
