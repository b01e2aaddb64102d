"""`ttx import` as a user meets it. What is imported is tested in tests/export/test_marian_*.py."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Ttx = Callable[..., Any]
Pairs = list[tuple[str, str]]
PAIRS = Path(__file__).parents[1] / "data" / "pairs.tsv"


@pytest.fixture(scope="module")
def marian(pairs: Pairs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Marian model that knows nothing, for two target languages."""
    pytest.importorskip("transformers")
    sys.path.insert(0, str(Path(__file__).parents[1] / "export"))
    from marian_models import make_model, make_vocabulary, write_tokenizer

    place = tmp_path_factory.mktemp("marian")
    vocabulary = make_vocabulary(place / "vocabulary", pairs, codes=(">>deu<<", ">>nld<<"))
    folder = vocabulary.copied(place)
    make_model(folder, vocabulary, end=3.0)
    write_tokenizer(folder, vocabulary)
    return folder


@pytest.fixture(scope="module")
def imported(marian: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from ttx_export.importing import read_foreign
    from ttx_export.marian_folder import Naming
    from ttx_export.package import Wanted, export_bundle

    out = tmp_path_factory.mktemp("imported") / "opus-mt-en-de"
    return export_bundle(read_foreign(marian, Naming("opus-mt-en-de")), out, Wanted("fp32", score=False)).path


def is_one_line(text: str) -> bool:
    return text.startswith("ttx: ") and text.count("\n") == 1


def test_the_folder_goes_to_stdout_and_the_rest_to_stderr(ttx_here: Ttx, marian: Path, tmp_path: Path) -> None:
    done = ttx_here("import", marian, "--out", tmp_path / "model", "--data", PAIRS, "--beam", "1")
    assert (done.code, done.out) == (0, f"{tmp_path / 'model'}\n")
    assert "parity with PyTorch" in done.err
    assert "pairs: BLEU" in done.err
    assert "its target language, one of 2 codes such as >>deu<<" in done.err
    assert (tmp_path / "model" / "manifest.json").exists()


def test_int8_needs_text(ttx_here: Ttx, marian: Path, tmp_path: Path) -> None:
    done = ttx_here("import", marian, "--out", tmp_path / "model", "--precision", "int8")
    assert (done.code, done.out) == (6, "")
    assert is_one_line(done.err)
    assert "--data" in done.err


def test_a_version_in_a_folder_s_name_is_part_of_it(
    ttx_here: Ttx, marian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1.5", "1.6"):
        shutil.copytree(marian, tmp_path / f"model-{version}")
        assert ttx_here("import", tmp_path / f"model-{version}").out == f"models/model-{version}\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["a", "--hub", "b/c"], ["a", "--precision", "int4"], ["a", "--yes"], ["a", "--beam", "2"]],
    ids=" ".join,
)
def test_wrong_usage(ttx_here: Ttx, arguments: list[str]) -> None:
    done = ttx_here("import", *arguments)
    assert (done.code, done.out) == (2, "")
    assert is_one_line(done.err)


def test_a_folder_that_is_none(ttx_here: Ttx, tmp_path: Path) -> None:
    done = ttx_here("import", tmp_path / "nothing")
    assert (done.code, done.out) == (6, "")
    assert is_one_line(done.err)


@pytest.mark.parametrize(("package", "extra"), [("torch", "train"), ("huggingface_hub", "import")])
def test_without_an_extra_it_says_what_to_install(
    ttx_here: Ttx, monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == package else find_spec(name))
    done = ttx_here("import", "--hub", "a/b")
    assert (done.code, done.out) == (7, "")
    assert is_one_line(done.err)
    assert f"needs {package}: pip install 'tui-transformer[{extra}]'" in done.err


# -- what can be done with it -------------------------------------------------------------------------


def test_it_translates_lines_with_languages_and_what_must_be_kept(ttx_process: Ttx, imported: Path) -> None:
    lines = [">>deu<< Tom called Mary at 1,825 Euro. Mary has a flower.", "", ">>nld<< See https://example.org/x now."]
    done = ttx_process("translate", "-m", imported, stdin="\n".join(lines).encode())
    assert (done.code, done.err) == (0, "")
    found = done.out.split("\n")[:3]
    assert found[1] == ""
    assert "1,825" in found[0]
    assert "https://example.org/x" in found[2]
    assert ">>" not in done.out


def test_a_language_that_it_does_not_know_is_told(ttx_here: Ttx, imported: Path) -> None:
    done = ttx_here("translate", "-m", imported, ">>fra<< Hello.")
    assert (done.code, done.out) == (2, "")
    assert done.err == "ttx: line 1: the model does not know the language >>fra<<; it knows >>deu<< >>nld<<\n"


@pytest.mark.parametrize("command", ["translate", "score"])
def test_what_came_before_an_unknown_language_is_out(ttx_process: Ttx, imported: Path, command: str) -> None:
    lines = [">>deu<< One.\tEins.", ">>nld<< Two.\tTwee.", ">>fra<< Three.\tTrois.", ">>deu<< Four.\tVier."]
    done = ttx_process(command, "-m", imported, "--threads", "1", stdin="\n".join(lines).encode())
    assert (done.code, done.out.count("\n")) == (2, 2)
    assert done.err.splitlines()[-1].startswith("ttx: line 3: the model does not know the language >>fra<<")


def test_an_unknown_language_does_not_end_the_shell(ttx_process: Ttx, imported: Path) -> None:
    done = ttx_process("shell", "-m", imported, stdin=b">>fra<< One.\n>>deu<< Two.\n")
    assert (done.code, done.out.count("\n")) == (0, 1)
    assert "does not know the language >>fra<<" in done.err


@pytest.mark.parametrize("others", [(), ("--beside", ">>deu<< Tom called Mary at home.")])
def test_the_masks_of_a_target_that_begins_with_the_padding_s_id(
    ttx_here: Ttx, imported: Path, others: tuple[str, ...]
) -> None:
    done = ttx_here("inspect", "masks", "-m", imported, ">>deu<< Tom.", *others, "--format", "json")
    masks = json.loads(done.out)["target_padding_mask"]
    assert [mask[0] for mask in masks] == [1] * (1 + bool(others))


def test_its_own_beam_is_taken_and_another_can_be_asked_for(ttx_here: Ttx, imported: Path) -> None:
    said = [
        ttx_here("translate", "-m", imported, ">>deu<< Tom called.", "--format", "jsonl", "--n-best", n, *options)
        for n, options in (("4", []), ("4", ["--beam", "4"]), ("4", ["--beam", "4", "--length-penalty", "1"]))
    ]
    assert [done.code for done in said] == [0, 0, 0]
    assert said[0].out == said[1].out == said[2].out
    assert ttx_here("translate", "-m", imported, "x", "--n-best", "5").code == 2  # the model's own beam is 4


@pytest.mark.parametrize(
    "view",
    [
        ["attention"], ["qkv"], ["positions"], ["tokens"], ["model"], ["layers"], ["masks"],
        ["perplexity"], ["decode"], ["decode", "--beam", "2"], ["ablate", "--off", "cross:1:1"], ["embeddings"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_view_shows_it(ttx_here: Ttx, imported: Path, view: list[str]) -> None:
    text = [] if view == ["model"] else [">>deu<< Tom called Mary."]
    name, *options = view
    done = ttx_here("inspect", name, *text, "-m", imported, *options, "--width", "100")
    assert done.code == 0, done.err
    assert done.out


def test_what_it_is_can_be_asked(ttx_here: Ttx, imported: Path) -> None:
    done = ttx_here("info", "-m", imported, "--json")
    assert done.code == 0
    assert json.loads(done.out)["model"]["details"]["architecture"]["positional_layout"] == "halves"
