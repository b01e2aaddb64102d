"""Text becomes ids: what is read, what is left out and why."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ttx_export.corpus import Pair, ReadReport, content_hash, read_pairs, training_pairs, vocabulary_pairs
from ttx_export.encoded import Sequences, encode_corpus
from ttx_export.prepare import DRAWS, Prepared, prepare
from ttx_export.recipe import Data, Later, Recipe, parse_recipe

from tui_transformer.errors import RecipeError
from tui_transformer.source import readable

LINES = (
    b"Good night.\tGute Nacht.\teveryday\n"
    b"no translation\n"
    b"\t\n"
    b"an empty target\t \teveryday\n"
    b"Thank you.\tDanke.\r\n"
    b" Where? \tWo?\teveryday\tmore columns\n"
    b"the last line has no end\tdie letzte auch nicht"
)


def read(path: Path) -> tuple[list[Pair], ReadReport]:
    report = ReadReport()
    return list(read_pairs(path, report)), report


def test_lines_that_are_no_pair_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(LINES)
    pairs, report = read(path)
    assert pairs == [
        Pair("Good night.", "Gute Nacht.", "everyday"),
        Pair("Thank you.", "Danke.", ""),
        Pair("Where?", "Wo?", "everyday"),
        Pair("the last line has no end", "die letzte auch nicht", ""),
    ]
    assert report.left_out == {"no pair": 3}


def test_gzip_and_windows_lines_read_the_same(tmp_path: Path) -> None:
    plain, packed, windows = tmp_path / "a.tsv", tmp_path / "a.tsv.gz", tmp_path / "w.tsv"
    plain.write_bytes(LINES)
    packed.write_bytes(gzip.compress(LINES))
    windows.write_bytes(b"\xef\xbb\xbf" + re.sub(rb"\r?\n", b"\r\n", LINES))
    assert read(plain)[0] == read(packed)[0] == read(windows)[0]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes("a\u2028b\x0cc\td\n".encode())
    assert read(path)[0] == [Pair("a\u2028b\x0cc", "d")]


def test_bytes_that_are_not_utf8_are_left_out_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b"caf\xe9\tKaffee\nGood night.\tGute Nacht.\n")
    pairs, report = read(path)
    assert pairs == [Pair("Good night.", "Gute Nacht.")]
    assert report.left_out == {"not UTF-8": 1}


def test_training_reads_what_a_translator_reads(tiny: Callable[..., Recipe], tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("cafe\u0301\tu\u0308ber\teveryday\n", encoding="utf-8")
    (pair,) = training_pairs(tiny(), tmp_path)
    assert (pair.source, pair.target) == ("café", "über")
    assert pair.source == readable("cafe\u0301")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    packed = gzip.compress(LINES * 50)
    broken = {
        "missing.tsv": None,
        "half.tsv.gz": packed[: len(packed) // 2],
        "damaged.tsv.gz": packed[:40] + bytes([packed[40] ^ 255]) + packed[41:],
        "none.tsv.gz": b"not gzip at all",
    }
    for name, content in broken.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(RecipeError, match=f"cannot read .*{name}"):
            read(tmp_path / name)


@given(st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=9), max_size=20))
def test_sequences_give_back_what_was_packed(lists: list[list[int]]) -> None:
    packed = Sequences.of(lists)
    assert len(packed) == len(lists)
    assert [packed[i].tolist() for i in range(len(packed))] == lists
    assert packed.lengths.tolist() == [len(ids) for ids in lists]


def test_long_and_unequal_pairs_are_left_out(prepared: Prepared) -> None:
    source, target = prepared.vocabularies.source, prepared.vocabularies.target
    pairs = [
        Pair("The coffee is cold.", "Der Kaffee ist kalt.", "a"),
        Pair("The coffee is cold. " * 20, "Der Kaffee ist kalt. " * 20, "a"),
        Pair("Yes.", "Das Museum ist montags geschlossen.", "b"),
    ]
    report = ReadReport()
    limit = len(source.encode(pairs[0].source)) + len(target.encode(pairs[2].target)) + 1
    data = Data(train=(), max_length=limit, max_ratio=1.0)
    corpus = encode_corpus(pairs, source, target, data, report)
    assert report.left_out == {"too long": 1, "unequal lengths": 1}
    assert report.used == {"a": 1}
    assert str(report) == "1 pairs (a 1); left out: too long 1, unequal lengths 1"
    assert source.decode(corpus.source[0].tolist()) == pairs[0].source
    assert target.decode(corpus.target[0].tolist()) == pairs[0].target


@pytest.mark.parametrize(("more", "used"), [(0, 1), (-1, 0)])
def test_the_longest_pair_has_room_for_its_end(prepared: Prepared, more: int, used: int) -> None:
    source, target = prepared.vocabularies.source, prepared.vocabularies.target
    pair = Pair("Good night.", "Gute Nacht.")
    longest = max(len(source.encode(pair.source)), len(target.encode(pair.target))) + 1
    data, report = Data(train=(), max_length=longest + more), ReadReport()
    if used:
        assert len(encode_corpus([pair], source, target, data, report)) == 1
    else:
        with pytest.raises(RecipeError, match="no pair of the dev set can be used; left out: too long 1"):
            encode_corpus([pair], source, target, data, report, "the dev set")


def test_a_stream_is_encoded_part_by_part_to_the_same(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = prepared.vocabularies.source, prepared.vocabularies.target
    pairs = [Pair(f"Good night, {i}.", f"Gute Nacht, {i}.", f"c{i % 3}") for i in range(20)]
    data, taken = Data(train=(), max_length=48), list[int]()

    def stream() -> Iterator[Pair]:
        for i, pair in enumerate(pairs):
            taken.append(i)
            yield pair

    whole = encode_corpus(pairs, source, target, data, ReadReport())
    monkeypatch.setattr("ttx_export.encoded.ENCODED_AT_ONCE", 3)
    encode_all = source.encode_all
    most = list[int]()
    monkeypatch.setattr(source, "encode_all", lambda texts: (most.append(len(taken)), encode_all(texts))[1])
    parts = encode_corpus(stream(), source, target, data, ReadReport())
    assert most == [3, 6, 9, 12, 15, 18, 20], "no more is read than is encoded at once"
    for one, other in ((whole.source, parts.source), (whole.target, parts.target)):
        assert np.array_equal(one.flat, other.flat)
        assert np.array_equal(one.offsets, other.offsets)
    assert np.array_equal(whole.corpus, parts.corpus)
    assert whole.names == parts.names == ("c0", "c1", "c2")
    assert (whole.source.flat.dtype, whole.corpus.dtype) == (np.int32, np.int16)
    assert [whole.source[i].tolist() for i in range(20)] == [source.encode(pair.source) for pair in pairs]


def test_broken_lines_are_counted_once_and_kept_with_the_prepared_text(
    tiny: Callable[..., Recipe], data_folder: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    broken = b"no translation\ncaf\xe9\tKaffee\teveryday\n\t\n"
    (data / "train.tsv").write_bytes(broken + (data_folder / "train.tsv").read_bytes())
    (data / "dev.tsv").write_bytes((data_folder / "dev.tsv").read_bytes())
    for _ in range(2):
        report = prepare(tiny(), data, tmp_path / "cache").report
        assert report == "56 pairs (everyday 56); left out: no pair 2, not UTF-8 1"


CORPORA = """
name = "x"
source = "en"
target = "de"
data.train = ["a.tsv"]
data.corpora = [{name = "often", weight = 2.5}, {name = "never", weight = 0}, {name = "once"}]
"""


def test_each_corpus_is_taken_by_its_weight(tmp_path: Path) -> None:
    recipe = parse_recipe(CORPORA)
    lines = [f"{name} {i}\t{name} {i}\t{name}\n" for name in ("often", "never", "once") for i in range(40)]
    (tmp_path / "a.tsv").write_text("".join(lines))
    pairs = list(training_pairs(recipe, tmp_path))
    assert {pair.corpus for pair in pairs} == {"often", "once"}
    seen = [source.split()[0] for source, _ in vocabulary_pairs(recipe, pairs)]
    assert seen.count("once") == 40
    assert 80 < seen.count("often") < 120
    assert list(vocabulary_pairs(recipe, pairs)) == list(vocabulary_pairs(recipe, pairs))


def test_targets_are_respelled_as_the_recipe_says(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(
        "I know that daß is old.\tIch weiß, daß „daß“ alt ist.\tonce\nFun is needed.\tSpaß muß sein.\tonce\n"
        "Nothing is left.\tnichts\tonce\n"
        "Where?\tWo? (x)\tonce\n"
    )
    rules = """
