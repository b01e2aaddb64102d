"""Where a forced beginning goes among the parts of a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.analysis.lines import LineAttention
from tui_transformer.batching import Batching, translate_lines
from tui_transformer.keep import Keeper
from tui_transformer.source import Source
from tui_transformer.tasks import Task, tasks_of
from tui_transformer.translation import Line, Translation, Wanted
from tui_transformer.translator import Options, Translator

MANY = "{name} has %s and `x` in her hair."
"""More to be kept than the tests' model keeps by itself: it is cut around that."""


def forced(translator: Translator, pieces: list[str], prefix: str) -> list[tuple[str, str]]:
    """What stands ahead of each part and what is forced upon it; pieces in brackets, braces and blanks are literal."""
    sources = [
        source
        for piece in pieces
        for source in ([Source.literal(piece)] if piece.strip()[:1] in set('{"(') else translator.split(piece))
    ]
    tasks = tasks_of(translator, sources, translator.target_ids(prefix))
    assert [task.source for task in tasks] == sources
    return [(task.ahead, translator.target.decode(task.prefix)) for task in tasks]


@pytest.mark.parametrize(
    ("pieces", "prefix", "wanted"),
    [
        (["Mary is.", " Tom is."], "Und", [("", "Und"), ("", "")]),
        (["{a} ", "has ", "{b}"], "Und so", [("Und so", ""), ("", ""), ("", "")]),
        (["  ", '"', "{a}", " ", "has"], "Und", [("", ""), ("Und", ""), ("", ""), ("", ""), ("", "")]),
        (["{a}"], "Und", [("Und", "")]),
        (["{a} ", "has"], "{a}", [("", ""), ("", "")]),
        (["{a} ", "{b} ", "has"], "{a}", [("", ""), ("", ""), ("", "")]),
        (["{a} ", "has"], "{a} hat", [("", ""), ("", "hat")]),
        (["{a}'", "s"], "{a}' hat", [("{a}' hat", ""), ("", "")]),
        (["{a} "], "{a} hat", [("{a} hat", "")]),
        (["{a} ", "has"], "{b} hat", [("{b} hat", ""), ("", "")]),
        (["  "], "Und", [("", "")]),
        (["{a} ", "has"], "", [("", ""), ("", "")]),
    ],
)
def test_a_beginning_stands_where_the_line_begins(
    translator: Translator, pieces: list[str], prefix: str, wanted: list[tuple[str, str]]
) -> None:
    assert forced(translator, pieces, prefix) == wanted


def test_words_ahead_leave_white_space_in_front() -> None:
    assert Task(Source.literal(""), (), "Und so").said(" \t{a} ") == " \tUnd so {a} "
    assert Task(Source.literal("")).said(" {a} ") == " {a} "


def translated(translator: Translator, line: str, prefix: str, **wanted: int) -> Translation:
    (found,) = translate_lines(
        translator, [Line(line, translator.target_ids(prefix))], Options(beam=2),
        wanted=Wanted(scores=True, attentions=True, keeper=Keeper.of(), **wanted),
    )  # fmt: skip
    return found


@given(
    st.lists(st.sampled_from(["{name}", "%s", "Mary", "has", "12:30", '"{a}"', ",", "hair."]), max_size=5),
    st.sampled_from(["Mary hat", "Und", "{name}", "{name} hat", "12:30 Uhr"]),
    st.sampled_from(["", " ", "\t "]),
)
def test_every_translation_begins_with_it(translator: Translator, words: list[str], prefix: str, edge: str) -> None:
    line = edge + " ".join(words)
    found = translated(translator, line, prefix)
    assert found.text.startswith(edge + prefix if line.strip() else line)
    assert "".join(part.source.whole for part in found.parts) == line
    kept = Keeper.of().kept(line)
    assert kept <= Keeper.of().kept(found.text)


def test_what_stands_ahead_of_a_kept_string_aligns_with_nothing_and_has_no_score(translator: Translator) -> None:
    found, plain = translated(translator, MANY, "Und so"), translated(translator, MANY, "")
    assert found.text == f"Und so {plain.text}"
    assert found.n_best(1)[0].log_probability == plain.n_best(1)[0].log_probability
    attention, others = (
        LineAttention.of(t.parts, [0] * len(t.parts), translator.source, translator.target, ((0, 0), (1, 0)))
        for t in (found, plain)
    )
    assert attention.pairs() == [(i, j + 2) for i, j in others.pairs()]
    assert attention.matrix()[:2, :-1].sum() == 0


@pytest.mark.parametrize("position", [1, 3])
def test_alternatives_vary_what_was_not_forced(translator: Translator, position: int) -> None:
    wanted = {"n_best": 3, "alternatives": position}
    ahead, plain = translated(translator, MANY, "Und so", **wanted), translated(translator, MANY, "", **wanted)
    assert [c.text for c in ahead.n_best(3)] == [f"Und so {c.text}" for c in plain.n_best(3)]
    behind = translated(translator, MANY, "{name} hat", **wanted).n_best(3)
    assert len(behind) == 3
    assert all(candidate.text.startswith("{name} hat") for candidate in behind)


def test_it_is_the_same_in_any_batch(translator: Translator) -> None:
    lines = [
        Line(line, translator.target_ids(begin)) for line in (MANY, "Mary is.", "", "{a}") for begin in ("", "Und")
    ]
    found = [
        [t.text for t in translate_lines(translator, lines, Options(), batching, Wanted(keeper=Keeper.of()))]
        for batching in (Batching(1, 1, 1, 1), Batching(2))
    ]
    assert found[0] == found[1]
