"""A Marian (OPUS-MT) model in the layout of the Hugging Face hub, read from a folder. No code of it is ever run."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from tui_transformer.errors import BundleError, MissingExtraError, RecipeError
from tui_transformer.mapped import MappedTokenizer, SpecialIds
from tui_transformer.marian_config import option, read_architecture, read_generation
from tui_transformer.marian_reading import names_of, read_bytes, read_json, read_pieces

from .checkpoint import Checkpoint
from .corpus import set_name
from .marian_files import CONFIG, GENERATION, PICKLE, SAFE, SOURCE_PIECES, TARGET_PIECES, TOKENIZER
from .marian_weights import Weights, our_weights, tied_of
from .origin import Origin
from .recipe import Data, Recipe
from .vocabulary import Vocabularies

_LICENCE = re.compile(r"^license:\s*(\S.*?)\s*$", re.MULTILINE)
_LANGUAGES = re.compile(r"opus-mt(?:-tc-[a-z]+)?-([A-Za-z_]+)-([A-Za-z_]+)$")


@dataclass(frozen=True, slots=True)
class Naming:
    """What a folder does not always say about its model. `languages` are source and target, as far as they are known.

    `source` is the model's name where it comes from, if the folder has another name.
    """

    name: str
    languages: tuple[str | None, str | None] = (None, None)
    dev: Path | None = None
    source: str = ""

    def called(self, folder: Path) -> str:
        """The name of the model where it comes from."""
        return self.source or folder.resolve().name


def read_folder(folder: Path, naming: Naming) -> Checkpoint:
    """The model as a checkpoint that can be exported. Raises RecipeError, or MissingExtraError for safetensors."""
    config = read_json(folder / CONFIG)
    shared, tied = (bool(option(config, name)) for name in ("share_encoder_decoder_embeddings", "tie_word_embeddings"))
    shape = read_architecture(config, tied_of(shared, tied))
    generation = read_generation(config, read_json(folder / GENERATION) if (folder / GENERATION).exists() else None)
    of_tokenizer = read_json(folder / TOKENIZER) if (folder / TOKENIZER).exists() else {}
    vocabularies = _vocabularies(folder, config, of_tokenizer, (shape.source_vocabulary, shape.target_vocabulary))
    weights = our_weights(_read_weights(folder), shape.encoder_layers, shape.decoder_layers, shared, tied)
    assert isinstance(vocabularies.source, MappedTokenizer)
    origin = Origin(
        naming.called(folder), "Hugging Face", json.dumps(config, indent=2), generation, _licence(folder),
        vocabularies.source.languages,
    )  # fmt: skip
    limit = min(shape.positions, _limit(of_tokenizer, shape.positions))
    return as_checkpoint(
        Checkpoint(
            make_recipe(naming, languages_of(folder, of_tokenizer, naming), limit), shape, vocabularies, weights, {},
            origin,
        )
    )  # fmt: skip


def as_checkpoint(checkpoint: Checkpoint) -> Checkpoint:
    """The same, once it is certain that what is banned and what begins a translation are ids of the target side."""
    size = checkpoint.shape.target_vocabulary
    assert checkpoint.origin is not None
    if strange := [i for i in checkpoint.origin.generation.banned if i >= size]:
        raise RecipeError(f"bad_words_ids has {strange[0]}, the vocabulary ends at {size - 1}")
    return checkpoint


def make_recipe(naming: Naming, languages: tuple[str, str], limit: int) -> Recipe:
    """What a recipe would say about the model: its name, its languages, and what it is measured on."""
    dev = {set_name(naming.dev): naming.dev.name} if naming.dev else {}
    return Recipe(naming.name, *languages, Data((), dev, max_length=limit), description="")


def _read_weights(folder: Path) -> Weights:
    """From the safe file if it can be read, else from the pickle, from which only tensors are taken."""
    safe, pickled = folder / SAFE, folder / PICKLE
    readable = importlib.util.find_spec("safetensors") is not None
    if safe.exists() and not readable and not pickled.exists():
        raise MissingExtraError(f"{safe} needs safetensors: pip install 'tui-transformer[import]'")
    path = safe if safe.exists() and readable else pickled
    if not path.exists():
        raise RecipeError(f"no Marian model at {folder}: there is neither {SAFE} nor {PICKLE}")
    try:
        if path == safe:
            from safetensors.torch import load_file

            return dict(load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        # torch's message here advises loading it anyway.
        raise RecipeError(
            f"cannot use {path}: it is not a pickle of tensors alone; anything else in it could run as code and is "
            "never loaded"
        ) from None
    except Exception as error:
        # Depending on where a file is damaged, the libraries raise half a dozen different classes.
        raise RecipeError(f"cannot use {path}: {next(iter(str(error).splitlines()), type(error).__name__)}") from None
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise RecipeError(f"cannot use {path}: it holds more than tensors, or none")
    return content


def _vocabularies(
    folder: Path, config: dict[str, Any], of_tokenizer: dict[str, Any], sizes: tuple[int, int]
) -> Vocabularies:
    """Both sides' tokenizers. Marian's configs have one padding, end and unknown piece for both sides."""
    separate = bool(of_tokenizer.get("separate_vocabs"))
    source_ids = read_pieces(folder / SOURCE_PIECES)
    target_ids = read_pieces(folder / TARGET_PIECES) if separate else source_ids
    if not isinstance(config["eos_token_id"], int):
        raise RecipeError(f"eos_token_id = {config['eos_token_id']!r} is not supported: there must be one")
    sides = []
    for name, ids, size, file in zip(
        ("source", "target"), (source_ids, target_ids), sizes, (SOURCE_PIECES, TARGET_PIECES), strict=True
    ):
        names = names_of(ids, size, folder / (file if separate else SOURCE_PIECES))
        if "<unk>" not in ids:
            raise RecipeError(f"{folder / file} has no piece <unk>")
        special = SpecialIds(
            config["pad_token_id"], config["decoder_start_token_id"], config["eos_token_id"], ids["<unk>"]
        )
        sides.append(make_tokenizer(folder / f"{name}.spm", names, special))
    return Vocabularies(*sides)


def make_tokenizer(file: Path, names: tuple[str, ...], special: SpecialIds) -> MappedTokenizer:
    """Raises RecipeError if the file is not a vocabulary, or an id is not one of its pieces."""
    if max(special.pad, special.bos, special.eos, special.unk) >= len(names):
        raise RecipeError(f"a special id is beyond the vocabulary, which ends at {len(names) - 1}")
    try:
        return MappedTokenizer(read_bytes(file), names, special)
    except BundleError as error:
        raise RecipeError(f"{file}: {error}") from None


def _limit(of_tokenizer: dict[str, Any], positions: int) -> int:
    """The longest source that the tokenizer lets through; libraries write absurd numbers for "any"."""
    limit = of_tokenizer.get("model_max_length")
    return limit if isinstance(limit, int) and 1 < limit < positions else positions


def languages_of(folder: Path, of_tokenizer: dict[str, Any], naming: Naming) -> tuple[str, str]:
    """As given, else as the tokenizer or the folder's name says. Raises RecipeError if neither does."""
    named = _LANGUAGES.search(naming.called(folder))
    known = [
        given or of_tokenizer.get(f"{side}_lang") or (named.group(place) if named else None)
        for place, (side, given) in enumerate(zip(("source", "target"), naming.languages, strict=True), 1)
    ]
    source, target = known
    if not all(isinstance(language, str) and language.isprintable() for language in known):
        raise RecipeError(f"nothing in {folder} names the languages: give --source and --target, such as en and de")
    return str(source), str(target)


def _licence(folder: Path) -> str:
    """What the head of the model card says."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = _LICENCE.search(card)
    return found.group(1) if found else ""
