"""Made-up names in the training text: what a model copies correctly once it has had to copy many.

A small corpus knows few names, each thousands of times. Those that a pair's two sides share are therefore replaced, the
same on both sides, by other names of the text or by invented ones: letters that follow one another as in them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .seeds import mixed_seed

if TYPE_CHECKING:
    from .corpus import Pair, ReadReport
    from .recipe import Recipe

BEFORE, AFTER = r"(?<![\w./\\@:])", r"(?![\w\u0300-\u036f]|[./\\@:]\w)"
"""A name is a whole word, with its accents, and no part of a path or an address."""
WORD = re.compile(rf"{BEFORE}[^\W\d_]{{3,}}{AFTER}")
SIBILANT = re.compile(r"[szxß]$")
"""After these German has no genitive s."""
CONTEXT = 3
"""This many letters decide which may come next."""
LONGEST = 14
TWO_WORDS = 0.3
"""How often a name becomes a first and a last name."""
INVENTED = 0.5
"""How often a word is composed from letters, which may produce a known one again."""
REPORTED = "other names"
END = ""


def shared_names(source: str, target: str) -> set[str]:
    """Words with a capital and then small letters that are on both sides, on the right perhaps with German's s."""
    there = set(WORD.findall(target))
    return {
        word
        for word in WORD.findall(source)
        if word[0].isupper() and word[1:].islower() and (word in there or f"{word}s" in there)
    }


class MadeUpNames:
    """What a recipe's `data.made_up_names` does to a text, once all of it has been shown to `learn`."""

    def __init__(self, recipe: Recipe) -> None:
        self.share, self._seed = recipe.data.made_up_names, recipe.training.seed
        self._names: dict[str, None] = {}  # in the order of the text: a set's would be another in every process
        self._next: dict[str, list[str]] = {}

    @property
    def known(self) -> tuple[str, ...]:
        """The names that the text's pairs share, each once; none if the recipe does not ask for others."""
        return tuple(self._names)

    def learn(self, pair: Pair) -> None:
        """Remember the names of a pair and how their letters follow one another."""
        if not self.share:
            return
        for name in sorted(shared_names(pair.source, pair.target)):
            if name in self._names:
                continue
            self._names[name] = None
            for end in range(len(name) + 1):
                self._next.setdefault(name[max(0, end - CONTEXT) : end], []).append(name[end : end + 1] or END)

    def replaced(self, pairs: Iterable[Pair], draw: int, report: ReadReport | None = None) -> Iterator[Pair]:
        """The same pairs; of those that share names, the recipe's share gets other names, different in each `draw`.

        How many these are is counted in `report`.
        """
        if not self.share:
            yield from pairs
            return
        chance, known, changed = random.Random(mixed_seed(self._seed, draw)), self.known, 0
        for pair in pairs:
            names = sorted(shared_names(pair.source, pair.target))
            if not names or chance.random() >= self.share:
                yield pair
                continue
            others = dict[str, str]()
            for name in names:
                others[name] = self._other(name, pair, {*others.values()}, chance, known)
            changed += 1
            genitives = {f"{name}s": f"{other}s" for name, other in others.items()}
            yield replace(
                pair, source=_exchanged(pair.source, others), target=_exchanged(pair.target, {**others, **genitives})
            )
        if report:
            report.changed[REPORTED] = changed

    def _other(
        self, name: str, pair: Pair, taken: set[str], chance: random.Random, known: tuple[str, ...]
    ) -> str:  # fmt: skip
        """A name not yet used for another in this pair, taking the same genitive if there is one."""
        genitive = re.search(rf"{BEFORE}{name}(s{AFTER}|['’])", f"{pair.source}\t{pair.target}")
        while True:
            words = 2 if chance.random() < TWO_WORDS else 1
            other = " ".join(
                self._invented(chance) if chance.random() < INVENTED else chance.choice(known) for _ in range(words)
            )
            alike = not genitive or bool(SIBILANT.search(other)) == bool(SIBILANT.search(name))
            if alike and other not in taken:
                return other

    def _invented(self, chance: random.Random) -> str:
        """A word whose every letter follows on those before it as in some known name."""
        word = ""
        while (letter := chance.choice(self._next[word[-CONTEXT:]])) != END and len(word) < LONGEST:
            word += letter
        return word


def _exchanged(text: str, others: Mapping[str, str]) -> str:
    """The text with the words in `others` replaced."""
    return WORD.sub(lambda found: others.get(found[0], found[0]), text)
