"""Packages that only some commands need, and that come with an extra."""

from __future__ import annotations

import importlib.util

from tui_transformer.errors import MissingExtraError


def require_extra(extra: str, command: str, *packages: str) -> None:
    """Raise MissingExtraError, naming what to install, unless all packages are there. Imports none of them."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise MissingExtraError(f"`{command}` needs {', '.join(missing)}: pip install 'tui-transformer[{extra}]'")
