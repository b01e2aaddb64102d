"""What the card of an imported model says where a trained one has its recipe, its data and its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def description(provenance: Mapping[str, Any]) -> str:
    """Where it comes from, and on what terms."""
    licence = provenance["licence"]
    terms = f", on these terms: {licence}" if licence else "; look there for its licence"
    place = f"{provenance['imported_from']} ({provenance['form']})"
    return f"A Marian model trained elsewhere and imported from {place}{terms}."


def languages(provenance: Mapping[str, Any]) -> str:
    """What a line must begin with, for a model that knows several languages."""
    known = " ".join(provenance["languages"])
    return f" Each line must begin with the language it is to be translated into: {known}." if known else ""


def configuration(provenance: Mapping[str, Any]) -> str:
    """What described the model where it was made."""
    return "```\n" + str(provenance["config"]).strip() + "\n```\n"
