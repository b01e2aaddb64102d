"""Fluent files (projectfluent.org), as Mozilla keeps the translations of its site: a folder for each language."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from .archives import Member
from .clean import Pair
from .table import Part

_MESSAGE = re.compile(r"^(-?[A-Za-z][\w-]*)\s*=[ \t]*(.*)$")
_TERM = re.compile(r"\{\s*(-[\w-]+)\s*(?:\([^)]*\)\s*)?\}")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")


def read(found: Iterator[Member], part: Part) -> Iterator[Pair]:
    """Messages that both languages have, with brand names filled in; those with other variables are left out."""
    sides: dict[str, dict[str, str]] = {language: {} for language in part.languages}
    for name, content in found:
        for language, texts in sides.items():
            _, marker, file = f"/{name}".partition(f"/{language}/")
            if marker:
                texts |= {_key(file, at): text for at, text in messages(content.read().decode("utf-8-sig"))}
    source, target = sides.values()
    for at in source:
        if at in target and not at.startswith("-"):
            pair = _plain(source[at], source), _plain(target[at], target)
            if "{" not in "".join(pair):
                yield pair


def _key(file: str, at: str) -> str:
    """Terms are of all files, messages of theirs."""
    return at if at.startswith("-") else f"{file}:{at}"


def messages(text: str) -> Iterator[tuple[str, str]]:
    """Names and values of messages and terms; attributes are left out."""
    name, value = "", [""]
    for line in [*text.splitlines(), "#"]:
        goes_on = line.startswith((" ", "\t")) and not line.lstrip().startswith(".")
        if goes_on or not line.strip():
            value.append(line.strip())
            continue
        if name and (said := " ".join(value).strip()):
            yield name, said
        found = _MESSAGE.match(line)
        name, value = (found[1], [found[2]]) if found else ("", [""])


def _plain(text: str, terms: dict[str, str]) -> str:
    filled = _TERM.sub(lambda found: terms.get(found[1], found[0]), text)
    return html.unescape(_TAG.sub("", filled))
