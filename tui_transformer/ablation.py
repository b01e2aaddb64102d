"""What a model loses without some of its heads, or without a piece of the source. numpy only.

A loss is measured on a given translation, usually the whole model's own: how much less likely it becomes,
in nats (Michel, Levy and Neubig 2019, "Are Sixteen Heads Really Better than One?", leave heads out in the same way).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .heads import Head, all_heads

if TYPE_CHECKING:
    from .translator import Source, Translator

ROWS = 64
"""Most sources run side by side."""


@dataclass(frozen=True, slots=True)
class Ablation:
    """A translation before and after something was taken away. Log-probabilities in nats, ends included.

    `target` (ids) is what is judged: its pieces had the log-probabilities `before` and have `after`. Without what was
    taken away the model says `changed`, to which it then gives `changed_log_probability`.
    """

    target: tuple[int, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    changed: tuple[int, ...]
    changed_log_probability: float

    @property
    def loss(self) -> float:
        """How much less likely the target became."""
        return math.fsum(self.before) - math.fsum(self.after)


def ablate(
    translator: Translator,
    source: Source,
    off: Collection[Head] = (),
    hidden: Collection[int] = (),
    target: Sequence[int] | None = None,
) -> Ablation:
    """Translate with these heads off and these places of the source hidden.

    `target`: ids without start and end; the whole model's translation if not given. Raises UsageError for a head or
    a place that is not there, or if nothing of the source would be left.
    """
    changed = translator.without(off) if off else translator
    masked = source.hiding(hidden)
    judged = translator.translate_batch([source])[0][0].ids if target is None else tuple(target)
    said = changed.translate_batch([masked])[0][0].ids
    (before,) = translator.force([source], [judged])
    after, new = changed.force([masked, masked], [judged, said])
    return Ablation(before.ids, before.log_probabilities, after.log_probabilities, said,
                    math.fsum(new.log_probabilities))  # fmt: skip


def losses_by_head(
    translator: Translator, source: Source, target: Sequence[int], workers: int
) -> Iterator[tuple[Head, float]]:
    """What is lost without each head of the model, one at a time, in the order of `all_heads`. Lazy.

    A mask of heads counts for a whole run, so that heads cannot be a batch: `workers` of them are tried side by side.
    """
    # The probe graphs are loaded here, once.
    whole = translator.without([])
    before = _log_probabilities(whole, [source], target)[0]

    def loss(head: Head) -> float:
        return before - _log_probabilities(whole.without([head]), [source], target)[0]

    heads = all_heads(translator.runtime.architecture)
    pool = ThreadPoolExecutor(workers)
    try:
        yield from zip(heads, pool.map(loss, heads), strict=True)
    finally:
        # A caller that stops early does not wait for heads that are no longer wanted.
        pool.shutdown(wait=False, cancel_futures=True)


def losses_by_place(translator: Translator, source: Source, target: Sequence[int]) -> list[float]:
    """What is lost without each piece of the source, one at a time; nan for a source of only one piece."""
    if len(source.ids) < 2:
        return [math.nan] * len(source.ids)
    before = _log_probabilities(translator, [source], target)[0]
    masked = [source.hiding([place]) for place in range(len(source.ids))]
    return [
        before - after
        for some in (masked[i : i + ROWS] for i in range(0, len(masked), ROWS))
        for after in _log_probabilities(translator, some, target)
    ]


def _log_probabilities(translator: Translator, sources: Sequence[Source], target: Sequence[int]) -> list[float]:
    forced = translator.force(sources, [target] * len(sources))
    return [math.fsum(one.log_probabilities) for one in forced]
