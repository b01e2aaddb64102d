"""Measure a finished bundle again and write its model card and scores anew; nothing else of it is touched.

    python scripts/recard.py models/en-de --data DATA [--test DATA/en-de/test.newstest2014.tsv] [--recipe FILE]

Development sets are those of the bundle's recipe, below DATA; scores of test sets that are not named stay as they are.
With --recipe the model is searched as that one's [generation] says from now on: all else in it must be the same.
Needs the [train] extra's sacrebleu, not PyTorch.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from ttx_export.assess import assess, development_sets, sets_of, with_sizes
from ttx_export.card import model_card
from ttx_export.curve import with_curve
from ttx_export.differences import differences
from ttx_export.recipe import Recipe, load_recipe, parse_recipe

from tui_transformer import bundle
from tui_transformer.bundle import Bundle
from tui_transformer.errors import BundleError, RecipeError, TtxError
from tui_transformer.generation import MOST_HYPOTHESES
from tui_transformer.whole_file import whole_file


def recard(
    path: Path, data: Path, tests: tuple[Path, ...], beam: int | None, run: Path | None = None,
    search: Recipe | None = None,
) -> Bundle:  # fmt: skip
    """The bundle with a new card. Raises TtxError; all that can fail comes before the first change."""
    model = bundle.verify_bundle(path)
    recipe = _recipe(model)
    model = searched(model, recipe, search) if search else model
    beam = beam or model.manifest.generation.beam
    dev = development_sets(recipe.data, data)
    found = assess(model, dev, sets_of(tests, dev), beam, _say)
    manifest = with_curve(with_sizes(found.told_in(model.manifest), recipe.data, data), run)
    others = sum(int(file["size"]) for name, file in manifest.files.items() if name != bundle.CARD)
    with whole_file(path / bundle.CARD) as file:
        file.write(model_card(manifest, others, found.weaknesses).encode())
    bundle.write_manifest(path, manifest)
    return bundle.verify_bundle(path)


def searched(model: Bundle, before: Recipe, recipe: Recipe) -> Bundle:
    """The bundle, searched as another recipe says. Raises RecipeError if that would have trained another model."""
    if changed := differences(before, recipe):
        raise RecipeError(f"{model.path} was trained with {', '.join(changed)}: --recipe may only change [generation]")
    provenance = {**model.manifest.provenance, "recipe": recipe.text}
    generation = recipe.searched(provenance.get("started_from"))
    return replace(model, manifest=replace(model.manifest, generation=generation, provenance=provenance))


def _recipe(model: Bundle) -> Recipe:
    try:
        return parse_recipe(model.manifest.provenance["recipe"])
    except (KeyError, ValueError, TypeError) as error:
        raise BundleError(f"{model.path} does not say what its recipe was: {error}") from None


def main() -> int:
    """Read the options, measure, write."""
    parser = argparse.ArgumentParser(prog="recard.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path, help="the bundle's folder")
    parser.add_argument("--data", type=Path, required=True, help="the folder with the recipe's development sets")
    parser.add_argument("--test", type=Path, action="append", default=[], help="a held-out test set")
    parser.add_argument("--beam", type=int, help="the model's own, if not given")
    parser.add_argument("--run", type=Path, help="the run's folder, if it is still there: for the learning curve")
    parser.add_argument("--recipe", type=Path, help="the bundle's recipe with another [generation]")
    options = parser.parse_args()
    if options.beam is not None and not 1 <= options.beam <= MOST_HYPOTHESES:
        parser.error(f"--beam must lie between 1 and {MOST_HYPOTHESES}")
    try:
        search = load_recipe(options.recipe) if options.recipe else None
        print(recard(options.model, options.data, tuple(options.test), options.beam, options.run, search).path)
    except TtxError as error:
        _say(str(error))
        return error.exit_code
    return 0


def _say(text: str) -> None:
    print(f"recard: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
