"""Pairs of the training text that a recipe had better not learn from: rules it may ask for by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui_transformer.errors import RecipeError

if TYPE_CHECKING:
    from .corpus import Pair
    from .recipe import Recipe

UNTRANSLATED, WRONG_LANGUAGE, NEAR_DUPLICATES = "untranslated", "wrong language", "near-duplicates"
RULES = (UNTRANSLATED, WRONG_LANGUAGE, NEAR_DUPLICATES)
WORDS_TO_TELL = 5
"""With fewer words a text may well be a name or a command that is the same in both languages."""
CERTAIN = 0.9
"""How sure the language has to be. Of 12,000 clean English and German pairs none was taken for something else."""


class Cleaning:
    """What is wrong with a pair, by the recipe's `data.leave_out`.

    Near-duplicates are told apart by memory: one hash for each pair that was kept. Raises RecipeError if a language
    of the recipe cannot be recognised.
    """

    def __init__(self, recipe: Recipe) -> None:
        rules = recipe.data.leave_out
        self.untranslated, self.near_duplicates = UNTRANSLATED in rules, NEAR_DUPLICATES in rules
        self._languages = (recipe.source, recipe.target)
        self._language_of = _language_of(self._languages) if WRONG_LANGUAGE in rules else None
        self._seen: set[int] = set()

    def fault(self, pair: Pair) -> str:
        """The first rule that leaves this pair out, "" if none does. A pair that is kept is remembered."""
        if self.untranslated and pair.source.casefold() == pair.target.casefold() and _can_tell(pair.source):
            return UNTRANSLATED
        if self._language_of:
            for text, language in zip((pair.source, pair.target), self._languages, strict=True):
                if _can_tell(text) and self._language_of(text) not in ("", language):
                    return WRONG_LANGUAGE
        if self.near_duplicates:
            likeness = hash((_skeleton(pair.source), _skeleton(pair.target)))
            if likeness in self._seen:
                return NEAR_DUPLICATES
            self._seen.add(likeness)
        return ""


def _can_tell(text: str) -> bool:
    return len(text.split()) >= WORDS_TO_TELL


def _skeleton(text: str) -> str:
    """Text without what near-duplicates differ in: case, numbers, punctuation, spaces."""
    return " ".join(re.findall(r"\w+", re.sub(r"\d+", "0", text.casefold())))


def _language_of(languages: tuple[str, str]) -> Callable[[str], str]:
    """A text's language, "" if that is not certain."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # its model takes a while to read

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if unknown := sorted(set(languages) - set(identifier.labels)):
        raise RecipeError(
            f'the language {" and ".join(unknown)} cannot be recognised: take "{WRONG_LANGUAGE}" out of data.leave_out'
        )

    def language_of(text: str) -> str:
        language, probability = identifier.classify(text)
        return str(language) if probability >= CERTAIN else ""

    return language_of
