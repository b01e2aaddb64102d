"""Vocabularies whose ids are not SentencePiece's own: Marian's. SentencePiece cuts, a list says each piece's id.

A piece missing from the list is unknown, even if SentencePiece knows it. A text may begin with the language it is to be
translated into, written `>>deu<<`: one piece, and the text after it is cut by itself. All as the `MarianTokenizer` of
`transformers` does it, with one difference: text that spells a special piece, such as `</s>`, stays text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .bundle import PIECES, SOURCE_VOCABULARY, TARGET_VOCABULARY, Bundle
from .errors import BundleError, LanguageError
from .pieces import SPACE_MARK
from .tokenizer import Tokenizer, TokenizerOptions

OPTIONS = TokenizerOptions(kind="marian")
_CODE = re.compile(r">>.*?<<", re.DOTALL)
_LANGUAGE = re.compile(r"\s*(>>[\w-]+<<)\s*")


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """Which of a side's ids are not text; `bos` is what a translation begins with."""

    pad: int
    bos: int
    eos: int
    unk: int


class MappedTokenizer(Tokenizer):
    """One side's vocabulary: a SentencePiece model, and `names`, the piece of each id."""

    def __init__(self, model: bytes, names: Sequence[str], special: SpecialIds) -> None:
        """`model` is the content of a SentencePiece file. Raises BundleError if it is not."""
        self._open(model, OPTIONS)
        self.names = tuple(names)
        self.size = len(self.names)
        self.pad_id, self.bos_id, self.eos_id, self.unk_id = special.pad, special.bos, special.eos, special.unk
        self._silent = {special.pad, special.bos, special.eos, special.unk}
        self._ids_of: Mapping[str, int] = {name: i for i, name in enumerate(self.names)}
        self.languages = tuple(name for name in self.names if _LANGUAGE.fullmatch(name))

    def encode(self, text: str) -> list[int]:
        """Ids of the pieces of text, without start and end."""
        code = _CODE.match(text)
        found = [code.group()] if code else []
        found += self._pieces.encode(text[code.end() :] if code else text, out_type=str)
        return [self._ids_of.get(piece, self.unk_id) for piece in found]

    def encode_all(self, texts: Iterable[str]) -> list[list[int]]:
        """`encode` of many texts."""
        return [self.encode(text) for text in texts]

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids; start, end, padding and unknown pieces say nothing."""
        text: str = self._pieces.decode([self.names[i] for i in ids if i not in self._silent])
        # SentencePiece leaves pieces it does not know as they are.
        return text.replace(SPACE_MARK, " ").strip()

    def piece(self, piece_id: int) -> str:
        """The piece of one id: ▁ for a space."""
        return self.names[piece_id]

    def language(self, text: str) -> tuple[str, str]:
        """The code a text begins with, such as `>>deu<<`, and the text after it; no code if the model knows none.

        Raises LanguageError for a code that is not one of the model's.
        """
        found = _LANGUAGE.match(text) if self.languages else None
        if not found:
            return "", text
        if found.group(1) not in self._ids_of:
            known = " ".join(self.languages[:8]) + (" …" if len(self.languages) > 8 else "")
            raise LanguageError(f"the model does not know the language {found.group(1)}; it knows {known}")
        return found.group(1), text[found.end() :]


def load_tokenizers(model: Bundle) -> tuple[Tokenizer, Tokenizer]:
    """Both sides' tokenizers, of the kind that the manifest names. Raises BundleError."""
    options = TokenizerOptions.from_dict(model.manifest.tokenizer)
    files = model.file(SOURCE_VOCABULARY), model.file(TARGET_VOCABULARY)
    if options.kind != "marian":
        source, target = (Tokenizer.load(file, options) for file in files)
        return source, target
    special, shape = model.manifest.special, model.manifest.architecture
    source_names, target_names = names_in(model)
    if (len(source_names), len(target_names)) != (shape.source_vocabulary, shape.target_vocabulary):
        raise BundleError(f"{model.file(PIECES)} does not have as many pieces as the model")
    ids = SpecialIds(special.source_pad, special.target_bos, special.source_eos, special.source_unk)
    of_target = SpecialIds(special.target_pad, special.target_bos, special.target_eos, special.target_unk)
    return (
        MappedTokenizer(_content(files[0]), source_names, ids),
        MappedTokenizer(_content(files[1]), target_names, of_target),
    )


def names_in(model: Bundle) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The piece of each id of either side, as the bundle has them. Raises BundleError."""
    if PIECES in model.manifest.files:
        return read_names(model.file(PIECES))
    from .optimum_folder import read_names as read_ids  # only folders made by others need it

    return read_ids(model.path, model.manifest.architecture)


def write_names(source: MappedTokenizer, target: MappedTokenizer, path: Path) -> None:
    """The pieces of both sides, in the order of their ids; a vocabulary that both share is written once."""
    content = {"source": source.names, "target": None if source.names == target.names else target.names}
    path.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")


def read_names(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The inverse of `write_names`. Raises BundleError."""
    try:
        content = json.loads(_content(path))
        sides = content["source"], content["source"] if content["target"] is None else content["target"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise BundleError(f"{path} is not a list of pieces") from None
    if not all(isinstance(side, list) and all(isinstance(name, str) for name in side) for side in sides):
        raise BundleError(f"{path} is not a list of pieces")
    return tuple(sides[0]), tuple(sides[1])


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"cannot read the vocabulary {path}: {error.strerror}") from None
