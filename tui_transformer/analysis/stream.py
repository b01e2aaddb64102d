"""What becomes of the residual stream: its size, how alike its positions are, and when the prediction is settled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tui_transformer.search import log_softmax

Floats = npt.NDArray[np.floating]


def norms(vectors: Floats) -> Floats:
    """The Euclidean length of each vector: (…, D) → (…)."""
    lengths: Floats = np.linalg.norm(vectors, axis=-1)
    return lengths


@dataclass(frozen=True, slots=True, eq=False)
class Forming:
    """How the prediction at each position forms: before the first layer, after it, and so on (R = 1 + L readings).

    `top` are the likeliest pieces (R, T), `probabilities` (R, T) theirs, `of_said` (R, T) those of the pieces said.
    """

    top: tuple[tuple[str, ...], ...]
    probabilities: Floats
    of_said: Floats
    said: tuple[str, ...]

    @classmethod
    def of(cls, lens: Floats, said: Sequence[int], name: Callable[[int], str]) -> Forming:
        """From logits (R, T, V), the ids said (T), and what an id is called."""
        readings = [log_softmax(logits) for logits in lens]
        ids = np.stack([reading.argmax(axis=-1) for reading in readings])
        places = np.arange(len(said))
        return cls(
            tuple(tuple(name(piece) for piece in row) for row in ids.tolist()),
            np.exp([reading[places, row] for reading, row in zip(readings, ids, strict=True)]),
            np.exp([reading[places, list(said)] for reading in readings]),
            tuple(name(piece) for piece in said),
        )

    @property
    def settled(self) -> tuple[int | None, ...]:
        """From which reading on (0: before the first layer) the piece said stays the likeliest; None if it is not."""
        found: list[int | None] = []
        for t, said in enumerate(self.said):
            wrong = [r for r, row in enumerate(self.top) if row[t] != said]
            after = wrong[-1] + 1 if wrong else 0
            found.append(after if after < len(self.top) else None)
        return tuple(found)
