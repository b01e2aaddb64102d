"""Where models are found: `--model NAME` becomes the folder of a bundle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .bundle import MANIFEST, Bundle, read_bundle
from .errors import BundleError
from .optimum import is_optimum_folder


def model_folders() -> Iterator[Path]:
    """Where models are looked up by name, nearest first."""
    package = Path(__file__).parent
    if folder := os.environ.get("TTX_MODELS"):
        yield Path(folder)
    data_home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    yield Path(data_home) / "ttx" / "models"
    yield package / "models"  # in an installed wheel
    yield package.parent / "models"  # in a checkout


def installed_models() -> dict[str, Path]:
    """Every model that `--model NAME` finds, by name."""
    found: dict[str, Path] = {}
    for folder in model_folders():
        for path in _entries(folder):
            if _is_model(path):
                found.setdefault(path.name, path)
    return found


def find_model(name_or_path: str | Path) -> Path:
    """A bundle's folder from its path or its name. Raises BundleError that lists what there is."""
    name, path = str(name_or_path), Path(name_or_path)
    if os.sep in name or _is_model(path):
        return path
    models = installed_models()
    if name in models:
        return models[name]
    known = ", ".join(sorted(models)) or "none"
    raise BundleError(f"no model {name!r}: neither a model's folder nor an installed model ({known})")


def read_model(path: Path) -> Bundle:
    """A bundle of ours, or a folder that others wrote in Optimum's layout. Raises BundleError."""
    try:
        foreign = not (path / MANIFEST).is_file() and is_optimum_folder(path)
    except OSError as error:
        raise BundleError(f"cannot look into {path}: {error.strerror}") from None
    if not foreign:
        return read_bundle(path)
    from .optimum_folder import read_optimum_folder  # rarely needed

    return read_optimum_folder(path)


def _is_model(path: Path) -> bool:
    try:
        return (path / MANIFEST).is_file() or is_optimum_folder(path)
    except OSError:  # not allowed to look, or no possible file name
        return False


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
