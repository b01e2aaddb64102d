"""Stock BPEmb vocabularies: pieces, options and embeddings arrive in the model.

The real BPEmb class loads its files from a cache folder laid out as it expects: its own files where they
are at hand (`../shared/data/bpemb` beside the checkout), and small ones in the same format, made here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import torch
from ttx_export.checkpoint import load_checkpoint
from ttx_export.prepare import prepare
from ttx_export.recipe import Recipe, parse_recipe
from ttx_export.train import Trainer
from ttx_export.vocabulary import Vocabularies, make_vocabularies

from tui_transformer.errors import RecipeError
from tui_transformer.tokenizer import load_bpemb

STOCK = Path(__file__).parents[3] / "shared" / "data" / "bpemb"
SIZE, DIMENSIONS = 1000, 25
FITTING = 24  # an embedding as wide as a model can be


def write_vocabulary(cache: Path, language: str, lines: list[str], pieces: int) -> None:
    """A vocabulary and embeddings in BPEmb's format: learnt from lower-cased text with digits as 0, no padding."""
    folder = cache / language
    folder.mkdir(parents=True)
    model = folder / f"{language}.wiki.bpe.vs{SIZE}.model"
    with open(model, "wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(re.sub(r"\d", "0", line.lower()) for line in lines), model_writer=file,
            model_type="bpe", vocab_size=pieces, minloglevel=2,
        )  # fmt: skip
    known = sentencepiece.SentencePieceProcessor(model_file=str(model))
    for dimensions in (DIMENSIONS, FITTING):
        vectors = np.random.default_rng(ord(language[0])).normal(size=(pieces, dimensions)).astype(np.float32)
        with open(folder / f"{language}.wiki.bpe.vs{SIZE}.d{dimensions}.w2v.bin", "wb") as file:
            file.write(f"{pieces} {dimensions}\n".encode())
            for number, vector in enumerate(vectors):
                file.write(known.id_to_piece(number).encode() + b" " + vector.tobytes() + b"\n")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, data_folder: Path) -> Path:
    folder = tmp_path_factory.mktemp("bpemb")
    lines = (data_folder / "train.tsv").read_text(encoding="utf-8").splitlines()
    for side, language in enumerate(("en", "de")):
        write_vocabulary(folder, language, [line.split("\t")[side] for line in lines], pieces=180)
    return folder


@pytest.fixture
def recipe(tiny_text: Callable[..., str]) -> Recipe:
    text = tiny_text(epochs=1).replace("size = 340", f'kind = "bpemb"\nsize = {SIZE}\ndimensions = {DIMENSIONS}')
    return parse_recipe(text.replace("d_model = 16", "d_model = 50").replace("heads = 2", "heads = 5"))


def test_the_vocabulary_lowers_case_and_zeroes_digits(recipe: Recipe, cache: Path) -> None:
    vocabularies = make_vocabularies(recipe, list, cache)
    source, target = vocabularies.source, vocabularies.target
    assert source.decode(source.encode("My Father was born in 1951.")) == "my father was born in 0000."
    assert target.decode(target.encode("Das MUSEUM ist geschlossen.")) == "das museum ist geschlossen."
    assert (source.pad_id, source.size) == (180, 181), "padding comes after BPEmb's own pieces"
    assert vocabularies.source_vectors.shape == vocabularies.target_vectors.shape == (180, DIMENSIONS)


def test_vectors_stand_in_the_order_of_the_ids(cache: Path) -> None:
    model, vectors = load_bpemb("en", SIZE, DIMENSIONS, cache)
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
    raw = (cache / "en" / f"en.wiki.bpe.vs{SIZE}.d{DIMENSIONS}.w2v.bin").read_bytes()
    for number in (3, 50, 179):
        piece = pieces.id_to_piece(number).encode()
        start = raw.index(b"\n" + piece + b" ") + len(piece) + 2
        assert np.array_equal(vectors[number], np.frombuffer(raw[start : start + 4 * DIMENSIONS], np.float32))


