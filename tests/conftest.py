"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from tui_transformer.translator import Translator

# No deadline: a busy machine is no failure. CI draws the same examples every time.
hypothesis.settings.register_profile("ttx", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("ttx")


@pytest.fixture(scope="session")
def bundle_folder() -> Path:
    """A model that knows the 50 `pairs` by heart, and hardly anything else."""
    return Path(__file__).parent / "data" / "tiny"


@pytest.fixture(scope="session")
def pairs() -> list[tuple[str, str]]:
    lines = (Path(__file__).parent / "data" / "pairs.tsv").read_text(encoding="utf-8").splitlines()
    return [(source, target) for source, target, _ in (line.split("\t") for line in lines)]


@pytest.fixture(scope="session")
def translator(bundle_folder: Path) -> Translator:
    from tui_transformer.translator import Translator

    return Translator.load(str(bundle_folder), "cpu")
