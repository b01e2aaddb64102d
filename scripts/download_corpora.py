"""Fetch the corpora of the published models from their public sites, as TSV that recipes read.

    python scripts/download_corpora.py --list
    python scripts/download_corpora.py en-de/train.tsv.gz --out data

Needs nothing but Python. The sites, their licences and what is made of them are in scripts/corpora/sources.toml.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Run the command from anywhere, installed or not."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from scripts.corpora.command import run

    return run()


if __name__ == "__main__":
    sys.exit(main())
