"""`e`: a text in the user's own editor."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from tui_transformer.errors import InputError


def edited(text: str) -> str:
    """What $VISUAL or $EDITOR makes of a text; without its last line end. Raises InputError if it cannot be run."""
    wanted = os.environ.get("VISUAL", "").strip() or os.environ.get("EDITOR", "").strip() or "vi"
    try:
        command = shlex.split(wanted)
    except ValueError as error:
        raise InputError(f"cannot run the editor {wanted!r}: {error}") from None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sentence.txt"
        file.write_text(text + "\n", encoding="utf-8")
        try:
            ended = subprocess.run([*command, str(file)], check=False)
        except OSError as error:
            raise InputError(f"cannot run the editor {command[0]!r}: {error.strerror}") from None
        if ended.returncode:
            raise InputError(f"the editor {command[0]!r} ended with exit code {ended.returncode}: nothing is changed")
        try:
            return file.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
        except OSError as error:
            raise InputError(f"the editor {command[0]!r} left no text behind: {error.strerror}") from None
