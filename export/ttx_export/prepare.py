"""From recipe and data folder to encoded text, done once a content and kept in the run folder."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tui_transformer.errors import RecipeError
from tui_transformer.tokenizer import Tokenizer, TokenizerOptions

from .batches import SpecialIds
from .corpus import (
    EncodedCorpus,
    ReadReport,
    Sequences,
    content_hash,
    encode_corpus,
    read_pairs,
    training_pairs,
    vocabulary_pairs,
)
from .recipe import Recipe
from .vocabulary import Vocabularies, make_vocabularies


@dataclass(frozen=True, slots=True)
class Prepared:
    """Text ready for training. `dev` holds the recipe's development sets; `report` what was left out."""

    vocabularies: Vocabularies
    train: EncodedCorpus
    dev: dict[str, EncodedCorpus]
    report: str

    @property
    def special(self) -> SpecialIds:
        source, target = self.vocabularies.source, self.vocabularies.target
        return SpecialIds(source.pad_id, source.eos_id, target.pad_id, target.bos_id, target.eos_id)


def prepare(recipe: Recipe, data_folder: Path, cache: Path, bpemb_cache: Path | None = None) -> Prepared:
    """Read, learn the vocabularies, encode; or take it from `cache` if nothing has changed.

    Raises RecipeError if a file is missing or nothing in it can be used.
    """
    folder = cache / content_hash(recipe, data_folder)[:16]
    if not (folder / "report.txt").is_file():
        _build(recipe, data_folder, folder, bpemb_cache)
    options = TokenizerOptions(**json.loads((folder / "tokenizer.json").read_text()))
    source, target = (Tokenizer.load(folder / f"{side}.spm", options) for side in ("source", "target"))
    vectors = [_load_vectors(folder / f"{side}.vectors.npy") for side in ("source", "target")]
    dev = {}
    for name, file in recipe.data.dev.items():
        pairs = list(read_pairs(data_folder / file))
        dev[name] = encode_corpus(pairs, source, target, recipe.data, ReadReport())
    return Prepared(
        Vocabularies(source, target, *vectors),
        _load_corpus(folder / "train.npz"),
        dev,
        (folder / "report.txt").read_text(encoding="utf-8"),
    )


def _build(recipe: Recipe, data_folder: Path, folder: Path, bpemb_cache: Path | None) -> None:
    report = ReadReport()
    pairs = training_pairs(recipe, data_folder, report)
    vocabularies = make_vocabularies(recipe, vocabulary_pairs(recipe, pairs), bpemb_cache)
    train = encode_corpus(pairs, vocabularies.source, vocabularies.target, recipe.data, report)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Built aside and moved in one go: another process sees all of it or nothing.
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".partial-"))
    try:
        for side in ("source", "target"):
            (partial / f"{side}.spm").write_bytes(getattr(vocabularies, side).model)
            if (vectors := getattr(vocabularies, f"{side}_vectors")) is not None:
                np.save(partial / f"{side}.vectors.npy", vectors)
        (partial / "tokenizer.json").write_text(json.dumps(vocabularies.source.options.to_dict()))
        _save_corpus(train, partial / "train.npz")
        (partial / "report.txt").write_text(str(report), encoding="utf-8")
        if not folder.exists():
            os.replace(partial, folder)
    except OSError as error:
        raise RecipeError(f"cannot write the prepared text to {folder}: {error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _save_corpus(corpus: EncodedCorpus, path: Path) -> None:
    np.savez(
        path,
        source=corpus.source.flat, source_offsets=corpus.source.offsets,
        target=corpus.target.flat, target_offsets=corpus.target.offsets,
        corpus=corpus.corpus, names=np.array(corpus.names),
    )  # fmt: skip


def _load_corpus(path: Path) -> EncodedCorpus:
    with np.load(path) as arrays:
        return EncodedCorpus(
            Sequences(arrays["source"], arrays["source_offsets"]),
            Sequences(arrays["target"], arrays["target_offsets"]),
            arrays["corpus"],
            tuple(arrays["names"].tolist()),
        )


def _load_vectors(path: Path) -> np.ndarray | None:
    return np.load(path) if path.is_file() else None
