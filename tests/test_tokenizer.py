"""Vocabularies: any text survives ours; BPEmb's are used as BPEmb uses them; errors are sentences."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
from hypothesis import example, given
from hypothesis import strategies as st

from tui_transformer.errors import BundleError, RecipeError
from tui_transformer.tokenizer import Kind, Tokenizer, TokenizerOptions, learn_bpe, load_bpemb

PAIRS = Path(__file__).parent / "data" / "sentences.en-de.tsv"
SENTENCES = PAIRS.read_text(encoding="utf-8").replace("\t", "\n").splitlines()
STOCK = Path(__file__).parents[2] / "shared" / "data" / "bpemb"
SIZE = 600
OURS = Tokenizer(learn_bpe(SENTENCES, SIZE))

marks = ["▁", "▁▁", " ", "  ", "\0", "\n", "\r\n", "\t", "\u00a0", "\u2028", "<s>", "</s>", "<pad>", "<unk>", "<0x41>"]
signs = [
    "🙂",
    "👩\u200d👩\u200d👧",
    "🇩🇪",
    "e\u0301",
    "\u200b",
    "\ufeff",
    "\ufffd",
    "\x80",
    "\U0010ffff",
    "ß",
    "İ",
    "ﬁ",
    " ⁇ ",
]
nasty = st.sampled_from([*marks, *signs])
texts = st.text() | st.lists(nasty | st.sampled_from(SENTENCES) | st.text(max_size=3)).map("".join)


def bpemb_model(sentences: list[str], size: int = 300) -> bytes:
    """A vocabulary in BPEmb's form: <unk>, <s>, </s> first, no padding, no bytes, lower case and digits as 0."""
    content = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([re.sub(r"\d", "0", line.lower()) for line in sentences]),
        model_writer=content,
        model_type="bpe",
        vocab_size=size,
        minloglevel=2,
    )
    return content.getvalue()


@pytest.fixture(scope="module")
def bpemb() -> Tokenizer:
    return Tokenizer(bpemb_model(SENTENCES), TokenizerOptions.of_kind("bpemb"))


# Our own vocabularies


@given(texts)
@example("")
@example(" ")
@example("▁")
@example(" ▁ ▁a▁ ")
@example("<s> a </s><pad><unk> <0x41>\0\n🙂")
def test_any_text_survives_the_round_trip(text: str) -> None:
    assert OURS.decode(OURS.encode(text)) == text


@given(texts)
def test_ids_are_text_and_never_special(text: str) -> None:
    special = {OURS.pad_id, OURS.unk_id, OURS.bos_id, OURS.eos_id}
    assert all(0 <= piece_id < OURS.size and piece_id not in special for piece_id in OURS.encode(text))


@given(texts)
def test_pieces_spell_the_text(text: str) -> None:
    pieces = OURS.pieces(OURS.encode(text))
    spelled = b"".join(
        bytes([int(piece[3:5], 16)]) if re.fullmatch(r"<0x[0-9A-F]{2}>", piece) else piece.replace("▁", " ").encode()
        for piece in pieces
    )
    assert spelled.decode() == (f" {text}" if text else "")


@pytest.mark.parametrize("sentence", SENTENCES[::20])
def test_sentences_take_fewer_pieces_than_letters_and_keep_their_case(sentence: str) -> None:
    pieces = OURS.pieces(OURS.encode(sentence))
    assert "".join(pieces) == "▁" + sentence.replace(" ", "▁")
    assert len(pieces) < 0.7 * len(sentence)


def test_special_ids_come_first_and_every_id_has_a_piece_of_its_own() -> None:
    assert OURS.size == SIZE + 3
    assert (OURS.pad_id, OURS.unk_id, OURS.bos_id, OURS.eos_id) == (0, 1, 2, 3)
    pieces = OURS.pieces(range(OURS.size))
    assert pieces[:4] == ("<pad>", "<unk>", "<s>", "</s>")
    assert len(set(pieces)) == OURS.size
    assert {f"<0x{byte:02X}>" for byte in range(256)} <= set(pieces)


@given(st.lists(texts, max_size=6))
@example(["▁", "", "a▁b c"])
def test_many_texts_at_once_get_the_same_ids(several: list[str]) -> None:
    assert OURS.encode_all(iter(several)) == [OURS.encode(text) for text in several]


@given(st.lists(texts, max_size=6), st.integers(0, 2**31))
@example(["a ▁ b", ""], 7)
def test_bpe_dropout_keeps_the_text_and_follows_from_its_seed(several: list[str], seed: int) -> None:
    drawn = OURS.encode_dropping(several, 0.3, seed)
    assert [OURS.decode(ids) for ids in drawn] == several
    assert OURS.encode_dropping(several, 0.3, seed) == drawn
    assert OURS.encode_dropping(several, 0.0, seed) == OURS.encode_all(several)


