"""Where `ttx` begins: its standard streams are made fit for use, and it can be stopped from the first moment."""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 130


class Told(BaseException):
    """A signal that ends a program has come: what is half done is put away, as for an error."""

    def __init__(self, number: int) -> None:
        self.number = number


def main() -> None:
    """The `ttx` command."""
    try:
        _hear_signals()
        _open_streams()
        # This import takes most of the start-up time.
        from tui_transformer.cli import main as command

        command()
    except KeyboardInterrupt:
        # At once: without waiting for other threads.
        os._exit(INTERRUPTED)
    except Told as told:
        # Whoever sent the signal sees that it ended this process.
        signal.signal(told.number, signal.SIG_DFL)
        os.kill(os.getpid(), told.number)


def _hear_signals() -> None:
    """SIGTERM, and the SIGHUP of a terminal that is closed, unless the program was started to outlive them (nohup)."""

    def hear(number: int, _: object) -> None:
        raise Told(number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, hear)


def _open_streams() -> None:
    """Python has None for a standard stream that was closed before it began.

    Its descriptor would go to the next file that is opened. Now it is one that nothing can be read from or written
    to: a user of the stream gets an error. Without a stderr, errors go nowhere. What the encoding of a terminal
    does not have is replaced.
    """
    for name, unusable in (("stdin", "w"), ("stdout", "r"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, unusable, encoding="utf-8"))  # noqa: SIM115
        elif name != "stdin":
            stream.reconfigure(errors="replace")
