"""Marian models on the Hugging Face hub: what there is, on what terms, and its files. Only this file accesses it.

`huggingface_hub` does the downloading: into its cache, resuming where it was interrupted. What arrives is compared with
what the hub promised, by size and hash.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from tui_transformer.errors import RecipeError

from .marian_files import CONFIG, GENERATION, PICKLE, SAFE, SOURCE_PIECES, TARGET_PIECES, TOKENIZER

USED = (CONFIG, GENERATION, TOKENIZER, SOURCE_PIECES, TARGET_PIECES, "source.spm", "target.spm", "README.md")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on the hub: its size in bytes, its SHA-256, or where that is empty its git hash."""

    name: str
    size: int
    sha256: str
    blob: str


@dataclass(frozen=True, slots=True)
class Found:
    """A model on the hub at one revision, and those of its files that are of use here."""

    name: str
    revision: str
    licence: str
    files: tuple[RemoteFile, ...]

    @property
    def bytes(self) -> int:
        """Of all files together."""
        return sum(file.size for file in self.files)


def describe(name: str) -> Found:
    """Ask what there is. Raises RecipeError if the hub cannot be reached, or has no such model."""
    from huggingface_hub import HfApi

    try:
        info = HfApi().model_info(name, files_metadata=True)
    except Exception as error:
        raise _unreachable(name, error) from None
    known = {file.rfilename: file for file in info.siblings or []}
    safe = SAFE in known and (PICKLE not in known or importlib.util.find_spec("safetensors") is not None)
    files = tuple(
        RemoteFile(file, found.size or 0, found.lfs.sha256 if found.lfs else "", found.blob_id or "")
        for file in (*USED, SAFE if safe else PICKLE)
        if (found := known.get(file))
    )
    if CONFIG not in known:
        raise RecipeError(f"{name} has no {CONFIG}: it is not a Marian model in the hub's layout")
    licence = getattr(info.card_data, "license", None) if info.card_data else None
    return Found(info.id, info.sha or "main", str(licence or ""), files)


def fetch(found: Found) -> Path:
    """The folder with the model's files, downloaded unless they are there. Raises RecipeError."""
    from huggingface_hub import hf_hub_download

    folder = None
    for file in found.files:
        try:
            path = Path(hf_hub_download(found.name, file.name, revision=found.revision))
        except Exception as error:
            raise _unreachable(f"{found.name}/{file.name}", error) from None
        _verify(path, file)
        folder = path.parent
    assert folder is not None
    return folder


def _verify(path: Path, file: RemoteFile) -> None:
    content = path.read_bytes()
    if file.sha256:
        right = hashlib.sha256(content).hexdigest() == file.sha256
    elif file.blob:
        # git's name for a file (git hash-object): protects against damage, not against malice.
        right = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == file.blob
    else:
        right = True
    if len(content) != file.size or not right:
        raise RecipeError(f"{path} is not the file that the hub describes: delete it and try again")


def _unreachable(what: str, error: Exception) -> RecipeError:
    """huggingface_hub and what it is built on raise dozens of classes; each says in its first line what is wrong."""
    reason = " ".join(next(iter(str(error).strip().splitlines()), "").split()) or type(error).__name__
    return RecipeError(f"cannot download {what}: {reason}")
