"""The guard: it sees what is wrong, and lets well alone."""

from __future__ import annotations

import numpy as np
import pytest

from tui_transformer.analysis.alignment import default_heads
from tui_transformer.batching import translate_lines
from tui_transformer.quality import CHECKS, Evidence, repeated, suspicions
from tui_transformer.translation import Wanted
from tui_transformer.translator import Options, Translator


def evidence(source: str, target: str, *, complete: bool = True, looks: list[int] | None = None) -> Evidence:
    """A piece a word; target word j looks at source word `looks[j]`, or at its own place."""
    read, said = source.split(), target.split()
    places = looks or [min(j, len(read) - 1) for j in range(len(said))]
    attention = np.zeros((len(said), len(read) + 1))
    attention[np.arange(len(said)), places] = 1
    pieces = [tuple(f"▁{word}" for word in words) for words in (read, said)]
    return Evidence(source, target, pieces[0], pieces[1], complete, attention, tuple(read), attention[:, :-1].sum(0))


def kinds(found: Evidence) -> set[str]:
    return {flag.kind for check in CHECKS if (flag := check(found))}


GOOD = "Mary has a flower in her hair today", "Mary hat heute eine Blume in ihrem Haar"


def test_a_good_translation_has_no_flag() -> None:
    assert kinds(evidence(*GOOD)) == set()


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("", "empty"),
        ("das ist ist ist ist so wie so", "loop"),
        ("auf dem Dach auf dem Dach ist sie", "loop"),
        ("Mary has a flower in her hair heute", "copied"),
        ("Mary hat eine", "odd_length"),
        ("Mary hat " + " ".join(f"w{i}" for i in range(25)), "odd_length"),
    ],
)
def test_what_is_wrong_with_the_text_is_seen(target: str, kind: str) -> None:
    assert kind in kinds(evidence(GOOD[0], target))


def test_a_cut_off_translation_is_seen() -> None:
    assert kinds(evidence(*GOOD, complete=False)) == {"cut_off"}


def test_attention_that_is_stuck_and_words_not_looked_at_are_seen() -> None:
    found = evidence(*GOOD, looks=[0, 1, 2, 3, 4, 5, 6, 6])
    (flag,) = [flag for check in CHECKS if (flag := check(found))]
    assert (flag.kind, flag.detail) == ("missing", "hardly looked at: today")
    assert "stuck" in kinds(evidence(*GOOD, looks=[3] * 8))


def test_a_source_that_repeats_may_be_repeated() -> None:
    assert "loop" not in kinds(evidence("no no no no he said", "nein nein nein nein sagte er"))


def test_names_are_no_copies_and_marks_no_words() -> None:
    assert kinds(evidence("Tom Mary John Boston", "Tom Mary John Boston")) == set()
    assert kinds(evidence("- - -", "")) == set()


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ("a a a", None), ("a a a a", ("a", 4)), ("a b a b", None), ("x a b a b a b y", ("a b", 3)),
        ("a b c a b c", ("a b c", 2)), ("! ! ! ! ! !", None), ("", None), ("a b c d", None),
    ],
)  # fmt: skip
def test_repetition_is_counted(pieces: str, found: tuple[str, int] | None) -> None:
    assert repeated(pieces.split()) == (found and (found[0].split(), found[1]))


def test_what_the_model_knows_by_heart_is_not_suspicious(translator: Translator, pairs: list[tuple[str, str]]) -> None:
    wanted = Wanted(scores=True, attentions=True)
    flagged = [
        translation.line.text
        for translation in translate_lines(translator, [source for source, _ in pairs] + ["", "  "], wanted=wanted)
        if suspicions(translation.parts, translator.source, translator.target, default_heads(2, 4))
    ]
    assert len(flagged) <= len(pairs) // 10


def test_the_length_limit_is_noticed(translator: Translator, pairs: list[tuple[str, str]]) -> None:
    wanted = Wanted(scores=True, attentions=True)
    (found,) = translate_lines(translator, [pairs[0][0]], Options(max_length=2), wanted=wanted)
    flags = suspicions(found.parts, translator.source, translator.target, default_heads(2, 4))
    assert "cut_off" in {flag.kind for flag in flags}
