"""How a recipe differs from before: a run may be resumed after its recipe, or its text, was changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from .recipe import Corpus, Recipe

UNTRAINED = ("name", "description", "samples", "text", "generation")
"""What a recipe says that no weight depends on."""
LONGEST = 40


def differences(before: Recipe, now: Recipe) -> list[str]:
    """Each option that has changed, with its old value: "training.steps 3,000". Empty if training is the same."""
    old, new = _flat(before), _flat(now)
    told = [_told(name, old.get(name)) for name in [*old, *(new.keys() - old.keys())] if old.get(name) != new.get(name)]
    if before.data.dev == now.data.dev and list(before.data.dev) != list(now.data.dev):
        told.append(f"data.dev in the order {', '.join(before.data.dev)}")
    return told


def judges_alike(before: Recipe, now: Recipe, other_files: Collection[str] = ()) -> bool:
    """Whether a loss on the first development set, which tells which weights are best, means the same in both.

    `other_files` have another content than before (`RunFolder.other_files`).
    """
    first, other = (list(recipe.data.dev.items())[:1] for recipe in (before, now))
    same = first == other and not any(file in other_files for _, file in first)
    return same and before.data.max_length == now.data.max_length


def _flat(recipe: Recipe) -> dict[str, Any]:
    return {
        name: value
        for option in fields(recipe)
        if option.name not in UNTRAINED
        for name, value in _parts(option.name, getattr(recipe, option.name))
    }


def _parts(name: str, value: Any) -> list[tuple[str, Any]]:
    """The options below one, by their dotted names; corpora by their own."""
    if is_dataclass(value):
        below: Mapping[str, Any] = {option.name: getattr(value, option.name) for option in fields(value)}
    elif name == "data.corpora":
        options = [option.name for option in fields(Corpus) if option.name != "name"]
        below = {f"{corpus.name}.{option}": getattr(corpus, option) for corpus in value for option in options}
    elif name == "data.dev":
        below = value
    else:
        return [(name, dict(value) if isinstance(value, Mapping) else value)]
    return [part for key, each in below.items() for part in _parts(f"{name}.{key}", each)]


def _told(name: str, value: Any) -> str:
    if value is None:
        return f"no {name}"
    if isinstance(value, Mapping | tuple | str) and not value:
        return f"{name} empty"
    told = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return f"{name} {told}" if len(told) <= LONGEST else f"another {name}"
