"""Text ↔ pieces ↔ ids, and how a vocabulary is learnt. The only file that imports sentencepiece or bpemb.

Our own vocabularies are SentencePiece BPE: cased, digits kept, nothing normalised, and with a piece for
each of the 256 bytes, so that no input is unknown and `decode(encode(text)) == text` for any Unicode text.
Stock BPEmb vocabularies (`kind = "bpemb"`) lower-case their input and turn every digit into 0; they have
no padding piece, so one id is added after their last.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import sentencepiece

from .errors import BundleError, RecipeError
from .extras import require_extra
from .pieces import SPACE_MARK

Kind = Literal["sentencepiece", "bpemb", "marian"]
KINDS: tuple[Kind, ...] = ("sentencepiece", "bpemb", "marian")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class TokenizerOptions:
    """What happens to text before SentencePiece sees it; stored in the manifest."""

    kind: Kind = "sentencepiece"
    lowercase: bool = False
    zero_digits: bool = False

    @classmethod
    def of_kind(cls, kind: Kind) -> TokenizerOptions:
        """Our own vocabularies keep the text; BPEmb's were learnt on lower-cased text with digits as 0."""
        stock = kind == "bpemb"
        return cls(kind, lowercase=stock, zero_digits=stock)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TokenizerOptions:
        """The inverse of `to_dict`. Raises BundleError for an unknown option."""
        try:
            options = cls(**values)
        except TypeError as error:
            raise BundleError(f"unknown tokenizer option: {error}") from None
        if options.kind not in KINDS or not all(isinstance(v, bool) for v in (options.lowercase, options.zero_digits)):
            raise BundleError(f"tokenizer options cannot be used: {dict(values)}")
        return options


