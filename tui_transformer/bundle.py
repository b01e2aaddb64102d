"""The model bundle: the folder in which training hands a model to the runtime.

    manifest.json         what the model is, and name, size and SHA-256 of every other file
    encoder_model.onnx    source ids → keys and values for the decoder, and the encoder's attention
    decoder_model.onnx    one step: last id and cache → next id, scores, new cache, attention
    source.spm target.spm SentencePiece vocabularies
    README.md             the model card

The manifest is written last: a folder without one is not a model. This file alone knows the names of
files and tensors; those follow the ONNX convention of sequence-to-sequence models in the ecosystem.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .architecture import Architecture
from .errors import BundleError

FORMAT = 1
MANIFEST = "manifest.json"
ENCODER = "encoder_model.onnx"
DECODER = "decoder_model.onnx"
SOURCE_VOCABULARY = "source.spm"
TARGET_VOCABULARY = "target.spm"
CARD = "README.md"
REQUIRED = (ENCODER, DECODER, SOURCE_VOCABULARY, TARGET_VOCABULARY)

Precision = Literal["fp32", "int8", "fp16"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8", "fp16")

# Tensor names. Encoder: (B, S) ids and mask in; decoder: (B, 1) ids, (1,) position, mask and caches in.
INPUT_IDS = "input_ids"
ATTENTION_MASK = "attention_mask"
POSITION = "position"
ENCODER_ATTENTION_MASK = "encoder_attention_mask"
LOGITS = "logits"  # (B, V)
NEXT_ID = "next_id"  # (B,), the arg-max of the logits


def encoder_attention(layer: int) -> str:
    """(B, H, S, S) self-attention weights of the encoder."""
    return f"encoder_attentions.{layer}"


def decoder_attention(layer: int) -> str:
    """(B, H, 1, T+1) self-attention weights of this step."""
    return f"decoder_attentions.{layer}"


def cross_attention(layer: int) -> str:
    """(B, H, 1, S) encoder–decoder attention weights of this step."""
    return f"cross_attentions.{layer}"


def cross_cache(layer: int, part: Literal["key", "value"]) -> str:
    """(B, H, S, K): an output of the encoder, an input of the decoder."""
    return f"past_key_values.{layer}.encoder.{part}"


def past_cache(layer: int, part: Literal["key", "value"]) -> str:
    """(B, H, T, K): an input of the decoder, T = 0 at the first step."""
    return f"past_key_values.{layer}.decoder.{part}"


def present_cache(layer: int, part: Literal["key", "value"]) -> str:
    """(B, H, T+1, K): an output of the decoder, the next step's past."""
    return f"present.{layer}.decoder.{part}"


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Ids that are not text, for each side."""

    source_pad: int
    source_eos: int
    source_unk: int
    target_pad: int
    target_bos: int
    target_eos: int
    target_unk: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself.

    `sentence_limit` is the longest source, in pieces with its end, that training has shown the model;
    longer lines are translated part by part. `provenance`, `scores` and `parity` are for people: recipe,
    data and licences, cost; (set, metric, signature, value); how closely ONNX follows PyTorch.
    """

    name: str
    source_language: str
    target_language: str
    architecture: Architecture
    special: SpecialTokens
    tokenizer: Mapping[str, Any]
    precision: Precision
    opset: int
    sentence_limit: int
    provenance: Mapping[str, Any] = field(default_factory=dict)
    scores: tuple[Mapping[str, Any], ...] = ()
    parity: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A folder whose manifest has been read and whose files are there with the right sizes."""

    path: Path
    manifest: Manifest

    def file(self, name: str) -> Path:
        return self.path / name

    @property
    def bytes(self) -> int:
        """Size of all files but the manifest."""
        return sum(int(entry["size"]) for entry in self.manifest.files.values())


def read_bundle(path: Path) -> Bundle:
    """Read a bundle's manifest and check that its files are there, by size.

    Hashes are left to `verify_bundle`: reading 16 MB to translate one word would double its time.
    Raises BundleError.
    """
    if not path.is_dir():
        raise BundleError(f"no model at {path}: no such folder")
    manifest = _read_manifest(path / MANIFEST)
    for name in REQUIRED:
        if name not in manifest.files:
            raise BundleError(f"{path / MANIFEST} does not list {name}")
    for name, entry in manifest.files.items():
        try:
            size = (path / name).stat().st_size
        except OSError:
            raise BundleError(f"the model {path} lacks its file {name}") from None
        if size != entry["size"]:
            raise BundleError(f"{path / name} has {size} bytes, the manifest says {entry['size']}: damaged or replaced")
    return Bundle(path, manifest)


def verify_bundle(path: Path) -> Bundle:
    """`read_bundle`, and every file's SHA-256. Raises BundleError."""
    bundle = read_bundle(path)
    for name, entry in bundle.manifest.files.items():
        try:
            found = _sha256(path / name)
        except OSError as error:
            raise BundleError(f"cannot read {path / name}: {error.strerror}") from None
        if found != entry["sha256"]:
            raise BundleError(f"{path / name} is not the file the manifest describes (SHA-256 differs)")
    return bundle