def test_bpe_dropout_makes_more_and_other_pieces() -> None:
    one, other = (OURS.encode_dropping(SENTENCES, 0.1, seed) for seed in (1, 2))
    assert one != other
    assert sum(map(len, one)) > 1.1 * sum(map(len, OURS.encode_all(SENTENCES)))


def test_start_end_padding_and_unknown_say_nothing() -> None:
    ids = OURS.encode("The soup needs more salt.")
    silent = [OURS.bos_id, *ids, OURS.unk_id, OURS.eos_id, OURS.pad_id, OURS.pad_id]
    assert OURS.decode(silent) == "The soup needs more salt."


def test_an_id_outside_the_vocabulary_is_an_error() -> None:
    with pytest.raises(IndexError):
        OURS.piece(OURS.size)
    with pytest.raises(IndexError):
        OURS.decode([OURS.size])


def test_the_same_sentences_give_the_same_vocabulary() -> None:
    assert learn_bpe(iter(SENTENCES), SIZE) == OURS.model


# Loading and learning: what goes wrong


def test_a_vocabulary_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "source.spm").write_bytes(OURS.model)
    loaded = Tokenizer.load(tmp_path / "source.spm")
    assert loaded.model == OURS.model
    assert loaded.encode("The soup needs more salt.") == OURS.encode("The soup needs more salt.")


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"^cannot read the vocabulary .*source\.spm: No such file or directory$"):
        Tokenizer.load(tmp_path / "source.spm")


@pytest.mark.parametrize(
    "content",
    [b"", b"no vocabulary at all", OURS.model[: len(OURS.model) // 2], OURS.model.replace(b"<0x41>", b"<0\xd041>")],
    ids=["empty", "text", "cut off", "piece that is no UTF-8"],
)
def test_a_damaged_file_is_one_clear_error(content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BundleError, match=r"^not a SentencePiece vocabulary[^\n]*$"):
        Tokenizer(content)
    assert capfd.readouterr() == ("", "")


def test_a_vocabulary_without_start_and_end_is_refused() -> None:
    content = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES), model_writer=content, vocab_size=200, bos_id=-1, eos_id=-1, minloglevel=2
    )
    with pytest.raises(BundleError, match="no start or end piece"):
        Tokenizer(content.getvalue())


@pytest.mark.parametrize(
    ("lines", "size", "reason"),
    [
        ([], 600, "it is empty"),
        (["too little text"], 600, "Vocabulary size too high"),
        (SENTENCES, 100, "Vocabulary size is smaller than required"),
    ],
)
def test_text_that_does_not_fit_the_size_is_one_clear_error(
    lines: list[str], size: int, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RecipeError, match=rf"^cannot learn {size} pieces from this text: {reason}[^\n]*$") as caught:
        learn_bpe(lines, size)
    assert "src/" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


# BPEmb


def test_own_vocabularies_keep_the_text_and_stock_ones_do_not() -> None:
    assert TokenizerOptions.of_kind("sentencepiece") == TokenizerOptions()
    assert TokenizerOptions().to_dict() == {"kind": "sentencepiece", "lowercase": False, "zero_digits": False}
    assert TokenizerOptions.of_kind("bpemb") == TokenizerOptions("bpemb", lowercase=True, zero_digits=True)


@pytest.mark.parametrize("kind", ["sentencepiece", "bpemb"])
def test_options_survive_the_manifest(kind: Kind) -> None:
    options = TokenizerOptions.of_kind(kind)
    assert TokenizerOptions.from_dict(json.loads(json.dumps(options.to_dict()))) == options


@pytest.mark.parametrize("values", [{"kind": "words"}, {"lowercase": "no"}, {"zero_digits": None}, {"stem": True}])
def test_options_that_are_none_are_one_clear_error(values: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match=r"^[^\n]*tokenizer option[^\n]*$"):
        TokenizerOptions.from_dict(values)


def test_bpemb_lower_cases_and_writes_digits_as_zero(bpemb: Tokenizer) -> None:
    assert bpemb.encode("The TRAIN to Leipzig leaves at 7:45.") == bpemb.encode("the train to leipzig leaves at 0:00.")
    assert bpemb.decode(bpemb.encode("The TRAIN at 7:45.")) == "the train at 0:00."
    assert bpemb.encode("at ٣") == bpemb.encode("at 0")


def test_bpemb_takes_a_literal_space_mark_for_a_space(bpemb: Tokenizer) -> None:
    assert bpemb.encode("the▁train") == bpemb.encode("the train")
    assert bpemb.encode_all(["The▁train 7", "x"]) == [bpemb.encode("the train 0"), bpemb.encode("x")]


