"""Strings that come through a translation unchanged: numbers, addresses, code, placeholders, tags.

The model knows nothing about them and may well garble them. So they are looked for in its output; if one is
missing, the text is translated again with a stand-in word (`mask`), and if that gets lost as well, the text
around is translated by itself (`cut`). Pure text; `window` does the translating.

What it costs, with the shipped en-de and a beam of 4: of the 527 lines of dev.newstest2013 with something to be kept
48 lose it if nobody cares, and BLEU is 15.70 with keeping, 15.54 without (chrF 44.7, 44.6). Of the 22 of dev.tatoeba
4 lose it, most because they say a time in words, and BLEU is 33.0 with keeping, 38.5 without (chrF 58.7, 62.2): what
is put together around a number may read worse than a sentence with a wrong number
(`python scripts/measure_checks.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from .unknown import Vocabulary, unknown_to

# In order of preference at the same place.
BUILT_IN = (
    r"(?<!\w)`[^`\n]+`(?!\w)",  # code in backticks
    r"(?:https?|ftp)://[^\s<>\"'`]*[^\s<>\"'`.,;:!?)\]}]|\bwww\.[^\s<>\"'`]*[^\s<>\"'`.,;:!?)\]}]",
    r"(?<![\w.+-])[\w.+-]*\w@\w[\w-]*(?:\.\w[\w-]*)+",  # e-mail addresses
    r"</?[A-Za-z][^<>]*>|&#?\w+;|<%[^<%]*%>",  # tags and characters of HTML, templates
    r"\$\{[^{}\s]+\}|\{\{[^{}]*\}\}|\{ ?[^{}\s]* ?\}|\$[A-Za-z_]\w*",  # ${x} {{x}} {x} { x } $x
    r"%\(\w+\)[-+#0-9.]*[a-zA-Z]|%%"  # %(x)s %%
    # %s %1$d %.2f; no run of digits may be read in many ways, which takes time
    r"|%(?:\d{1,3}\$)?[-+#0]{0,5}(?:\d{1,5}|\*)?(?:\.(?:\d{1,5}|\*))?(?:hh?|ll?|[Lzjt])?[diouxXeEfFgGcspr@](?!\w)",
    r"\b[A-Za-z]:\\(?:\S*[^\s.,;:!?)\]}\"'])?|\\[nrt\"\\]",  # C:\folder \n
    r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b|\b0x[0-9A-Fa-f]+\b|#[0-9A-Fa-f]{6}\b",
    r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?\b",  # 2024-05-12T10:30:00Z
    r"\b\d+(?:\.\d+)?[eE][-+]?\d+\b",  # 1e-5
)
_NUMBER = r"(?P<ttx_number>\d+(?:[.,:\u00a0\u202f]\d+)*)"
_BEFORE_THREE = re.compile(r"\D(?=\d{3}(?!\d))")
_BETWEEN_DIGITS = re.compile(r"\D")

# Words that a model copies where it garbles the rest. Of 88 sentences of Tatoeba with a stand-in for a name 88
# came through with "X1", 88 with "Tom", none with an invented word; of 50 sentences of news and Tatoeba with one
# number or address 29 with "X1", 44 with "Tom", 46 with one or the other.
STAND_INS = (
    ("X1", "X2", "X3", "X4", "X5", "X6", "X7", "X8"),
    ("Tom", "Mary", "John", "Boston", "Peter", "Maria", "Paul", "Anna"),
)
_LAST_WORD = re.compile(r"\w(?=\W*$)")
_FIRST_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Keeper:
    """Knows what must be kept: what matches one of the `patterns`, at each place the first that does."""

    patterns: tuple[re.Pattern[str], ...]
    names: bool = False
    """Whether names are mended too, which no pattern tells (`respelling`)."""
    spelt: bool = False
    """Whether what a vocabulary cannot say is kept too (`knowing`)."""
    unknown: Callable[[str], list[str]] | None = None
    """The words and signs of a text that the model cannot say, once that is known."""

    @classmethod
    def of(cls, patterns: Sequence[str] = (), built_in: bool = True) -> Keeper:
        """The given regular expressions, and what is kept anyway. Raises re.error for an invalid expression."""
        usual = (*BUILT_IN, _NUMBER) if built_in else ()
        if not any(map(_is_alone, patterns)):
            return cls((_joined([*patterns, *usual]),), built_in, built_in)
        return cls((*map(re.compile, patterns), *([_joined(usual)] if usual else [])), built_in, built_in)

    def knowing(self, vocabulary: Vocabulary) -> Keeper:
        """The same for this vocabulary: what it cannot say is kept, if that is wanted."""
        return replace(self, unknown=unknown_to(vocabulary)) if self.spelt else self

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Beginning and end of each string to be kept; those that touch are one."""
        found: list[tuple[int, int]] = []
        for start, stop in (match.span() for match in self._matches(text)):
            if found and found[-1][1] == start:
                start = found.pop()[0]
            found.append((start, stop))
        return found

    def kept(self, text: str) -> Counter[str]:
        """Each string that must be in the translation, and how often.

        Of a number these are its digits, and where they are separated: 1,825.5 is 1.825,5 or 1825,5 elsewhere. The
        separator is up to the language, and so is whether there is one before three digits.
        """
        found: Counter[str] = Counter()
        for match in self._matches(text):
            found[_number(match.group()) if match.lastgroup == "ttx_number" else match.group()] += 1
        return found

    def _matches(self, text: str) -> Iterator[re.Match[str]]:
        """What the patterns match, as if they were joined by |."""
        patterns = self.patterns
        if unknown := self.unknown(text) if self.unknown else []:
            longest_first = sorted(set(unknown), key=len, reverse=True)
            patterns = (*patterns, re.compile("|".join(map(re.escape, longest_first))))
        if len(patterns) == 1:
            yield from (match for match in patterns[0].finditer(text) if match.group())
            return
        place = 0
        # Place by place: a pattern that looked further would look again and again at what another one has taken.
        while place < len(text):
            matches = (pattern.match(text, place) for pattern in patterns)
            found = next((match for match in matches if match and match.group()), None)
            if found:
                yield found
            place = found.end() if found else place + 1

    def keeps(self, kept: Counter[str], translation: str) -> bool:
        """Whether everything to be kept from a text is in its translation."""
        return not kept or kept <= self.kept(translation)

    def mask(self, text: str, stand_ins: Sequence[str]) -> tuple[str, dict[str, str]] | None:
        """The text with a stand-in for each kept string, and what each stands for; None if that is impossible."""
        free = [word for word in stand_ins if word not in text]
        spans = self.spans(text)
        if not spans or len(spans) > len(free):
            return None
        masked, stands_for, end = "", dict[str, str](), 0
        for (start, stop), word in zip(spans, free, strict=False):
            stands_for[word] = text[start:stop]
            masked, end = masked + text[end:start] + word, stop
        return masked + text[end:], stands_for

    def cut(self, text: str) -> list[tuple[str, bool]]:
        """The text in pieces, each with whether it stays as it is. Nothing is lost.

        What stays are the kept strings with the space and punctuation around them, which tell nothing to a
        model that reads only what comes before or after.
        """
        pieces, end = list[tuple[str, bool]](), 0
        spans = [*self.spans(text), (len(text), len(text))]
        for start, stop in spans:
            between = text[end:start]
            first, last = _FIRST_WORD.search(between), _LAST_WORD.search(between)
            head = (first.start() if end else 0) if first else len(between)
            tail = (last.end() if start < len(text) else len(between)) if last else len(between)
            pieces += [(between[:head], True), (between[head:tail], False), (between[tail:] + text[start:stop], True)]
            end = stop
        return [(piece, stays) for piece, stays in pieces if piece]


def _joined(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


def _is_alone(pattern: str) -> bool:
    """Whether an expression changes meaning beside others: groups have numbers and names, flags apply to all."""
    return bool(re.compile(pattern).groups) or pattern.startswith("(?")


def _number(text: str) -> str:
    """The same for all ways of writing a number."""
    return _BETWEEN_DIGITS.sub(".", _BEFORE_THREE.sub("", text))


def unmask(text: str, stands_for: dict[str, str]) -> str | None:
    """The kept strings in their places again; None unless each stand-in is there once, as a word."""
    found: list[str] = []

    def restore(match: re.Match[str]) -> str:
        found.append(match.group())
        return stands_for[match.group()]

    restored = re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, stands_for))})(?!\w)", restore, text)
    return restored if sorted(found) == sorted(stands_for) else None
