"""Make tests/data/foreign: a small Marian model in the folder that Hugging Face Optimum writes of it.

    python scripts/make_foreign_folder.py [OUT]

Needs `optimum-onnx` and the `transformers` that it wants (4.57), which the tests do not: what `MarianMTModel.generate`
says of some sentences is written beside the model, in expected.json.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sentencepiece
import torch

DATA = Path(__file__).parents[1] / "tests" / "data"
SENTENCES = 12
SEARCHES: tuple[dict[str, Any], ...] = (
    {"num_beams": 1},
    {"num_beams": 4},
    {"num_beams": 3, "length_penalty": 0.4, "early_stopping": True},
    {"num_beams": 5, "length_penalty": 1.7},
)
NEW_TOKENS = 24
UPDATES = 100


def learn_pieces(lines: list[str], size: int) -> bytes:
    """A SentencePiece model such as Marian's: unigram, without padding."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, model_type="unigram", vocab_size=size, minloglevel=2,
        hard_vocab_limit=False, character_coverage=1.0, normalization_rule_name="identity",
    )  # fmt: skip
    return model.getvalue()


def write_vocabulary(folder: Path, sides: tuple[list[str], list[str]]) -> int:
    """source.spm, target.spm and the vocab.json of both, as OPUS-MT's have them; returns how many pieces."""
    pieces = {"</s>": None, "<unk>": None}
    for side, lines in zip(("source", "target"), sides, strict=True):
        model = learn_pieces(lines, 160)
        (folder / f"{side}.spm").write_bytes(model)
        known = sentencepiece.SentencePieceProcessor(model_proto=model)
        pieces |= dict.fromkeys(known.id_to_piece(i) for i in range(known.get_piece_size()))
    ids = {piece: i for i, piece in enumerate([*(p for p in pieces if p != "<s>"), "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(ids, ensure_ascii=False, indent=1), encoding="utf-8")
    return len(ids)


def make_model(size: int) -> Any:
    """A `MarianMTModel` that knows nothing yet, with what a published one's configuration says."""
    from transformers import MarianConfig, MarianMTModel

    pad = size - 1
    config = MarianConfig(
        vocab_size=size, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48, max_position_embeddings=64,
        activation_function="swish", scale_embedding=True, dropout=0.0, pad_token_id=pad, eos_token_id=0,
        decoder_start_token_id=pad, forced_eos_token_id=0,
    )  # fmt: skip
    model: Any = MarianMTModel(config)
    with torch.no_grad():
        model.final_logits_bias += 0.1 * torch.randn_like(model.final_logits_bias)
    generation = model.generation_config
    generation.bad_words_ids, generation.forced_eos_token_id = [[pad]], 0
    generation.decoder_start_token_id, generation.max_length, generation.num_beams = pad, 64, 4
    return model


def teach(model: Any, tokenizer: Any, source: list[str], target: list[str]) -> None:
    """Until it has an idea of the sentences, but none that is safe: searches are to differ."""
    batch = tokenizer(source, text_target=target, padding=True, return_tensors="pt")
    batch["labels"][batch["labels"] == tokenizer.pad_token_id] = -100
    optimizer = torch.optim.Adam(model.parameters(), 0.004)
    model.train()
    for _ in range(UPDATES):
        optimizer.zero_grad()
        model(**batch).loss.backward()
        optimizer.step()
    model.eval()


def expected(model: Any, tokenizer: Any, lines: list[str]) -> Iterator[dict[str, Any]]:
    """What `generate` makes of each line under each search: ids without start, end and padding, and the text."""
    special = {tokenizer.pad_token_id, tokenizer.eos_token_id}
    for line in lines:
        source = tokenizer([line], return_tensors="pt")
        for search in SEARCHES:
            (ids,) = model.generate(**source, max_new_tokens=NEW_TOKENS, **search).tolist()
            said = [i for i in ids if i not in special]
            text = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            yield {"source": line, "source_ids": source.input_ids[0].tolist(), **search, "ids": said, "text": text}


def main() -> None:
    """Write the folder."""
    import transformers
    from optimum.exporters.onnx import main_export  # type: ignore[import-not-found]

    out = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA / "foreign"
    pairs = [line.split("\t")[:2] for line in (DATA / "pairs.tsv").read_text(encoding="utf-8").splitlines()]
    source, target = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        torch.manual_seed(7)
        model = make_model(write_vocabulary(folder, (source, target)))
        files: Any = [str(folder / name) for name in ("source.spm", "target.spm", "vocab.json")]
        make: Any = transformers.MarianTokenizer
        tokenizer = make(*files, source_lang="en", target_lang="de")
        teach(model, tokenizer, source, target)
        for part in (model, tokenizer):
            part.save_pretrained(folder)
        shutil.rmtree(out, ignore_errors=True)
        main_export(str(folder), out, task="text2text-generation-with-past", do_validation=False)
        found = list(expected(model, tokenizer, source[:SENTENCES]))
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in found)
    (out / "expected.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
