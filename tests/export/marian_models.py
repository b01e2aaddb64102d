"""Marian models that have learnt nothing, written as the library `transformers` writes them."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece
import torch

END, UNKNOWN = 0, 1
SMALL: dict[str, Any] = {
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "max_position_embeddings": 64,
    "activation_function": "swish",
    "scale_embedding": True,
    "share_encoder_decoder_embeddings": True,
    "dropout": 0.0,
    "attn_implementation": "eager",
}
SEARCH: dict[str, Any] = {"num_beams": 4, "max_length": 20, "renormalize_logits": True}


@dataclass(frozen=True)
class Vocabulary:
    """source.spm, target.spm and vocab.json in a folder, as OPUS-MT has them; the size of each side."""

    folder: Path
    sizes: tuple[int, int]

    @property
    def separate(self) -> bool:
        return (self.folder / "target_vocab.json").exists()

    def copied(self, folder: Path) -> Path:
        """The same files in a folder that may be changed."""
        return Path(shutil.copytree(self.folder, folder / "opus-mt-en-de"))


def make_vocabulary(
    folder: Path, pairs: list[tuple[str, str]], size: int = 120, codes: tuple[str, ...] = (), missing: int = 0,
    separate: bool = False,
) -> Vocabulary:  # fmt: skip
    """Learnt from pairs. Every `missing`-th piece of the source is left out of vocab.json."""
    folder.mkdir(parents=True, exist_ok=True)
    sources, targets = zip(*pairs, strict=True)
    source = [p for i, p in enumerate(learn_spm(sources, size, folder / "source.spm")) if not missing or i % missing]
    target = learn_spm(targets, size, folder / "target.spm")
    sides = [source, target] if separate else [[*source, *target]]
    longest = 0
    for file, pieces in zip(("vocab.json", "target_vocab.json"), sides, strict=False):
        # The order of Marian's ids is its own, not SentencePiece's.
        text = [*dict.fromkeys(piece for piece in pieces if piece not in ("<s>", "</s>", "<unk>"))][::-1]
        names = ["</s>", "<unk>", *codes, *text]
        # The padding has one id for both sides.
        names += [f"<{i}>" for i in range(len(names), longest)]
        longest = len(names)
        write_json({name: i for i, name in enumerate([*names, "<pad>"])}, folder / file)
    sizes = [len(json.loads(file.read_text())) for file in sorted(folder.glob("*vocab.json"), reverse=True)]
    return Vocabulary(folder, (sizes[0], sizes[-1]))


def learn_spm(lines: Iterable[str], size: int, file: Path) -> list[str]:
    """A vocabulary as OPUS-MT's are: unigram, normalised, without bytes; returns its pieces."""
    with open(file, "wb") as model:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_writer=model, vocab_size=size, hard_vocab_limit=False, minloglevel=2,
            character_coverage=0.995,
        )  # fmt: skip
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(file))
    return [pieces.id_to_piece(i) for i in range(pieces.get_piece_size())]


def make_model(
    folder: Path, vocabulary: Vocabulary, seed: int = 0, search: dict[str, Any] | None = None, end: float = 0.0,
    pickle: bool = False, **options: Any,
) -> Any:  # fmt: skip
    """A random MarianMTModel, saved into the folder. Every weight is random, also what starts as 0 or 1.

    `end`: how much likelier than others the end is. A greedy search has no options of beam search.
    """
    from transformers import GenerationConfig, MarianConfig, MarianMTModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(seed)
    size, target_size = vocabulary.sizes
    padding = size - 1
    config = MarianConfig(
        vocab_size=size, decoder_vocab_size=target_size, pad_token_id=padding, decoder_start_token_id=padding,
        eos_token_id=END, forced_eos_token_id=END, **{**SMALL, **options},
    )  # fmt: skip
    model = MarianMTModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "embed_positions" not in name:
                parameter += 0.2 * torch.randn_like(parameter)
        model.final_logits_bias += 0.5 * torch.randn_like(model.final_logits_bias)
        model.final_logits_bias[0, END] += end
    special = {"decoder_start_token_id": padding, "pad_token_id": padding, "eos_token_id": END}
    wanted = {"bad_words_ids": [[padding]], "forced_eos_token_id": END, **special, **SEARCH, **(search or {})}
    model.generation_config = GenerationConfig(**wanted)
    model.save_pretrained(folder)
    if pickle:
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return model


def write_tokenizer(folder: Path, vocabulary: Vocabulary) -> Any:
    """tokenizer_config.json, written by MarianTokenizer itself, which is returned."""
    from transformers import MarianTokenizer

    options = {"separate_vocabs": True, "target_vocab_file": str(folder / "target_vocab.json")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it recommends sacremoses, which it then does not use
        tokenizer = MarianTokenizer(
            str(folder / "source.spm"), str(folder / "target.spm"), str(folder / "vocab.json"), source_lang="en",
            target_lang="de", **(options if vocabulary.separate else {}),
        )  # fmt: skip
    tokenizer.save_pretrained(folder)
    return tokenizer


def write_json(content: Any, file: Path) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def changed(file: Path, **values: Any) -> None:
    """Other values in a JSON object."""
    write_json({**json.loads(file.read_text(encoding="utf-8")), **values}, file)