class Tokenizer:
    """One side's vocabulary: `pad_id`, `bos_id`, `eos_id`, `unk_id` and `size` ids in all."""

    def __init__(self, model: bytes, options: TokenizerOptions | None = None) -> None:
        """`model` is the content of a SentencePiece file. Raises BundleError if it is not."""
        self._open(model, options or TokenizerOptions())
        pad, known = self._pieces.pad_id(), self._pieces.get_piece_size()
        self.pad_id = pad if pad >= 0 else known
        self.size = known if pad >= 0 else known + 1
        self.bos_id: int = self._pieces.bos_id()
        self.eos_id: int = self._pieces.eos_id()
        self.unk_id: int = self._pieces.unk_id()
        if self.bos_id < 0 or self.eos_id < 0:
            raise BundleError("the vocabulary has no start or end piece")

    def _open(self, model: bytes, options: TokenizerOptions) -> None:
        self.model, self.options = model, options
        self._pieces = _processor(model)

    @classmethod
    def load(cls, path: Path, options: TokenizerOptions | None = None) -> Tokenizer:
        """Read a SentencePiece file. Raises BundleError if it cannot be read."""
        try:
            return cls(path.read_bytes(), options)
        except OSError as error:
            raise BundleError(f"cannot read the vocabulary {path}: {error.strerror}") from None

    def language(self, text: str) -> tuple[str, str]:
        """The code of the language that a text is to be translated into, if it begins with one, and the rest.

        Only models for several languages have such codes (`mapped`).
        """
        return "", text

    def encode(self, text: str) -> list[int]:
        """Ids of the pieces of text, without start and end."""
        text = self._written(text)
        return self._encode_around_marks(text) if self._has_marks(text) else self._ids(text)

    def encode_exactly(self, text: str) -> list[int] | None:
        """`encode`, but None if the ids do not say the text as it stands: a vocabulary may lower-case its text."""
        ids = self.encode(text)
        return ids if self.decode(ids) == text else None

    def encode_all(self, texts: Iterable[str]) -> list[list[int]]:
        """`encode` of many texts at once, on all processor cores."""
        written = [self._written(text) for text in texts]
        return self._with_marks(written, self._pieces.encode(written))

    def encode_dropping(self, texts: Iterable[str], dropout: float, seed: int) -> list[list[int]]:
        """`encode` with BPE-dropout (Provilkov et al. 2020): each merge of pieces is left out with chance `dropout`.

        The same texts and seed give the same ids within a process; from version 0.2.2 on, SentencePiece draws
        others in the next. A text with a literal ▁ is encoded as usual.
        """
        from concurrent.futures import ThreadPoolExecutor  # only training needs it

        written = [self._written(text) for text in texts]
        # SentencePiece seeds its generator once per thread, so each call has a thread of its own.
        sentencepiece.set_random_generator_seed(seed)
        with ThreadPoolExecutor(1) as thread:
            drawn = thread.submit(
                self._pieces.encode, written, enable_sampling=True, alpha=dropout, nbest_size=-1, num_threads=1
            )
            return self._with_marks(written, drawn.result())

    def _with_marks(self, written: Sequence[str], ids: Sequence[list[int]]) -> list[list[int]]:
        """Texts with marks are encoded again: they are too rare to be kept out."""
        return [
            self._encode_around_marks(text) if self._has_marks(text) else found
            for text, found in zip(written, ids, strict=True)
        ]

    def _written(self, text: str) -> str:
        """The text as the vocabulary writes it."""
        if self.options.lowercase:
            text = text.lower()
        return _DIGIT.sub("0", text) if self.options.zero_digits else text

    def _has_marks(self, text: str) -> bool:
        return SPACE_MARK in text and self.options.kind != "bpemb"

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._pieces.encode(text)
        return ids

    def _encode_around_marks(self, text: str) -> list[int]:
        """SentencePiece would take a literal ▁ for a space: spell it in bytes."""
        first, *rest = text.split(SPACE_MARK)
        ids = self._ids(first) if first else [self._pieces.piece_to_id(SPACE_MARK)]
        for part in rest:
            ids += self._spell(SPACE_MARK) + self._encode_without_prefix(part)
        return ids

    def _encode_without_prefix(self, text: str) -> list[int]:
        """Ids of text that goes on inside a word: SentencePiece puts a space before every text."""
        if not text:
            return []
        head, *tail = self._ids(text)
        rest = self._pieces.id_to_piece(head).removeprefix(SPACE_MARK)
        if not rest:
            return tail
        whole = self._pieces.piece_to_id(rest)
        return [*(self._spell(rest.replace(SPACE_MARK, " ")) if whole == self.unk_id else [whole]), *tail]

    def _spell(self, text: str) -> list[int]:
        return [self._pieces.piece_to_id(f"<0x{byte:02X}>") for byte in text.encode()]

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids; start, end and padding say nothing."""
        text: str = self._pieces.decode([i for i in ids if i != self.pad_id])
        return text

    def piece(self, piece_id: int) -> str:
        """The piece of one id, as SentencePiece writes it: ▁ for a space, <0x0A> for a byte."""
        if piece_id == self.pad_id:
            return "<pad>"
        piece: str = self._pieces.id_to_piece(piece_id)
        return piece

    def pieces(self, ids: Sequence[int]) -> tuple[str, ...]:
        """The pieces of ids."""
        return tuple(self.piece(i) for i in ids)


def learn_bpe(lines: Iterable[str], size: int) -> bytes:
    """Learn a SentencePiece BPE vocabulary of `size` pieces plus padding, start and end.

    `size` counts the 256 byte pieces and the (never used) unknown piece. Returns the file's content.
    Raises RecipeError if the text is too small for that many pieces.
    """
    content = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=content,
            model_type="bpe",
            vocab_size=size + 3,
            character_coverage=0.9999,
            byte_fallback=True,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            pad_id=0,
            unk_id=1,
            bos_id=2,
            eos_id=3,
            # The library's default, " ⁇ ", would not survive a round trip.
            unk_surface="",
            max_sentence_length=1 << 16,
            num_threads=2,
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        reason = _reason(error) or "it is empty"
        raise RecipeError(f"cannot learn {size} pieces from this text: {reason}") from None
    return content.getvalue()


def load_bpemb(language: str, size: int, dimensions: int, cache: Path | None = None) -> tuple[bytes, Any]:
    """A stock BPEmb vocabulary and its embeddings, downloaded by bpemb on first use.

    Returns the SentencePiece file's content and float32 vectors (size, dimensions).
    Raises RecipeError if the files are neither in the cache nor available for download, and MissingExtraError
    without bpemb.
    """
    require_extra("train", "a BPEmb vocabulary", "bpemb")
    from bpemb import BPEmb

    where = {"cache_dir": cache} if cache else {}
    try:
        with contextlib.redirect_stdout(sys.stderr):  # bpemb prints what it downloads
            stock = BPEmb(lang=language, vs=size, dim=dimensions, vs_fallback=False, **where)
    except Exception as error:
        # bpemb raises whatever its download raised: no narrower class is promised.
        wanted = f"{language}, {size} pieces, {dimensions} dimensions"
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RecipeError(f"cannot get the BPEmb vocabulary {wanted}: {reason}") from None
    return Path(stock.model_file).read_bytes(), stock.vectors


def _processor(model: bytes) -> sentencepiece.SentencePieceProcessor:
    if not model:
        raise BundleError("not a SentencePiece vocabulary: empty")
    try:
        return sentencepiece.SentencePieceProcessor(model_proto=model)
    except (RuntimeError, ValueError):
        raise BundleError("not a SentencePiece vocabulary") from None


def _reason(error: Exception) -> str:
    """What SentencePiece says, without the place in its source and the condition that failed."""
    return re.sub(r"^.*\] ", "", str(error)).strip()
