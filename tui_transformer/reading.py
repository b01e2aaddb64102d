"""How a model reads a line, part by part, and how what it says of a part stands in the line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .clauses import clauses, ended, unended, unsigned
from .quotes import quoting
from .source import Source, characters, edges, readable
from .splitting import cut, sentences

if TYPE_CHECKING:
    from .bundle import Manifest
    from .tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Reading:
    """A model's vocabularies, its source language and its limits.

    `end` is the id behind every source; `longest` the most pieces of a sentence, with that; `clause_limit` is as in
    `Generation`.
    """

    source: Tokenizer
    target: Tokenizer
    language: str
    end: int
    positions: int
    longest: int
    clause_limit: int

    @classmethod
    def of(cls, manifest: Manifest, source: Tokenizer, target: Tokenizer) -> Reading:
        """What a manifest says of it."""
        positions, end = manifest.architecture.positions, manifest.special.source_eos
        return cls(
            source, target, manifest.source_language, end, positions, min(manifest.sentence_limit, positions),
            manifest.generation.clause_limit,
        )  # fmt: skip

    def split(
        self, line: str, language: str = "", clause_limit: int | None = None,
        spans: Sequence[tuple[int, int]] = (), quotes: bool = False,
    ) -> list[Source]:  # fmt: skip
        """A line as the parts to be translated: its sentences, and the clauses of those that are too long.

        Each part is translated into the `language` that the line begins with, else into the one that is given.
        `clause_limit` is as in `Options`; no clause ends within one of the `spans` of the line, given in order. With
        `quotes`, a sentence that quotes stays whole if the model can read it at once (`quoting`).
        Raises LanguageError for a language that the model does not know.
        """
        own, text = self.source.language(characters(line))
        language = own or language
        limit = self._room(self.longest, language)
        most = min((self.clause_limit if clause_limit is None else clause_limit) or limit, limit)
        found, start = list[Source](), len(line) - len(text)
        for sentence in sentences(text, self.language):
            parts, size = [sentence], self._size(sentence)
            if size > most and not (quotes and size <= limit and quoting(sentence.strip())):
                # A sentence that must be cut leaves room for the full stops of its parts.
                room = limit - (size > limit)
                in_clauses = clauses(sentence, self._size, min(most, room), spans, start)
                parts = [part for clause in in_clauses for part in cut(clause, self._size, room)]
            last = len(parts) - 1
            found += [self._part(part, limit, language, i == 0, i == last) for i, part in enumerate(parts)]
            start += len(sentence)
        return found

    def reread(self, source: Source, text: str) -> Source | None:
        """The same part of a line with another text; None if that is too long, or several sentences."""
        whole, limit = source.before + text + source.after, self._room(self.longest, source.language)
        if self._size(whole) > limit or len(sentences(whole, self.language)) > 1:
            return None
        return self._part(whole, limit, source.language, source.opens, source.closes)

    def whole(self, text: str) -> Source:
        """A text in one part, cut at the model's positions. Raises LanguageError as `split` does."""
        language, text = self.source.language(text)
        return self._part(text, self._room(self.positions, language), language)

    def is_cut(self, source: Source) -> bool:
        """Whether `whole` had to leave something out."""
        # Only the longest can have been cut: all others need no second look.
        if len(source.ids) < self.positions:
            return False
        return self._size(source.text) > self._room(self.positions, source.language)

    def placed(self, source: Source, said: str) -> str:
        """A part's translation with what its source has around it.

        A part of a longer sentence goes without the full stop, and without the capital, of a whole one.
        """
        said = said if source.closes else unended(said)
        if not source.opens and source.text[:1].islower():
            said = self._uncapitalised(said)
        return source.before + said + source.after

    def _uncapitalised(self, text: str) -> str:
        """The text in lower case at its beginning, if the vocabulary has that word earlier, which is more often, so."""
        word = text.split(maxsplit=1)[0] if text[:1].isupper() else ""
        if not word[1:].islower():
            return text
        lower = word[0].lower() + word[1:]
        usual, capital = (self.target.encode(form.rstrip(".,;:")) for form in (lower, word))
        rarer = len(usual) == 1 and (len(capital) > 1 or usual < capital)
        return lower + text[len(word) :] if rarer else text

    def _part(self, text: str, limit: int, language: str = "", opens: bool = True, closes: bool = True) -> Source:
        before, core, after = edges(text)
        if not closes:
            core, sign = unsigned(core)
            after = sign + after
            closes = not after  # cut inside a word
        code = self.source.encode(language) if language else []
        read = readable(core)
        if not read:
            return Source.literal(text)
        ids = (*code, *self.source.encode(read if closes else ended(read))[:limit], self.end)
        return Source(core, ids, before, after, language=language, opens=opens, closes=closes)

    def _size(self, text: str) -> int:
        return len(self.source.encode(readable(text)))

    def _room(self, most: int, language: str) -> int:
        """The most pieces of a text, besides its end and the language that it is translated into."""
        return most - (2 if language else 1)
