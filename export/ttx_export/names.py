"""Made-up names in the training text: what a model copies correctly once it has had to copy many.

A small corpus knows few names, each thousands of times. Those that a pair's two sides share are therefore replaced, the
same on both sides, by names that stand elsewhere in the text or in none: letters that follow one another as in them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .seeds import mixed_seed

if TYPE_CHECKING:
    from .corpus import Pair
    from .recipe import Recipe

WORD = re.compile(r"\b[^\W\d_]{3,}\b")
CONTEXT = 3
"""So many letters decide which may come next."""
LONGEST = 14
TWO_WORDS = 0.3
"""How often a name becomes a first and a last one."""
INVENTED = 0.5
"""How often a name is one that stands nowhere in the text."""
END = ""


def shared_names(source: str, target: str) -> set[str]:
    """Words with a capital and then small letters that stand on both sides, on the right perhaps with German's s."""
    there = set(WORD.findall(target))
    return {
        word
        for word in WORD.findall(source)
        if word[0].isupper() and word[1:].islower() and (word in there or f"{word}s" in there)
    }


class MadeUpNames:
    """What a recipe's `data.made_up_names` makes of a text, once all of it has been shown to `learn`."""

    def __init__(self, recipe: Recipe) -> None:
        self.share, self._seed = recipe.data.made_up_names, recipe.training.seed
        self._names: dict[str, None] = {}  # in the order of the text: a set's would be another in every process
        self._next: dict[str, list[str]] = {}

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

    def replaced(self, pairs: Iterable[Pair], draw: int) -> Iterator[Pair]:
        """The same pairs; of those that share names, the recipe's share with others, in each `draw` again others."""
        if not self._names:
            yield from pairs
            return
        chance, known = random.Random(mixed_seed(self._seed, draw)), list(self._names)
        for pair in pairs:
            names = sorted(shared_names(pair.source, pair.target))
            if not names or chance.random() >= self.share:
                yield pair
                continue
            others = {name: self._other(chance, known) for name in names}
            yield replace(pair, source=_exchanged(pair.source, others), target=_exchanged(pair.target, others))

    def _other(self, chance: random.Random, known: list[str]) -> str:
        words = 2 if chance.random() < TWO_WORDS else 1
        return " ".join(
            self._invented(chance) if chance.random() < INVENTED else chance.choice(known) for _ in range(words)
        )

    def _invented(self, chance: random.Random) -> str:
        """A word whose every letter follows on those before it as in some known name."""
        word = ""
        while (letter := chance.choice(self._next[word[-CONTEXT:]])) != END and len(word) < LONGEST:
            word += letter
        return word


def _exchanged(text: str, others: Mapping[str, str]) -> str:
    """The text with its whole words that `others` knows exchanged; a German s behind them stays."""
    return re.sub(rf"\b({'|'.join(others)})(?=s?\b)", lambda found: others[found[1]], text)