[data.respelled]
'(?i)(\\bda|mu)ß' = '\\1ss'
'„(.*?)“' = '"\\1"'
'^nichts$' = ''
'\\(x\\)' = ''
"""
    plain, respelled = parse_recipe(CORPORA), parse_recipe(CORPORA + rules)
    report = ReadReport()
    assert [(pair.source, pair.target) for pair in training_pairs(respelled, tmp_path, report)] == [
        ("I know that daß is old.", 'Ich weiß, dass "dass" alt ist.'),
        ("Fun is needed.", "Spaß muss sein."),
        ("Where?", "Wo?"),
    ]
    assert (report.left_out, report.changed) == ({"no pair": 1}, {"respelled": 4})
    assert content_hash(respelled, tmp_path) != content_hash(plain, tmp_path)


def test_a_later_mix_reads_and_spells_the_same_text(tmp_path: Path) -> None:
    """So that a run may go on with another mix: vocabularies follow from the first weights."""
    (tmp_path / "a.tsv").write_text("".join(f"{name} {i}\tx\t{name}\n" for name in ("often", "once") for i in range(9)))
    recipe = parse_recipe(CORPORA)
    later = parse_recipe(f"{CORPORA}data.later = [{{epoch = 2, weights = {{often = 0, once = 9}}}}]\n")
    pairs = list(training_pairs(later, tmp_path))
    assert pairs == list(training_pairs(recipe, tmp_path))
    assert list(vocabulary_pairs(later, pairs)) == list(vocabulary_pairs(recipe, pairs))


def test_an_unknown_corpus_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("a\tb\tonce\nc\td\tstrange\n")
    with pytest.raises(RecipeError, match="does not mention these corpora: strange"):
        list(training_pairs(parse_recipe(CORPORA), tmp_path))
    with pytest.raises(RecipeError, match="does not mention these corpora: strange"):
        prepare(parse_recipe(CORPORA), tmp_path, tmp_path / "cache")
    (tmp_path / "a.tsv").write_text("a\tb\tonce\nc\td\n")
    with pytest.raises(RecipeError, match="does not mention these corpora: one without a name"):
        list(training_pairs(parse_recipe(CORPORA), tmp_path))


def test_a_recipe_without_corpora_takes_every_line_whatever_its_third_column(tmp_path: Path) -> None:
    text = "".join(f"Good night, {i}.\tGute Nacht, {i}.\tCC-BY, sentence {i}\n" for i in range(40_000))
    (tmp_path / "a.tsv").write_text(text)
    smallest = 'name = "x"\nsource = "en"\ntarget = "de"\ndata.train = ["a.tsv"]\nvocabulary.size = 300\n'
    assert prepare(parse_recipe(smallest), tmp_path, tmp_path / "cache").report == (
        "40,000 pairs (unnamed 40,000); left out: none"
    )
    with pytest.raises(
        RecipeError, match=r"these corpora: (CC-BY, sentence \d+, ){4}CC-BY, sentence \d+ and 39,995 more$"
    ):
        list(training_pairs(parse_recipe(CORPORA), tmp_path))


def test_prepared_text_is_kept_until_its_content_changes(
    tiny: Callable[..., Recipe], data_folder: Path, tmp_path: Path
) -> None:
    recipe = tiny()
    first = prepare(recipe, data_folder, tmp_path / "cache")
    (built,) = (tmp_path / "cache").iterdir()
    stamp = built.stat().st_mtime_ns
    again = prepare(recipe, data_folder, tmp_path / "cache")
    assert [path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()] == [stamp]
    assert np.array_equal(first.train.source.flat, again.train.source.flat)
    assert first.report == again.report == "56 pairs (everyday 56); left out: none"
    assert content_hash(recipe, data_folder) == content_hash(tiny(epochs=99), data_folder)
    assert content_hash(recipe, data_folder) != content_hash(tiny(seed=2), data_folder)
    mixed = replace(recipe, data=replace(recipe.data, later=(Later(2, {"everyday": 0.5}),)))
    assert content_hash(recipe, data_folder) == content_hash(mixed, data_folder)

    changed = tmp_path / "data"
    changed.mkdir()
    (changed / "train.tsv").write_bytes((data_folder / "train.tsv").read_bytes() + b"One more.\tNoch eins.\teveryday\n")
    (changed / "dev.tsv").write_bytes((data_folder / "dev.tsv").read_bytes())
    assert len(prepare(recipe, changed, tmp_path / "cache").train) == 57


def test_bpe_dropout_cuts_sources_anew_in_each_draw_and_keeps_the_text(
    tiny_text: Callable[..., str], data_folder: Path, tmp_path: Path
) -> None:
    recipe = parse_recipe(tiny_text(seed=10**12).replace("[vocabulary]", "[vocabulary]\ndropout = 0.2"))
    plain = prepare(parse_recipe(tiny_text(seed=10**12)), data_folder, tmp_path)
    prepared, again = prepare(recipe, data_folder, tmp_path), prepare(recipe, data_folder, tmp_path / "again")
    train, source = prepared.train, prepared.vocabularies.source
    assert np.array_equal(train.source.flat, again.train.source.flat), "a function of recipe and text"
    draws = [train.members(epoch) for epoch in range(DRAWS)]
    assert np.array_equal(np.concatenate(draws), np.arange(len(train)))
    assert np.array_equal(train.members(DRAWS), draws[0])
    cuts = {tuple(train.source.flat[train.source.offsets[d[0]] : train.source.offsets[d[-1] + 1]]) for d in draws}
    assert len(cuts) == DRAWS
    texts = [source.decode(ids.tolist()) for ids in (plain.train.source[i] for i in range(len(plain.train)))]
    targets = [plain.train.target[i].tolist() for i in range(len(plain.train))]
    for draw in draws:
        assert [source.decode(train.source[i].tolist()) for i in draw] == texts
        assert [train.target[i].tolist() for i in draw] == targets
    assert prepared.report == plain.report
    assert np.array_equal(prepared.dev["everyday"].source.flat, plain.dev["everyday"].source.flat)


def test_damaged_prepared_text_is_refused(tiny: Callable[..., Recipe], data_folder: Path, tmp_path: Path) -> None:
    prepare(tiny(), data_folder, tmp_path)
    (built,) = tmp_path.iterdir()
    (built / "train.npz").write_bytes(b"")
    with pytest.raises(RecipeError, match=f"{built} is damaged"):
        prepare(tiny(), data_folder, tmp_path)


def test_a_cache_that_cannot_be_written_is_named(
    tiny: Callable[..., Recipe], data_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RecipeError, match="cannot write the prepared text"):
        prepare(tiny(), data_folder, tmp_path / "file" / "cache")
