"""What goes into a model, and what it makes of a given translation: a part of a line, ready to be read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from .errors import LanguageError, UsageError
from .search import Floats

Text = TypeVar("Text")
Made = TypeVar("Made")

_LINE_BREAKS = re.compile(r"[\r\n]+")
_HALF_PAIRS = re.compile("[\ud800-\udfff]")
_LIGATURES = re.compile("[\ufb00-\ufb06]")
JOINERS = "\u200c\u200d"
"""Signs that some scripts are spelt with; all others that are not seen say nothing to a reader."""


@dataclass(frozen=True, slots=True)
class Source:
    """A part of a line: its text, the white space around it, and its ids for the encoder, end piece included.

    Without ids there is nothing to translate: such a part comes out as it is. What attention must not see of it,
    places among the ids, is `hidden`. `language` is the code of the language to translate into that its line began
    with, for models that know several; it is in the ids, not in the text.
    A part of a longer sentence does not `open` it, or does not `close` it: then a full stop is read behind it, not the
    comma that is in `after`.
    """

    text: str
    ids: tuple[int, ...]
    before: str = ""
    after: str = ""
    hidden: frozenset[int] = frozenset()
    language: str = ""
    opens: bool = True
    closes: bool = True

    @classmethod
    def literal(cls, text: str) -> Source:
        """A part that is not to be translated."""
        return cls("", (), text)

    def hiding(self, places: Iterable[int]) -> Source:
        """The same part with these pieces hidden from all attention, as padding is.

        Raises UsageError for a place that is not there, or if nothing would be left to see.
        """
        hidden = frozenset(places)
        if not hidden <= set(range(len(self.ids))):
            raise UsageError(f"the source has pieces 1 to {len(self.ids)}: only these can be hidden")
        if hidden and len(hidden) == len(self.ids):
            raise UsageError("not all pieces of the source can be hidden: attention must see something")
        return replace(self, hidden=hidden)

    @property
    def written(self) -> str:
        """The text with the sign behind it that is not read (`closes`), without white space around."""
        return (self.text + self.after).rstrip()

    @property
    def whole(self) -> str:
        """The part of the line as it was."""
        return self.before + self.text + self.after


@dataclass(frozen=True, slots=True)
class ForcedTarget:
    """What the model makes of a given translation: its log-probabilities, end included, in nats, and attention.

    `cross_attention` (L, H, T, S), T the target with its end; None unless it was asked for.
    """

    ids: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    cross_attention: Floats | None


def until_refused(texts: Iterable[Text], make: Callable[[Text], Made]) -> tuple[list[Made], LanguageError | None]:
    """What is made of each text, up to the first one in a language that the model does not know, and its error."""
    made = list[Made]()
    for text in texts:
        try:
            made.append(make(text))
        except LanguageError as error:
            error.place = len(made)
            return made, error
    return made, None


def edges(text: str) -> tuple[str, str, str]:
    """A text's white space in front, the text without it, and the white space behind."""
    before, core = text[: len(text) - len(text.lstrip())], text.strip()
    return before, core, text[len(before) + len(core) :]


def in_one_line(text: str) -> str:
    """The text with blanks for its line breaks."""
    return _LINE_BREAKS.sub(" ", text)


def characters(text: str) -> str:
    """The text with halves of surrogate pairs, which are not characters, replaced."""
    return _HALF_PAIRS.sub("\ufffd", text)


def readable(text: str) -> str:
    """What the model gets to read of a text: composed characters in one line, no white space around.

    Blanks of all kinds are one, ligatures are letters, and signs that nobody sees are left out.
    """
    text = in_one_line(unicodedata.normalize("NFC", characters(text)))
    if not text.isprintable():
        text = "".join(map(_seen, text))
    text = _LIGATURES.sub(lambda found: unicodedata.normalize("NFKC", found.group()), text)
    return text.replace("\u02bc", "'").strip()


def words_of(text: str) -> list[str]:
    """The words of a text, as white space parts them; what nobody sees is none."""
    return [word for word in text.split() if readable(word)]


def _seen(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in ("Cc", "Cf") and character not in JOINERS else character
