"""Weights between those that a run started from and those it came to (Wortsman et al. 2022, "Robust fine-tuning").

    python scripts/blend.py runs/NAME/average.pt --start MODEL --share 0.7 --out runs/NAME/blended.pt

A second training learns new text and forgets some of the old; a blend of both ends of it is often better on both. MODEL
has to be the one that the run began with. What is written is a checkpoint: `ttx export runs/NAME/blended.pt …`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ttx_export.checkpoint import read, save_atomically
from ttx_export.recipe import parse_recipe
from ttx_export.start import as_described, read_start

from tui_transformer.errors import RecipeError, TtxError


def blended(content: dict[str, Any], place: str, share: float) -> dict[str, Any]:
    """The content of a checkpoint file with weights of which `share` (0…1) are its own and the rest those of its start.

    Raises RecipeError if the checkpoint's run did not start from the model at `place`.
    """
    start, begun = read_start(place), content.get("started_from")
    if not begun or begun["weights"] != start.record["weights"]:
        raise RecipeError(f"this run did not start from the weights of {place}")
    before = as_described(parse_recipe(content["recipe"]), start).checkpoint.weights
    weights = {name: share * own + (1 - share) * before[name] for name, own in content["weights"].items()}
    # Its loss is another, and nobody has measured it.
    progress = {name: value for name, value in content["progress"].items() if name != "dev_loss"}
    # A blend may be blended again.
    record = {**begun, "share": round(1 - (1 - begun.get("share", 0.0)) * share, 6)}
    kept = {name: value for name, value in content.items() if name not in ("optimizer", "state")}
    return {**kept, "weights": weights, "progress": progress, "started_from": record}


def main() -> int:
    """Read the options, blend, write."""
    parser = argparse.ArgumentParser(prog="blend.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("checkpoint", type=Path, help="a checkpoint file of a run that started from another model")
    parser.add_argument("--start", required=True, help="that model: a bundle, a checkpoint or a run")
    parser.add_argument("--share", type=float, required=True, help="how much of the run's own weights, 0 to 1")
    parser.add_argument("--out", type=Path, required=True, help="the new checkpoint file")
    options = parser.parse_args()
    if not 0 <= options.share <= 1:
        parser.error("--share must lie between 0 and 1")
    try:
        save_atomically(blended(read(options.checkpoint), options.start, options.share), options.out)
    except TtxError as error:
        print(f"blend: {error}", file=sys.stderr)
        return error.exit_code
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
