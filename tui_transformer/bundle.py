"""The model bundle: the folder in which training hands a model to the runtime.

    manifest.json         what the model is, and name, size and SHA-256 of every other file
    encoder_model.onnx    source ids → keys and values for the decoder, and the encoder's attention
    decoder_model.onnx    one step: last id and cache → next id, scores, new cache, attention
    encoder_probe.onnx    the same two graphs with all that happens inside as outputs, and a switch for every head
    decoder_probe.onnx
    candidates_model.onnx scores → the likeliest ids and their log-probabilities; has no weights
    reorder_model.onnx    caches → those of chosen rows, for beam search; has no weights
    lens_model.onnx       the decoder's residual stream → scores
    embeddings_model.onnx ids → rows of either side's embedding
    *_model.onnx_data     the weights of either side, once, for all graphs that need them
    source.spm target.spm SentencePiece vocabularies
    vocabulary.json       each id's piece, for models whose ids are not SentencePiece's (`mapped`); others lack it
    README.md             the model card

The manifest is written last: a folder without one is not a model. This file alone knows the names of
files and tensors; those follow the ONNX convention of sequence-to-sequence models in the ecosystem.
`probes` has the names of what only the probe graphs, the lens and the embeddings give.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any, Literal

from . import optimum
from .architecture import Architecture
from .errors import BundleError, UsageError
from .generation import Generation
from .whole_file import whole_file

FORMAT = 2
MANIFEST = "manifest.json"
ENCODER = "encoder_model.onnx"
DECODER = "decoder_model.onnx"
CANDIDATES = "candidates_model.onnx"
REORDER = "reorder_model.onnx"
ENCODER_PROBE = "encoder_probe.onnx"
DECODER_PROBE = "decoder_probe.onnx"
LENS = "lens_model.onnx"
EMBEDDINGS = "embeddings_model.onnx"
ENCODER_WEIGHTS = f"{ENCODER}_data"
DECODER_WEIGHTS = f"{DECODER}_data"
SOURCE_VOCABULARY = "source.spm"
TARGET_VOCABULARY = "target.spm"
PIECES = "vocabulary.json"
CARD = "README.md"
GRAPHS = (ENCODER, DECODER, CANDIDATES, REORDER, ENCODER_PROBE, DECODER_PROBE, LENS, EMBEDDINGS)

FileLayout = Literal["ttx", "optimum"]
"""Which graphs and files there are: our own, as above, or those of `optimum`."""

REQUIRED: dict[FileLayout, tuple[str, ...]] = {
    "ttx": (*GRAPHS, ENCODER_WEIGHTS, DECODER_WEIGHTS, SOURCE_VOCABULARY, TARGET_VOCABULARY),
    "optimum": (*optimum.WRITTEN, SOURCE_VOCABULARY, TARGET_VOCABULARY),
}

Precision = Literal["fp32", "int8", "fp16"]
Part = Literal["key", "value"]
Side = Literal["encoder", "decoder"]
PARTS: tuple[Part, ...] = ("key", "value")

PRECISIONS: tuple[Precision, ...] = ("fp32", "int8", "fp16")

# Tensor names. Encoder: (B, S) ids and mask in; decoder: (B, 1) ids, (1,) position, mask and caches in.
INPUT_IDS = "input_ids"
ATTENTION_MASK = "attention_mask"
POSITION = "position"
CROSS_ATTENTION_BIAS = "cross_attention_bias"  # (B, 1, 1, S), added to the scores: 0, or what hides padding
LOGITS = "logits"  # (B, V'), V' = V rounded up; the columns beyond V hold a score that never wins
BLOCK_MAXIMA = "block_maxima"  # (B, V' / 128), the largest of each 128 logits, found on the way to the next id
NEXT_ID = "next_id"  # (B,), the arg-max of the logits
PLACES = "places"  # (R',), rows whose caches are wanted
COUNT = "count"  # (1,), how many candidates a row
CHOSEN = "chosen"  # (B,), ids whose log-probability is wanted as well
CANDIDATE_IDS = "candidate_ids"  # (B, count), likeliest first
CANDIDATE_LOG_PROBABILITIES = "candidate_log_probabilities"  # (B, count)
CHOSEN_LOG_PROBABILITY = "chosen_log_probability"  # (B,)


def encoder_attention(layer: int) -> str:
    """(B, H, S, S) self-attention weights of the encoder."""
    return f"encoder_attentions.{layer}"


def decoder_attention(layer: int) -> str:
    """(B, H, 1, T+1) self-attention weights of this step."""
    return f"decoder_attentions.{layer}"


def cross_attention(layer: int) -> str:
    """(B, H, 1, S) encoder–decoder attention weights of this step."""
    return f"cross_attentions.{layer}"


def cross_cache(layer: int, part: Part) -> str:
    """(B, H, S, K): an output of the encoder, an input of the decoder."""
    return f"past_key_values.{layer}.encoder.{part}"


def past_cache(layer: int, part: Part) -> str:
    """(B, H, T, K): an input of the decoder, T = 0 at the first step."""
    return f"past_key_values.{layer}.decoder.{part}"


def present_cache(layer: int, part: Part) -> str:
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
    """What a bundle says about itself.

    `sentence_limit` is the longest source, in pieces with its end, that training has shown the model;
    longer lines are translated part by part. `generation` says how translations are searched for, `layout` which files
    and tensors there are; `opset` is None where nobody knows it. `provenance`, `scores` and `parity` are for people:
    recipe, data and licences, cost, learning curve; (set, metric, signature, value, interval); how closely ONNX follows
    PyTorch.
    Raises ValueError for values that no model can have.
    """

    name: str
    source_language: str
    target_language: str
    architecture: Architecture
    special: SpecialTokens
    tokenizer: Mapping[str, Any]
    precision: Precision
    opset: int | None
    sentence_limit: int
    provenance: Mapping[str, Any] = field(default_factory=dict)
    scores: tuple[Mapping[str, Any], ...] = ()
    parity: Mapping[str, Any] = field(default_factory=dict)
    generation: Generation = field(default_factory=Generation)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    layout: FileLayout = "ttx"

    def __post_init__(self) -> None:
        for name in ("name", "source_language", "target_language"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} must be text")
        for name in ("tokenizer", "provenance", "parity", "files"):
            if not isinstance(getattr(self, name), Mapping):
                raise ValueError(f"{name} must be an object")
        if not all(isinstance(score, Mapping) for score in self.scores):
            raise ValueError("scores must be objects")
        if self.precision not in PRECISIONS:
            raise ValueError(f"unknown precision {self.precision!r}")
        if self.layout not in REQUIRED:
            raise ValueError(f"unknown layout {self.layout!r}")
        known = self.opset is None or _is_whole(self.opset, 1, 1 << 16)
        if not known or not _is_whole(self.sentence_limit, 1, self.architecture.positions):
            raise ValueError("opset and sentence_limit must be positive, sentence_limit at most the model's positions")
        for name in self.special.__slots__:
            size = getattr(self.architecture, f"{name.split('_')[0]}_vocabulary")
            if not _is_whole(getattr(self.special, name), 0, size - 1):
                raise ValueError(f"{name} must be the id of one of {size} pieces")
        if any(banned >= self.architecture.target_vocabulary for banned in self.generation.banned):
            raise ValueError("generation: banned must be ids of the target vocabulary")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A folder whose manifest has been read and whose files are there with the right sizes."""

    path: Path
    manifest: Manifest

    def file(self, name: str) -> Path:
        """Where one of the bundle's files is."""
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
    manifest = _read_manifest(path)
    for name in REQUIRED[manifest.layout]:
        if name not in manifest.files:
            raise BundleError(f"{path / MANIFEST} does not list {name}")
    for name, entry in manifest.files.items():
        try:
            size = (path / name).stat().st_size
        except (OSError, ValueError):  # not there, or no possible file name
            raise BundleError(f"the model {path} lacks its file {name!r}") from None
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