def trainer_of(recipe: Recipe, data_folder: Path, cache: Path, run: Path) -> tuple[Trainer, Vocabularies]:
    prepared = prepare(recipe, data_folder, run / "corpus", cache)
    return Trainer(recipe, prepared, run), prepared.vocabularies


@pytest.mark.parametrize("tied", ["none", "target"])
def test_embeddings_of_the_right_size_are_the_first_weights(
    tied: str, recipe: Recipe, cache: Path, data_folder: Path, tmp_path: Path
) -> None:
    text = recipe.text.replace("d_model = 50", f"d_model = {FITTING}\ntied = '{tied}'").replace(
        "heads = 5", "heads = 2"
    )
    fitting = parse_recipe(text.replace(f"dimensions = {DIMENSIONS}", f"dimensions = {FITTING}"))
    trainer, vocabularies = trainer_of(fitting, data_folder, cache, tmp_path)
    for vectors, embedding in (
        (vocabularies.source_vectors, trainer.model.source_embedding),
        (vocabularies.target_vectors, trainer.model.target_embedding),
    ):
        assert torch.equal(embedding.table.weight[:-1], torch.from_numpy(vectors))
        assert embedding.table.weight[-1].any(), "padding keeps the weights it was drawn with"
    assert not torch.equal(trainer.model.source_embedding.table.weight, trainer.model.target_embedding.table.weight)
    same = trainer.model.projection.weight.equal(trainer.model.target_embedding.table.weight)
    assert same == (tied == "target")


def test_embeddings_of_another_size_are_left_alone_and_the_model_trains(
    recipe: Recipe, cache: Path, data_folder: Path, tmp_path: Path
) -> None:
    trainer, _ = trainer_of(recipe, data_folder, cache, tmp_path / "run")
    assert trainer.model.source_embedding.table.weight.shape == (181, 50)
    assert [type(event).__name__ for event in trainer.run()][-1] == "Ended"
    kept = load_checkpoint(tmp_path / "run")
    assert kept.vocabularies.source.options.lowercase
    assert kept.vocabularies.source.encode("Good NIGHT 7") == trainer.prepared.vocabularies.source.encode(
        "good night 0"
    )


def test_files_that_cannot_be_had_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr("bpemb.bpemb.http_get", no_network)
    with pytest.raises(RecipeError, match=r"cannot get the BPEmb vocabulary en, 1000 pieces.*no network"):
        load_bpemb("en", SIZE, DIMENSIONS, tmp_path)


@pytest.mark.skipif(not STOCK.is_dir(), reason=f"BPEmb's own files are not in {STOCK}")
def test_bpembs_own_files(tmp_path: Path, recipe: Recipe) -> None:
    (tmp_path / "en").mkdir()
    for file in STOCK.glob("en.wiki.bpe.vs1000*"):
        shutil.copy(file, tmp_path / "en")
    english = parse_recipe(recipe.text.replace('target = "de"', 'target = "en"'))
    vocabularies = make_vocabularies(english, list, tmp_path)
    source = vocabularies.source
    assert (source.size, source.pad_id, source.bos_id, source.eos_id) == (1001, 1000, 1, 2)
    assert source.decode(source.encode("He admired her in 1984.")) == "he admired her in 0000."
    assert vocabularies.source_vectors.shape == (1000, 25)
    assert vocabularies.source_vectors.dtype == np.float32

    # Neighbours make sense only if row and piece belong together.
    vectors = vocabularies.source_vectors / np.linalg.norm(vocabularies.source_vectors, axis=1, keepdims=True)
    for word, neighbour in (("his", "her"), ("two", "three"), ("school", "university")):
        (known,) = source.encode(word)
        assert source.pieces(np.argsort(-vectors @ vectors[known])[:2].tolist()) == (f"▁{word}", f"▁{neighbour}")
