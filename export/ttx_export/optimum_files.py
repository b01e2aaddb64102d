"""A trained model as a folder in Optimum's layout: graphs, configuration, and files for `MarianTokenizer`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tui_transformer import optimum
from tui_transformer.bundle import Manifest, SpecialTokens
from tui_transformer.errors import RecipeError
from tui_transformer.tokenizer import Tokenizer

from .linear import Array, Linear
from .optimum_graphs import optimum_graphs
from .vocabulary import Vocabularies


def write_optimum_files(
    weights: Mapping[str, Array], vocabularies: Vocabularies, manifest: Manifest, linear: Linear, folder: Path
) -> None:
    """Write all but the SentencePiece files. Raises RecipeError for vocabularies that the layout cannot describe."""
    _check(vocabularies, manifest.special)
    for name, graph in optimum_graphs(weights, manifest.architecture, manifest.precision, linear).items():
        (folder / name).write_bytes(graph.SerializeToString())
    contents = {
        optimum.CONFIG: _config(manifest),
        optimum.GENERATION_CONFIG: _generation_config(manifest),
        **_tokenizer_files(vocabularies, manifest),
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _check(vocabularies: Vocabularies, special: SpecialTokens) -> None:
    """The layout has one id for the end, the padding and the unknown piece, and keeps text as it is."""
    options = vocabularies.source.options
    if options.lowercase or options.zero_digits:
        raise RecipeError("Optimum's layout cannot say that text is to be lower-cased: export a bundle instead")
    source = special.source_pad, special.source_eos, special.source_unk
    if source != (special.target_pad, special.target_eos, special.target_unk):
        raise RecipeError("Optimum's layout needs the same ids for padding, end and unknown on both sides")


def _config(manifest: Manifest) -> dict[str, Any]:
    """Marian's configuration: the nearest there is. What it cannot express, such as pre-norm, the graphs do anyway."""
    shape, special = manifest.architecture, manifest.special
    return {
        "architectures": ["MarianMTModel"],
        "model_type": optimum.MODEL_TYPE,
        "is_encoder_decoder": True,
        "d_model": shape.d_model,
        "encoder_layers": shape.encoder_layers,
        "decoder_layers": shape.decoder_layers,
        "num_hidden_layers": shape.encoder_layers,
        "encoder_attention_heads": shape.heads,
        "decoder_attention_heads": shape.heads,
        "encoder_ffn_dim": shape.d_ff,
        "decoder_ffn_dim": shape.d_ff,
        "activation_function": shape.activation,
        "vocab_size": shape.source_vocabulary,
        "decoder_vocab_size": shape.target_vocabulary,
        "max_position_embeddings": shape.positions,
        "scale_embedding": shape.scale_embedding,
        "static_position_embeddings": True,
        "share_encoder_decoder_embeddings": shape.tied == "all",
        "tie_word_embeddings": shape.tied != "none",
        "dropout": 0.0,
        "bos_token_id": special.target_bos,
        "decoder_start_token_id": special.target_bos,
        "eos_token_id": special.target_eos,
        "pad_token_id": special.target_pad,
        "forced_eos_token_id": special.target_eos if manifest.generation.forced_end else None,
    }


def _generation_config(manifest: Manifest) -> dict[str, Any]:
    """How the model is searched here; our own length penalty has another formula, found nowhere else."""
    special, generation = manifest.special, manifest.generation
    most = manifest.architecture.positions if generation.max_length is None else generation.max_length + 1
    return {
        "bos_token_id": special.target_bos,
        "decoder_start_token_id": special.target_bos,
        "eos_token_id": special.target_eos,
        "pad_token_id": special.target_pad,
        "forced_eos_token_id": special.target_eos if generation.forced_end else None,
        "bad_words_ids": [[banned] for banned in generation.banned] or None,
        "renormalize_logits": generation.renormalize,
        "max_length": min(most, manifest.architecture.positions),
        "num_beams": generation.beam,
        "length_penalty": generation.length_penalty,
        "early_stopping": generation.early_stopping,
    }


def _tokenizer_files(vocabularies: Vocabularies, manifest: Manifest) -> dict[str, Any]:
    source, target, special = vocabularies.source, vocabularies.target, manifest.special
    source_ids, target_ids = _ids(source), _ids(target)
    separate = source_ids != target_ids
    names = {"eos_token": target.piece(special.target_eos), "pad_token": target.piece(special.target_pad)}
    names["unk_token"] = target.piece(special.target_unk)
    options = {
        "tokenizer_class": optimum.TOKENIZER_CLASS,
        "source_lang": manifest.source_language,
        "target_lang": manifest.target_language,
        "model_max_length": manifest.architecture.positions,
        "separate_vocabs": separate,
        "clean_up_tokenization_spaces": False,
        **names,
    }
    ids = {optimum.VOCABULARY: source_ids} | ({optimum.TARGET_VOCABULARY: target_ids} if separate else {})
    return {optimum.TOKENIZER_CONFIG: options, optimum.SPECIAL_TOKENS: names, **ids}


def _ids(tokenizer: Tokenizer) -> dict[str, int]:
    """The id of each piece."""
    return {tokenizer.piece(i): i for i in range(tokenizer.size)}
