"""Vocabularies as a checkpoint keeps them: plain values and tensors, so that reading them never runs code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from tui_transformer.mapped import MappedTokenizer, SpecialIds
from tui_transformer.tokenizer import Tokenizer, TokenizerOptions

from .vocabulary import Vocabularies

SIDES = ("source", "target")


def keep(vocabularies: Vocabularies) -> dict[str, Any]:
    """Both sides' SentencePiece files, their options, and the pieces of ids that are not SentencePiece's."""
    kept: dict[str, Any] = {"tokenizer": vocabularies.source.options.to_dict()}
    for side in SIDES:
        tokenizer = getattr(vocabularies, side)
        kept[f"{side}_vocabulary"] = torch.frombuffer(bytearray(tokenizer.model), dtype=torch.uint8)
        if isinstance(tokenizer, MappedTokenizer):
            special = tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.unk_id
            kept[f"{side}_pieces"] = {"names": list(tokenizer.names), "special": list(special)}
    return kept


def kept_vocabularies(content: Mapping[str, Any]) -> Vocabularies:
    """The inverse. Raises KeyError, ValueError, TypeError or BundleError for anything else."""
    options = TokenizerOptions.from_dict(content["tokenizer"])
    sides = list[Tokenizer]()
    for side in SIDES:
        model = _to_bytes(content[f"{side}_vocabulary"])
        if options.kind == "marian":
            pieces = content[f"{side}_pieces"]
            sides.append(MappedTokenizer(model, pieces["names"], SpecialIds(*pieces["special"])))
        else:
            sides.append(Tokenizer(model, options))
    return Vocabularies(*sides)


def fingerprint(vocabularies: Vocabularies) -> bytes:
    """Differs if the ids of some text may differ."""
    found = hashlib.sha256()
    for name, value in sorted(keep(vocabularies).items()):
        found.update(name.encode())
        found.update(_to_bytes(value) if isinstance(value, Tensor) else repr(value).encode())
    return found.digest()


def _to_bytes(tensor: Tensor) -> bytes:
    return tensor.numpy().tobytes()
