"""Many lines, fast and in order: windows sorted by length, several workers, order restored.

A window holds what has already arrived: a line typed, or sent through a slow pipe, gets its translation
at once; a fast producer fills large windows, which translate faster. Memory does not grow with the input.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from .errors import LanguageError, TranslationError, TtxError, UsageError
from .translation import Line, Translation, Wanted
from .translator import Options, Translator
from .window import WindowTranslator

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


def translate_lines(
    translator: Translator,
    lines: Iterable[str | Line],
    options: Options | None = None,
    batching: Batching | None = None,
    wanted: Wanted | None = None,
) -> Iterator[Translation]:
    """One translation for each line, in order. Lazy: reads at most two windows ahead of what was taken.

    Raises TranslationError, after the last window that succeeded, if a worker dies; TypeError for what is not a line;
    ValueError for options with a `target`, which is read one sentence at a time (`Translator.stream`).
    """
    options, batching = options or translator.defaults, batching or Batching()
    if options.target is not None:
        raise ValueError("a given target is read with stream(), not searched for")
    pool = ThreadPoolExecutor(batching.workers)
    wanted = wanted or Wanted()
    if wanted.keeper:
        wanted = replace(wanted, keeper=wanted.keeper.knowing(translator.source))
    work = WindowTranslator(translator, options, wanted, pool, batching.rows)
    try:
        done = 0
        for window in windows(map(_whole, lines), batching):
            with naming_lines(done, len(window)):
                yield from work.translate(window)
            done += len(window)
    finally:
        # A caller that stops early does not wait for batches that nobody will read.
        pool.shutdown(wait=False, cancel_futures=True)


def _whole(line: object) -> Line:
    if isinstance(line, str):
        return Line(line)
    if not isinstance(line, Line):
        raise TypeError(f"a line is a str, not {type(line).__name__}")
    return line


@contextlib.contextmanager
def naming_lines(before: int, count: int) -> Iterator[None]:
    """Any failure becomes a TranslationError that names the `count` lines after the first `before`."""
    try:
        yield
    except LanguageError as error:
        raise UsageError(f"line {before + error.place + 1:,}: {error}") from None
    except TtxError:
        raise
    except Exception as error:
        reason = ": ".join(filter(None, [type(error).__name__, " ".join(str(error).split())]))
        raise TranslationError(f"failed in lines {before + 1:,} to {before + count:,}: {reason}") from error


def windows(lines: Iterable[Line], batching: Batching) -> Iterator[list[Line]]:
    """Lines in groups of what has arrived, at first small, so that the first translation comes soon."""
    arrived: queue.Queue[object] = queue.Queue(batching.window)
    stopped = threading.Event()
    threading.Thread(target=_feed, args=(lines, arrived, stopped), daemon=True).start()
    size = min(batching.first_window, batching.window)
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


def _fill(arrived: queue.Queue[object], size: int) -> tuple[list[Line], object]:
    """Wait for a first line, then take what comes soon; the second value is the end or an error, if one came."""
    window: list[Line] = []
    deadline = None
    while len(window) < size:
        try:
            item = arrived.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        if not isinstance(item, Line):
            return window, item
        window.append(item)
        deadline = deadline or time.monotonic() + WAIT_SECONDS
    return window, None


def _feed(lines: Iterable[Line], arrived: queue.Queue[object], stopped: threading.Event) -> None:
    """Run beside the translation: put lines into the queue, then the end, or the error that ended them."""
    last: object = _END
    try:
        for line in lines:
            if not _put(line, arrived, stopped):
                return
    except BaseException as error:
        # Whatever went wrong while reading must surface where the lines are used.
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
