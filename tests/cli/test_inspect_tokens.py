"""`ttx inspect tokens`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tui_transformer.decoding import pad
from tui_transformer.render.picture import Picture
from tui_transformer.render.views.tokens import Batch, Sentence, tokens_picture
from tui_transformer.source import readable
from tui_transformer.translator import Translator

from .conftest import Ttx

SENTENCES = ["Mary has a flower in her hair.", "Tom?", "中文\x1bשלום"]
SPECIAL = {"<pad>": 0, "</s>": 3}


@pytest.fixture
def tokens(ttx: Ttx, bundle_folder: Path) -> Ttx:
    return lambda *arguments, **stdin: ttx("inspect", "tokens", "--model", bundle_folder, *arguments, **stdin)


def test_sentences_are_drawn_as_they_were(golden: Callable[[Picture, str], None]) -> None:
    pieces = ("▁An", "thony", "▁Hop", "kins", "▁admired", "▁中文", "▁שלום", "<0x0A>", ".", "</s>")
    one = Sentence("Anthony Hopkins admired 中文 שלום\n.", pieces, tuple(range(90, 100)))
    two = Sentence("Hi.", ("▁Hi", ".", "</s>"), (7, 8, 3), cut=4)
    golden(tokens_picture([one], Batch(*pad([one.ids], 0, 16)), SPECIAL), "tokens-one")
    golden(tokens_picture([one, two], Batch(*pad([one.ids, two.ids], 0, 16)), SPECIAL), "tokens-batch")


def test_pieces_and_ids_are_those_that_are_translated(tokens: Ttx, translator: Translator) -> None:
    content = json.loads(tokens(*SENTENCES, "--format", "json").out)
    for text, found in zip(SENTENCES, content["sentences"], strict=True):
        ids = translator.whole(text).ids
        assert found["text"] == text
        assert found["ids"] == list(ids)
        assert found["pieces"] == list(translator.source.pieces(ids))
        assert found["words"] == readable(text).split()
        assert found["word_of_piece"][-1] is None
        assert sorted(set(found["word_of_piece"][:-1])) == list(range(len(found["words"])))
    assert content["special"]["</s>"] == translator.special.source_eos


def test_the_batch_is_padded_where_the_mask_is_zero(tokens: Ttx, translator: Translator) -> None:
    batch = json.loads(tokens(*SENTENCES, "--format", "json").out)["batch"]
    ids, mask = np.array(batch["input_ids"]), np.array(batch["attention_mask"])
    assert ids.shape == mask.shape
    assert (ids[mask == 0] == translator.special.source_pad).all()
    assert mask.sum(axis=1).tolist() == [len(translator.whole(text).ids) for text in SENTENCES]
    assert (np.diff(mask, axis=1) <= 0).all()


def test_a_table_has_a_row_a_piece(tokens: Ttx) -> None:
    rows = [line.split("\t") for line in tokens("Tom has hair.", "Tom.", "--format", "tsv").out.splitlines()]
    assert rows[0] == ["sentence", "position", "piece", "id", "word"]
    assert [row[0] for row in rows[1:]] == sorted(row[0] for row in rows[1:])
    assert {row[4] for row in rows if row[0] == "1"} == {"Tom", "has", "hair.", ""}


def test_each_line_of_standard_input(tokens: Ttx) -> None:
    done = tokens(stdin="Tom.\n\nMary.\n")
    objects = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    assert [one.get("empty", False) for one in objects] == [False, True, False]
    assert [one["sentences"][0]["text"] for one in objects[::2]] == ["Tom.", "Mary."]


def test_a_long_text_is_cut_and_the_picture_says_so(tokens: Ttx, translator: Translator) -> None:
    text = "hair " * 1000
    positions = translator.runtime.architecture.positions
    done = tokens(text)
    assert done.code == 0
    cut = len(translator.source_ids(text)) + 1 - positions
    assert f"{cut} further pieces are left out." in " ".join(done.out.split())


@pytest.mark.parametrize("texts", [[""], ["Tom.", "  "]])
def test_a_blank_text_is_refused(tokens: Ttx, texts: list[str]) -> None:
    assert tokens(*texts) == (2, "", "ttx: the text is empty\n")


def test_split_words_are_named(tokens: Ttx) -> None:
    assert "no word is split." not in tokens("Zyzzogeton xqw").out
    assert '"Zyzzogeton" into' in tokens("Zyzzogeton xqw").out
