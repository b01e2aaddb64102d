"""Made-up names: which words are exchanged, that both sides agree, that it is a function of text and seed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ttx_export.corpus import Pair, ReadReport, content_hash
from ttx_export.names import CONTEXT, LONGEST, MadeUpNames, shared_names
from ttx_export.prepare import DRAWS, Prepared, prepare
from ttx_export.recipe import Recipe, parse_recipe

TEXT = [
    Pair("Tom is in Boston.", "Tom ist in Boston.", "tatoeba"),
    Pair("Tom's sister lives in Heidelberg.", "Toms Schwester wohnt in Heidelberg.", "tatoeba"),
    Pair("Mary sleeps.", "Maria schläft.", "tatoeba"),
    Pair("Press F1, then OK.", "Drücken Sie F1 und dann OK.", "manual"),
    Pair("Boston-based people like Lomé.", "Leute aus Boston mögen Lomé.", "news"),
]


def recipe(share: float, seed: int = 1) -> Recipe:
    return parse_recipe(
        f'name = "x"\nsource = "en"\ntarget = "de"\n[data]\ntrain = ["a.tsv"]\nmade_up_names = {share}\n'
        f"[training]\nseed = {seed}"
    )


def made_up(
    pairs: Sequence[Pair], share: float = 1.0, draw: int = 0, seed: int = 1, report: ReadReport | None = None
) -> list[Pair]:
    names = MadeUpNames(recipe(share, seed))
    for pair in pairs:
        names.learn(pair)
    return list(names.replaced(pairs, draw, report))


@pytest.mark.parametrize(
    ("source", "target", "names"),
    [
        ("Tom is in Boston.", "Tom ist in Boston.", {"Tom", "Boston"}),
        ("Tom's dog", "Toms Hund", {"Tom"}),
        ("He is from Köln.", "Er ist aus Köln.", {"Köln"}),
        ("Mary sleeps.", "Maria schläft.", set()),
        ("the NATO, SQLite and a server", "die NATO, SQLite und ein server", set()),
        ("Tom", "Tom2 und Tom_3", set()),
        ("Jose\u0301 in Ko\u0308ln", "Jose in Koln", set()),
        (
            "at Tom: Microsoft.Azure.App, C:/Server and https://Boston.org",
            "in Tom. Microsoft Azure Server Boston",
            {"Tom"},
        ),
    ],
)
def test_names_are_capitalised_words_of_both_sides(source: str, target: str, names: set[str]) -> None:
    assert shared_names(source, target) == names


def test_the_rest_of_a_pair_stays() -> None:
    shape = [re.compile(shape) for shape in (
        r"(\w+(?: \w+)?) is in (\w+(?: \w+)?)\.\t\1 ist in \2\.",
        r"(\w+(?: \w+)?)'s sister lives in (\w+(?: \w+)?)\.\t\1s Schwester wohnt in \2\.",
        r"Mary sleeps\.\tMaria schläft\.",
        r"Press F1, then OK\.\tDrücken Sie F1 und dann OK\.",
        r"(\w+(?: \w+)?)-based people like (\w+(?: \w+)?)\.\tLeute aus \1 mögen \2\.",
    )]  # fmt: skip
    for draw in range(20):
        for pair, expected in zip(made_up(TEXT, draw=draw), shape, strict=True):
            assert expected.fullmatch(f"{pair.source}\t{pair.target}")
    assert [pair.corpus for pair in made_up(TEXT)] == [pair.corpus for pair in TEXT]


def test_so_many_pairs_are_changed() -> None:
    pairs = TEXT[:2] * 2000
    changed = sum(one != other for one, other in zip(pairs, made_up(pairs, 0.3), strict=True))
    assert 0.26 < changed / len(pairs) < 0.32, "three in ten, and sometimes the lot falls on the same name"
    assert made_up(TEXT, 0.0) == TEXT
    report = ReadReport()
    made_up(pairs, 0.3, report=report)
    assert changed <= report.changed["other names"] < 0.32 * len(pairs)
    # A recipe that asks for what the text does not have is told so.
    made_up([TEXT[2]], report=report)
    assert str(report).endswith("; other names 0")


def test_a_genitive_stays_german_and_two_names_stay_two() -> None:
    pairs = [
        Pair("Tom's dog", "Toms Hund"),
        Pair("Hans' dog", "Hans' Hund"),
        Pair("Max and Ines met Tom.", "Max und Ines trafen Tom."),
        Pair("Open a Workflow, then all Workflows.", "Einen Workflow öffnen, dann alle Abläufe."),
    ]
    for draw in range(60):
        tom, hans, three, workflow = made_up(pairs, draw=draw)
        assert tom.target[: -len("s Hund")][-1] not in "szxß"
        assert hans.target[: -len("' Hund")][-1] in "szxß"
        assert len(set(re.split(" and | met ", three.source))) == 3
        assert workflow.source.endswith(", then all Workflows."), "an English plural is not its name"


def test_names_depend_on_text_draw_and_seed_alone() -> None:
    first = made_up(TEXT * 5)
    assert made_up(TEXT * 5) == first
    assert made_up(TEXT * 5, draw=1) != first
    assert made_up(TEXT * 5, seed=2) != first


def test_an_invented_name_is_spelt_like_known_ones() -> None:
    words = {
        word for draw in range(50) for pair in made_up(TEXT, draw=draw) for word in re.findall(r"\w+", pair.source)
    }
    names = {"Tom", "Boston", "Heidelberg", "Lomé"}
    spelt = {name[i : i + CONTEXT] for name in names for i in range(len(name))}
    invented = {word for word in words if word[0].isupper()} - names - {"Mary", "Press", "OK", "F1"}
    for word in invented:
        assert len(word) <= LONGEST
        assert all(word[i : i + CONTEXT] in spelt for i in range(len(word) - CONTEXT + 1))


TEXTS = st.lists(
    st.sampled_from(["Tom", "Toms", "Tom's", "Han", "Hans", "Köln", "in", "F1", "Tom2", "Ωmega", "-"])
).map(" ".join)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=8), st.integers(0, 3))
def test_no_pair_is_lost_and_the_rest_of_it_stays(texts: list[tuple[str, str]], draw: int) -> None:
    pairs = [Pair(*text) for text in texts]
    for before, after in zip(pairs, made_up(pairs, draw=draw), strict=True):
        names = shared_names(before.source, before.target)
        if not names:
            assert after == before
            continue
        for side, genitive in (("source", ""), ("target", "s?")):
            exchanged = rf"\b(?:{'|'.join(sorted(names))})(?={genitive}\b(?!\d))"
            pattern = r"\w+(?: \w+)?".join(map(re.escape, re.split(exchanged, getattr(before, side))))
            assert re.fullmatch(pattern, getattr(after, side))


def test_every_draw_of_prepared_text_has_other_names(
    tiny_text: Callable[..., str], prepared: Prepared, tmp_path: Path
) -> None:
    lines = [f"{pair.source}\t{pair.target}\teveryday" for pair in TEXT] * 12
    for name in ("train.tsv", "dev.tsv"):
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
    plain = parse_recipe(tiny_text())
    named = parse_recipe(tiny_text().replace("[data]", "[data]\nmade_up_names = 1.0"))
    assert content_hash(plain, tmp_path) != content_hash(named, tmp_path)
    known = prepared.vocabularies
    text = prepare(named, tmp_path, tmp_path / "corpus", given=known)
    draws = [[known.source.decode(text.train.source[i].tolist()) for i in text.train.members(n)] for n in range(DRAWS)]
    assert len(set(map(tuple, draws))) == DRAWS
    assert text.report == "60 pairs (everyday 60); left out: none; other names 36"
    dev = prepare(plain, tmp_path, tmp_path / "corpus", given=known).dev["everyday"]
    assert np.array_equal(text.dev["everyday"].source.flat, dev.source.flat), "a dev set keeps its names"


def test_a_share_is_a_share() -> None:
    with pytest.raises(ValueError, match=r"data\.made_up_names must lie between 0 and 1"):
        recipe(1.5)
