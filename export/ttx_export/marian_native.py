"""Marian's own file: .npz with the weights and, as text, the options they were trained with (`special:model.yml`).

Beside it is what OPUS-MT publishes: a decoder.yml, which says how translations are searched for, a vocabulary
(piece: id) and the two SentencePiece files. Names and shapes of the weights are those of Marian's `transformer`;
matrices are transposed there. Layer normalisation adds 1e-5 to the variance here, as the port of Marian to
`transformers` does; Marian itself adds less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tui_transformer.architecture import Architecture, Tied
from tui_transformer.errors import MissingExtraError, RecipeError
from tui_transformer.generation import Generation
from tui_transformer.mapped import MappedTokenizer, SpecialIds
from tui_transformer.marian_reading import names_of, read_bytes

from .checkpoint import Checkpoint
from .marian_folder import Naming, languages_of, make_recipe, make_tokenizer
from .marian_weights import Weights
from .origin import Origin
from .vocabulary import Vocabularies

Arrays = dict[str, npt.NDArray[Any]]
Values = Mapping[str, Any]

OPTIONS = "special:model.yml"
SOURCE_TABLE, TARGET_TABLE, SHARED_TABLE = "encoder_Wemb", "decoder_Wemb", "Wemb"
OUTPUT, OUTPUT_BIAS = "decoder_ff_logit_out_W", "decoder_ff_logit_out_b"
ACTIVATIONS = {"swish": "swish", "relu": "relu"}
POSITIONS = 512
"""Marian computes its sinusoids for any length; OPUS-MT was trained on sentences of at most this many pieces."""

ONLY: Values = {
    "type": "transformer",
    "transformer-preprocess": "",
    "transformer-postprocess": "dan",
    "transformer-postprocess-emb": "d",
    "transformer-postprocess-top": "",
    "transformer-decoder-autoreg": "self-attention",
    "transformer-train-position-embeddings": False,
    "transformer-no-projection": False,
    "transformer-ffn-depth": 2,
    "transformer-tied-layers": [],
    "transformer-decoder-dim-ffn": 0,
    "right-left": False,
    "transformer-dim-model": 0,
    "lemma-dim-emb": 0,
    "ulr": False,
}
"""These values or none at all: anything else is a different model."""

ATTENTION = {"q": "query", "k": "key", "v": "value", "o": "output"}


def read_native(path: Path, naming: Naming) -> Checkpoint:
    """The model as a checkpoint that can be exported. Raises RecipeError."""
    arrays = _read_arrays(path)
    text = arrays.pop(OPTIONS, np.array([], np.int8)).tobytes().rstrip(b"\0").decode("utf-8", "replace")
    options = read_yaml(text, f"{path}: {OPTIONS}")
    source_ids, target_ids = _vocabularies(path.parent)
    shape = _architecture(options, arrays, (len(source_ids) + 1, len(target_ids) + 1))
    start = shape.target_vocabulary - 1
    source, target = (
        _tokenizer(path.parent, name, ids, start) for name, ids in (("source", source_ids), ("target", target_ids))
    )
    generation = _generation(path.parent / "decoder.yml", start)
    origin = Origin(path.resolve().name, "Marian", text, generation, languages=source.languages)
    recipe = make_recipe(naming, languages_of(path.parent, {}, naming), shape.positions)
    return Checkpoint(recipe, shape, Vocabularies(source, target), _weights(arrays, shape), {}, origin)


def _read_arrays(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except Exception as error:
        # numpy and zipfile raise half a dozen different classes for damaged files.
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise RecipeError(f"cannot use {path}: {reason}") from None


def _tokenizer(folder: Path, side: str, ids: dict[str, int], start: int) -> MappedTokenizer:
    """One side's vocabulary, with padding after Marian's own pieces."""
    names = names_of({**ids, "<pad>": len(ids)}, len(ids) + 1, folder)
    if missing := [piece for piece in ("</s>", "<unk>") if piece not in ids]:
        raise RecipeError(f"the {side} vocabulary in {folder} has no piece {missing[0]}")
    return make_tokenizer(folder / f"{side}.spm", names, SpecialIds(len(ids), start, ids["</s>"], ids["<unk>"]))


def read_yaml(text: str, where: str, plain: bool = False) -> dict[str, Any]:
    """A mapping in YAML; `plain` takes everything as text, as vocabularies must be read, where "no" is a word.

    Raises RecipeError, or MissingExtraError without PyYAML.
    """
    try:
        import yaml
    except ImportError:
        raise MissingExtraError("Marian's own files need PyYAML: pip install 'tui-transformer[import]'") from None
    # The C loaders, where available, are 20 times as fast. None of these makes anything but plain values.
    kind = "BaseLoader" if plain else "SafeLoader"
    try:
        content = yaml.load(text, Loader=getattr(yaml, f"C{kind}", None) or getattr(yaml, kind))
    except (yaml.YAMLError, RecursionError) as error:
        raise RecipeError(f"{where} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise RecipeError(f"{where} is not a mapping")
    return content


def _read(path: Path, plain: bool = False) -> dict[str, Any]:
    return read_yaml(read_bytes(path).decode("utf-8", "replace"), str(path), plain)


def _vocabularies(folder: Path) -> tuple[dict[str, int], dict[str, int]]:
    """The ids of both sides' pieces: those that decoder.yml names, else the only *vocab.yml there is."""
    decoder = folder / "decoder.yml"
    named = _read(decoder).get("vocabs") if decoder.exists() else None
    files = [folder / Path(str(name)).name for name in named] if isinstance(named, list) else []
    files = files or sorted(folder.glob("*vocab.yml"))
    if len(files) not in (1, 2):
        raise RecipeError(f"{folder} must have a vocabulary, *vocab.yml, or a decoder.yml that names two")
    read = [_ids(file) for file in files]
    return read[0], read[-1]