def write_manifest(path: Path, manifest: Manifest) -> Bundle:
    """Finish a bundle: list the files beside the manifest, then write it, in one go and last."""
    files = {
        file.name: {"size": file.stat().st_size, "sha256": _sha256(file)}
        for file in sorted(path.iterdir())
        if file.is_file() and file.name != MANIFEST and not file.name.startswith(".")
    }
    content = {"format": FORMAT, **_to_dict(manifest), "files": files}
    partial = path / f".{MANIFEST}.partial"
    partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path / MANIFEST)
    return read_bundle(path)


def model_folders() -> Iterator[Path]:
    """Where models are looked for by name, nearest first."""
    package = Path(__file__).parent
    if folder := os.environ.get("TTX_MODELS"):
        yield Path(folder)
    data_home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    yield Path(data_home) / "ttx" / "models"
    yield package / "models"  # in an installed wheel
    yield package.parent / "models"  # in a checkout


def installed_models() -> dict[str, Path]:
    """Every model that `--model NAME` finds, by name."""
    found: dict[str, Path] = {}
    for folder in model_folders():
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                if (path / MANIFEST).is_file():
                    found.setdefault(path.name, path)
    return found


def find_model(name_or_path: str) -> Path:
    """A bundle's folder from its path or its name. Raises BundleError that lists what there is."""
    if (Path(name_or_path) / MANIFEST).is_file() or os.sep in name_or_path:
        return Path(name_or_path)
    models = installed_models()
    if name_or_path in models:
        return models[name_or_path]
    known = ", ".join(sorted(models)) or "none"
    raise BundleError(f"no model {name_or_path!r}: neither a folder nor one of the installed models ({known})")


def _read_manifest(path: Path) -> Manifest:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"{path.parent} is no model: it has no {MANIFEST}") from None
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise BundleError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise BundleError(f"{path} has format {found}, this ttx reads format {FORMAT}")
    try:
        return _from_dict(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"{path} cannot be used: {type(error).__name__} {error}") from None


def _to_dict(manifest: Manifest) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(manifest, name) for name in manifest.__slots__ if name != "files"}
    values["architecture"] = manifest.architecture.to_dict()
    values["special"] = {name: getattr(manifest.special, name) for name in manifest.special.__slots__}
    return values


def _from_dict(content: dict[str, Any]) -> Manifest:
    values = {name: content[name] for name in Manifest.__slots__ if name in content}
    values["architecture"] = Architecture.from_dict(content["architecture"])
    values["special"] = SpecialTokens(**content["special"])
    values["scores"] = tuple(content.get("scores", ()))
    if values["precision"] not in PRECISIONS:
        raise ValueError(f"unknown precision {values['precision']!r}")
    for name, entry in content["files"].items():
        if Path(name).name != name or not isinstance(entry["size"], int) or not isinstance(entry["sha256"], str):
            raise ValueError(f"bad file entry {name!r}")
    return Manifest(**values)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
