"""Folders that others wrote in Optimum's layout: what `MarianMTModel.generate` says of them is said here.

tests/data/foreign was made by Optimum's own exporter (scripts/make_foreign_folder.py); expected.json has the answers.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tui_transformer.batching import Batching, translate_lines
from tui_transformer.catalogue import installed_models, read_model
from tui_transformer.errors import BundleError, UsageError
from tui_transformer.translator import Options, Translator

FOREIGN = Path(__file__).parent / "data" / "foreign"
EXPECTED: list[dict[str, Any]] = json.loads((FOREIGN / "expected.json").read_text(encoding="utf-8"))
LINES = list(dict.fromkeys(one["source"] for one in EXPECTED))
PAIR = {"decoder_model.onnx", "decoder_with_past_model.onnx"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOREIGN, tmp_path / "model"))


@pytest.fixture(scope="module", params=["two decoders", "merged"])
def translator(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Translator:
    """Of the folder with either kind of decoder alone."""
    others = {"decoder_model_merged.onnx"} if request.param == "two decoders" else PAIR
    copy = tmp_path_factory.mktemp("models") / "foreign"
    shutil.copytree(FOREIGN, copy, ignore=lambda *_: others)
    return Translator.load(str(copy), "cpu")


def found(translator: Translator, one: dict[str, Any]) -> tuple[list[int], str]:
    """Ids and text of what is said under one of the expected searches."""
    searcher = Translator.__new__(Translator)
    searcher.__dict__.update(translator.__dict__)
    searcher.generation = replace(translator.generation, early_stopping=one.get("early_stopping", False))
    options = Options(one["num_beams"], length_penalty=one.get("length_penalty", 1.0), max_length=24)
    ((best, *_),) = searcher.translate_batch([searcher.whole(one["source"])], options)
    return list(best.ids), searcher.target.decode(best.ids)


@pytest.mark.parametrize("one", EXPECTED, ids=lambda one: f"{one['num_beams']}-{one['source']}")
def test_generate_says_the_same(translator: Translator, one: dict[str, Any]) -> None:
    assert list(translator.whole(one["source"]).ids) == one["source_ids"]
    assert found(translator, one) == (one["ids"], one["text"])


def test_the_answers_are_worth_comparing() -> None:
    assert len({tuple(one["ids"]) for one in EXPECTED}) > 12
    assert sum(len(one["ids"]) < 20 for one in EXPECTED) > 6


@pytest.mark.parametrize("beam", [1, 4])
def test_as_many_lines_out_as_in_whatever_the_batch(translator: Translator, beam: int) -> None:
    lines = ["", *LINES, "  two  ", "\t", "Tom. Mary! And you?", "x" * 300]
    alone = [translator.translate_line(line, Options(beam)) for line in lines]
    together = [one.text for one in translate_lines(translator, lines, Options(beam), Batching(workers=2))]
    assert together == alone
    assert (together[0], together[-3]) == ("", "\t")


def test_a_score_is_that_of_the_words_said(translator: Translator) -> None:
    source = translator.whole(LINES[0])
    ((best, *_),) = translator.translate_batch([source], Options(2, max_length=40))
    (forced,) = translator.force([source], [best.ids])
    total = sum(forced.log_probabilities[: len(best.ids) + best.complete])
    np.testing.assert_allclose(total, best.log_probability, atol=1e-3)


def test_it_is_found_and_described_as_a_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTX_MODELS", str(folder.parent))
    assert installed_models()["model"] == folder
    manifest = read_model(folder).manifest
    assert (manifest.source_language, manifest.target_language, manifest.layout) == ("en", "de", "optimum")
    assert (manifest.architecture.heads, manifest.architecture.target_vocabulary) == (4, 256)
    assert (manifest.generation.beam, manifest.generation.banned) == (4, (255,))
    assert read_model(folder).bytes > 500_000


def test_what_it_does_not_give_is_one_clear_error(translator: Translator) -> None:
    for ask in (lambda: list(translator.stream("x")), lambda: translator.probe("x"), lambda: translator.without([])):
        with pytest.raises(UsageError, match=r"^the model [^\n]* has no (attention|inside): [^\n]*$"):
            ask()


def test_scores_that_are_no_numbers_are_one_clear_error(
    translator: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui_transformer.optimum_runtime.log_softmax", lambda logits: np.full_like(logits, np.nan))
    with pytest.raises(BundleError, match="are not numbers: its weights are broken"):
        translator.translate_line("Tom", Options(beam=2))


# -- folders that cannot be used ----------------------------------------------------------------------


def delete(*names: str) -> Callable[[Path], None]:
    def remove(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return remove


def change(file: str, **values: Any) -> Callable[[Path], None]:
    """Other values in a JSON file; None takes one out."""

    def edit(folder: Path) -> None:
        content = json.loads((folder / file).read_text(encoding="utf-8")) | values
        kept = {name: value for name, value in content.items() if value is not None}
        (folder / file).write_text(json.dumps(kept), encoding="utf-8")

    return edit


def rename(graph: str, old: str, new: str) -> Callable[[Path], None]:
    """Another name for a tensor of a graph: a name of the same length needs no ONNX library."""
    assert len(old) == len(new)

    def edit(folder: Path) -> None:
        content = (folder / graph).read_bytes()
        assert old.encode() in content
        (folder / graph).write_bytes(content.replace(old.encode(), new.encode()))

    return edit


def more_pieces(folder: Path) -> None:
    change("config.json", vocab_size=257, decoder_vocab_size=257)(folder)
    change("vocab.json", more=256)(folder)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (delete("decoder_model_merged.onnx", "decoder_with_past_model.onnx"), "lacks decoder_with_past_model.onnx"),
        (delete("vocab.json"), "lacks vocab.json"),
        (delete("source.spm", "target.spm"), "lacks source.spm, target.spm"),
        (change("config.json", d_model=None), "d_model"),
        (change("config.json", model_type="t5"), "'t5', not 'marian'"),
        (change("config.json", normalize_before=True), "normalize_before = True is not supported"),
        (change("config.json", encoder_attention_heads=2, decoder_attention_heads=2), r"cache of shape \(1, 4, 2, 8\)"),
        (change("config.json", d_model=64), r"memory of shape \(1, 1, 32\), not \(1, 1, 64\)"),
        (change("config.json", decoder_layers=3), "lack .*past_key_values.2.decoder.key"),
        (change("config.json", decoder_layers=1), "need inputs that this ttx does not have: .*past_key_values.1"),
        (change("config.json", vocab_size=250), "one of 250 pieces"),
        (change("vocab.json", more=256), "has 257 pieces with 257 ids, the model has 256"),
        (more_pieces, r"scores of shape \(1, 256\), not \(1, 257\)"),
        (change("vocab.json", **{"<unk>": None}), "no piece <unk>"),
        (change("generation_config.json", repetition_penalty=1.5), "repetition_penalty = 1.5 is not supported"),
        (change("generation_config.json", bad_words_ids=[[1, 2]]), "bad_words_ids"),
        (rename("encoder_model.onnx", "attention_mask", "attention_musk"), "does not have: attention_musk"),
        (rename("encoder_model.onnx", "last_hidden_state", "last_hidden_stale"), "lack last_hidden_state"),
        (rename("decoder_model.onnx", "encoder_hidden_states", "encoder_hidden_stales"), "encoder_hidden_stales"),
        (rename("decoder_with_past_model.onnx", "present.1.decoder.key", "present.1.decoder.kex"), "lack present.1"),
        (lambda folder: (folder / "encoder_model.onnx").write_bytes(b"no graph"), "cannot load"),
        (lambda folder: (folder / "config.json").write_text("{"), "is not JSON"),
        (lambda folder: (folder / "source.spm").write_text("no vocabulary"), "not a SentencePiece vocabulary"),
    ],
)
def test_a_bad_folder_is_one_clear_error(folder: Path, damage: Callable[[Path], object], reason: str) -> None:
    damage(folder)
    with pytest.raises(BundleError, match=rf"^[^\n]*{reason}[^\n]*$"):
        Translator.load(str(folder), "cpu")


def test_a_folder_without_a_configuration_is_no_model(folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(BundleError, match="no model at"):
        Translator.load(str(folder), "cpu")
