"""What a model is made of, counted two ways, and where its bytes are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.analysis.parameters import flat, formula, parameters, stored
from tui_transformer.architecture import NORMS, TIED, Architecture
from tui_transformer.bundle import read_bundle
from tui_transformer.catalogue import find_model

SMALL = st.integers(1, 6)
ARCHITECTURES = st.builds(
    lambda encoder, decoder, heads, half, ff, source, target, positions, norm, tied: Architecture(
        encoder, decoder, heads, 2 * half * heads, ff, source, source if tied == "all" else target, positions,
        norm=norm, tied=tied,
    ),
    SMALL, SMALL, SMALL, SMALL, SMALL, st.integers(1, 50), st.integers(1, 50), st.integers(1, 900),
    st.sampled_from(NORMS), st.sampled_from(TIED),
)  # fmt: skip


@given(ARCHITECTURES)
def test_the_tree_counts_what_the_formula_says(shape: Architecture) -> None:
    whole = parameters(shape)
    assert whole.count == formula(shape)
    counted = sum(times * (part.each - sum(one.count for one in part.parts)) for part, _, times in flat(whole))
    assert counted == whole.count


@given(ARCHITECTURES, st.integers(1, 900))
def test_the_count_does_not_depend_on_the_length_of_a_sentence(shape: Architecture, positions: int) -> None:
    longer = Architecture.from_dict(shape.to_dict() | {"positions": positions})
    assert parameters(longer) == parameters(shape)


def test_the_paper_s_base_model_has_about_as_many_as_the_paper_says() -> None:
    """Table 3: 65 million, for about 37,000 shared pieces."""
    base = Architecture(6, 6, 8, 512, 2048, 37_000, 37_000, tied="all")
    assert formula(base) == 63_119_496
    assert formula(base) / 65e6 == pytest.approx(1, abs=0.03)


def models(bundle_folder: Path) -> list[Path]:
    return [bundle_folder, find_model("en-de")]


def test_it_is_what_was_trained(bundle_folder: Path) -> None:
    for path in models(bundle_folder):
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        assert formula(Architecture.from_dict(manifest["architecture"])) == manifest["provenance"]["parameters"]


def test_matrices_nearly_fill_the_files_of_weights(bundle_folder: Path) -> None:
    for path in models(bundle_folder):
        manifest = read_bundle(path).manifest
        found = stored(manifest.architecture, manifest.precision)
        for file in {one.file for one in found}:
            inside = sum(one.bytes for one in found if one.file == file)
            assert 0.9 * manifest.files[file]["size"] < inside <= manifest.files[file]["size"]
