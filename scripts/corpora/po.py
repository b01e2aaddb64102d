"""Gettext catalogues, as LibreOffice keeps its translations."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from .archives import Member
from .clean import Pair
from .table import Part

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_ESCAPED = re.compile(r"\\(.)")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_KEY_SIGN = re.compile(r"[~_](?=\w)")


def read(found: Iterator[Member], part: Part) -> Iterator[Pair]:  # noqa: ARG001
    """Messages that have a translation nobody doubts; tags of the help and marks of menu keys are taken out."""
    for _, content in found:
        for source, target in messages(content.read().decode("utf-8-sig")):
            yield _plain(source), _plain(target)


def messages(text: str) -> Iterator[Pair]:
    """msgid and msgstr of each entry, but for fuzzy and obsolete ones, plurals and the header."""
    for entry in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        lines = entry.split("\n")
        if any(line.startswith("#,") and "fuzzy" in line for line in lines):
            continue
        fields: dict[str, list[str]] = {}
        name = ""
        for line in lines:
            if line.startswith("#"):
                continue
            keyword, quote, rest = line.partition('"')
            name = keyword.strip() or name
            if quote:
                fields.setdefault(name, []).append(rest.rstrip().removesuffix('"'))
        source, target = (_unescape("".join(fields.get(field, ()))) for field in ("msgid", "msgstr"))
        if source and target:
            yield source, target


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[0]), text)


def _plain(text: str) -> str:
    return _KEY_SIGN.sub("", html.unescape(_TAG.sub(" ", text)), count=1)
