"""`ttx tui --serve`: the application in a browser, through textual-serve, on this machine only."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections.abc import Sequence

from tui_transformer.errors import TtxError
from tui_transformer.extras import require_extra

HOST = "127.0.0.1"


def serve(arguments: Sequence[str], port: int) -> None:
    """Serve `ttx tui` with these arguments until Ctrl-C. Every browser tab has an application of its own.

    Raises MissingExtraError without the extra, TtxError if the port cannot be had.
    """
    require_extra("serve", "ttx tui --serve", "textual_serve")
    _need_port(port)
    from textual_serve.server import Server

    command = shlex.join([sys.executable, "-m", "tui_transformer", "tui", *arguments])
    Server(command, host=HOST, port=port, title="ttx").serve()


def _need_port(port: int) -> None:
    # The server itself would tell it with a traceback.
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        raise TtxError(f"cannot serve at http://{HOST}:{port}: {os.strerror(error.errno or 0)}") from None