def _ids(file: Path) -> dict[str, int]:
    try:
        return {piece: int(i) for piece, i in _read(file, plain=True).items()}
    except (ValueError, TypeError):
        raise RecipeError(f"{file} does not name the id of each piece") from None


def _architecture(options: Values, arrays: Arrays, sizes: tuple[int, int]) -> Architecture:
    for name, wanted in ONLY.items():
        found = options.get(name, wanted)
        if found != wanted and found is not None:
            raise RecipeError(f"{name} = {found!r} is not supported: it must be {wanted!r}")
    activation = options.get("transformer-ffn-activation", "swish")
    if activation not in ACTIVATIONS:
        raise RecipeError(f"transformer-ffn-activation = {activation!r} is not supported, only swish and relu")
    shared = SHARED_TABLE in arrays
    tied: Tied = "none" if OUTPUT in arrays else ("all" if shared else "target")
    if shared and sizes[0] != sizes[1]:
        raise RecipeError("one embedding for both sides needs a shared vocabulary")
    try:
        return Architecture(
            encoder_layers=options["enc-depth"],
            decoder_layers=options["dec-depth"],
            heads=options["transformer-heads"],
            d_model=options["dim-emb"],
            d_ff=options["transformer-dim-ffn"],
            source_vocabulary=sizes[0],
            target_vocabulary=sizes[1],
            positions=POSITIONS,
            positional_layout="halves",
            activation=ACTIVATIONS[activation],  # type: ignore[arg-type]
            tied=tied,
        )
    except KeyError as error:
        raise RecipeError(f"{OPTIONS} lacks {error}") from None
    except ValueError as error:
        raise RecipeError(f"{OPTIONS}: {error}") from None


def weight_names(shape: Architecture) -> Iterator[tuple[str, str]]:
    """(Marian's name, our name) of every array inside the layers; layers are counted from 1 there."""
    for side, layers in (("encoder", shape.encoder_layers), ("decoder", shape.decoder_layers)):
        attentions = {"self": "self_attention"} | ({"context": "cross_attention"} if side == "decoder" else {})
        for layer in range(layers):
            theirs, ours = f"{side}_l{layer + 1}", f"{side}.{layer}"
            for kind, attention in attentions.items():
                for letter, part in ATTENTION.items():
                    yield f"{theirs}_{kind}_W{letter}", f"{ours}.{attention}.{part}.weight"
                    yield f"{theirs}_{kind}_b{letter}", f"{ours}.{attention}.{part}.bias"
                yield f"{theirs}_{kind}_Wo_ln_scale", f"{ours}.{attention}_residual.norm.weight"
                yield f"{theirs}_{kind}_Wo_ln_bias", f"{ours}.{attention}_residual.norm.bias"
            for number, part in (("1", "inner"), ("2", "outer")):
                yield f"{theirs}_ffn_W{number}", f"{ours}.feed_forward.{part}.weight"
                yield f"{theirs}_ffn_b{number}", f"{ours}.feed_forward.{part}.bias"
            yield f"{theirs}_ffn_ffn_ln_scale", f"{ours}.feed_forward_residual.norm.weight"
            yield f"{theirs}_ffn_ffn_ln_bias", f"{ours}.feed_forward_residual.norm.bias"


def _weights(arrays: Arrays, shape: Architecture) -> Weights:
    left = dict(arrays)

    def take(name: str) -> npt.NDArray[np.float32]:
        if name not in left:
            raise RecipeError(f"the model lacks the weight {name}")
        return left.pop(name).astype(np.float32)

    ours = {}
    for theirs, name in weight_names(shape):
        array = take(theirs)
        # A matrix is (in, out) there, a vector (1, size).
        is_matrix = theirs.rsplit("_", 1)[-1].startswith("W")
        ours[name] = array.T if is_matrix else array.reshape(-1)
    shared = shape.tied == "all" or SHARED_TABLE in left
    source = take(SHARED_TABLE if shared else SOURCE_TABLE)
    target = source if shared else take(TARGET_TABLE)
    head = take(OUTPUT).T if shape.tied == "none" else target
    tables = {"source_embedding.table.weight": source, "target_embedding.table.weight": target}
    # Marian has no row for the padding that begins a translation: zeros, and never said.
    ours |= {name: _longer(table) for name, table in tables.items()}
    ours |= {"projection.weight": _longer(head), "projection.bias": _longer(take(OUTPUT_BIAS).reshape(-1))}
    if left:
        raise RecipeError(f"the model has weights that no such model has: {', '.join(sorted(left)[:3])}")
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in ours.items()}


def _longer(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """One more row, of zeros."""
    return np.concatenate([array, np.zeros_like(array[:1])])


def _generation(decoder: Path, pad: int) -> Generation:
    """decoder.yml has the beam and the length penalty, `normalize`: score / length^α. What
    `max-length-factor` says does not matter: the limit is that of the positions.
    """
    said = _read(decoder) if decoder.exists() else {}
    if said.get("word-penalty"):
        raise RecipeError(f"word-penalty = {said['word-penalty']!r} in {decoder} is not supported")
    try:
        return Generation(
            beam=said.get("beam-size", 12), length_penalty=float(said.get("normalize", 0)), max_length=POSITIONS - 1,
            ranking="transformers", forced_end=True, banned=(pad,), renormalize=True,
            may_be_empty=True,
        )  # fmt: skip
    except (ValueError, TypeError) as error:
        raise RecipeError(f"{decoder}: {error}") from None
