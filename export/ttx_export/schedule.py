"""The learning rate at each step."""

from __future__ import annotations


def learning_rate(step: int, d_model: int, warmup: int, factor: float, total: int, cooldown: float) -> float:
    """The paper's schedule (section 5.3), with an optional linear fall to 0 at the end.

        rate = factor · d_model^-0.5 · min(step^-0.5, step · warmup^-1.5)

    `step` counts from 1; over the last `cooldown` part (0…1) of `total` steps the rate is also multiplied
    by the share of those steps that is left.
    """
    rate: float = factor * d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)
    falling = cooldown * total
    if falling:
        rate *= max(0.0, min(1.0, (total - step + 1) / falling))
    return rate
