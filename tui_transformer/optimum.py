"""The names of Hugging Face Optimum's ONNX layout of sequence-to-sequence models: files, tensors, options.

    encoder_model.onnx            ids → memory
    decoder_model.onnx            ids, memory → scores, and the keys and values of both attentions
    decoder_with_past_model.onnx  ids, keys and values → scores, and the longer keys and values
    decoder_model_merged.onnx     both decoders in one graph, with a switch: instead of, or beside, the two
    config.json                   sizes and special ids
    generation_config.json        how to decode
    vocab.json                    the id of every piece of source.spm and target.spm; or of the source's alone, then
    target_vocab.json             has the target's
    tokenizer_config.json         languages, longest input

Caches are named as in a bundle (`bundle.past_cache`, `bundle.cross_cache`, `bundle.present_cache`). Axis letters:
R rows, S source, T target so far, H head, K d_k, D d_model, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from .bundle import Part

ENCODER = "encoder_model.onnx"
DECODER = "decoder_model.onnx"
DECODER_WITH_PAST = "decoder_with_past_model.onnx"
DECODER_MERGED = "decoder_model_merged.onnx"
CONFIG = "config.json"
GENERATION_CONFIG = "generation_config.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
VOCABULARY = "vocab.json"
TARGET_VOCABULARY = "target_vocab.json"

WRITTEN = (
    ENCODER, DECODER, DECODER_WITH_PAST, CONFIG, GENERATION_CONFIG, TOKENIZER_CONFIG, SPECIAL_TOKENS, VOCABULARY,
)  # fmt: skip
"""What a folder of ours has besides the vocabularies, which are named as in a bundle."""

MEMORY = "last_hidden_state"  # (R, S, D), an output of the encoder
READ_MEMORY = "encoder_hidden_states"  # the same, an input of the first decoder
READ_MASK = "encoder_attention_mask"  # (R, S), an input of every decoder: 1 for a piece, 0 for padding
USE_CACHE = "use_cache_branch"  # (1,), the merged decoder's switch

MODEL_TYPE = "marian"
TOKENIZER_CLASS = "MarianTokenizer"


def present_cross(layer: int, part: Part) -> str:
    """(R, H, S, K): an output of the first decoder, `bundle.cross_cache` of the second."""
    return f"present.{layer}.encoder.{part}"


def is_optimum_folder(path: Path) -> bool:
    """Whether a folder looks like one: it has the encoder and a configuration, but no manifest."""
    return (path / ENCODER).is_file() and (path / CONFIG).is_file()
