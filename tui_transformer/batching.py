"""Many lines, fast and in order: windows sorted by length, several workers, order restored.

A window holds what has already arrived: whoever types a line, or feeds a slow pipe, gets its translation
at once; a fast producer fills large windows, which translate faster. Memory does not grow with the input.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from .search import Hypothesis
from .translator import Options, Source, Translator

MAX_POSITIONS = 8192
"""Rows × padded length of one batch, hypotheses counted: larger ones fall out of the processor's cache."""

WAIT_SECONDS = 0.02
"""How long an unfilled window waits for one more line."""

_END: Final = object()


@dataclass(frozen=True, slots=True)
class Batching:
    """`workers` batches run at a time; a batch has at most `rows` lines, a window at most `window`."""

    workers: int = 1
    rows: int = 64
    first_window: int = 32
    window: int = 1024


@dataclass(frozen=True, slots=True)
class Translation:
    """What became of one line. `parts` above 1: it was too long and translated part by part."""

    text: str
    parts: int


def translate_lines(
    translator: Translator, lines: Iterable[str], options: Options | None = None, batching: Batching | None = None
) -> Iterator[Translation]:
    """One translation for each line, in order. Lazy: reads at most two windows ahead of what was taken."""
    options, batching = options or Options(), batching or Batching()
    pool = ThreadPoolExecutor(batching.workers)
    try:
        for window in windows(lines, batching):
            yield from _translate_window(translator, window, options, batching, pool)
    finally:
        # Whoever leaves early does not wait for batches that nobody will read.
        pool.shutdown(wait=False, cancel_futures=True)


def windows(lines: Iterable[str], batching: Batching) -> Iterator[list[str]]:
    """Lines in groups of what has arrived, at first small, so that the first translation comes soon."""
    arrived: queue.Queue[object] = queue.Queue(batching.window)
    stopped = threading.Event()
    threading.Thread(target=_feed, args=(lines, arrived, stopped), daemon=True).start()
    size = batching.first_window
    try:
        while True:
            window, last = _fill(arrived, size)
            if window:
                yield window
            if isinstance(last, BaseException):
                raise last
            if last is _END:
                return
            size = min(2 * size, batching.window)
    finally:
        stopped.set()


def _fill(arrived: queue.Queue[object], size: int) -> tuple[list[str], object]:
    """Wait for a first line, then take what comes soon; the second value is the end or an error, if one came."""
    window: list[str] = []
    deadline = None
    while len(window) < size:
        try:
            item = arrived.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        if not isinstance(item, str):
            return window, item
        window.append(item)
        deadline = deadline or time.monotonic() + WAIT_SECONDS
    return window, None


def _feed(lines: Iterable[str], arrived: queue.Queue[object], stopped: threading.Event) -> None:
    """Run beside the translation: put lines into the queue, then the end, or the error that ended them."""
    last: object = _END
    try:
        for line in lines:
            if not _put(line, arrived, stopped):
                return
    except BaseException as error:
        # Whatever went wrong while reading has to surface where the lines are used.
        last = error
    _put(last, arrived, stopped)


def _put(item: object, arrived: queue.Queue[object], stopped: threading.Event) -> bool:
    """Wait for room, but not for a consumer that has gone."""
    while not stopped.is_set():
        try:
            arrived.put(item, timeout=0.1)
        except queue.Full:
            continue
        return True
    return False


def _translate_window(
    translator: Translator, window: list[str], options: Options, batching: Batching, pool: ThreadPoolExecutor
) -> Iterator[Translation]:
    lines = [translator.split(line) for line in window]
    sources = [source for parts in lines for source in parts]
    found: list[Hypothesis | None] = [None] * len(sources)
    batches = list(batches_by_length(sources, options.beam, batching))

    def translate(batch: list[int]) -> list[list[Hypothesis]]:
        return translator.translate_batch([sources[i] for i in batch], options)

    for batch, results in zip(batches, pool.map(translate, batches), strict=True):
        for i, hypotheses in zip(batch, results, strict=True):
            found[i] = hypotheses[0]
    start = 0
    for parts in lines:
        best = [hypothesis for hypothesis in found[start : start + len(parts)] if hypothesis is not None]
        yield Translation(translator.join(parts, best), len(parts))
        start += len(parts)


def batches_by_length(sources: list[Source], beam: int, batching: Batching) -> Iterator[list[int]]:
    """Indices of sources, the longest first, cut so that a batch stays small enough for the caches."""
    order = sorted(range(len(sources)), key=lambda i: -len(sources[i].ids))
    start = 0
    while start < len(order):
        longest = max(1, len(sources[order[start]].ids))
        rows = max(1, min(batching.rows, MAX_POSITIONS // (longest * beam)))
        yield order[start : start + rows]
        start += rows
