"""From recipe and data folder to encoded text, done once per content and kept in the run folder."""

from __future__ import annotations

import itertools
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tui_transformer.errors import BundleError, RecipeError
from tui_transformer.tokenizer import Tokenizer, TokenizerOptions

from .batches import SpecialIds
from .cleaning import Cleaning
from .corpus import Pair, ReadReport, composed, content_hash, fingerprints, read_pairs, training_pairs, vocabulary_pairs
from .encoded import CorpusPacker, EncodedCorpus, Sequences, encode_corpus
from .kept import fingerprint
from .names import MadeUpNames
from .recipe import Recipe
from .seeds import mixed_seed
from .vocabulary import Vocabularies, make_vocabularies

DRAWS = 4
"""How many times what is random, BPE-dropout pieces and made-up names, is drawn."""
TRAINING_TEXT = "the training text"
Drawn = Callable[[int, ReadReport], Iterator[Pair]]
"""A draw of the text, by its number; what was changed in it is counted in the report."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Text ready for training. `dev` holds the recipe's development sets; `report` what was left out.

    `files` are the SHA-256 of all files that it was read from, by their names in the recipe.
    """

    vocabularies: Vocabularies
    train: EncodedCorpus
    dev: dict[str, EncodedCorpus]
    report: str
    files: dict[str, str]

    @property
    def special(self) -> SpecialIds:
        """Ids that a batch needs and that are not text."""
        return self.vocabularies.special


def prepared_folder(
    recipe: Recipe, data_folder: Path, cache: Path, given: Vocabularies | None = None,
    read: Mapping[str, str] | None = None,
) -> Path:  # fmt: skip
    """Where the encoded text of this recipe and content is or will be; `read` is as in `content_hash`.

    Raises RecipeError for a missing file.
    """
    return cache / content_hash(recipe, data_folder, fingerprint(given) if given else b"", read)[:16]


def prepare(
    recipe: Recipe, data_folder: Path, cache: Path, bpemb_cache: Path | None = None, given: Vocabularies | None = None
) -> Prepared:
    """Read, learn the vocabularies unless they are `given`, encode; or take it from `cache` if nothing has changed.

    Raises RecipeError if a file is missing or nothing in it can be used.
    """
    files = fingerprints([*recipe.data.train, *recipe.data.dev.values()], data_folder)
    folder = prepared_folder(recipe, data_folder, cache, given, files)
    if not (folder / "report.txt").is_file():
        _build(recipe, data_folder, folder, bpemb_cache, given)
    try:
        vocabularies, train, report = _read(folder, given)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, BundleError) as error:
        raise RecipeError(f"the prepared text in {folder} is damaged ({error}): delete that folder") from None
    source, target = vocabularies.source, vocabularies.target
    dev = {}
    for name, file in recipe.data.dev.items():
        pairs = composed(read_pairs(data_folder / file))
        dev[name] = encode_corpus(pairs, source, target, recipe.data, ReadReport(), f"the dev set {name}")
    return Prepared(vocabularies, train, dev, report, files)


def _read(folder: Path, given: Vocabularies | None) -> tuple[Vocabularies, EncodedCorpus, str]:
    report = (folder / "report.txt").read_text(encoding="utf-8")
    return given or _learnt(folder), _load_corpus(folder / "train.npz"), report


def _learnt(folder: Path) -> Vocabularies:
    options = TokenizerOptions.from_dict(json.loads((folder / "tokenizer.json").read_text()))
    tokenizers = [Tokenizer.load(folder / f"{side}.spm", options) for side in ("source", "target")]
    vectors = [_load_vectors(folder / f"{side}.vectors.npy") for side in ("source", "target")]
    return Vocabularies(*tokenizers, *vectors)


def _build(
    recipe: Recipe, data_folder: Path, folder: Path, bpemb_cache: Path | None, given: Vocabularies | None
) -> None:
    """The text is read again each time it is needed: a large one is only ever in memory as ids."""
    report, cleaning, names = ReadReport(), Cleaning(recipe), MadeUpNames(recipe)

    def pairs(report: ReadReport | None = None) -> Iterator[Pair]:
        return cleaning.kept(training_pairs(recipe, data_folder, report), report)

    # Once to find what is wrong with it, before the long work begins.
    for pair in pairs(report):
        names.learn(pair)
    vocabularies = given or make_vocabularies(recipe, lambda: vocabulary_pairs(recipe, pairs()), bpemb_cache)
    drawn = bool(recipe.vocabulary.dropout or names.known)
    train = _encode(
        recipe, vocabularies, lambda draw, to: names.replaced(pairs(), draw, to), DRAWS if drawn else 1, report
    )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Built aside and moved in one go: another process sees all of it or nothing.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".partial-", ignore_cleanup_errors=True) as aside:
            _write(vocabularies, train, str(report), Path(aside) / "corpus")
            if not folder.exists():
                (Path(aside) / "corpus").replace(folder)
    except OSError as error:
        raise RecipeError(f"cannot write the prepared text to {folder}: {error}") from None


def _encode(recipe: Recipe, vocabularies: Vocabularies, pairs: Drawn, draws: int, report: ReadReport) -> EncodedCorpus:
    """The training text as ids; what is random is drawn several times, and epochs take one draw after the other."""
    source, target, dropout = vocabularies.source, vocabularies.target, recipe.vocabulary.dropout
    if draws == 1:
        return encode_corpus(pairs(0, report), source, target, recipe.data, report, TRAINING_TEXT)
    # SentencePiece takes 31 bits.
    seeds = (mixed_seed(recipe.training.seed, number) >> 32 for number in itertools.count())
    encode = (lambda texts: source.encode_dropping(texts, dropout, next(seeds))) if dropout else source.encode_all
    packer = CorpusPacker(encode, target.encode_all, recipe.data)
    for draw in range(draws):
        first = ReadReport() if draw else report
        packer.read(pairs(draw, first), first)
        packer.end_draw()
    return packer.packed(report, TRAINING_TEXT)


def _write(vocabularies: Vocabularies, train: EncodedCorpus, report: str, folder: Path) -> None:
    folder.mkdir()
    for side in ("source", "target"):
        (folder / f"{side}.spm").write_bytes(getattr(vocabularies, side).model)
        if (vectors := getattr(vocabularies, f"{side}_vectors")) is not None:
            np.save(folder / f"{side}.vectors.npy", vectors)
    (folder / "tokenizer.json").write_text(json.dumps(vocabularies.source.options.to_dict()))
    _save_corpus(train, folder / "train.npz")
    (folder / "report.txt").write_text(report, encoding="utf-8")


def _save_corpus(corpus: EncodedCorpus, path: Path) -> None:
    np.savez(
        path,
        source=corpus.source.flat, source_offsets=corpus.source.offsets,
        target=corpus.target.flat, target_offsets=corpus.target.offsets,
        corpus=corpus.corpus, names=np.array(corpus.names), ends=np.array(corpus.ends, np.int64),
    )  # fmt: skip


def _load_corpus(path: Path) -> EncodedCorpus:
    with np.load(path) as arrays:
        return EncodedCorpus(
            Sequences(arrays["source"], arrays["source_offsets"]),
            Sequences(arrays["target"], arrays["target_offsets"]),
            arrays["corpus"],
            tuple(arrays["names"].tolist()),
            tuple(arrays["ends"].tolist()),
        )


def _load_vectors(path: Path) -> np.ndarray | None:
    return np.load(path) if path.is_file() else None
