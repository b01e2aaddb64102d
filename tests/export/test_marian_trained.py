"""A Marian model that has learnt something: trained by `transformers`, translated here, the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("transformers")

from marian_models import make_model, make_vocabulary, write_tokenizer
from ttx_export.importing import read_foreign
from ttx_export.marian_folder import Naming
from ttx_export.package import Wanted, export_bundle

from tui_transformer.bundle import read_bundle
from tui_transformer.translator import Options, Translator

Pairs = list[tuple[str, str]]
PAIRS = Path(__file__).parents[1] / "data" / "pairs.tsv"
STEPS = 250


@pytest.fixture(scope="module")
def trained(pairs: Pairs, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Path]:
    """The model, its tokenizer and their folder."""
    from transformers import MarianMTModel

    place = tmp_path_factory.mktemp("trained")
    vocabulary = make_vocabulary(place / "vocabulary", pairs, size=150)
    folder = vocabulary.copied(place)
    tokenizer = write_tokenizer(folder, vocabulary)
    config = make_model(
        folder, vocabulary, d_model=48, encoder_ffn_dim=96, decoder_ffn_dim=96, search={"max_length": 60}
    ).config
    generation = (folder / "generation_config.json").read_bytes()
    torch.manual_seed(1)
    model = MarianMTModel(config)
    batch = tokenizer([s for s, _ in pairs], text_target=[t for _, t in pairs], padding=True, return_tensors="pt")
    labels = batch["labels"].masked_fill(batch["labels"] == config.pad_token_id, -100)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 4e-3 * min(1, (step + 1) / 40, 2 * (STEPS - step) / STEPS)
        loss = model(batch["input_ids"], batch["attention_mask"], labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval().save_pretrained(folder)
    (folder / "generation_config.json").write_bytes(generation)
    return MarianMTModel.from_pretrained(folder), tokenizer, folder


@pytest.fixture(scope="module")
def imported(trained: tuple[Any, Any, Path]) -> Translator:
    folder = trained[2]
    return Translator(
        export_bundle(read_foreign(folder, Naming("x")), folder.parent / "out", Wanted("fp32", score=False)), "cpu"
    )


def theirs(trained: tuple[Any, Any, Path], lines: list[str], **options: Any) -> list[str]:
    model, tokenizer, _ = trained
    batch = tokenizer(lines, padding=True, return_tensors="pt")
    texts: list[str] = tokenizer.batch_decode(model.generate(**batch, **options), skip_special_tokens=True)
    return texts


@pytest.mark.parametrize("beam", [1, 4])
def test_it_translates_the_same(trained: tuple[Any, Any, Path], imported: Translator, pairs: Pairs, beam: int) -> None:
    lines = [source for source, _ in pairs]
    expected = theirs(trained, lines, num_beams=beam)
    assert sum(said == target for said, (_, target) in zip(expected, pairs, strict=True)) > len(pairs) // 2
    single = [i for i, line in enumerate(lines) if len(imported.split(line)) == 1]  # whole lines, as theirs
    assert len(single) > 40
    found = list(imported.translate([lines[i] for i in single], Options(beam=beam), keep=False))
    assert found == [expected[i] for i in single]


def test_without_options_it_is_searched_as_the_model_wants(
    trained: tuple[Any, Any, Path], imported: Translator
) -> None:
    line = "Mary has never seen a flower called bluff."
    assert imported.translate_line(line) == theirs(trained, [line])[0]
    assert imported.defaults.beam == 4


def test_int8_is_calibrated_and_gated_as_our_own(trained: tuple[Any, Any, Path], pairs: Pairs, tmp_path: Path) -> None:
    checkpoint = read_foreign(trained[2], Naming("quantized", dev=PAIRS))
    said: list[str] = []
    bundle = export_bundle(checkpoint, tmp_path / "int8", Wanted("int8", PAIRS.parent, True, 4), said.append)
    assert read_bundle(bundle.path).manifest.precision == "int8"
    assert bundle.manifest.parity["int8_gate"]["pairs"] == len(pairs)
    assert {score["metric"] for score in bundle.manifest.scores} == {"BLEU", "chrF"}
    assert all(score["value"] > 50 for score in bundle.manifest.scores)
