"""What `ttx` runs on: versions, processors, what ONNX Runtime can really use, and the models there are."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from . import __version__, sessions
from .bundle import Bundle
from .catalogue import find_model, installed_models, read_model
from .errors import BundleError


@dataclass(frozen=True, slots=True)
class Environment:
    """`providers` says for each one that ONNX Runtime was built with whether it works here."""

    versions: Mapping[str, str]
    platform: str
    cores: int
    usable_cores: int
    providers: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Model:
    """A bundle in short; one that is broken has an `error` and little else. `details` only where asked for."""

    name: str
    path: str
    error: str | None = None
    source_language: str = ""
    target_language: str = ""
    precision: str = ""
    bytes: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)


def environment() -> Environment:
    """Tries every provider: takes a moment."""
    versions = {
        "ttx": __version__,
        "python": platform.python_version(),
        "onnxruntime": sessions.VERSION,
        **{name: version(name) for name in ("numpy", "sentencepiece")},
    }
    return Environment(
        versions, platform.platform(), os.cpu_count() or 1, sessions.usable_cores(), sessions.usable_providers()
    )


def models() -> list[Model]:
    """All that `--model NAME` finds."""
    return [_model(name, path) for name, path in installed_models().items()]


def model(name_or_path: str) -> Model:
    """One model with its architecture and scores."""
    try:
        return _model(name_or_path, find_model(name_or_path), detailed=True)
    except BundleError as error:
        return Model(name_or_path, "", str(error))


def _model(name: str, path: Path, detailed: bool = False) -> Model:
    try:
        bundle = read_model(path)
    except BundleError as error:
        return Model(name, str(path), str(error))
    manifest = bundle.manifest
    details = _details(bundle) if detailed else {}
    return Model(
        name, str(path), None, manifest.source_language, manifest.target_language, manifest.precision, bundle.bytes,
        details,
    )  # fmt: skip


def _details(bundle: Bundle) -> dict[str, Any]:
    manifest = bundle.manifest
    return {
        "parameters": manifest.provenance.get("parameters"),
        "architecture": manifest.architecture.to_dict(),
        "sentence_limit": manifest.sentence_limit,
        "opset": manifest.opset,
        "scores": [dict(score) for score in manifest.scores],
    }
