"""Pairs of the training text that are better not learnt from: rules a recipe may ask for by name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from tui_transformer.errors import RecipeError
from tui_transformer.extras import require_extra

if TYPE_CHECKING:
    from .corpus import Pair, ReadReport
    from .recipe import Recipe

UNTRANSLATED, WRONG_LANGUAGE, NEAR_DUPLICATES = "untranslated", "wrong language", "near-duplicates"
RULES = (UNTRANSLATED, WRONG_LANGUAGE, NEAR_DUPLICATES)
WORDS_TO_TELL, LETTERS_TO_TELL = 5, 10
"""With fewer words a text may well be a name or a command that is the same in both languages. Text written without
spaces is counted in letters."""
WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Letters of Thai, Lao, Burmese, Khmer, Japanese and Chinese."""
CERTAIN = 0.9
"""How certain the language must be. Of 12,000 clean English and German pairs none was misidentified."""


class Cleaning:
    """What a recipe's `data.leave_out` leaves out of a text.

    The first reading decides, later ones of the same text remember. Raises RecipeError if a language of the recipe
    cannot be recognised, MissingExtraError if the package that recognises it is missing.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.rules = recipe.data.leave_out
        self._languages = (recipe.source, recipe.target)
        self._language_of = _language_of(self._languages) if WRONG_LANGUAGE in self.rules else None
        self._left_out: frozenset[int] | None = None

    def kept(self, pairs: Iterable[Pair], report: ReadReport | None = None) -> Iterator[Pair]:
        """The pairs that no rule leaves out; the first reading counts the others in `report`. Lazy."""
        if not self.rules:
            yield from pairs
        elif self._left_out is None:
            yield from self._decide(pairs, report)
        else:
            yield from (pair for number, pair in enumerate(pairs) if number not in self._left_out)

    def _decide(self, pairs: Iterable[Pair], report: ReadReport | None) -> Iterator[Pair]:
        left_out, seen = set[int](), set[int]()
        for number, pair in enumerate(pairs):
            if not (fault := self._fault(pair, seen)):
                yield pair
                continue
            left_out.add(number)
            if report:
                report.left_out[fault] += 1
        self._left_out = frozenset(left_out)

    def _fault(self, pair: Pair, seen: set[int]) -> str:
        """The first rule that leaves a pair out, "" if none does; `seen` are the likenesses of those before it."""
        if UNTRANSLATED in self.rules and pair.source.casefold() == pair.target.casefold() and _can_tell(pair.source):
            return UNTRANSLATED
        if self._language_of:
            for text, language in zip((pair.source, pair.target), self._languages, strict=True):
                if _can_tell(text) and self._language_of(text) not in ("", language):
                    return WRONG_LANGUAGE
        if NEAR_DUPLICATES in self.rules:
            likeness = hash((_skeleton(pair.source), _skeleton(pair.target)))
            if likeness in seen:
                return NEAR_DUPLICATES
            seen.add(likeness)
        return ""


def _can_tell(text: str) -> bool:
    return len(text.split()) >= WORDS_TO_TELL or len(WITHOUT_SPACES.findall(text)) >= LETTERS_TO_TELL


def _skeleton(text: str) -> str:
    """Text without what near-duplicates differ in: case, numbers, punctuation, spaces."""
    plain = re.sub(r"\d+", "0", unicodedata.normalize("NFC", text.casefold()))
    # Letters, marks, numbers and symbols; of anything else, only that it was there.
    return " ".join("".join(c if unicodedata.category(c)[0] in "LMNS" else " " for c in plain).split())


def _language_of(languages: tuple[str, str]) -> Callable[[str], str]:
    """A text's language, "" if not certain."""
    require_extra("train", f'leave_out = ["{WRONG_LANGUAGE}"]', "py3langid")
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
