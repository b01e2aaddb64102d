"""`--profile`: how long a person waits, measured in the running application and printed when it is left."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from statistics import median


@dataclass(slots=True)
class Profile:
    """Seconds of everything that is waited for; `started` on the clock of `time.monotonic`."""

    started: float = field(default_factory=lambda: process_started())
    first_frame: float | None = None
    key_to_paint: list[float] = field(default_factory=list)
    frames: list[float] = field(default_factory=list)
    _key: float | None = None
    _drawing: float | None = None

    def key(self) -> None:
        """A key has arrived."""
        self._key = self._key or time.monotonic()

    def drawing(self) -> None:
        """The moment is about to be drawn."""
        self._drawing = time.monotonic()

    def painted(self) -> None:
        """Something has been written to the terminal."""
        now = time.monotonic()
        if self.first_frame is None:
            self.first_frame = now - self.started
        if self._key is not None:
            self.key_to_paint.append(now - self._key)
            self._key = None
        if self._drawing is not None:
            self.frames.append(now - self._drawing)
            self._drawing = None

    def lines(self) -> list[str]:
        """The report, in milliseconds."""
        first = "never" if self.first_frame is None else f"{1000 * self.first_frame:.0f} ms after the process began"
        return [
            f"first frame: {first}",
            f"key to paint: {_spread(self.key_to_paint)}",
            f"frame, from the moment to the terminal: {_spread(self.frames)}",
        ]


def process_started() -> float:
    """When this process began, on the clock of `time.monotonic`; now, where the system does not tell (not Linux)."""
    try:
        with open("/proc/self/stat", encoding="ascii") as file:
            # The 22nd field, counted behind the name, which may hold blanks.
            ticks = int(file.read().rpartition(")")[2].split()[19])
        return ticks / os.sysconf("SC_CLK_TCK") + time.monotonic() - time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, ValueError, AttributeError, IndexError):
        return time.monotonic()


def _spread(seconds: list[float]) -> str:
    if not seconds:
        return "nothing measured"
    ordered = sorted(seconds)
    late = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"median {1000 * median(ordered):.1f} ms, 95 % under {1000 * late:.1f} ms, {len(ordered):,} measured"
