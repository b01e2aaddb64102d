"""The files of a Marian model in the layout of the Hugging Face hub. Imports nothing, so asking is fast."""

from __future__ import annotations

CONFIG, GENERATION, TOKENIZER = "config.json", "generation_config.json", "tokenizer_config.json"
SAFE, PICKLE = "model.safetensors", "pytorch_model.bin"
SOURCE_PIECES, TARGET_PIECES = "vocab.json", "target_vocab.json"
