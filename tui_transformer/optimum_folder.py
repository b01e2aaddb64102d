"""A folder that others wrote in Optimum's layout, as a bundle: what its configuration says becomes the manifest.

Marian models only: their configuration gives sizes, special ids and how to search, their tokenizer files are known.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import optimum
from .architecture import Architecture, Tied
from .bundle import SOURCE_VOCABULARY, TARGET_VOCABULARY, Bundle, Manifest, Precision, SpecialTokens
from .errors import BundleError, RecipeError
from .marian_config import option, read_architecture, read_generation
from .marian_reading import names_of, read_json, read_pieces

UNKNOWN_PIECE = "<unk>"
TOKENIZER = {"kind": "marian"}

Names = tuple[str, ...]


def read_optimum_folder(path: Path) -> Bundle:
    """The folder as a bundle whose files have no recorded hashes. Raises BundleError."""
    _check_files(path)
    try:
        return Bundle(path, _manifest(path))
    except (RecipeError, ValueError) as error:
        raise BundleError(f"the model {path} cannot be used: {error}") from None


def read_names(path: Path, shape: Architecture) -> tuple[Names, Names]:
    """The piece of each id of either side. Raises BundleError."""
    try:
        separate = bool(_tokenizer_config(path).get("separate_vocabs"))
        files = optimum.VOCABULARY, optimum.TARGET_VOCABULARY if separate else optimum.VOCABULARY
        source, target = (
            names_of(read_pieces(path / file), size, path / file)
            for file, size in zip(files, (shape.source_vocabulary, shape.target_vocabulary), strict=True)
        )
    except RecipeError as error:
        raise BundleError(str(error)) from None
    return source, target


def _check_files(path: Path) -> None:
    there = {entry.name for entry in path.iterdir() if entry.is_file()}
    wanted = {optimum.ENCODER, optimum.VOCABULARY, SOURCE_VOCABULARY, TARGET_VOCABULARY}
    if optimum.DECODER_MERGED not in there:
        wanted |= {optimum.DECODER, optimum.DECODER_WITH_PAST}
    if missing := sorted(wanted - there):
        raise BundleError(f"the model {path} lacks {', '.join(missing)}")


def _manifest(path: Path) -> Manifest:
    config = read_json(path / optimum.CONFIG)
    shape = read_architecture(config, _tied(config))
    of_search = path / optimum.GENERATION_CONFIG
    of_tokenizer = _tokenizer_config(path)
    limit = of_tokenizer.get("model_max_length")
    return Manifest(
        name=path.resolve().name,
        source_language=str(of_tokenizer.get("source_lang") or ""),
        target_language=str(of_tokenizer.get("target_lang") or ""),
        architecture=shape,
        special=_special(path, config),
        tokenizer=TOKENIZER,
        precision=_precision(config),
        opset=None,
        sentence_limit=limit if isinstance(limit, int) and 1 < limit < shape.positions else shape.positions,
        generation=read_generation(config, read_json(of_search) if of_search.exists() else None),
        files={file.name: {"size": file.stat().st_size} for file in sorted(path.iterdir()) if file.is_file()},
        layout="optimum",
    )


def _special(path: Path, config: dict[str, Any]) -> SpecialTokens:
    """One padding, end and unknown piece for both sides; `read_architecture` has seen that the others are whole."""
    separate = bool(_tokenizer_config(path).get("separate_vocabs"))
    unknown = []
    for file in (optimum.VOCABULARY, optimum.TARGET_VOCABULARY if separate else optimum.VOCABULARY):
        pieces = read_pieces(path / file)
        if UNKNOWN_PIECE not in pieces:
            raise RecipeError(f"{file} has no piece {UNKNOWN_PIECE}")
        unknown.append(pieces[UNKNOWN_PIECE])
    pad, start, end = (config[f"{name}_token_id"] for name in ("pad", "decoder_start", "eos"))
    return SpecialTokens(pad, end, unknown[0], pad, start, end, unknown[1])


def _tied(config: dict[str, Any]) -> Tied:
    if not option(config, "tie_word_embeddings"):
        return "none"
    return "all" if option(config, "share_encoder_decoder_embeddings") else "target"


def _precision(config: dict[str, Any]) -> Precision:
    """Of the weights that the graphs were made from: nothing tells what was done to the graphs afterwards."""
    return "fp16" if "float16" in (config.get("dtype"), config.get("torch_dtype")) else "fp32"


def _tokenizer_config(path: Path) -> dict[str, Any]:
    file = path / optimum.TOKENIZER_CONFIG
    return read_json(file) if file.exists() else {}