def not_given(model: Bundle, what: str) -> UsageError:
    """The error for a view that a bundle's graphs have no outputs for."""
    return UsageError(
        f"the model {model.path} has no {what}: its graphs, in Optimum's layout, can only translate and score; "
        "views of the inside need a ttx bundle"
    )


def write_manifest(path: Path, manifest: Manifest) -> Bundle:
    """Finish a bundle: list the files beside the manifest, then write it, in one go and last.

    Raises BundleError, and writes nothing, if one of the required files is not there.
    """
    files = {
        file.name: {"size": file.stat().st_size, "sha256": _sha256(file)}
        for file in sorted(path.iterdir())
        if file.is_file() and file.name != MANIFEST and not file.name.startswith(".")
    }
    if missing := [name for name in REQUIRED[manifest.layout] if name not in files]:
        raise BundleError(f"{path} cannot become a model: it lacks {', '.join(missing)}")
    content = {"format": FORMAT, **_to_dict(manifest), "files": files}
    with whole_file(path / MANIFEST) as file:
        file.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    return read_bundle(path)


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        what = f"it has no {MANIFEST}" if folder.is_dir() else "no such folder"
        raise BundleError(f"no model at {folder}: {what}") from None
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise BundleError(f"{path} has format {found!r}, this ttx reads format {FORMAT}")
    try:
        return _from_dict(content)
    except KeyError as error:
        raise BundleError(f"{path} cannot be used: {error} is missing") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"{path} cannot be used: {error}") from None


def _to_dict(manifest: Manifest) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(manifest, name) for name in manifest.__slots__ if name != "files"}
    values["architecture"] = manifest.architecture.to_dict()
    values["special"] = {name: getattr(manifest.special, name) for name in manifest.special.__slots__}
    values["generation"] = manifest.generation.to_dict()
    return values


def _from_dict(content: dict[str, Any]) -> Manifest:
    values = {name: content[name] for name in Manifest.__slots__ if name in content}
    values["architecture"] = Architecture.from_dict(content["architecture"])
    values["special"] = SpecialTokens(**content["special"])
    values["scores"] = tuple(content.get("scores", ()))
    values["generation"] = Generation.from_dict(content.get("generation", {}))
    for name, entry in content["files"].items():
        # By Windows' rules every separator, drive and ".." counts, so that no name leads out of the folder.
        inside = PureWindowsPath(name).name == name and name not in ("", "..")
        if not inside or not isinstance(entry["size"], int) or not isinstance(entry["sha256"], str):
            raise ValueError(f"bad file entry {name!r}")
    return Manifest(**values)


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
