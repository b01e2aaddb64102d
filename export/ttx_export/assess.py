"""What a model card says about a finished bundle: scores, weaknesses, and how much text its recipe read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tui_transformer.bundle import Bundle, Manifest
from tui_transformer.errors import RecipeError
from tui_transformer.runtime import usable_cores
from tui_transformer.translator import Translator

from .corpus import Pair, read_pairs, set_name
from .failures import Weakness, weaknesses
from .recipe import Data
from .score import Role, Score, score_set, translate_sources

Say = Callable[[str], None]
Sets = Mapping[str, Sequence[Pair]]


@dataclass(frozen=True, slots=True)
class Assessment:
    """Scores on all sets; weaknesses on development sets only, since test sets must not be looked into."""

    scores: tuple[Score, ...] = ()
    weaknesses: tuple[Weakness, ...] = ()

    def told_in(self, manifest: Manifest) -> Manifest:
        """The manifest with these scores, and with those it has for other sets."""
        measured = {score.set for score in self.scores}
        others = [score for score in manifest.scores if score["set"] not in measured]
        return replace(manifest, scores=(*(asdict(score) for score in self.scores), *others))


def assess(model: Bundle, dev: Sets, tests: Sets, beam: int, say: Say) -> Assessment:
    """Translate and score every set."""
    translator = Translator(model, "cpu")
    scores: list[Score] = []
    weak: list[Weakness] = []
    roles: tuple[tuple[Role, Sets], ...] = (("development", dev), ("test", tests))
    for role, sets in roles:
        for name, pairs in sets.items():
            translations = translate_sources(translator, pairs, beam, usable_cores())
            bleu, chrf = score_set(name, pairs, translations, beam, role)
            say(f"{name}: BLEU {bleu.value}, chrF {chrf.value} ({len(pairs):,} sentences, beam {beam})")
            scores += [bleu, chrf]
            if role == "development":
                weak += weaknesses(name, pairs, translations)
    return Assessment(tuple(scores), tuple(weak))


def development_sets(data: Data, folder: Path) -> dict[str, list[Pair]]:
    """The recipe's development sets. Raises RecipeError if one cannot be read."""
    return {name: _pairs(folder / file) for name, file in data.dev.items()}


def sets_of(files: Sequence[Path], others: Collection[str] = ()) -> dict[str, list[Pair]]:
    """Sets by the names of their files.

    Raises RecipeError if one cannot be read, or has the name of another one or of one of the `others`.
    """
    sets: dict[str, list[Pair]] = {}
    for file in files:
        name = set_name(file)
        if name in sets or name in others:
            raise RecipeError(f"{file}: there is another set called {name}; scores are kept by the file's name")
        sets[name] = _pairs(file)
    return sets


def with_sizes(manifest: Manifest, data: Data, folder: Path | None) -> Manifest:
    """The manifest with the pairs that each corpus has in the recipe's training files, if these are available."""
    corpora = manifest.provenance.get("corpora", [])
    if folder is None or not corpora or not all((folder / name).is_file() for name in data.train):
        return manifest
    sizes = Counter(pair.corpus for name in data.train for pair in read_pairs(folder / name))
    sized = [{**corpus, "pairs": sizes[corpus["name"]]} for corpus in corpora]
    return replace(manifest, provenance={**manifest.provenance, "corpora": sized})


def _pairs(path: Path) -> list[Pair]:
    pairs = list(read_pairs(path))
    if not pairs:
        raise RecipeError(f"{path} has no pairs")
    return pairs
