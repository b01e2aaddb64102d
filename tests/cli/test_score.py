"""`ttx score`: what it reads and writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui_transformer import Translator

from .conftest import Ttx


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path, pairs: list[tuple[str, str]]) -> tuple[Path, Path]:
    sources, targets = zip(*pairs, strict=True)
    return write(tmp_path / "a.en", list(sources)), write(tmp_path / "a.de", list(targets))


def test_two_files_give_a_line_a_pair(
    ttx: Ttx, files: tuple[Path, Path], bundle_folder: Path, translator: Translator, pairs: list[tuple[str, str]]
) -> None:
    done = ttx("score", *files, "-m", bundle_folder)
    expected = [f"{found.log_probability:.4f}\t{found.perplexity:.6g}" for found in translator.score(pairs)]
    assert done.code == 0
    assert done.out.splitlines() == expected
    assert done.err.startswith("ttx: 50 pairs, ")


def test_standard_input_gives_the_same_and_ignores_more_columns(
    ttx: Ttx, files: tuple[Path, Path], bundle_folder: Path, pairs: list[tuple[str, str]]
) -> None:
    tsv = "".join(f"{source}\t{target}\tcorpus\r\n" for source, target in pairs)
    from_files, from_pipe = ttx("score", *files, "-m", bundle_folder), ttx("score", "-m", bundle_folder, stdin=tsv)
    assert from_pipe == from_files


def test_json_has_the_same_numbers_and_each_token(ttx: Ttx, bundle_folder: Path) -> None:
    pair = "Tom called Mary's bluff.\tMary hat eine Blume im Haar."
    tsv = ttx("score", "-m", bundle_folder, "--per-token", stdin=pair).out.rstrip("\n").split("\t")
    content = json.loads(ttx("score", "-m", bundle_folder, "--per-token", "--format", "jsonl", stdin=pair).out)
    assert content["schema"] == 1
    assert content["log_probability"] == pytest.approx(float(tsv[0]), abs=1e-4)
    assert content["perplexity"] == pytest.approx(float(tsv[1]), rel=1e-4)
    assert sum(token["log_probability"] for token in content["tokens"]) == pytest.approx(content["log_probability"])
    written = [word.rsplit(":", 1) for word in tsv[2].split(" ")]
    assert [piece for piece, _ in written] == [token["piece"] for token in content["tokens"]]
    assert [float(bits) for _, bits in written] == pytest.approx([t["bits"] for t in content["tokens"]], abs=1e-3)
    assert content["pieces"] == len(written)


@pytest.mark.parametrize("output_format", ["tsv", "jsonl"])
def test_summary_is_the_only_line(ttx: Ttx, bundle_folder: Path, output_format: str) -> None:
    done = ttx("score", "-m", bundle_folder, "--summary", "--format", output_format, stdin="Tom\tTom\nTom\tTom\n")
    (line,) = done.out.splitlines()
    assert done.err == ""
    if output_format == "jsonl":
        assert json.loads(line)["pairs"] == 2
    else:
        assert line.split("\t")[0] == "2"


def test_nothing_in_nothing_out(ttx: Ttx, bundle_folder: Path) -> None:
    done = ttx("score", "-m", bundle_folder)
    assert (done.code, done.out) == (0, "")
    assert "0 pairs" in done.err


@pytest.mark.parametrize("lengths", [(2, 5), (5, 2), (0, 1)])
def test_files_that_do_not_belong_together(
    ttx: Ttx, tmp_path: Path, bundle_folder: Path, lengths: tuple[int, int]
) -> None:
    files = [write(tmp_path / name, ["Tom"] * length) for name, length in zip("ab", lengths, strict=True)]
    done = ttx("score", *files, "-m", bundle_folder)
    assert done.code == 5
    assert f"{files[0]} has {lengths[0]} lines, {files[1]} has {lengths[1]}" in done.err


def test_a_line_without_tab_is_named_and_those_before_it_are_scored(ttx: Ttx, bundle_folder: Path) -> None:
    done = ttx("score", "-m", bundle_folder, stdin="Tom\tTom\nTom\n")
    assert (done.code, len(done.out.splitlines())) == (5, 1)
    assert done.err == "ttx: standard input, line 2: no tab between source and target\n"


def test_one_file_is_wrong_usage(ttx: Ttx, files: tuple[Path, Path]) -> None:
    assert ttx("score", files[0]).code == 2


def test_a_file_that_is_not_there_is_found_before_the_model_is_loaded(ttx: Ttx, files: tuple[Path, Path]) -> None:
    done = ttx("score", files[0], "nowhere", "-m", "no such model")
    assert (done.code, done.out) == (5, "")
    assert "nowhere" in done.err


def test_cut_and_damaged_lines_are_reported(ttx: Ttx, bundle_folder: Path) -> None:
    done = ttx("score", "-m", bundle_folder, stdin=b"Tom\t" + b"xyz " * 100 + b"\n\xff\tTom\n")
    assert len(done.out.splitlines()) == 2
    assert "1 pair(s) too long" in done.err
    assert "1 line(s) not valid UTF-8, first line 2" in done.err


def test_a_summary_has_no_tokens(ttx: Ttx) -> None:
    done = ttx("score", "--summary", "--per-token", stdin="Tom\tTom\n")
    assert (done.code, done.out) == (2, "")
    assert "give either --per-token" in done.err
