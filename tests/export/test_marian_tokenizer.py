"""Text becomes the same ids as with `MarianTokenizer`, and ids the same text: on 5,000 real lines."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

from marian_models import Vocabulary, make_model, make_vocabulary, write_tokenizer
from ttx_export.marian_folder import Naming, read_folder

from tui_transformer.mapped import MappedTokenizer

Pairs = list[tuple[str, str]]
LINES = 5000
ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "data" / "en-de" / "train.tsv.gz"


def real_lines() -> Iterator[str]:
    """Sentences of both languages where a corpus lies beside the checkout; else all that this checkout has to read."""
    for file in sorted((ROOT / "tests").rglob("*.tsv")):
        yield from (cell for line in file.read_text(encoding="utf-8").splitlines() for cell in line.split("\t"))
    if CORPUS.exists():
        with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
            yield from (cell for line in islice(lines, LINES // 2) for cell in line.split("\t")[:2])
    for suffix in (".md", ".py"):
        for file in sorted(ROOT.rglob(f"*{suffix}")):
            yield from file.read_text(encoding="utf-8").splitlines()


ODD = [
    "", " ", "a", "  two  spaces ", "tab\there", "non\u00a0breaking", "ﬁ ligature", "full－width ＡＢＣ", "e\u0301",
    "\u200bzero width", "emoji 🙂 and 漢字", "½ ² ™", "▁literal▁mark", "▁", ">>deu<< Hello.", ">>deu<<Hello.",
    ">>fra<< unknown code", ">> quoted << text", ">>", "<<", "a >>deu<< inside", "x\u2028y", "soft\u00adhyphen",
]  # fmt: skip


class Sides:
    """Our two tokenizers and theirs."""

    def __init__(self, vocabulary: Vocabulary, folder: Path) -> None:
        place = vocabulary.copied(folder)
        self.theirs: Any = write_tokenizer(place, vocabulary)
        make_model(place, vocabulary)
        both = read_folder(place, Naming("x")).vocabularies
        assert isinstance(both.source, MappedTokenizer)
        assert isinstance(both.target, MappedTokenizer)
        self.source, self.target = both.source, both.target


@pytest.fixture(scope="module", params=["shared", "holes", "separate"])
def sides(request: pytest.FixtureRequest, pairs: Pairs, tmp_path_factory: pytest.TempPathFactory) -> Sides:
    folder = tmp_path_factory.mktemp("tokenizers")
    options: dict[str, Any] = {
        "shared": {"codes": (">>deu<<", ">>nds<<")}, "holes": {"missing": 4}, "separate": {"separate": True},
    }[request.param]  # fmt: skip
    vocabulary = make_vocabulary(folder / "vocabulary", pairs, size=150, **options)
    return Sides(vocabulary, folder)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    # Theirs takes what spells a special piece for that piece; ours leaves text text.
    special = ("</s>", "<unk>", "<pad>")
    found = [line for line in dict.fromkeys(real_lines()) if line.strip() and not any(s in line for s in special)]
    assert len(found) >= LINES
    return [*found[:LINES], *ODD]


def test_text_becomes_the_same_ids(sides: Sides, lines: list[str]) -> None:
    expected = sides.theirs(lines, add_special_tokens=False)["input_ids"]
    assert [sides.source.encode(line) for line in lines] == expected
    assert sum(ids.count(sides.source.unk_id) for ids in expected) > 100  # what is unknown is among what is compared


def test_so_does_text_of_the_target_side(sides: Sides, lines: list[str]) -> None:
    expected = sides.theirs(text_target=lines, add_special_tokens=False)["input_ids"]
    assert [sides.target.encode(line) for line in lines] == expected


def test_ids_become_the_same_text(sides: Sides, lines: list[str]) -> None:
    ids = [[*sides.target.encode(line), sides.target.eos_id, sides.target.pad_id] for line in lines]
    assert [sides.target.decode(one) for one in ids] == sides.theirs.batch_decode(
        ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )


def test_ids_have_the_same_pieces(sides: Sides) -> None:
    theirs = sides.theirs.convert_ids_to_tokens(range(sides.target.size))
    assert list(sides.target.pieces(range(sides.target.size))) == theirs


def test_what_spells_a_special_piece_stays_text(sides: Sides) -> None:
    ids = sides.source.encode("a </s> b")
    assert sides.source.eos_id not in ids
