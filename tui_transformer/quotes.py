"""What a sentence quotes, and the sentence around it. Pure text; `quoting` has both translated.

A small model loses its way where someone is quoted: it drops the marks, and who said it. So the words between
quotation marks are translated by themselves, and the sentence around them with a stand-in, which a model copies:
"OK," says the consultant. A few quoted words belong to the grammar of their sentence: that is read whole first, and in
two only if marks get lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

STAND_IN = "OK"
SENTENCE = 3
"""So many quoted words are read without the sentence around them in any case."""
PARTNERS = {'"': '"', "“": "”", "„": "“", "«": "»"}
MARKS = "".join({**PARTNERS, "”": "", "»": ""})

_MARK = re.compile(f"[{MARKS}]")
_WORD = re.compile(r"[^\W_]")
_SIGNS = "[.,;:!?…]*"
_SIGN = re.compile(r"([.,;:!?…])\s*$")
_OPENS = re.compile(rf"(?<![^\s(\[—–])(?<!\w[(\[])[{''.join(PARTNERS)}](?=\S)|«")
_CLOSES = re.compile(rf"(?<=\S)[{''.join(PARTNERS.values())}](?![^\W_])|»")
_ENDS = re.compile(rf"(?<=[.,!?…]).|(?<!\d).{_SIGNS}$")
_SAID = re.compile(rf"(?P<opening>[{MARKS}]\s?){STAND_IN}(?P<sign>{_SIGNS})(?P<closing>\s?[{MARKS}])")
_GOES_ON = re.compile(r"(?<=\w)[,;:]$")
_FINAL = re.compile(r"(?:[!?…]|\.\.\.)$")


@dataclass(frozen=True, slots=True)
class Quote:
    """The words between two marks, one of which is "" where the quotation goes on in another sentence."""

    opening: str
    words: str
    closing: str

    @property
    def spoken(self) -> str:
        """The words as a text of their own: what has a comma only before more words ends with a full stop."""
        return _GOES_ON.sub(".", self.words.strip())

    @property
    def frame(self) -> str:
        """What stands for it in the sentence around, with both marks and the sign at the end."""
        opening = self.opening or next(mark for mark, partner in PARTNERS.items() if partner == self.closing)
        sign = _SIGN.search(self.words)
        return f"{opening}{STAND_IN}{sign[1] if sign else ''}{PARTNERS[opening]}"


@dataclass(frozen=True, slots=True)
class Quoting:
    """A text that quotes: `around` is what stands before, between and behind its quotes, one more than these."""

    around: tuple[str, ...]
    quotes: tuple[Quote, ...]

    @property
    def frame(self) -> str:
        """The text with a stand-in for each quote."""
        first, *rest = self.around
        return first + "".join(quote.frame + text for quote, text in zip(self.quotes, rest, strict=True))

    @property
    def is_framed(self) -> bool:
        """Whether anything is said around the quotes."""
        return any(map(_WORD.search, self.around))

    @property
    def is_speech(self) -> bool:
        """Whether so much is quoted that it is read by itself in any case."""
        return not self.is_framed or all(len(quote.words.split()) >= SENTENCE for quote in self.quotes)

    def restored(self, said: str, quotes: Sequence[str]) -> str | None:
        """A translation of the frame, with those of the quotes in their places; None if a stand-in is not there."""
        if len(_SAID.findall(said)) != len(self.quotes):
            return None
        translated = zip(self.quotes, quotes, strict=True)

        def restore(match: re.Match[str]) -> str:
            quote, words = next(translated)
            if not _FINAL.search(words):
                words = words.rstrip(".,;:") + match["sign"]
            return f"{match['opening'] if quote.opening else ''}{words}{match['closing'] if quote.closing else ''}"

        return _SAID.sub(restore, said)

    def keeps(self, translation: str) -> bool:
        """Whether a translation has as many quotation marks as the text."""
        marks = sum(bool(quote.opening) + bool(quote.closing) for quote in self.quotes)
        return len(_MARK.findall(translation)) == marks


def quoting(text: str) -> Quoting | None:
    """What a text without white space around it quotes; None if nothing, or if its marks are not in pairs.

    At the beginning a quotation may have begun in another sentence, at the end it may go on in one.
    """
    around, quotes, end, opened = list[str](), list[Quote](), 0, -1
    for match in _MARK.finditer(text):
        place = match.start()
        if opened < 0 and _OPENS.match(text, place):
            around.append(text[end:place])
            opened = place
        elif (opened >= 0 and PARTNERS[text[opened]] == match.group() and _CLOSES.match(text, place)) or (
            opened < 0 and not quotes and _CLOSES.match(text, place) and _ENDS.match(text, place)
        ):
            around += [""] if opened < 0 else []
            quotes.append(Quote(text[opened] if opened >= 0 else "", text[opened + 1 : place], match.group()))
            end, opened = match.end(), -1
        else:
            return None
    if opened >= 0:
        quotes.append(Quote(text[opened], text[opened + 1 :], ""))
        end = len(text)
    around.append(text[end:])
    return Quoting(tuple(around), tuple(quotes)) if quotes and all(_WORD.search(q.words) for q in quotes) else None
