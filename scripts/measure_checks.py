"""What keeping, mended names, clauses and quotes cost or gain, and how often the guard is right, on development sets.

    python scripts/measure_checks.py [--data FOLDER] [--model FOLDER] [--json FILE]

Keeping: BLEU and chrF of the lines that have something to be kept, with it and without, and how many translations
then lack a kept string. Names: BLEU and chrF of all lines, with names mended and without. Clauses: of the lines that
the model has cut, as they are and cut no more than they must be. Quotes: of the lines with quotation marks in pairs,
with their quotes translated by themselves and without. The guard: how many of the model's own translations,
of human ones and of ones made bad on purpose it flags, and why. Needs the [train] extra.
These numbers stand in README and in the docstrings of `keep`, `names`, `clauses`, `quotes` and `quality`.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from ttx_export.corpus import Pair, read_pairs
from ttx_export.score import score_set

from tui_transformer.analysis.alignment import default_heads
from tui_transformer.batching import Batching, translate_lines
from tui_transformer.keep import Keeper
from tui_transformer.quality import suspicions
from tui_transformer.quotes import quoting
from tui_transformer.runtime import usable_cores
from tui_transformer.search import Hypothesis
from tui_transformer.translation import Part, Wanted
from tui_transformer.translator import Options, Translator
from tui_transformer.window import batches_by_length, spread

REPOSITORY = Path(__file__).parents[1]
DATA = REPOSITORY.parent / "shared" / "data" / "en-de"
ROWS = 32

Spoil = Callable[[Pair, str, random.Random], str]


def looped(pair: Pair, _: str, chance: random.Random) -> str:
    """The last two to four words come again and again."""
    words, count = pair.target.split(), chance.randint(2, 4)
    return " ".join(words + words[-count:] * 3)


def half(pair: Pair, _: str, chance: random.Random) -> str:
    """Half of the words, that follow one another, are gone."""
    words = pair.target.split()
    gone = max(1, len(words) // 2)
    start = chance.randint(0, len(words) - gone)
    return " ".join(words[:start] + words[start + gone :])


def third(pair: Pair, _: str, chance: random.Random) -> str:
    """A third of the words, that follow one another, is gone."""
    words = pair.target.split()
    gone = max(1, len(words) // 3)
    start = chance.randint(0, len(words) - gone)
    return " ".join(words[:start] + words[start + gone :])


BAD: dict[str, Spoil] = {
    "looped": looped,
    "copied": lambda pair, _, __: pair.source,
    "half the words dropped": half,
    "a third of the words dropped": third,
    "the translation of another line": lambda _, other, __: other,
}


def keeping(translator: Translator, pairs: Sequence[Pair], name: str) -> dict[str, Any]:
    """Scores with and without keeping, on the lines where that may matter."""
    keeper, found = replace(Keeper.of(), names=False), dict[str, Any]()
    concerned = [pair for pair in pairs if keeper.kept(pair.source)]
    found["lines"] = len(concerned)
    for how, used in (("kept", keeper), ("not kept", None)):
        texts = _translated(translator, concerned, used)
        lost = sum(not keeper.keeps(keeper.kept(p.source), text) for p, text in zip(concerned, texts, strict=True))
        found[how] = _scored(name, concerned, texts) | {"lines that lack a string": lost}
    return found


def naming(translator: Translator, pairs: Sequence[Pair], name: str) -> dict[str, Any]:
    """Scores of all lines with names mended and without."""
    with_names = _translated(translator, pairs, Keeper.of())
    without = _translated(translator, pairs, replace(Keeper.of(), names=False))
    changed = sum(one != other for one, other in zip(with_names, without, strict=True))
    scores = {"mended": _scored(name, pairs, with_names), "as written": _scored(name, pairs, without)}
    return {"lines": len(pairs), "lines changed": changed, **scores}


def cutting(translator: Translator, pairs: Sequence[Pair], name: str) -> dict[str, Any]:
    """Scores of the lines that the model's own limit for clauses cuts, with it and without."""
    whole, quotes = Options(clause_limit=0), translator.generation.quotes

    def parts(pair: Pair, limit: int | None = None) -> int:
        return len(translator.split(pair.source, clause_limit=limit, quotes=quotes))

    concerned = [pair for pair in pairs if parts(pair) > parts(pair, 0)]
    cut, uncut = (_translated(translator, concerned, Keeper.of(), options) for options in (Options(), whole))
    scores = {"cut": _scored(name, concerned, cut), "not cut": _scored(name, concerned, uncut)} if concerned else {}
    return {"lines": len(concerned), **scores}


