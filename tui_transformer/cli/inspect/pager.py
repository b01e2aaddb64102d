"""What is taller than the terminal goes through the user's pager."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Sequence

PAGER = "less -RFX"


def page(lines: Sequence[str]) -> bool:
    """Show lines in $PAGER (`less -RFX` if not set) until the user quits it; False if there is no pager to run."""
    try:
        command = shlex.split(os.environ.get("PAGER", PAGER))
        pager = subprocess.Popen(command, stdin=subprocess.PIPE) if command else None
    except (OSError, ValueError):
        return False
    if not pager or not pager.stdin:
        return False
    # Ctrl-C is for the pager, which keeps running.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pager.communicate("".join(f"{line}\n" for line in lines).encode(errors="replace"))
    except BrokenPipeError:
        pager.wait()  # the user has seen enough
    finally:
        signal.signal(signal.SIGINT, before)
    return True
