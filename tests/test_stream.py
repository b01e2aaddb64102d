"""What becomes of the residual stream, in numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tui_transformer.analysis.cosine import cosines, mean_cosine
from tui_transformer.analysis.stream import Forming, norms


def test_norms_and_cosines() -> None:
    vectors = np.array([[3.0, 4.0], [-3.0, -4.0], [4.0, -3.0], [0.0, 0.0]])
    assert norms(vectors).tolist() == [5, 5, 5, 0]
    expected = [[1, -1, 0, 0], [-1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(cosines(vectors), expected, atol=1e-12)
    np.testing.assert_allclose(cosines(np.stack([vectors, 7 * vectors])), [expected] * 2, atol=1e-12)


def test_the_mean_leaves_out_what_is_alike_by_itself() -> None:
    assert mean_cosine(np.array([[1, 0.5, 0], [0.5, 1, 0.25], [0, 0.25, 1]])) == pytest.approx(0.25)
    assert mean_cosine(np.ones((1, 1))) == 1


def test_a_piece_is_settled_when_it_stays() -> None:
    tops = [[0, 1, 2, 0], [1, 1, 0, 2], [1, 0, 1, 2]]  # by reading, then by position
    forming = Forming.of(np.eye(3)[tops] * 5, [1, 1, 1, 0], "abc".__getitem__)
    assert forming.top == (("a", "b", "c", "a"), ("b", "b", "a", "c"), ("b", "a", "b", "c"))
    assert forming.settled == (1, None, 2, None)
    high, low = np.exp(5) / (np.exp(5) + 2), 1 / (np.exp(5) + 2)
    np.testing.assert_allclose(forming.probabilities, high)
    np.testing.assert_allclose(forming.of_said, np.where(np.array(tops) == [1, 1, 1, 0], high, low))
