"""Vocabularies whose ids are not SentencePiece's. Against `MarianTokenizer`: tests/export/test_marian_tokenizer.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_transformer.errors import BundleError, UsageError
from tui_transformer.mapped import MappedTokenizer, SpecialIds, read_names, write_names
from tui_transformer.tokenizer import Tokenizer

# Of the pieces, in another order, and not all: "▁Tom" has the id 4, what is not here is unknown.
KEPT = ("▁Tom", "▁", "T", "o", "m", "M", "a", "r", "y", ".", "▁h", "e", "s")
NAMES = ("</s>", "<unk>", ">>deu<<", ">>nld<<", *KEPT, "<pad>")
PAD = len(NAMES) - 1


@pytest.fixture(scope="module")
def tokenizer(bundle_folder: Path) -> MappedTokenizer:
    model = Tokenizer.load(bundle_folder / "source.spm").model
    return MappedTokenizer(model, NAMES, SpecialIds(PAD, PAD, 0, 1))


def test_ids_are_those_of_the_list(tokenizer: MappedTokenizer) -> None:
    ids = tokenizer.encode("Tom.")
    assert "".join(tokenizer.pieces(ids)) == "▁Tom."
    assert tokenizer.decode([PAD, *ids, 0, PAD]) == "Tom."
    assert (tokenizer.size, tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.unk_id) == (
        len(NAMES), PAD, PAD, 0, 1,
    )  # fmt: skip


def test_many_texts_at_once_have_the_same_ids(tokenizer: MappedTokenizer) -> None:
    texts = ["Tom.", ">>deu<< Tom 7", "", "Mary has ▁ Tom"]
    assert tokenizer.encode_all(iter(texts)) == [tokenizer.encode(text) for text in texts]


def test_a_piece_that_the_list_lacks_is_unknown_and_says_nothing(tokenizer: MappedTokenizer) -> None:
    ids = tokenizer.encode("Tom 7")
    assert 1 in ids
    assert "7" not in tokenizer.decode(ids)


@pytest.mark.parametrize(
    ("text", "code", "rest"),
    [
        (">>deu<< Tom.", ">>deu<<", "Tom."),
        (">>nld<<Tom.", ">>nld<<", "Tom."),
        ("  >>deu<<  Tom.", ">>deu<<", "Tom."),
        ("Tom. >>deu<<", "", "Tom. >>deu<<"),
        (">> Tom <<", "", ">> Tom <<"),
        ("", "", ""),
    ],
)
def test_a_text_may_begin_with_its_language(tokenizer: MappedTokenizer, text: str, code: str, rest: str) -> None:
    assert tokenizer.language(text) == (code, rest)


def test_a_language_that_is_not_there_is_told(tokenizer: MappedTokenizer) -> None:
    with pytest.raises(UsageError, match=r"^the model does not know the language >>fra<<; it knows >>deu<< >>nld<<$"):
        tokenizer.language(">>fra<< Tom.")


def test_a_model_for_one_language_takes_what_looks_like_a_code_for_text(tokenizer: MappedTokenizer) -> None:
    names = tuple(name for name in NAMES if not name.startswith(">>"))
    one = MappedTokenizer(tokenizer.model, names, SpecialIds(len(names) - 1, len(names) - 1, 0, 1))
    assert one.language(">>deu<< Tom.") == ("", ">>deu<< Tom.")


def test_our_own_vocabularies_have_no_languages(bundle_folder: Path) -> None:
    assert Tokenizer.load(bundle_folder / "source.spm").language(">>deu<< Tom.") == ("", ">>deu<< Tom.")


@pytest.mark.parametrize("shared", [True, False])
def test_lists_survive_the_file(tokenizer: MappedTokenizer, tmp_path: Path, shared: bool) -> None:
    other = tokenizer if shared else MappedTokenizer(tokenizer.model, (*NAMES, "new"), SpecialIds(PAD, PAD, 0, 1))
    write_names(tokenizer, other, tmp_path / "vocabulary.json")
    assert read_names(tmp_path / "vocabulary.json") == (NAMES, other.names)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"source": [1], "target": null}', '{"source": "ab", "target": []}']
)
def test_a_file_that_is_no_list_of_pieces(tmp_path: Path, content: str) -> None:
    (tmp_path / "vocabulary.json").write_text(content)
    with pytest.raises(BundleError, match="is not a list of pieces"):
        read_names(tmp_path / "vocabulary.json")
