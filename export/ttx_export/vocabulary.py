"""The vocabularies of a recipe: learnt from its corpus, or the stock BPEmb ones with their embeddings."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_transformer.architecture import Architecture
from tui_transformer.errors import RecipeError
from tui_transformer.tokenizer import Tokenizer, TokenizerOptions, learn_bpe, load_bpemb

from .batches import SpecialIds
from .recipe import Recipe


@dataclass(frozen=True, slots=True)
class Vocabularies:
    """Both sides' tokenizers, and BPEmb's float32 vectors (V, D) where they are used, else None."""

    source: Tokenizer
    target: Tokenizer
    source_vectors: Any = None
    target_vectors: Any = None

    @property
    def special(self) -> SpecialIds:
        """Ids that a batch needs and that are not text."""
        source, target = self.source, self.target
        return SpecialIds(source.pad_id, source.eos_id, target.pad_id, target.bos_id, target.eos_id)


def make_vocabularies(
    recipe: Recipe, pairs: Callable[[], Iterable[tuple[str, str]]], cache: Path | None = None
) -> Vocabularies:
    """Learn (or fetch) what the recipe asks for. Each `pairs()` reads the (source, target) sentences again.

    Raises RecipeError if the text is too small for the vocabulary or BPEmb's files are not available.
    """
    wanted = recipe.vocabulary
    if wanted.kind == "bpemb":
        options = TokenizerOptions.of_kind("bpemb")
        source, source_vectors = load_bpemb(recipe.source, wanted.size, wanted.dimensions, cache)
        target, target_vectors = load_bpemb(recipe.target, wanted.size, wanted.dimensions, cache)
        return Vocabularies(Tokenizer(source, options), Tokenizer(target, options), source_vectors, target_vectors)
    source_side, target_side = (map(operator.itemgetter(side), pairs()) for side in (0, 1))
    if wanted.shared:
        both = Tokenizer(learn_bpe(itertools.chain(source_side, target_side), wanted.size))
        return Vocabularies(both, both)
    return Vocabularies(*(Tokenizer(learn_bpe(side, wanted.size)) for side in (source_side, target_side)))


def architecture_of(recipe: Recipe, vocabularies: Vocabularies) -> Architecture:
    """The recipe's model with the sizes of its vocabularies. Raises RecipeError if they do not fit."""
    wanted = {name: getattr(recipe.model, name) for name in recipe.model.__slots__}
    try:
        return Architecture(
            source_vocabulary=vocabularies.source.size, target_vocabulary=vocabularies.target.size, **wanted
        )
    except ValueError as error:
        raise RecipeError(f"[model] {error}") from None
