"""Make tests/data/tiny: a 2 + 2 layer model that knows 50 sentences by heart, so that tests need no training.

    python scripts/make_tiny_bundle.py [OUT]

Takes about half a minute. The same recipe is trained afresh by the tests that need a PyTorch checkpoint.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch
from ttx_export.checkpoint import load_checkpoint
from ttx_export.package import Wanted, export_bundle
from ttx_export.prepare import prepare
from ttx_export.recipe import load_recipe
from ttx_export.train import Trainer

DATA = Path(__file__).parents[1] / "tests" / "data"


def train_tiny(run: Path) -> Path:
    """Train tests/data/tiny.toml in the folder `run`; returns the last checkpoint."""
    torch.set_num_threads(1)
    recipe = load_recipe(DATA / "tiny.toml")
    for _ in Trainer(recipe, prepare(recipe, DATA, run / "corpus"), run).run():
        pass
    return run / "last.pt"


def main() -> None:
    """Train and export."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA / "tiny"
    with tempfile.TemporaryDirectory() as run:
        checkpoint = load_checkpoint(train_tiny(Path(run)))
        bundle = export_bundle(checkpoint, out, Wanted("fp32", score=False), print)
    print(f"{bundle.path}: {bundle.bytes:,} bytes")


if __name__ == "__main__":
    main()
