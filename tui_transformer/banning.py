"""Tokens that a model must never say, removed from the decoder's answer before a search sees it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .search import Answer, Best, Floats, Ids, log_sum_exp

LIKELY = 0.5
"""When the banned tokens have at least this probability, 1 minus it is too inexact, and all scores are looked at."""


@dataclass(frozen=True, slots=True)
class Banned:
    """`ids` that are never said, and those that no translation begins with; with `renormalize` what remains is a
    distribution again.
    """

    ids: tuple[int, ...] = ()
    renormalize: bool = False
    first: tuple[int, ...] = ()

    def at(self, begins: bool) -> Banned:
        """What is banned of the next token: `begins` says that it is the first."""
        return replace(self, ids=(*self.ids, *self.first), first=()) if begins and self.first else self

    def without(self, answer: Answer) -> Answer:
        """The answer as if the banned tokens were not there."""
        return _Allowed(answer, self) if self.ids else answer


@dataclass(frozen=True, slots=True)
class _Candidates:
    """What `search.Best` promises."""

    ids: Ids
    log_probabilities: Floats
    chosen: Floats


@dataclass(frozen=True, slots=True)
class _Allowed:
    """What `search.Answer` promises, of an answer without its banned tokens."""

    answer: Answer
    banned: Banned

    @property
    def next_id(self) -> Ids:
        likeliest = self.answer.next_id
        # Hardly ever: only then is it worth asking for more than the likeliest.
        return self.candidates(1).ids[:, 0] if np.isin(likeliest, self.banned.ids).any() else likeliest

    def candidates(self, count: int, chosen: Ids | None = None) -> Best:
        banned = np.array(self.banned.ids)
        found = self.answer.candidates(count + len(banned), np.full_like(self.answer.next_id, banned[0]))
        # Banned ones go after all others, whose order stays.
        order = np.argsort(np.isin(found.ids, banned), axis=1, kind="stable")[:, :count]
        ids = np.take_along_axis(found.ids, order, axis=1)
        log_probabilities = np.take_along_axis(found.log_probabilities, order, axis=1)
        # The likeliest is the one chosen by default.
        said = log_probabilities[:, 0] if chosen is None else self.answer.candidates(1, chosen).chosen
        rest = self._rest(found.chosen)
        log_probabilities = np.where(np.isin(ids, banned), np.float32(-np.inf), log_probabilities - rest[:, None])
        return _Candidates(ids, log_probabilities, said - rest)

    def logits(self) -> Floats:
        logits = self.answer.logits().copy()
        logits[:, self.banned.ids] = -np.inf
        return logits

    def _rest(self, first: Floats) -> Floats:
        """log Σ p of what is allowed (R,), 0 without renormalising; `first`: log-probability of the first banned id."""
        if not self.banned.renormalize:
            return np.zeros_like(first)
        probability = np.exp(first.astype(np.float64))
        for banned in self.banned.ids[1:]:
            probability += np.exp(self.answer.candidates(1, np.full_like(self.answer.next_id, banned)).chosen)
        if (probability > LIKELY).any():
            return log_sum_exp(self.logits()) - log_sum_exp(self.answer.logits())
        rest: Floats = np.log1p(-probability).astype(np.float32)
        return rest
