"""Text as the model reads it: pieces, ids, how words split, and the padded batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Group, RenderableType
from rich.style import Style
from rich.text import Text

from tui_transformer.analysis.words import Words
from tui_transformer.render.labels import quoted, visible
from tui_transformer.render.palette import ACCENT, QUIET, STRONG
from tui_transformer.render.picture import Picture, Table
from tui_transformer.render.strips import Strip, Strips

VIEW = "tokens"
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as the encoder reads it: its pieces and their ids, the end last. `cut` pieces did not fit."""

    text: str
    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    cut: int = 0

    def words(self) -> tuple[tuple[str, ...], list[int | None]]:
        """The words, and of each piece the number of its word; the end has none."""
        found = Words.of(self.pieces[:-1])
        if not found.words:
            return (), [None] * len(self.pieces)
        return found.words, [*map(int, found.shares.argmax(axis=0)), None]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Sentences side by side, filled up to the longest: ids and mask (B, S), the mask 1 for a piece, 0 for padding."""

    ids: Ids
    mask: Ids


def tokens_picture(sentences: Sequence[Sentence], batch: Batch, special: Mapping[str, int]) -> Picture:
    """One sentence or several; `special` are the pieces that are not text, with their ids."""
    parts: list[RenderableType] = []
    for number, sentence in enumerate(sentences, 1):
        if len(sentences) > 1:
            parts.append(Text(visible(f"{number}  {sentence.text}"), style=STRONG))
        parts += [_sentence(sentence), Text()]
    named = "   ".join(f"{piece} {number}" for piece, number in special.items())
    parts.append(Text(f"special  {named}", style=QUIET))
    if len(sentences) > 1:
        parts += [Text(), *_batch(sentences, batch)]
    pieces = sum(len(sentence.pieces) for sentence in sentences)
    title = f"tokens · {len(sentences)} sentence{'s' * (len(sentences) > 1)} · {pieces} pieces"
    return Picture(VIEW, title, Group(*parts), tuple(_says(sentences, batch)), _values(sentences, batch, special),
                   _table(sentences))  # fmt: skip


def _sentence(sentence: Sentence) -> Strips:
    _, numbers = sentence.words()
    styles = [QUIET if number is None else ACCENT if numbers.count(number) > 1 else Style.null() for number in numbers]
    return Strips([
        Strip("position", [str(i) for i in range(len(sentence.pieces))], [QUIET] * len(numbers)),
        Strip("piece", sentence.pieces, styles),
        Strip("id", [str(i) for i in sentence.ids]),
        Strip("word", ["end" if number is None else str(number + 1) for number in numbers], styles),
    ])  # fmt: skip


def _batch(sentences: Sequence[Sentence], batch: Batch) -> list[RenderableType]:
    rows, masks = [], []
    for number, (sentence, mask) in enumerate(zip(sentences, batch.mask, strict=True), 1):
        padding = len(mask) - len(sentence.pieces)
        styles = [Style.null()] * len(sentence.pieces) + [QUIET] * padding
        rows.append(Strip(str(number), [*sentence.pieces, *["<pad>"] * padding], styles))
        masks.append(Strip(str(number), [str(one) for one in mask], styles))
    size = " × ".join(map(str, batch.ids.shape))
    return [
        Text(f"the padded batch, {size}", style=STRONG), Strips(rows), Text(),
        Text("its mask: 1 may be seen, 0 is hidden", style=STRONG), Strips(masks),
    ]  # fmt: skip


def _says(sentences: Sequence[Sentence], batch: Batch) -> list[str]:
    said = []
    for sentence in sentences:
        words, numbers = sentence.words()
        split = [(word, numbers.count(w)) for w, word in enumerate(words) if numbers.count(w) > 1]
        listed = ", ".join(f"{quoted(word)} into {count}" for word, count in split[:5])
        rest = f" and {len(split) - 5} more" if len(split) > 5 else ""
        count = f"{len(words)} word{'s' * (len(words) != 1)}"
        said.append(f"{count}, {len(sentence.pieces)} pieces with the end; "
                    + (f"{len(split)} split: {listed}{rest}." if split else "no word is split."))  # fmt: skip
        if sentence.cut:
            said.append(f"The model reads no more at once: {sentence.cut} further pieces are left out.")
    if len(sentences) > 1:
        padding = int((batch.mask == 0).sum())
        said.append(f"{padding} of {batch.mask.size} places of the batch are padding; "
                    "rows are filled up to whole groups of 16.")  # fmt: skip
    return said


def _values(sentences: Sequence[Sentence], batch: Batch, special: Mapping[str, int]) -> dict[str, object]:
    described = []
    for sentence in sentences:
        words, numbers = sentence.words()
        described.append({"text": sentence.text, "pieces": sentence.pieces, "ids": sentence.ids, "words": words,
                          "word_of_piece": numbers, "cut": sentence.cut})  # fmt: skip
    return {
        "sentences": described,
        "special": special,
        "batch": {"input_ids": batch.ids, "attention_mask": batch.mask},
    }


def _table(sentences: Sequence[Sentence]) -> Table:
    rows = []
    for number, sentence in enumerate(sentences, 1):
        words, numbers = sentence.words()
        for i, (piece, piece_id, word) in enumerate(zip(sentence.pieces, sentence.ids, numbers, strict=True)):
            rows.append((number, i, piece, piece_id, None if word is None else words[word]))
    return Table(("sentence", "position", "piece", "id", "word"), rows)
