"""Many lines: one out for each in, in order, whatever the batches; and at once for whoever waits."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_transformer import batching, window
from tui_transformer.batching import Batching, translate_lines, windows
from tui_transformer.errors import InputError, TranslationError
from tui_transformer.search import Hypothesis
from tui_transformer.translation import Line
from tui_transformer.translator import Options, Source, Translator
from tui_transformer.window import batches_by_length

Pairs = list[tuple[str, str]]
GREEDY = Options(beam=1)
SOON = 30.0
"""Seconds after which something will not happen any more, however busy the machine is."""

# Any line there can be: whatever Unicode has, the characters that other programs take for a line's end, long ones.
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\n")
odd = st.sampled_from(["", " ", "\t ", "\r", "\x00", "a\x00b", "\x0b\x0c", "\x1c\x1d", "\x85", "\u2028", "a\u2029b",
                       "\ufeff", "e\u0301", "\u2000", "▁", "the " * 60, "x" * 300, "\r".join("Tom" * 40)])  # fmt: skip
lines_of_any_kind = st.lists(st.text(characters, max_size=40) | odd, max_size=12)


def edges(line: str) -> tuple[str, str]:
    """The white space before and after."""
    core = line.strip()
    return (line, "") if not core else (line[: line.index(core)], line[line.rindex(core) + len(core) :])


def outputs(translator: Translator, lines: list[str], options: Options = GREEDY, **settings: int) -> list[str]:
    return [t.text for t in translate_lines(translator, lines, options, Batching(**settings))]


@settings(max_examples=25)
@given(
    lines=lines_of_any_kind,
    workers=st.sampled_from([1, 2]),
    rows=st.sampled_from([1, 3, 64]),
    beam=st.sampled_from([1, 2]),
)
def test_one_line_out_for_each_line_in(
    translator: Translator, lines: list[str], workers: int, rows: int, beam: int
) -> None:
    found = outputs(translator, lines, Options(beam=beam), workers=workers, rows=rows, first_window=5)
    assert len(found) == len(lines)
    for line, text in zip(lines, found, strict=True):
        before, after = edges(line)
        assert "\n" not in text
        assert text.startswith(before)
        assert text.endswith(after)
        assert line.strip() or text == line


@settings(max_examples=25)
@given(data=st.data(), workers=st.sampled_from([1, 2]), rows=st.integers(1, 64), window=st.integers(1, 64))
def test_the_text_does_not_depend_on_batches_or_workers(
    translator: Translator, pairs: Pairs, data: st.DataObject, workers: int, rows: int, window: int
) -> None:
    known = st.sampled_from([source for source, _ in pairs])
    lines = data.draw(st.lists(known | st.just("") | st.lists(known, min_size=2, max_size=4).map(" ".join)))
    expected = [translator.translate_line(line, GREEDY) for line in lines]
    sizes = {"rows": rows, "first_window": min(window, 8), "window": window}
    assert outputs(translator, lines, workers=workers, **sizes) == expected


@pytest.mark.parametrize("beam", [1, 4])
@pytest.mark.parametrize("workers", [1, 2])
def test_all_pairs_in_any_order(translator: Translator, pairs: Pairs, beam: int, workers: int) -> None:
    shuffled = random.Random(beam + workers).sample(pairs * 3, 150)
    found = outputs(translator, [source for source, _ in shuffled], Options(beam=beam), workers=workers)
    assert found == [target for _, target in shuffled]


def test_a_long_line_is_translated_in_parts_and_says_so(translator: Translator, pairs: Pairs) -> None:
    some = pairs[:12]
    lines = ["Don't buy that.", " ".join(source for source, _ in some), ""]
    short, long, empty = translate_lines(translator, lines, GREEDY)
    assert (len(short.parts), short.text, len(empty.parts)) == (1, "Kauf das nicht!", 1)
    assert len(long.parts) == len(translator.split(lines[1])) > 1


def test_no_lines(translator: Translator) -> None:
    assert list(translate_lines(translator, [])) == []


# -- batches ------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 200), max_size=80), st.integers(1, 8), st.integers(1, 64), st.integers(1, 3000))
def test_batches_hold_every_source_once_longest_first_and_not_too_much(
    lengths: list[int], beam: int, rows: int, positions: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "MAX_POSITIONS", positions)
        batches = list(batches_by_length(range(len(lengths)), lengths, rows, beam))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    in_order = [lengths[i] for batch in batches for i in batch]
    assert in_order == sorted(lengths, reverse=True)
    for batch in batches:
        assert 1 <= len(batch) <= rows
        assert len(batch) == 1 or len(batch) * lengths[batch[0]] * beam <= positions


# -- windows ------------------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=3), max_size=200), st.integers(1, 20), st.integers(1, 50))
@settings(max_examples=20)
def test_windows_hold_all_lines_in_order(lines: list[str], first: int, most: int) -> None:
    found = list(windows(map(Line, lines), Batching(first_window=min(first, most), window=most)))
    assert [line.text for window in found for line in window] == lines
    assert all(1 <= len(window) <= most for window in found)
    assert len(found[0] if found else []) <= first


def test_windows_grow_if_lines_come_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "WAIT_SECONDS", SOON)
    sizes = [len(window) for window in windows([Line("x")] * 30, Batching(first_window=2, window=8))]
    assert sizes == [2, 4, 8, 8, 8]


@pytest.mark.parametrize("workers", [1, 2])
def test_who_waits_for_an_answer_before_the_next_line_gets_it(
    translator: Translator, pairs: Pairs, workers: int
) -> None:
    answered = threading.Semaphore(0)

    def conversation() -> Iterator[str]:
        for source, _ in pairs[:4]:
            yield source
            assert answered.acquire(timeout=SOON), "the line before was held back"

    found = []
    for translation in translate_lines(translator, conversation(), GREEDY, Batching(workers=workers)):
        found.append(translation.text)
        answered.release()
    assert found == [target for _, target in pairs[:4]]


@pytest.mark.parametrize("error", [InputError("the disk is gone"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_an_error_while_reading_surfaces_after_the_lines_before_it(
    translator: Translator, pairs: Pairs, error: BaseException
) -> None:
    def lines() -> Iterator[str]:
        for source, _ in pairs[:7]:
            yield source
        raise error

    found: list[str] = []
    with pytest.raises(type(error)) as caught:
        found.extend(t.text for t in translate_lines(translator, lines(), GREEDY, Batching(first_window=3)))
    assert caught.value is error
    assert found == [target for _, target in pairs[:7]]


def test_an_error_while_translating_surfaces(apart: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(apart, "translate_batch", fail)
    with pytest.raises(TranslationError, match=r"^failed in lines 1 to 1: MemoryError$") as caught:
        list(translate_lines(apart, ["Hello."], GREEDY, Batching(workers=2)))
    assert isinstance(caught.value.__cause__, MemoryError)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_dies_takes_no_line_of_an_earlier_window_with_it(
    apart: Translator, pairs: Pairs, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    translate_batch = apart.translate_batch

    def dies(sources: list[Source], *rest: Any) -> list[list[Hypothesis]]:
        if any(source.text == "deadly" for source in sources):
            raise RuntimeError("a worker\nhas died")
        return translate_batch(sources, *rest)

    monkeypatch.setattr(batching, "WAIT_SECONDS", SOON)
    monkeypatch.setattr(apart, "translate_batch", dies)
    lines, found = [*(source for source, _ in pairs[:13]), "deadly", "after"], list[str]()
    sizes = Batching(workers=workers, rows=2, first_window=4, window=8)
    with pytest.raises(TranslationError, match="failed in lines 13 to 15: RuntimeError: a worker has died"):
        found.extend(t.text for t in translate_lines(apart, lines, GREEDY, sizes))
    assert found == [target for _, target in pairs[:12]]


class Endless:
    """Lines without end, counted."""

    def __init__(self) -> None:
        self.read = 0

    def __iter__(self) -> Iterator[str]:
        for self.read in itertools.count(1):
            yield ""


def settled(lines: Endless) -> int:
    """How many lines are read in the end: once nothing more comes for a while."""
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        before = lines.read
        time.sleep(0.3)
        if lines.read == before:
            return before
    raise AssertionError("reading goes on and on")


def test_reading_stays_close_to_what_was_taken(translator: Translator) -> None:
    lines = Endless()
    translations = translate_lines(translator, lines, GREEDY, Batching(first_window=2, window=10))
    assert lines.read == 0
    for taken in range(1, 31):
        assert next(translations).text == ""
        if taken in (1, 3, 30):
            assert settled(lines) <= taken + 2 * 10 + 1
    translations.close()


def test_an_error_does_not_wait_for_what_else_is_being_translated(
    apart: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does Ctrl-C, which comes the same way."""
    begun, left = threading.Event(), threading.Event()

    def translate_batch(sources: list[Source], *_: object) -> list[list[Hypothesis]]:
        if sources[0].text == "waits":
            begun.set()
            left.wait(SOON)
            return [[Hypothesis((), 0.0, 0.0)]]
        begun.wait(SOON)
        raise MemoryError

    monkeypatch.setattr(apart, "translate_batch", translate_batch)
    start = time.monotonic()
    with pytest.raises(TranslationError):
        list(translate_lines(apart, ["fails, for it is longer", "waits"], GREEDY, Batching(workers=2, rows=1)))
    assert time.monotonic() - start < SOON / 2
    left.set()


@pytest.mark.parametrize("taken", [1, 3, 40])
def test_nothing_goes_on_after_the_reader_has_gone(translator: Translator, taken: int) -> None:
    before = set(threading.enumerate())
    lines = Endless()
    translations = translate_lines(translator, lines, GREEDY, Batching(workers=2, first_window=2, window=4))
    for _ in range(taken):
        next(translations)
    translations.close()
    end = time.monotonic() + SOON
    while set(threading.enumerate()) - before:
        assert time.monotonic() < end, "a thread is left"
        time.sleep(0.01)
    assert settled(lines) <= taken + 2 * 4 + 1


@pytest.mark.parametrize("odd", [b"Good night.", None, 5])
def test_what_is_no_line_is_refused_behind_those_before_it(translator: Translator, odd: Any) -> None:
    found = translate_lines(translator, ["Good night.", odd], GREEDY, Batching(first_window=1))
    assert next(found).line.text == "Good night."
    with pytest.raises(TypeError, match=f"a line is a str, not {type(odd).__name__}"):
        next(found)


def test_no_window_is_larger_than_the_largest() -> None:
    lines = [Line(str(i)) for i in range(40)]
    assert max(map(len, windows(lines, Batching(window=4)))) <= 4
