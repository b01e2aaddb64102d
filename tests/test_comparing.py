"""Two models on one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from tui_transformer.comparing import check_comparable, compare_models
from tui_transformer.errors import UsageError
from tui_transformer.heads import parse_head
from tui_transformer.translator import Translator

TEXT = "Tom called Mary's bluff."


def test_a_model_does_not_differ_from_itself(translator: Translator) -> None:
    found = compare_models(translator, translator, TEXT)
    assert found.a.target == found.b.target == "Tom zwang Mary, Farbe zu bekennen."
    assert [step.divergence for step in found.steps] == pytest.approx([0] * len(found.steps), abs=1e-6)
    assert not np.abs(found.moved.matrix).max() > 1e-6


def test_another_one_does(translator: Translator) -> None:
    head = parse_head("decoder:1:2", translator.runtime.architecture)
    found = compare_models(translator, translator.without(frozenset({head})), TEXT)
    assert max(step.divergence or 0 for step in found.steps) > 1e-4
    assert np.abs(found.moved.matrix).max() > 1e-4
    np.testing.assert_allclose(found.moved.matrix.sum(axis=1), 0, atol=1e-5)


def test_other_pieces_cannot_be_compared(translator: Translator) -> None:
    with pytest.raises(UsageError, match="different target vocabularies"):
        check_comparable(translator, Translator.load("en-de", "cpu"))
