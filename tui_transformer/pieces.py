"""How SentencePiece writes pieces, and what a sequence of them says."""

from __future__ import annotations

import re
from collections.abc import Iterable

SPACE_MARK = "▁"
"""Stands for a space."""

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def is_byte(piece: str) -> bool:
    """Whether a piece stands for a single byte."""
    return _BYTE.fullmatch(piece) is not None


def bytes_of(piece: str) -> bytes:
    """A piece's text in UTF-8, of which a piece for a single byte has a part: <0xC3> is half an ä."""
    if byte := _BYTE.fullmatch(piece):
        return bytes([int(byte.group(1), 16)])
    return piece.replace(SPACE_MARK, " ").encode()


def in_bytes(text: str, start: int, stop: int) -> tuple[int, int]:
    """Where characters of a text, bytes that are no UTF-8 as surrogates, stand among its bytes."""
    before = len(text[:start].encode(errors="surrogateescape"))
    return before, before + len(text[start:stop].encode(errors="surrogateescape"))


def text_of(pieces: Iterable[str]) -> str:
    """What pieces say, special ones as they are written; U+FFFD for a character that has not all its bytes yet.

    For translations that are still growing. `Tokenizer.decode` says what their ids mean.
    """
    return b"".join(map(bytes_of, pieces)).decode(errors="replace").strip()
