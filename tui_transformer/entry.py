"""Where `ttx` begins: its standard streams are made fit for use, and Ctrl-C works from the first moment."""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130


def main() -> None:
    """The `ttx` command."""
    try:
        _open_streams()
        # This import takes most of the start-up time.
        from tui_transformer.cli import main as command

        command()
    except KeyboardInterrupt:
        # At once: without waiting for other threads.
        os._exit(INTERRUPTED)


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
