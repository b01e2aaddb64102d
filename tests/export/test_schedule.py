"""The learning rate of the paper, and its fall at the end."""

from __future__ import annotations

import pytest
from ttx_export.schedule import learning_rate


@pytest.mark.parametrize("step", [1, 50, 3999, 4000, 4001, 100_000])
def test_the_papers_formula(step: int) -> None:
    expected = 512**-0.5 * min(step**-0.5, step * 4000**-1.5)
    assert learning_rate(step, 512, 4000, 1.0, 100_000, 0.0) == expected
    assert learning_rate(step, 512, 4000, 0.5, 100_000, 0.0) == expected / 2


def test_it_rises_to_the_end_of_the_warm_up_and_then_falls() -> None:
    rates = [learning_rate(step, 256, 40, 1.0, 400, 0.0) for step in range(1, 401)]
    assert max(rates) == rates[39] == pytest.approx(256**-0.5 * 40**-0.5)
    assert rates[:40] == sorted(rates[:40])
    assert rates[39:] == sorted(rates[39:], reverse=True)


def test_the_cooldown_falls_in_equal_steps_to_nothing() -> None:
    shares = [
        learning_rate(step, 256, 10, 1.0, 100, 0.2) / learning_rate(step, 256, 10, 1.0, 100, 0.0)
        for step in range(1, 111)
    ]
    assert shares[:81] == [1.0] * 81
    assert shares[80:100] == pytest.approx([n / 20 for n in range(20, 0, -1)])
    assert shares[100:] == [0.0] * 10, "an epoch may turn out longer than planned"