def test_lower_case_and_digits_are_separate_options() -> None:
    model = bpemb_model([*SENTENCES, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"])
    assert Tokenizer(model, TokenizerOptions(lowercase=True)).encode("A 0") == Tokenizer(model).encode("a 0")
    assert Tokenizer(model, TokenizerOptions(zero_digits=True)).encode("a 7") == Tokenizer(model).encode("a 0")


def test_bpemb_gets_one_id_for_padding_behind_its_last_piece(bpemb: Tokenizer) -> None:
    assert (bpemb.unk_id, bpemb.bos_id, bpemb.eos_id, bpemb.pad_id) == (0, 1, 2, 300)
    assert bpemb.size == 301
    assert bpemb.piece(300) == "<pad>"
    ids = bpemb.encode("the soup needs more salt.")
    assert bpemb.decode([bpemb.bos_id, *ids, bpemb.eos_id, 300, 300]) == "the soup needs more salt."


def test_bpemb_shows_what_it_does_not_know(bpemb: Tokenizer) -> None:
    assert bpemb.unk_id in bpemb.encode("🙂")
    assert "⁇" in bpemb.decode(bpemb.encode("🙂"))


def write_bpemb(cache: Path, vectors: np.ndarray) -> bytes:
    """Put a vocabulary and its word2vec file where bpemb keeps what it has downloaded."""
    model = bpemb_model(SENTENCES)
    stem = f"en.wiki.bpe.vs300.d{vectors.shape[1]}.w2v"
    pieces = Tokenizer(model).pieces(range(300))
    (cache / "en").mkdir()
    (cache / "en" / "en.wiki.bpe.vs300.model").write_bytes(model)
    with (cache / "en" / f"{stem}.bin").open("wb") as file:
        file.write(b"%d %d\n" % vectors.shape)
        for piece, vector in zip(pieces, vectors, strict=True):
            file.write(piece.encode() + b" " + vector.tobytes())
    return model


def test_load_bpemb_returns_the_vocabulary_and_a_vector_a_piece(tmp_path: Path) -> None:
    written = np.random.default_rng(1).normal(size=(300, 5)).astype(np.float32)
    model = write_bpemb(tmp_path, written)
    content, vectors = load_bpemb("en", 300, 5, tmp_path)
    assert content == model
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors, written)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(url: str, *rest: object, **options: object) -> None:
        raise OSError(f"no way to\n{url}")

    monkeypatch.setattr("bpemb.bpemb.http_get", fail)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(("language", "size"), [("en", 1234), ("en", 10_000), ("klingon", 10_000)])
def test_bpemb_files_that_cannot_be_had_are_one_clear_error(
    language: str, size: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = rf"^cannot get the BPEmb vocabulary {language}, {size} pieces, 100 dimensions: [^\n]+$"
    with pytest.raises(RecipeError, match=message):
        load_bpemb(language, size, 100, tmp_path)
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("offline")
def test_bpemb_downloads_are_reported_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RecipeError):
        load_bpemb("en", 10_000, 100, tmp_path)
    assert "downloading" in capsys.readouterr().err


@pytest.mark.skipif(not STOCK.is_dir(), reason="the stock BPEmb files are not here")
def test_stock_bpemb_files_are_used_as_bpemb_uses_them(tmp_path: Path) -> None:
    from bpemb import BPEmb

    (tmp_path / "en").symlink_to(STOCK)
    model, vectors = load_bpemb("en", 1000, 25, tmp_path)
    ours = Tokenizer(model, TokenizerOptions.of_kind("bpemb"))
    theirs = BPEmb(lang="en", vs=1000, dim=25, cache_dir=tmp_path)
    assert (ours.size, ours.pad_id, ours.unk_id, ours.bos_id, ours.eos_id) == (1001, 1000, 0, 1, 2)
    assert np.array_equal(vectors, theirs.vectors)
    assert vectors.shape == (1000, 25)
    for text in [*SENTENCES, "▁", "a ▁b", "  two  spaces ", "٣ ৪", "ÄÖÜ İ", "🙂", ""]:
        assert ours.encode(text) == theirs.encode_ids(text)
        assert list(ours.pieces(ours.encode(text))) == [theirs.spm.id_to_piece(i) for i in theirs.encode_ids(text)]


@pytest.mark.skipif(not STOCK.is_dir(), reason="the stock BPEmb files are not here")
def test_the_stock_vocabulary_of_ten_thousand_pieces_can_be_used() -> None:
    stock = Tokenizer.load(STOCK / "en.wiki.bpe.vs10000.model", TokenizerOptions.of_kind("bpemb"))
    assert (stock.size, stock.pad_id) == (10_001, 10_000)
    assert stock.decode(stock.encode("He admired her as a great director.")) == "he admired her as a great director."
