"""`ttx evaluate`: sacrebleu's numbers, for one bundle or two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sacrebleu
from ttx_export.compare import System, measure

from tui_transformer import Options, Translator, extras
from tui_transformer.scoring import CorpusScore

from .conftest import Ttx


@pytest.fixture
def held_out(tmp_path: Path, pairs: list[tuple[str, str]]) -> Path:
    """Half of what the tiny model knows by heart, half of it wrong."""
    wrong = [(source, pairs[i - 1][1]) for i, (source, _) in enumerate(pairs)]
    path = tmp_path / "test.tsv"
    path.write_text("".join(f"{s}\t{t}\tcorpus\n" for s, t in [*pairs[:10], *wrong[10:20]]), encoding="utf-8")
    return path


def test_numbers_are_sacrebleu_s(ttx: Ttx, held_out: Path, bundle_folder: Path, translator: Translator) -> None:
    pairs = [line.split("\t")[:2] for line in held_out.read_text(encoding="utf-8").splitlines()]
    translations = list(translator.translate((source for source, _ in pairs), Options(beam=2)))
    done = ttx("evaluate", held_out, "-m", bundle_folder, "--beam", "2", "--samples", "100")
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert done.code == 0
    assert [row[:2] for row in rows] == [
        [str(bundle_folder), name] for name in ("BLEU", "chrF", "perplexity", "bits per character")
    ]
    references = [[target for _, target in pairs]]
    assert rows[0][2] == f"{sacrebleu.BLEU().corpus_score(translations, references).score:.2f}"
    assert rows[1][2] == f"{sacrebleu.CHRF().corpus_score(translations, references).score:.2f}"
    assert all(row[5].startswith("nrefs:1|bs:100|") for row in rows[:2])


def test_json_of_two_equal_bundles_shows_no_significant_difference(
    ttx: Ttx, held_out: Path, bundle_folder: Path
) -> None:
    done = ttx("evaluate", held_out, "-m", bundle_folder, "--against", bundle_folder, "--json", "--samples", "100")
    content = json.loads(done.out)
    one, other = content["models"]
    assert (content["schema"], content["pairs"]) == (1, 20)
    assert [score["p_value"] for score in one["scores"]] == [1.0, 1.0]
    assert [score["p_value"] for score in other["scores"]] == [None, None]
    assert one["perplexity"] == other["perplexity"] > 1
    assert one["beam"] == other["beam"] == 4


def test_a_clear_difference_is_significant_and_the_baseline_comes_last(pairs: list[tuple[str, str]]) -> None:
    references = [target for _, target in pairs]
    right = System("right", tuple(references), CorpusScore(), 4)
    wrong = System("wrong", tuple(reversed(references)), CorpusScore(), 4)
    good, bad = measure([right, wrong], references, 200)
    assert [number.metric for number in good] == [number.metric for number in bad] == ["BLEU", "chrF"]
    assert good[0].value == pytest.approx(100)
    assert good[0].p_value is not None
    assert good[0].p_value < 0.01
    assert bad[0].p_value is None


@pytest.mark.parametrize("content", ["", "no tab\n"])
def test_a_set_without_pairs(ttx: Ttx, tmp_path: Path, bundle_folder: Path, content: str) -> None:
    path = tmp_path / "empty.tsv"
    path.write_text(content)
    done = ttx("evaluate", path, "-m", bundle_folder)
    assert (done.code, done.out) == (5, "")
    assert str(path) in done.err


def test_without_sacrebleu_the_extra_is_named(ttx: Ttx, held_out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda _: None)
    done = ttx("evaluate", held_out)
    assert done.code == 7
    assert "tui-transformer[train]" in done.err
