"""Single keys from the terminal, without waiting for enter."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Read = Callable[[float], list[str]]
"""The keys pressed within this many seconds, or as soon as there is one: none, one, or several that came at once."""

_KEY = re.compile(r"\x1b[\[O][0-9;]*[A-Za-z~]|\x1b|.", re.DOTALL)
_NAMES = {
    "\x1b[A": "up", "\x1b[B": "down", "\x1b[C": "right", "\x1b[D": "left",
    "\x1bOA": "up", "\x1bOB": "down", "\x1bOC": "right", "\x1bOD": "left",
    "\x1b[5~": "page up", "\x1b[6~": "page down",
    "\x1b[H": "home", "\x1b[F": "end", "\x1bOH": "home", "\x1bOF": "end", "\x1b[1~": "home", "\x1b[4~": "end",
    "\x1b": "escape", "\r": "enter", "\n": "enter", "\x7f": "backspace", "\b": "backspace", "\x03": "ctrl-c",
    "": "end of input", "\x04": "end of input",
}  # fmt: skip


def keys_of(sent: str) -> list[str]:
    """What a terminal sent as keys: printable ones as they are, others by name, those without one as sent."""
    return [_NAMES.get(key, key) for key in _KEY.findall(sent)] if sent else [_NAMES[""]]


if sys.platform == "win32":
    import msvcrt
    import time

    _WINDOWS = {"H": "up", "P": "down", "M": "right", "K": "left", "I": "page up", "Q": "page down",
                "G": "home", "O": "end"}  # fmt: skip

    @contextmanager
    def keyboard() -> Iterator[Read]:
        """While it lasts, keys can be read one by one and are not shown."""

        def read(seconds: float) -> list[str]:
            end = time.monotonic() + seconds
            while not msvcrt.kbhit():
                if time.monotonic() >= end:
                    return []
                time.sleep(0.02)
            key = msvcrt.getwch()
            return [_WINDOWS.get(msvcrt.getwch(), "")] if key in ("\x00", "\xe0") else keys_of(key)

        yield read

else:
    import os
    import select
    import termios
    import tty

    @contextmanager
    def keyboard() -> Iterator[Read]:
        """While it lasts, keys can be read one by one and are not shown."""
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)

        def read(seconds: float) -> list[str]:
            if not select.select([descriptor], [], [], seconds)[0]:
                return []
            return keys_of(os.read(descriptor, 1024).decode(errors="ignore"))

        try:
            tty.setcbreak(descriptor)
            yield read
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