def apart(translator: Translator, pairs: Sequence[Pair], name: str) -> dict[str, Any]:
    """Scores of the lines that quote, with their quotes translated by themselves and without."""
    concerned = [p for p in pairs if any(quoting(s.text) for s in translator.split(p.source, quotes=True))]
    found = dict[str, Any](lines=len(concerned))
    for how, quotes in (("apart", True), ("as it stands", False)) if concerned else ():
        texts = _translated(translator, concerned, Keeper.of(), Options(quotes=quotes))
        found[how] = _scored(name, concerned, texts)
    return found


def _translated(
    translator: Translator, pairs: Sequence[Pair], keeper: Keeper | None, options: Options | None = None
) -> list[str]:
    lines, batching = (pair.source for pair in pairs), Batching(usable_cores())
    return [t.text for t in translate_lines(translator, lines, options or Options(), batching, Wanted(keeper=keeper))]


def _scored(name: str, pairs: Sequence[Pair], texts: Sequence[str]) -> dict[str, Any]:
    bleu, chrf = score_set(name, pairs, texts, Options().beam)
    return {"BLEU": bleu.value, "chrF": chrf.value}


def flags_of_own(translator: Translator, pairs: Sequence[Pair]) -> dict[str, Any]:
    """What the guard says of the model's translations, beam search."""
    wanted = Wanted(scores=True, attentions=True, keeper=Keeper.of())
    lines, batching = (pair.source for pair in pairs), Batching(usable_cores())
    return _counted(
        _kinds(translator, translation.parts)
        for translation in translate_lines(translator, lines, Options(), batching, wanted)
    )


def flags_of_given(translator: Translator, pairs: Sequence[Pair], targets: Sequence[str]) -> dict[str, Any]:
    """What the guard says of translations that are given."""
    sources = [translator.whole(pair.source) for pair in pairs]
    ids = [translator.target_ids(target) for target in targets]

    def kinds(batch: list[int]) -> list[set[str]]:
        forced = translator.force([sources[i] for i in batch], [ids[i] for i in batch], attentions=True)
        return [
            _kinds(translator, [Part(sources[i], (Hypothesis(f.ids, 0.0, 0.0),), (targets[i],), (f,))])
            for i, f in zip(batch, forced, strict=True)
        ]

    lengths = [len(source.ids) + len(target) for source, target in zip(sources, ids, strict=True)]
    with ThreadPoolExecutor(usable_cores()) as pool:
        return _counted(spread(pool, list(batches_by_length(range(len(pairs)), lengths, ROWS, 1)), kinds))


def _kinds(translator: Translator, parts: Sequence[Part]) -> set[str]:
    shape = translator.runtime.architecture
    heads = default_heads(shape.decoder_layers, shape.heads)
    return {flag.kind for flag in suspicions(parts, translator.source, translator.target, heads)}


def _counted(found: Any) -> dict[str, Any]:
    every = list(found)
    kinds = Counter(kind for one in every for kind in one)
    return {"lines": len(every), "flagged": sum(map(bool, every)), "kinds": dict(kinds.most_common())}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default=str(REPOSITORY / "models" / "en-de"))
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=["dev.tatoeba", "dev.newstest2013"])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args()
    translator, found = Translator.load(options.model, "cpu"), dict[str, Any]()
    for name in options.sets:
        pairs = list(read_pairs(options.data / f"{name}.tsv"))
        found[f"{name}: keeping"] = keeping(translator, pairs, name)
        print(name, "keeping", found[f"{name}: keeping"], flush=True)
        found[f"{name}: names"] = naming(translator, pairs, name)
        print(name, "names", found[f"{name}: names"], flush=True)
        found[f"{name}: clauses"] = cutting(translator, pairs, name)
        print(name, "clauses", found[f"{name}: clauses"], flush=True)
        found[f"{name}: quotes"] = apart(translator, pairs, name)
        print(name, "quotes", found[f"{name}: quotes"], flush=True)
    pairs, chance = list(read_pairs(options.data / f"{options.sets[0]}.tsv")), random.Random(1)
    rows = {"own": flags_of_own(translator, pairs)}
    print(f"{options.sets[0]} own: {rows['own']}", flush=True)
    rows["human"] = flags_of_given(translator, pairs, [pair.target for pair in pairs])
    print(f"{options.sets[0]} human: {rows['human']}", flush=True)
    others = [pair.target for pair in pairs[1:] + pairs[:1]]
    for what, spoil in BAD.items():
        bad = [spoil(pair, other, chance) for pair, other in zip(pairs, others, strict=True)]
        rows[what] = flags_of_given(translator, pairs, bad)
        print(f"{options.sets[0]} {what}: {rows[what]}", flush=True)
    found[f"{options.sets[0]}: guard"] = rows
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
