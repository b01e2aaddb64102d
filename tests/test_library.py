"""The library face: what `from tui_transformer import Translator` promises."""

from __future__ import annotations

import doctest
import importlib
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import tui_transformer
from tui_transformer import Options, Translator
from tui_transformer.errors import BundleError, DeviceError
from tui_transformer.search import SamplingOptions

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


@pytest.mark.parametrize("lines", ["Good night.", b"Good night."])
def test_a_single_text_is_no_list_of_lines(translator: Translator, lines: Any) -> None:
    with pytest.raises(TypeError, match="translate_line"):
        translator.translate(lines)


@pytest.mark.parametrize("device", ["gpu", "CUDA", "cuda:0"])
def test_a_device_that_is_none_is_refused(bundle_folder: Path, device: Any) -> None:
    with pytest.raises(DeviceError, match=f"no device '{device}': it must be one of auto, cpu, cuda"):
        Translator.load(bundle_folder, device)


def test_a_name_that_is_too_long_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="name too long"):
        Translator.load(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    "options", [{"beam": 0}, {"max_length": 0}, {"candidates": -1}, {"no_repeat_ngram": -1},
                {"sampling": SamplingOptions(), "no_repeat_ngram": 2}],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no_repeat_ngram"):
        Options(**options)


@pytest.mark.parametrize("options", [{"temperature": 0}, {"temperature": float("nan")}, {"top_k": -1}, {"top_p": -0.1},
                                     {"top_p": 1.1}, {"seed": -1}])  # fmt: skip
def test_draws_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="temperature must be above 0"):
        SamplingOptions(**options)


def test_options_that_do_not_go_with_a_call_are_refused(translator: Translator) -> None:
    with pytest.raises(ValueError, match=r"stream\(\)"):
        list(translator.translate(["Good night."], Options(target=(50,))))
    with pytest.raises(ValueError, match="alternatives"):
        translator.alternatives("Good night.", 1, options=Options(target=(50,)))
    with pytest.raises(ValueError, match="the forced beginning has 64 pieces"):
        list(translator.stream("Good night.", Options(prefix=(50,) * translator.runtime.architecture.positions)))


def test_the_library_keeps_what_the_command_keeps(translator: Translator) -> None:
    line = "Good night, john@example.org and {name}."
    (kept,), (free,) = translator.translate([line]), translator.translate([line], keep=False)
    assert "john@example.org" in kept
    assert "{name}" in kept
    assert "john@example.org" not in free


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Good\u00a0night.", "Good night."), ("Good\tnight.", "Good night."), ("Good\u202fnight\u200b.", "Good night."),
        ("\ufeffGood night.", "Good night."), ("Tom called Mary\u02bcs bluﬀ.", "Tom called Mary's bluff."),
        ("Good ni\u00adght.", "Good night."),
    ],
)  # fmt: skip
def test_the_model_reads_what_people_see(translator: Translator, text: str, same: str) -> None:
    assert translator.translate_line(text) == translator.translate_line(same)
    assert list(translator.translate([text])) == list(translator.translate([same]))


@pytest.mark.parametrize("text", ["\u200b", " \u200b\ufeff ", "\x01\x02"])
def test_what_nobody_sees_is_not_translated(translator: Translator, text: str) -> None:
    assert translator.translate_line(text) == text


@pytest.mark.parametrize("half", [0xD800, 0xDCFF])
def test_half_a_surrogate_pair_is_replaced(translator: Translator, half: int) -> None:
    text, readable = f"a{chr(half)}b", "a\ufffdb"
    assert translator.translate_line(text) == translator.translate_line(readable)
    assert list(translator.translate([text])) == list(translator.translate([readable]))
    assert [score.pieces for score in translator.score([(text, text)])] == [
        score.pieces for score in translator.score([(readable, readable)])
    ]
    assert list(translator.stream(text))


@pytest.mark.parametrize("wrong", [-1, 10**6])
@pytest.mark.parametrize("given", ["prefix", "target"])
@pytest.mark.parametrize("beam", [1, 4])
def test_ids_that_the_vocabulary_does_not_have_are_refused(
    translator: Translator, given: str, wrong: int, beam: int
) -> None:
    options = Options(beam=beam, **{given: (wrong,)})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"there is no piece {wrong}: the target's vocabulary has 403"):
        list(translator.stream("Good night.", options))
    with pytest.raises(ValueError, match=f"there is no piece {wrong}:"):
        translator.translate_line("Good night.", options)
