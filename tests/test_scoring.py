"""Scores of given translations: order, agreement with the search's own, edges."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_transformer import Options, Translator
from tui_transformer.batching import Batching
from tui_transformer.errors import TranslationError
from tui_transformer.scoring import CorpusScore, PairScore, score_pairs
from tui_transformer.translator import Source

texts = st.text(max_size=30)


def test_a_score_says_what_it_is_made_of(translator: Translator, pairs: list[tuple[str, str]]) -> None:
    score = next(translator.score(pairs))
    assert score.pieces == (*translator.target.pieces(translator.target.encode(pairs[0][1])), "</s>")
    assert score.log_probability == pytest.approx(sum(score.log_probabilities))
    assert score.perplexity == pytest.approx(math.exp(-score.log_probability / len(score.pieces)))
    assert [2**-bits for bits in score.surprisals] == pytest.approx([math.exp(x) for x in score.log_probabilities])


@pytest.mark.parametrize("beam", [2, 4])
def test_scores_are_those_of_the_search(translator: Translator, pairs: list[tuple[str, str]], beam: int) -> None:
    sources = [translator.whole(source) for source, _ in pairs]
    found = [hypotheses[0] for hypotheses in translator.translate_batch(sources, Options(beam=beam))]
    texts = [translator.target.decode(hypothesis.ids) for hypothesis in found]
    scores = translator.score(zip((source for source, _ in pairs), texts, strict=True))
    assert [score.log_probability for score in scores] == pytest.approx(
        [hypothesis.log_probability for hypothesis in found], abs=1e-4
    )


@settings(max_examples=25)
@given(st.lists(st.tuples(texts, texts), max_size=9), st.sampled_from([1, 3, 64]), st.sampled_from([1, 2]))
def test_scores_do_not_depend_on_batches(
    translator: Translator, some: list[tuple[str, str]], rows: int, workers: int
) -> None:
    alone = [next(score_pairs(translator, [pair], Batching())) for pair in some]
    together = list(score_pairs(translator, some, Batching(workers=workers, rows=rows, first_window=2)))
    assert [score.pieces for score in together] == [score.pieces for score in alone]
    for a, b in zip(together, alone, strict=True):
        assert a.log_probabilities == pytest.approx(b.log_probabilities, abs=1e-4)
        assert a.perplexity >= 1 - 1e-9


def test_a_pair_without_text_is_certain(translator: Translator) -> None:
    assert list(translator.score([(" ", "")])) == [PairScore((), ())]
    assert PairScore((), ()).perplexity == 1


def test_one_empty_side_is_scored(translator: Translator) -> None:
    no_target, no_source = translator.score([("Tom", ""), ("", "Tom")])
    assert no_target.pieces == ("</s>",)
    assert no_source.perplexity > 1


@pytest.mark.parametrize(("source", "target"), [("xyz " * 100, "Tom"), ("Tom", "xyz " * 100)])
def test_what_is_too_long_is_cut_and_says_so(translator: Translator, source: str, target: str) -> None:
    (score,) = translator.score([(source, target)])
    assert score.cut
    assert len(score.pieces) <= translator.runtime.architecture.positions


def test_the_longest_that_fits_is_not_cut(translator: Translator) -> None:
    limit = translator.runtime.architecture.positions - 1
    text = next(text for n in range(limit) if len(translator.source.encode(text := "." * (limit - n))) == limit)
    (score,) = translator.score([(text, "Tom")])
    assert not score.cut


def test_pairs_are_read_a_window_ahead_and_no_further(translator: Translator) -> None:
    read = 0

    def endless() -> Iterator[tuple[str, str]]:
        nonlocal read
        while True:
            read += 1
            yield "Tom", "Tom"

    next(score_pairs(translator, endless(), Batching(first_window=4)))
    assert read == 4


def test_a_worker_that_dies_is_one_clear_error(apart: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    force = apart.force

    def dies(sources: list[Source], *rest: Any) -> Any:
        if any(source.text == "deadly" for source in sources):
            raise MemoryError
        return force(sources, *rest)

    monkeypatch.setattr(apart, "force", dies)
    lines = ["a", "b", "c", "deadly"]
    scores = score_pairs(apart, [(line, "x") for line in lines], Batching(first_window=2, rows=1))
    assert [len(score.pieces) > 0 for score in (next(scores), next(scores))] == [True, True]
    with pytest.raises(TranslationError, match="failed in lines 3 to 4: MemoryError"):
        next(scores)


def test_a_corpus_is_the_sum_of_its_pairs() -> None:
    total = CorpusScore().plus(PairScore(("a", "b"), (-1.0, -2.0))).plus(PairScore(("c",), (-3.0,)))
    assert total == CorpusScore(2, 3, -6.0)
    assert total.perplexity == pytest.approx(math.exp(2))
