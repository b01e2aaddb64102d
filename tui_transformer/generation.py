"""How translations are searched for unless something else is asked for: part of a model's manifest."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

Ranking = Literal["paper", "transformers"]
EarlyStopping = bool | Literal["never"]

MOST_HYPOTHESES, MOST_PENALTY = 64, 5.0
"""The widest beam and the largest length penalty that a user may ask for."""
RANKINGS: tuple[Ranking, ...] = ("paper", "transformers")


@dataclass(frozen=True, slots=True)
class Generation:
    """The defaults are ours; models made elsewhere bring what they were published with.

    `ranking` says how beam search compares hypotheses and when it stops (`ranking`); `early_stopping` and
    `forced_end` only apply to "transformers". `max_length` is the most pieces of a translation, its end
    included, None for twice the source and 10. Sentences of more pieces than `clause_limit` are translated clause by
    clause; with 0 only those that are too long for the model. With `quotes`, what a sentence quotes is translated by
    itself (`quoting`). `banned` are ids that are never said; with `renormalize`
    the other pieces' probabilities sum to 1 without them. Unless `may_be_empty`, no translation ends before its first
    piece: for some sentences a beam would find the empty one likeliest (Stahlberg and Byrne 2019). Raises ValueError
    for impossible values.
    """

    beam: int = 4
    length_penalty: float = 0.6
    max_length: int | None = None
    ranking: Ranking = "paper"
    early_stopping: EarlyStopping = False
    forced_end: bool = False
    banned: tuple[int, ...] = ()
    renormalize: bool = False
    may_be_empty: bool = False
    clause_limit: int = 0
    quotes: bool = False

    def __post_init__(self) -> None:
        most = 1 if self.max_length is None else self.max_length
        if not all(_is_whole(number) and number >= 1 for number in (self.beam, most)):
            raise ValueError("generation: beam and max_length must be positive whole numbers")
        if not _is_whole(self.clause_limit) or self.clause_limit < 0:
            raise ValueError(f"generation: clause_limit must be a whole number from 0, not {self.clause_limit!r}")
        if not isinstance(self.length_penalty, int | float) or not math.isfinite(self.length_penalty):
            raise ValueError(f"generation: length_penalty must be a number, not {self.length_penalty!r}")
        if not isinstance(self.quotes, bool):
            raise ValueError(f"generation: quotes must be true or false, not {self.quotes!r}")
        if self.ranking not in RANKINGS or self.early_stopping not in (True, False, "never"):
            raise ValueError("generation: unknown ranking or early_stopping")
        if not all(_is_whole(banned) and banned >= 0 for banned in self.banned):
            raise ValueError("generation: banned must be ids")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Generation:
        """The inverse of `to_dict`. Raises ValueError or TypeError for anything else."""
        return cls(**{**values, "banned": tuple(values.get("banned", ()))})

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
