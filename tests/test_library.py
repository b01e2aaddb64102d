"""The library face: what `from tui_transformer import Translator` promises."""

from __future__ import annotations

import doctest
import importlib
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

import tui_transformer
from tui_transformer import Options, Translator

ROOT = Path(__file__).parents[1]


def test_the_package_offers_the_same_classes_as_its_modules() -> None:
    module = importlib.import_module("tui_transformer.translator")
    assert (Translator, Options) == (module.Translator, module.Options)
    assert {"Translator", "Options", "__version__"} <= set(dir(tui_transformer))


def test_what_the_package_does_not_have_is_named() -> None:
    with pytest.raises(AttributeError, match="'tui_transformer' has no attribute 'Translater'"):
        _ = tui_transformer.Translater


def test_examples_in_the_docstrings_are_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    results = doctest.testmod(importlib.import_module("tui_transformer.translator"))
    assert results.attempted >= 8
    assert results.failed == 0


def test_lines_are_translated_in_order(translator: Translator, pairs: list[tuple[str, str]]) -> None:
    assert list(translator.translate(source for source, _ in pairs)) == [target for _, target in pairs]


def test_endless_lines_are_translated_as_they_are_taken(translator: Translator) -> None:
    translations = translator.translate((f"  {'' if number % 2 else 'Tom'}" for number in count()), Options(beam=1))
    assert [next(translations).startswith("  ") for _ in range(100)] == [True] * 100
    translations.close()  # type: ignore[attr-defined]


def test_a_single_string_is_not_taken_for_lines(translator: Translator) -> None:
    with pytest.raises(TypeError, match=r"translate_line\(\) takes one line"):
        translator.translate("Hello")


def test_threads_share_a_translator(translator: Translator, pairs: list[tuple[str, str]]) -> None:
    def work(start: int) -> list[tuple[str, float]]:
        mine = pairs[start::4]
        scores = [score.log_probability for score in translator.score(mine)]
        return list(zip(translator.translate(source for source, _ in mine), scores, strict=True))

    alone = [work(start) for start in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(work, range(4)))
    assert together == alone
