"""`ttx tui --serve`: the application in a browser, through textual-serve, on this machine only."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from tui_transformer.extras import require_extra

HOST = "127.0.0.1"


def serve(arguments: Sequence[str], port: int) -> None:
    """Serve `ttx tui` with these arguments until Ctrl-C. Every browser tab has an application of its own.

    Raises MissingExtraError without the extra.
    """
    require_extra("serve", "ttx tui --serve", "textual_serve")
    from textual_serve.server import Server

    command = shlex.join([sys.executable, "-m", "tui_transformer", "tui", *arguments])
    Server(command, host=HOST, port=port, title="ttx").serve()
