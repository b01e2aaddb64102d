"""What a person writes as a path."""

from __future__ import annotations

from pathlib import Path

from tui_transformer.errors import UsageError


def typed_path(text: str) -> Path:
    """The path, ~ and ~name understood. Raises UsageError for an unknown name, and for what can be no path."""
    try:
        path = Path(text.strip()).expanduser()
        path.exists()
    except RuntimeError as error:
        raise UsageError(f"{text.strip()}: {error}") from None
    except OSError as error:
        raise UsageError(f"{text.strip()}: {error.strerror}") from None
    return path
