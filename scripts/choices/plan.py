"""A plan of trainings that differ from one recipe by one change each, read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from ttx_export.recipe import find_recipe, parse_recipe


@dataclass(frozen=True, slots=True)
class Run:
    """One training. `of` names the run that trains it, as a rule itself; `weights` is a file of that, "" its best."""

    name: str
    what: str
    of: str
    weights: str
    recipe: str


@dataclass(frozen=True, slots=True)
class Plan:
    """`every` are the settings in which all runs differ from the recipe `base`; `decided` says what came of it."""

    base: str
    every: Mapping[str, Any]
    runs: tuple[Run, ...]
    decided: str


def read_plan(path: Path) -> Plan:
    """Raises ValueError if a run's recipe is none."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    text = find_recipe(values["recipe"]).read_text(encoding="utf-8")
    runs = []
    for run in values["run"]:
        recipe = changed(text, {**values["every"], **run.get("change", {})})
        runs.append(Run(run["name"], run["what"], run.get("of", run["name"]), run.get("weights", ""), recipe))
    return Plan(values["recipe"], values["every"], tuple(runs), values.get("decided", ""))


def changed(recipe: str, settings: Mapping[str, Any]) -> str:
    """A recipe's text with other settings: "model.heads" = 4, or "weight.NAME" = 0.5 for a corpus."""
    document = tomlkit.parse(recipe).unwrap()
    for place, value in settings.items():
        section, key = place.split(".")
        if section == "weight":
            (corpus,) = (corpus for corpus in document["data"]["corpora"] if corpus["name"] == key)
            corpus["weight"] = value
        else:
            document.setdefault(section, {})[key] = value
    text = tomlkit.dumps(document)
    parse_recipe(text)
    return text
